/* SPDX-License-Identifier: MIT */
/*
 * selftest/verdict_code.h - the verdict line as a QR code on the screen
 *
 * Used by: report.c, once the verdict has been drawn.
 * Context: the boot thread.
 * Fails:   in silence: the code is a convenience, and the report has ended.
 * Tests:   tests/system/test_screen.py
 */
#pragma once

#include "kernel/lib/util.h"

/* The line without "# " and \n. Comes back within some seconds. */
COLD void verdict_code_draw(const char *line, size_t nbytes);
