/* SPDX-License-Identifier: MIT */
/*
 * Checks inside the kernel, out of a linker section.
 *
 * KTEST_BOOT checks run on every boot; the others when ktest=PATTERN names them. A pattern without
 * a match is one failed check, never an empty success. Each is bracketed by the leak check of
 * tests.
 */
#include "kernel/selftest/ktest.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/selftest/leak_check.h"
#include "kernel/selftest/report.h"

#define AWAIT_NS 10000000000ULL

/* '*' stands for any number of characters; nothing else is special. */
static bool matches(const char *pattern, const char *name)
{
    if (*pattern == '*')
        return matches(pattern + 1, name) || (*name && matches(pattern, name + 1));
    return *pattern == *name && (!*name || matches(pattern + 1, name + 1));
}

static bool pattern_get(char *pattern, size_t size)
{
    return cmdline_find("ktest", pattern, size);
}

/* Checks of the second kind cost time, or memory, or may disturb measurements. */
static bool wanted(const struct ktest *test, const char *pattern)
{
    return test < ktest_named_begin || (pattern && matches(pattern, test->name));
}

/* A mistyped pattern must not look like success. */
static bool fits_none(const char *pattern)
{
    for (const struct ktest *test = ktest_begin; test < ktest_end; test++)
        if (matches(pattern, test->name))
            return false;
    return true;
}

/* Counts exactly the results of ktest_run: one for each check, or one for a pattern without a
 * match. */
unsigned ktest_count(void)
{
    char pattern[CFG_WORD_MAX + 1];
    const char *given = pattern_get(pattern, sizeof(pattern)) ? pattern : NULL;
    unsigned count = given && fits_none(given) ? 1 : 0;

    for (const struct ktest *test = ktest_begin; test < ktest_end; test++)
        count += wanted(test, given);
    return count;
}

bool ktest_fail(char reason[KTEST_REASON_SIZE], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fmt_vprint(reason, KTEST_REASON_SIZE, format, args);
    va_end(args);
    return false;
}

/* For events of other processors and of timers. The bound is far beyond what a busy host needs. */
bool ktest_await(const volatile unsigned *count, unsigned wanted)
{
    uint64_t end = clock_monotonic_ns() + AWAIT_NS;

    while (*count < wanted && clock_monotonic_ns() < end)
        cpu_pause();
    return *count == wanted;
}

/* A check that passes but leaks is a failure. */
static void run_one(const struct ktest *test)
{
    char reason[KTEST_REASON_SIZE] = "";
    struct leak_counts before, after;
    uint64_t start, time;
    bool good;

    report_start(test->name);
    leak_check_take(&before);
    start = clock_monotonic_ns();
    good = test->run(reason);
    time = clock_monotonic_ns() - start;
    leak_check_take(&after);
    if (good && leak_check_compare(&before, &after, reason, sizeof(reason)))
        report_ok(test->name, time);
    else
        report_not_ok(test->name, time, reason);
}

void ktest_run(void)
{
    char pattern[CFG_WORD_MAX + 1], reason[KTEST_REASON_SIZE];
    const char *given = pattern_get(pattern, sizeof(pattern)) ? pattern : NULL;

    if (given && fits_none(given)) {
        fmt_print(reason, sizeof(reason), "no check fits ktest=%s", given);
        report_not_ok("ktest", 0, reason);
    }
    for (const struct ktest *test = ktest_begin; test < ktest_end; test++)
        if (wanted(test, given))
            run_one(test);
}
