/* SPDX-License-Identifier: MIT */
/*
 * tests/host/check.h - what every host test includes: cmocka with the headers that it wants first
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The same numbers in every run: a failure can be repeated. */
static inline uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*state >> 33);
}

/* A copy in memory of exactly that size, so that AddressSanitizer sees a byte read past it. The
 * caller frees it. */
static inline void *exact_copy(const void *bytes, size_t nbytes)
{
    void *copy = malloc(nbytes ? nbytes : 1);

    if (!copy)
        abort();
    if (nbytes)
        memcpy(copy, bytes, nbytes);
    return copy;
}
