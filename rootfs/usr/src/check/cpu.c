/* SPDX-License-Identifier: MIT */
/*
 * check cpu - known answers from every processor, one after the other or all at once
 *
 * What a processor has is asked of itself (CPUID), and used where the kernel has enabled its
 * registers (XCR0): hybrid machines have processors that differ. A processor that computes wrongly
 * once in a while is found by more rounds.
 *
 * --fault=UNIT@N: bit N of that unit's answer is wrong, on the last processor.
 */
#include <cpuid.h>
#include <immintrin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rootfs/usr/src/check/arith.h"
#include "rootfs/usr/src/check/check.h"

#define XCR0_AVX    0x06
#define XCR0_AVX512 0xe6

enum feature {
    ALWAYS,
    POPCNT,
    SSE42,
    PCLMUL,
    AES,
    AVX,
    FMA,
    AVX2,
    BMI2,
    SHA,
    AVX512,
};

static const struct unit {
    const char *name;
    enum feature needs;
    uint64_t (*compute)(void);
    uint64_t answer;
} units[] = {
    {"integer", ALWAYS, arith_integer, 0xbad7d636a4b030a5},
    {"divide", ALWAYS, arith_divide, 0xb42ac8392e8d69d1},
    {"x87", ALWAYS, arith_x87, 0x17c83b75d90a9835},
    {"sse-integer", ALWAYS, arith_sse_integer, 0xb29ec721b467d54e},
    {"sse-float", ALWAYS, arith_sse_float, 0xcf330cf69e4a174b},
    {"popcount", POPCNT, arith_popcount, 0xfb06f617a143903f},
    {"crc32", SSE42, arith_crc, 0x000f9f00c1fc1b9a},
    {"clmul", PCLMUL, arith_clmul, 0x22da8b74193c4efd},
    {"aes", AES, arith_aes, 0x08bdf9b8d7a06fe0},
    {"avx-float", AVX, arith_avx_float, 0xcf330cf69e4a174b},
    {"fma", FMA, arith_fma, 0x4bc2570e00809641},
    {"avx2-integer", AVX2, arith_avx2_integer, 0xb29ec721b467d54e},
    {"bmi2", BMI2, arith_bmi, 0x762a1cb61319462a},
    {"sha", SHA, arith_sha, 0xc72b2b0cc14f9df0},
    {"avx512-integer", AVX512, arith_avx512_integer, 0xb29ec721b467d54e},
    {"avx512-float", AVX512, arith_avx512_float, 0xcf330cf69e4a174b},
};

struct job {
    struct cpus cpus;
    uint64_t rounds, until_ns;
    const struct unit *faulty; /* NULL: none */
    unsigned faulty_bit;
    uint32_t *seen; /* of each processor: a bit for each unit that it has */
};

__attribute__((target("xsave"))) static uint64_t xcr0_read(void)
{
    return _xgetbv(0);
}

/* Bits of enum feature, of the processor that this runs on. */
static uint32_t features_read(void)
{
    unsigned a, b, c, d, b7 = 0, max = __get_cpuid_max(0, NULL);
    uint64_t xcr0;
    bool avx, avx512;

    __cpuid(1, a, b, c, d);
    xcr0 = c & bit_OSXSAVE ? xcr0_read() : 0;
    avx = (xcr0 & XCR0_AVX) == XCR0_AVX && c & bit_AVX;
    avx512 = (xcr0 & XCR0_AVX512) == XCR0_AVX512;
    if (max >= 7)
        __cpuid_count(7, 0, a, b7, d, d);
    __cpuid(1, a, b, c, d);
    return 1u << ALWAYS | !!(c & bit_POPCNT) << POPCNT | !!(c & bit_SSE4_2) << SSE42 |
           !!(c & bit_PCLMUL) << PCLMUL | !!(c & bit_AES) << AES | avx << AVX |
           (avx && c & bit_FMA) << FMA | (avx && b7 & bit_AVX2) << AVX2 |
           (b7 & bit_BMI && b7 & bit_BMI2) << BMI2 | (b7 & bit_SHA && c & bit_SSE4_1) << SHA |
           (avx512 && b7 & bit_AVX512F && b7 & bit_AVX512BW && b7 & bit_AVX512DQ &&
            b7 & bit_AVX512VL)
               << AVX512;
}

