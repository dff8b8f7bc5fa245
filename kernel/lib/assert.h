/* SPDX-License-Identifier: MIT */
/*
 * lib/assert.h - invariants, checked in every build
 *
 * A port: lib declares assert_fail, core/panic.c provides it in the kernel, the tests on the host.
 * Size:    function and offset are found by the address of the call, so neither file nor line is
 *          passed: names of functions are unique, and there are hundreds of assertions.
 * Rule:    never on anything that a user program, a file or the firmware can cause.
 */
#pragma once

#include "kernel/lib/util.h"

NORETURN void assert_fail(const char *what);

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (unlikely(!(condition)))                                                                \
            assert_fail(#condition);                                                               \
    } while (0)
