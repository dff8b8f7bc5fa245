/* SPDX-License-Identifier: MIT */
/*
 * tests/host/fuzz.h - what fuzz targets share
 *
 * A target checks more than "does not crash": whatever the parser accepts must keep the promises of
 * its header. REQUIRE ends the program, and libFuzzer keeps the input.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/lib/util.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #condition);        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes lie wholly inside the text: a parser that hands out pointers must hand out these. */
static inline bool lies_inside(const void *what, size_t nbytes, const void *text, size_t size)
{
    uintptr_t from = (uintptr_t)what, start = (uintptr_t)text;

    return from >= start && from - start <= size && nbytes <= size - (from - start);
}
