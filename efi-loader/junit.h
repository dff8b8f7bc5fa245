/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/junit.h - the results as JUnit XML, which build servers read
 *
 * Used by: report.c.
 * Rule:    pure: text in, text out. Whatever bytes come in, the result is well-formed XML.
 * Tests:   tests/host/loader_junit_test.c
 */
#pragma once

#include "efi-loader/text.h"

/* results: the verdict line and result lines, as shared/report.h describes; of length 0 as long as
 * there is no verdict, which is an error. */
void junit_write(struct text *out, const char *results, size_t length);
