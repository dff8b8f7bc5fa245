/* SPDX-License-Identifier: MIT */
/*
 * Well-formed UTF-8, by table 3-7 of the Unicode standard.
 */
#include "kernel/lib/utf8.h"

#include "kernel/lib/string.h"

/* What may follow a first byte: how many more, and the range of the second. Only the second byte
 * has a narrower range than 80..bf, to exclude overlong forms (e0, f0), surrogates (ed) and what
 * lies above U+10FFFF (f4). */
struct lead {
    uint8_t length; /* 0: cannot begin a character */
    uint8_t second_min, second_max;
};

static struct lead lead_of(uint8_t byte)
{
    if (byte < 0x80)
        return (struct lead){1, 0, 0};
    if (byte < 0xc2)
        return (struct lead){0, 0, 0};
    if (byte < 0xe0)
        return (struct lead){2, 0x80, 0xbf};
    if (byte < 0xf0)
        return (struct lead){3, byte == 0xe0 ? 0xa0 : 0x80, byte == 0xed ? 0x9f : 0xbf};
    if (byte < 0xf5)
        return (struct lead){4, byte == 0xf0 ? 0x90 : 0x80, byte == 0xf4 ? 0x8f : 0xbf};
    return (struct lead){0, 0, 0};
}

/* A byte that breaks a sequence makes its first byte invalid: it is itself looked at anew. */
int utf8_length(const char *bytes, size_t nbytes)
{
    struct lead lead = lead_of((uint8_t)bytes[0]);

    if (lead.length <= 1)
        return lead.length ? 1 : UTF8_INVALID;
    for (unsigned i = 1; i < lead.length; i++) {
        uint8_t byte;

        if (i >= nbytes)
            return UTF8_INCOMPLETE;
        byte = (uint8_t)bytes[i];
        if (i == 1 ? byte < lead.second_min || byte > lead.second_max : (byte & 0xc0) != 0x80)
            return UTF8_INVALID;
    }
    return lead.length;
}

bool utf8_is_text(const char *bytes, size_t nbytes)
{
    while (nbytes > 0) {
        int length = utf8_length(bytes, nbytes);

        if (length <= 0 || bytes[0] == '\0')
            return false;
        bytes += length;
        nbytes -= (size_t)length;
    }
    return true;
}
