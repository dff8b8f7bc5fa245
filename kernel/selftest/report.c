/* SPDX-License-Identifier: MIT */
#include "kernel/selftest/report.h"

#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/dev/fbterm.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/ktap.h"
#include "kernel/lib/version.h"

static struct {
    unsigned total, passed, failed, skipped;
} counts;

static char line[KTAP_LINE_SIZE];

static unsigned next_number(void)
{
    return counts.passed + counts.failed + counts.skipped + 1;
}

static void print(size_t length, enum fbterm_colour colour)
{
    fbterm_set_colour(colour);
    output_line(line, length);
    fbterm_set_colour(FBTERM_GREY);
    output_flush();
}

void report_begin(unsigned total)
{
    counts.total = total;
    print(ktap_format_plan(line, sizeof(line), total), FBTERM_WHITE);
}

void report_ok(const char *name, uint64_t time_ns)
{
    size_t length = ktap_format_ok(line, sizeof(line), next_number(), name, time_ns / 1000);

    counts.passed++;
    print(length, FBTERM_GREEN);
}

void report_not_ok(const char *name, uint64_t time_ns, const char *reason)
{
    size_t length =
        ktap_format_not_ok(line, sizeof(line), next_number(), name, time_ns / 1000, reason);

    counts.failed++;
    print(length, FBTERM_RED);
}

void report_skip(const char *name, const char *reason)
{
    size_t length = ktap_format_skip(line, sizeof(line), next_number(), name, reason);

    counts.skipped++;
    print(length, FBTERM_YELLOW);
}

void report_comment(const char *format, ...)
{
    char text[300];
    size_t used;
    va_list args;

    va_start(args, format);
    used = fmt_vprint(text, sizeof(text), format, args);
    va_end(args);
    used = MIN(used, sizeof(text) - 1);
    line[0] = '#';
    line[1] = ' ';
    used = 2 + ktap_clean(line + 2, sizeof(line) - 3, text, used);
    line[used++] = '\n';
    output_line(line, used);
}

bool report_verdict(const struct report_machine *machine, bool plan_empty)
{
    struct ktap_verdict verdict = {
        .total = counts.total,
        .passed = counts.passed,
        .failed = counts.failed,
        .skipped = counts.skipped,
        .plan_empty = plan_empty,
        .version = VERSION_TEXT,
        .cpus = machine->cpus,
        .memory_bytes = machine->memory_bytes,
        .firmware = machine->firmware,
        .time_us = clock_monotonic_ns() / 1000,
    };
    bool passed = ktap_verdict_passed(&verdict);

    print(ktap_format_verdict(line, sizeof(line), &verdict), FBTERM_WHITE);
    fbterm_big(passed ? "PASS" : "FAIL", passed ? FBTERM_GREEN : FBTERM_RED);
    output_flush();
    return passed;
}
