/* SPDX-License-Identifier: MIT */
/*
 * tests/host/port_fuzz.c - the ports of lib/assert.h and lib/klog.h for fuzz targets
 *
 * No input may make an assertion fail: that ends the program, and libFuzzer keeps the input. The
 * log is silent.
 */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/lib/assert.h"
#include "kernel/lib/klog.h"

void assert_fail(const char *what)
{
    fprintf(stderr, "assertion failed: %s\n", what);
    abort();
}

void klog(const char *format, ...)
{
    (void)format;
}
