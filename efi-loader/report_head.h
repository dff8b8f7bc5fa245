/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/report_head.h - the first part of a report: the machine, as the loader sees it
 *
 * Used by: report.c.
 * Tests:   tests/host/loader_report_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "efi-loader/text.h"
#include "shared/bootinfo.h"

/* One "key: value" a line. What cannot be found is left out, or named unknown. info: block with
 * ranges, framebuffer, SMBIOS, and the number and id of the report. */
void report_head_write(struct text *out, const EFI_SYSTEM_TABLE *st, const struct bootinfo *info,
                       const char *cmdline);
