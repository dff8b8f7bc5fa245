/* SPDX-License-Identifier: MIT */
/*
 * syscall/call_text.h - system calls as text, decoded by the rows of table.def
 *
 * Owns:    names of calls, kinds of arguments, names of errors.
 * Used by: watch.c, audit.c. All of it is slow: rows are searched for.
 * Context: thread; with strings: the caller's memory is read and may be faulted in.
 * Tests:   tests/system/test_trace.py
 */
#pragma once

#include "kernel/lib/util.h"

#define CALL_ARGS 6

struct call_record {
    uint64_t time_ns; /* when it was written down, monotonic */
    int32_t pid;      /* of the thread */
    uint32_t number;
    uint64_t args[CALL_ARGS];
    int64_t result;
};

/* The number of the call with that name, or -ENOENT. */
MUST_CHECK int call_find(const char *name, size_t nbytes);

/* "openat(AT_FDCWD, "/etc/passwd", 0x0, 0)"; paths only with strings, else their addresses. Returns
 * the length, cut to fit. */
size_t call_print(char *text, size_t size, const struct call_record *record, bool strings);

/* "3", "0x7f0012340000" or "-ENOENT". */
size_t call_print_result(char *text, size_t size, int64_t result);
