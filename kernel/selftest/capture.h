/* SPDX-License-Identifier: MIT */
/*
 * selftest/capture.h - what a test prints, on its way to the report
 *
 * Owns:    the file behind a test's standard output and error: it looks like a pipe to the program,
 *          and everything written to it, to /dev/console or /dev/kmsg becomes `#: ` lines.
 * Context: threads; one test at a time.
 */
#pragma once

#include "kernel/lib/util.h"

struct file;

/* Starts a test's output; the file has one reference, to be put by the caller. */
MUST_CHECK int capture_begin(struct file **out_file);

/* Ends an unfinished line. Returns the bytes that were cut. */
uint64_t capture_end(void);
