/* SPDX-License-Identifier: MIT */
/*
 * lib/utf8.h - which bytes are well-formed UTF-8 (Unicode 15, table 3-7)
 *
 * Used by: plan, cfg, ktap, bootinfo; code that must tell text from noise.
 * Context: any; no state.
 * Tests:   tests/host/utf8_test.c (all code points, all two-byte strings)
 */
#pragma once

#include "kernel/lib/util.h"

enum utf8_fault {
    UTF8_INVALID = 0,    /* the first byte cannot begin a character, or a later one breaks it */
    UTF8_INCOMPLETE = -1 /* well-formed so far: more bytes are needed to tell */
};

/* Length of the character at the start of nbytes (at least 1) bytes: 1 to 4, or enum utf8_fault.
 * NUL is a character of length 1; surrogates and overlong forms are invalid. */
int utf8_length(const char *bytes, size_t nbytes);

/* All of it well-formed, and without NUL. */
bool utf8_is_text(const char *bytes, size_t nbytes);