static bool unit_right(const struct job *job, unsigned cpu, unsigned index)
{
    const struct unit *unit = &units[index];
    uint64_t got = unit->compute();

    if (unit == job->faulty && cpu == job->cpus.count - 1)
        got ^= 1ull << job->faulty_bit;
    if (got == unit->answer)
        return true;
    say("%s: %s gives %016llx, right is %016llx: bits %016llx", cpu_text(job->cpus.number[cpu]),
        unit->name, (unsigned long long)got, (unsigned long long)unit->answer,
        (unsigned long long)(got ^ unit->answer));
    return false;
}

static int cpu_work(unsigned index, void *argument)
{
    const struct job *job = argument;
    uint32_t has = features_read(), wrong = 0, ran = 0;
    uint64_t rounds = 0;

    do {
        for (unsigned i = 0; i < COUNT(units); i++) {
            if (!(has >> units[i].needs & 1) || wrong >> i & 1)
                continue;
            ran |= 1u << i;
            if (!unit_right(job, index, i))
                wrong |= 1u << i; /* said once */
        }
        rounds++;
        if (index == 0 && progress_due())
            say("%llu rounds", (unsigned long long)rounds);
    } while (rounds < job->rounds || now_ns() < job->until_ns);
    job->seen[index] = ran;
    return wrong ? CHECK_FAILED : CHECK_PASSED;
}

/* Which units the processors have: one line, and one more for each that differs from the first. */
static void show_units(const struct job *job)
{
    for (unsigned i = 0; i < job->cpus.count; i++) {
        char text[300] = "";
        size_t used = 0;

        if (!job->seen[i] || (i && job->seen[i] == job->seen[0]))
            continue;
        for (unsigned k = 0; k < COUNT(units); k++)
            if (job->seen[i] >> k & 1)
                used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", units[k].name);
        say("processor %u%s:%s", job->cpus.number[i],
            i || job->cpus.count == 1 ? "" : " and all like it", text);
    }
}

static bool fault_parse(struct job *job, const struct options *options)
{
    const char *fault = option_find(options, "fault");
    const char *at = fault ? strchr(fault, '@') : NULL;

    for (unsigned i = 0; at && i < COUNT(units); i++)
        if (strlen(units[i].name) == (size_t)(at - fault) &&
            strncmp(units[i].name, fault, (size_t)(at - fault)) == 0)
            job->faulty = &units[i];
    job->faulty_bit = at ? (unsigned)atoi(at + 1) & 63 : 0;
    return !fault || job->faulty;
}

int check_cpu(const struct options *options)
{
    static struct job job;
    uint64_t seconds = option_number(options, "seconds", 0);
    enum turns turns = option_find(options, "together") ? TOGETHER : IN_TURN;
    bool passed;

    if (!fault_parse(&job, options)) {
        say("--fault= needs UNIT@BIT");
        return CHECK_USAGE;
    }
    cpus_find(&job.cpus);
    job.seen = shared_alloc(job.cpus.count * sizeof(job.seen[0]));
    job.rounds = option_number(options, "rounds", 3);
    job.until_ns = seconds ? now_ns() + seconds * 1000000000u : 0;
    say("known answers on %u processors, %s", job.cpus.count,
        turns == TOGETHER ? "all at once" : "in turn");
    passed = workers_run(&job.cpus, turns, cpu_work, &job);
    show_units(&job);
    return passed ? CHECK_PASSED : CHECK_FAILED;
}
