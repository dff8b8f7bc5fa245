/* SPDX-License-Identifier: MIT */
/*
 * The log: one line for each message, with the time since the kernel's start.
 */
#include "kernel/lib/klog.h"

#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/ktap.h"

#define LINE_SIZE 400

/* "# [   0.001234] text": KTAP takes it for a comment. Text may quote what a file or a program
 * said, so it is cleaned of control characters. */
void klog(const char *format, ...)
{
    char text[LINE_SIZE];
    char line[LINE_SIZE + 32];
    uint64_t us = clock_monotonic_ns() / 1000;
    size_t length, used;
    va_list args;

    va_start(args, format);
    length = fmt_vprint(text, sizeof(text), format, args);
    va_end(args);
    length = MIN(length, sizeof(text) - 1);

    used = fmt_print(line, sizeof(line), "# [%4llu.%06llu] ", (unsigned long long)(us / 1000000),
                     (unsigned long long)(us % 1000000));
    used += ktap_clean(line + used, sizeof(line) - used - 1, text, length);
    line[used++] = '\n';
    output_line(line, used);
}
