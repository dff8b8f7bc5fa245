/* SPDX-License-Identifier: MIT */
/*
 * lib/assert.h - invariants, checked in every build
 *
 * A port: lib declares assert_fail, core/panic.c provides it in the kernel, the tests on the host.
 * Rule:    never on anything that a user program, a file or the firmware can cause.
 */
#pragma once

#include "kernel/lib/util.h"

NORETURN void assert_fail(const char *file, int line, const char *what);

#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (unlikely(!(condition)))                                                                \
            assert_fail(__FILE__, __LINE__, #condition);                                           \
    } while (0)
