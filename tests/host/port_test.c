/* SPDX-License-Identifier: MIT */
/*
 * tests/host/port_test.c - the ports of lib/assert.h and lib/klog.h for cmocka programs
 *
 * A failed assertion fails the test that runs, or is what expect_assert_failure waits for.
 */
#include "tests/host/check.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/klog.h"

void assert_fail(const char *what)
{
    mock_assert(0, what, "an assertion", 0);
    abort();
}

void klog(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
