/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/badptr.h - every wrong address for every pointer argument
 *
 * Owns:    the addresses, and the loop that tries them. A table row names one pointer argument of
 *          one system call; the other arguments of the row are right.
 * Used by: badptr_files.c, badptr_rest.c.
 * Rule:    the call must fail with EFAULT (or the row's own errno) for each address, must not fail
 *          for a good one (checked by the caller's other programs), and nothing may be written
 *          outside the object.
 */
#pragma once

#include <stddef.h>

enum badptr_kind {
    BADPTR_IN,     /* the kernel reads `size` bytes */
    BADPTR_OUT,    /* the kernel writes `size` bytes */
    BADPTR_STRING, /* the kernel reads up to a NUL */
};

struct badptr_row {
    const char *name;
    long number;
    int which;    /* the argument under test, 0..5 */
    size_t size;  /* of the object */
    long args[6]; /* the others */
    enum badptr_kind kind;
    int null_ok; /* NULL means something else: not tried */
    int error;   /* a positive errno instead of EFAULT, or 0 */
};

void badptr_try_all(const struct badptr_row *rows, size_t nrows);
