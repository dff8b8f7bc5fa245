/* SPDX-License-Identifier: MIT */
/*
 * selftest/report.h - the lines of the report, and the verdict they add up to
 *
 * Owns:    the numbering and the counts. Nothing else prints result lines.
 * Context: the harness.
 * Tests:   tests/host/ktap_test.c for the format; tests/system for the whole
 */
#pragma once

#include "kernel/lib/util.h"

void report_begin(unsigned total);
void report_start(const char *name); /* for the screen: no line */
void report_ok(const char *name, uint64_t time_ns);
void report_not_ok(const char *name, uint64_t time_ns, const char *reason);
void report_skip(const char *name, const char *reason);
/* A line of the kernel's own without a time stamp. */
PRINTF_LIKE(1, 2) void report_comment(const char *format, ...);

struct report_machine {
    unsigned cpus, cpus_enabled; /* that run; of those that the machine says it has */
    uint64_t memory_bytes;
    const char *firmware;
};

unsigned report_passed(void); /* results so far */

/* Prints the verdict, last of all lines. plan_passed: how many tests of the plan did. */
bool report_verdict(const struct report_machine *machine, unsigned plan_passed);
