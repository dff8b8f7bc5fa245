/* SPDX-License-Identifier: MIT */
/*
 * lib/assert.h - invariants, checked in every build
 *
 * A port: lib declares assert_fail, core/panic.c provides it in the kernel, the tests on the host.
 * Size:    the function is found by the address of the call, so no file name is passed: names of
 *          functions are unique, and there are hundreds of assertions.
 * Rule:    never on anything that a user program, a file or the firmware can cause.
 */
#pragma once

#include "kernel/lib/util.h"

NORETURN void assert_fail(const char *what, int line);

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (unlikely(!(condition)))                                                                \
            assert_fail(#condition, __LINE__);                                                     \
    } while (0)
