/* SPDX-License-Identifier: MIT */
/*
 * lib/lines.h - the lines of a text file that people edit on any system
 *
 * Rule:    ends of line are \n or \r\n, the last one may be missing; a UTF-8 byte order mark at the
 *          start is skipped. A line is text if it is UTF-8 without control characters but tab.
 * Used by: plan, cfg, cksum: the three files of the boot volume.
 * Context: any; no state but the caller's position.
 * Tests:   tests/host/plan_test.c, cfg_test.c, cksum_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct line {
    const char *text; /* without the end of line; not NUL-terminated */
    size_t length;
};

/* The next line from *position on; false at the end of the text. */
bool line_next(const char *text, size_t size, size_t *position, struct line *out);

/* NULL if the line is text, else the reason (static text). */
const char *line_fault(const struct line *line);

static inline bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Without the blanks at both ends. */
struct line line_trim(struct line line);
