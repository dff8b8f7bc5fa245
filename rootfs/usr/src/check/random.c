/* SPDX-License-Identifier: MIT */
/*
 * check random - is there a pattern in what should have none
 *
 * Of the kernel's generator and, on each processor, of the instructions RDRAND and RDSEED: sanity,
 * no proof. Known failures are a register that always comes back with the same value (some
 * processors after a resume give all ones and say it is good) and an instruction that never
 * succeeds. The bounds are passed by good numbers all but once in a thousand million times.
 *
 * --fault=stuck|repeat|biased|silent: the source is like that.
 */
#include <cpuid.h>
#include <immintrin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rootfs/usr/src/check/check.h"

#define NWORDS  8192 /* 64 KiB */
#define RETRIES 1000 /* RDSEED may be used up for a while */

enum source { KERNEL, RDRAND, RDSEED };
static const char *const names[] = {"getrandom", "RDRAND", "RDSEED"};

static const char *fault;

__attribute__((target("rdrnd"))) static bool rdrand_word(uint64_t *word)
{
    unsigned long long value;
    int good = _rdrand64_step(&value);

    *word = value;
    return good;
}

__attribute__((target("rdseed"))) static bool rdseed_word(uint64_t *word)
{
    unsigned long long value;
    int good = _rdseed64_step(&value);

    *word = value;
    return good;
}

static bool source_read(enum source source, uint64_t *words)
{
    for (size_t i = 0; source == KERNEL && i < NWORDS;) {
        ssize_t got = getrandom(words + i, (NWORDS - i) * 8, 0);

        if (got < 8)
            return false;
        i += (size_t)got / 8;
    }
    for (size_t i = 0; source != KERNEL && i < NWORDS; i++) {
        unsigned tries = 0;

        while (!(source == RDRAND ? rdrand_word(&words[i]) : rdseed_word(&words[i]))) {
            _mm_pause();
            if (++tries == RETRIES)
                return false;
        }
    }
    return true;
}

static bool fault_is(const char *name)
{
    return fault && strcmp(fault, name) == 0;
}

static void fault_apply(uint64_t *words)
{
    for (size_t i = 0; i < NWORDS; i++) {
        if (fault_is("stuck"))
            words[i] = ~0ull;
        if (fault_is("repeat"))
            words[i] = words[i & 255];
        if (fault_is("biased"))
            words[i] |= words[i] << 3 & 0x1111111111111111;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* NULL, or what is wrong. n bits of which each is 1 by chance: the sum is within 6.5 deviations of
 * the half. Chi-square of 255 degrees of freedom: mean 255, deviation 22.6, a longer tail above. */
static const char *pattern_find(uint64_t *words)
{
    const uint8_t *bytes = (const uint8_t *)words;
    uint64_t ones = 0, counts[256] = {0};
    double n = 64.0 * NWORDS, chi = 0, each = 8.0 * NWORDS / 256;

    for (size_t i = 0; i < NWORDS; i++)
        ones += (uint64_t)__builtin_popcountll(words[i]);
    for (size_t i = 0; i < 8 * NWORDS; i++)
        counts[bytes[i]]++;
    for (unsigned i = 0; i < 256; i++)
        chi += ((double)counts[i] - each) * ((double)counts[i] - each) / each;
    qsort(words, NWORDS, sizeof(words[0]), by_value);
    for (size_t i = 1; i < NWORDS; i++)
        if (words[i] == words[i - 1])
            return "a number of 64 bits came twice";
    if (fabs((double)ones - n / 2) > 6.5 * sqrt(n) / 2)
        return "zeros and ones are not equally many";
    if (chi < 255 - 5.5 * 22.6 || chi > 255 + 8 * 22.6)
        return "some bytes come more often than others";
    return NULL;
}

static bool source_check(enum source source, const char *where)
{
    static uint64_t words[NWORDS];
    const char *wrong;

    if (!source_read(source, words) || fault_is("silent")) {
        say("%s gives no numbers%s%s", names[source], *where ? ", at " : "", where);
        return false;
    }
    fault_apply(words);
    wrong = pattern_find(words);
    if (wrong)
        say("%s: %s%s%s", names[source], wrong, *where ? ", at " : "", where);
    return !wrong;
}

static int random_work(unsigned index, void *argument)
{
    const struct cpus *cpus = argument;
    const char *where = cpu_text(cpus->number[index]);
    unsigned a, b, c, d;
    bool passed = true;

    if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_RDRND)
        passed = source_check(RDRAND, where);
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_RDSEED)
        passed = source_check(RDSEED, where) && passed;
    return passed ? CHECK_PASSED : CHECK_FAILED;
}

int check_random(const struct options *options)
{
    static struct cpus cpus;
    unsigned a, b, c, d, seven = 0;
    bool passed;

    fault = option_find(options, "fault");
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        seven = b;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        c = 0;
    say("64 KiB of random numbers each from the kernel%s%s", c & bit_RDRND ? ", RDRAND" : "",
        seven & bit_RDSEED ? ", RDSEED" : "");
    cpus_find(&cpus);
    passed = source_check(KERNEL, "");
    return workers_run(&cpus, IN_TURN, random_work, &cpus) && passed ? CHECK_PASSED : CHECK_FAILED;
}
