/* SPDX-License-Identifier: MIT */
#include "kernel/selftest/ktest.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/lib/cfg.h"
#include "kernel/lib/fmt.h"
#include "kernel/selftest/account.h"
#include "kernel/selftest/report.h"

#define AWAIT_NS 10000000000ULL

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

static bool wanted(const struct ktest *test, const char *pattern)
{
    return test->every_boot || (pattern && matches(pattern, test->name));
}

static bool fits_none(const char *pattern)
{
    for (const struct ktest *test = ktest_begin; test < ktest_end; test++)
        if (matches(pattern, test->name))
            return false;
    return true;
}

unsigned ktest_count(void)
{
    char pattern[CFG_WORD_MAX + 1];
    const char *given = pattern_get(pattern, sizeof(pattern)) ? pattern : NULL;
    unsigned count = given && fits_none(given) ? 1 : 0;

    for (const struct ktest *test = ktest_begin; test < ktest_end; test++)
        count += wanted(test, given);
    return count;
}

bool ktest_await(const volatile unsigned *count, unsigned wanted)
{
    uint64_t end = clock_monotonic_ns() + AWAIT_NS;

    while (*count < wanted && clock_monotonic_ns() < end)
        cpu_pause();
    return *count == wanted;
}

static void run_one(const struct ktest *test)
{
    char reason[KTEST_REASON_SIZE] = "";
    struct account before, after;
    uint64_t start, time;
    bool good;

    account_take(&before);
    start = clock_monotonic_ns();
    good = test->run(reason);
    time = clock_monotonic_ns() - start;
    account_take(&after);
    if (good && account_compare(&before, &after, reason, sizeof(reason)))
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
