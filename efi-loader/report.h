/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/report.h - the report on the boot volume, over two starts of the machine
 *
 * Owns:    when a report is begun, completed and shown, and what happens then.
 * Used by: main.c.
 * Rule:    nothing here keeps the kernel from being started: what fails is said and left out.
 * Tests:   tests/host/loader_report_test.c, tests/system/test_reports.py
 */
#pragma once

#include "efi-loader/files.h"

struct handover;

/* A verdict of the start before goes into its report, and the variables are deleted. Where that
 * start asked for an end of the machine, the verdict is shown and this does not return. */
void report_complete(struct files *files, EFI_SYSTEM_TABLE *st);

/* A new report without a verdict; info->report for the kernel. After handover_prepare. */
void report_begin(struct files *files, struct handover *handover);
