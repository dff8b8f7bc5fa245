/* SPDX-License-Identifier: MIT */
/*
 * dev/fbterm_utf8.h - UTF-8, byte by byte
 *
 * Rule:    overlong forms, surrogates and everything above U+10FFFF are bad; a bad sequence gives
 *          one U+FFFD, and the byte that broke it starts anew.
 * Context: any; pure. A zeroed state is a fresh one.
 * Tests:   tests/host/plat_fbterm_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define UTF8_BAD 0xfffdu

struct utf8 {
    uint32_t code;
    uint8_t nmore;     /* continuation bytes still to come */
    uint8_t low, high; /* what the next one may be */
};

static inline void utf8_expect(struct utf8 *utf8, uint8_t nmore, uint32_t code, uint8_t low,
                               uint8_t high)
{
    *utf8 = (struct utf8){.code = code, .nmore = nmore, .low = low, .high = high};
}

/* The first byte of a character; 1 if that is all of it or it is bad. */
static inline unsigned utf8_begin(struct utf8 *utf8, uint8_t byte, uint32_t *out)
{
    *out = byte;
    if (byte < 0x80)
        return 1;
    *out = UTF8_BAD;
    if (byte < 0xc2 || byte > 0xf4)
        return 1;
    if (byte < 0xe0)
        utf8_expect(utf8, 1, byte & 0x1f, 0x80, 0xbf);
    else if (byte < 0xf0)
        utf8_expect(utf8, 2, byte & 0x0f, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf);
    else
        utf8_expect(utf8, 3, byte & 0x07, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf);
    return 0;
}

/* Takes a byte; returns how many characters that completes (0, 1 or 2), written to out. */
static inline unsigned utf8_feed(struct utf8 *utf8, uint8_t byte, uint32_t out[2])
{
    if (!utf8->nmore)
        return utf8_begin(utf8, byte, &out[0]);
    if (byte < utf8->low || byte > utf8->high) {
        utf8->nmore = 0;
        out[0] = UTF8_BAD;
        return 1 + utf8_begin(utf8, byte, &out[1]);
    }
    utf8->code = utf8->code << 6 | (byte & 0x3f);
    utf8->low = 0x80;
    utf8->high = 0xbf;
    if (--utf8->nmore)
        return 0;
    out[0] = utf8->code;
    return 1;
}
