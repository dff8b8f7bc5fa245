/* SPDX-License-Identifier: MIT */
/*
 * Result lines, counted and printed: KTAP on serial line and screen.
 *
 * Every line goes out with the log lock's ordering (core/output.c), so that a result can neither be
 * torn by a log line nor come before the output of its test.
 */
#include "kernel/selftest/report.h"

#include "kernel/core/clock.h"
#include "kernel/core/output.h"
#include "kernel/dev/fb/screen.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/ktap.h"
#include "kernel/lib/version.h"
#include "kernel/selftest/report_keep.h"
#include "kernel/selftest/verdict_code.h"

static struct {
    unsigned total, passed, failed, skipped;
} counts;

/* One buffer: results come from the boot thread alone. */
static char line[KTAP_LINE_SIZE];

/* The number follows from the counts: none can be used twice or left out. */
static unsigned next_number(void)
{
    return counts.passed + counts.failed + counts.skipped + 1;
}

static void report_print(size_t length)
{
    output_line(line, length);
    /* A result is on the wire before the next test starts: the last line shows what was running
     * when a machine died. */
    output_flush();
}

/* The KTAP plan line "1..N": a reader knows from it how many results must follow. */
void report_begin(unsigned total)
{
    counts.total = total;
    screen_begin(total);
    report_print(ktap_format_plan(line, sizeof(line), total));
}

void report_start(const char *name)
{
    screen_test(name);
}

void report_ok(const char *name, uint64_t time_ns)
{
    size_t length = ktap_format_ok(line, sizeof(line), next_number(), name, time_ns / 1000);

    counts.passed++;
    report_keep_line(REPORT_KIND_OTHER, line, length);
    screen_result(name, NULL);
    report_print(length);
}

void report_not_ok(const char *name, uint64_t time_ns, const char *reason)
{
    size_t length =
        ktap_format_not_ok(line, sizeof(line), next_number(), name, time_ns / 1000, reason);

    counts.failed++;
    report_keep_line(REPORT_KIND_FAILED, line, length);
    screen_result(name, reason);
    report_print(length);
}

void report_skip(const char *name, const char *reason)
{
    size_t length = ktap_format_skip(line, sizeof(line), next_number(), name, reason);

    counts.skipped++;
    report_keep_line(REPORT_KIND_OTHER, line, length);
    screen_result(name, NULL);
    report_print(length);
}

/* Cleaned, so that names from programs cannot forge a line. */
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

unsigned report_passed(void)
{
    return counts.passed;
}

/* The verdict is decided by lib/ktap.c, which the host tests cover, and shown in large letters as
 * well. */
bool report_verdict(const struct report_machine *machine, unsigned plan_passed)
{
    struct ktap_verdict verdict = {
        .total = counts.total,
        .passed = counts.passed,
        .failed = counts.failed,
        .skipped = counts.skipped,
        .plan_passed = plan_passed,
        .version = VERSION_TEXT,
        .cpus = machine->cpus,
        .cpus_enabled = machine->cpus_enabled,
        .memory_bytes = machine->memory_bytes,
        .firmware = machine->firmware,
        .time_us = clock_monotonic_ns() / 1000,
    };
    bool passed = ktap_verdict_passed(&verdict);
    size_t length = ktap_format_verdict(line, sizeof(line), &verdict);

    report_keep_line(REPORT_KIND_VERDICT, line, length);
    report_print(length);
    screen_verdict(passed, counts.passed, counts.failed, counts.skipped);
    output_flush();
    /* Without "# " and the end of the line. */
    verdict_code_draw(line + 2, length - 3);
    return passed;
}
