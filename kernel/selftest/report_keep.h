/* SPDX-License-Identifier: MIT */
/*
 * selftest/report_keep.h - the verdict, kept over a restart for the report on the boot volume
 *
 * Owns:    the text that is kept, and the EFI variables that it goes into (shared/report.h).
 * Rule:    whatever fails here is logged and costs nothing else: the verdict has been shown.
 * Context: the boot thread; report_keep_panic in a panic, last of all.
 * Tests:   tests/host/report_keep_test.c, tests/system/test_reports.py
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/bootinfo.h"
#include "shared/report.h"

enum report_kind { REPORT_KIND_VERDICT, REPORT_KIND_FAILED, REPORT_KIND_OTHER };

/* With memory, before the first result. In mode OFF nothing is kept. */
void report_keep_init(const struct bootinfo *info);

/* A line of the report, with its end. */
void report_keep_line(enum report_kind kind, const char *line, size_t nbytes);

/* After the verdict. action: what was to follow; all but REPORT_REBOOT end a row of boots. In mode
 * NOW, and if everything was stored, the machine then restarts, and this does not return. */
void report_keep_finish(enum report_action action);

/* In a panic, when it has been shown: the reason, and the results so far. */
void report_keep_panic(void);
