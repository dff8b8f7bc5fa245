/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/text.h - text put together in a buffer of fixed size
 *
 * Used by: the files of the report.
 * Rule:    what does not fit is left out, a whole piece at a time, and `cut` says so.
 * Tests:   tests/host/loader_junit_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct text {
    char *bytes; /* NUL-terminated */
    size_t size, used;
    bool cut;
};

/* At least one byte. */
void text_init(struct text *text, char *bytes, size_t size);
void text_add_bytes(struct text *text, const char *bytes, size_t nbytes);
PRINTF_LIKE(2, 3) void text_add(struct text *text, const char *format, ...);

/* The next line of a text, without its end. False at the end. */
bool text_next_line(const char **position, const char *end, const char **line, size_t *length);

/* The decimal number behind "key=" in a line; 0 if there is none. */
unsigned text_number(const char *line, size_t length, const char *key);

bool text_begins(const char *line, size_t length, const char *prefix);

/* A string of the firmware's, cut to size: without blanks at its end, a question mark for each byte
 * that is no text. */
void text_clean(char *out, size_t size, const char *from);
