/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: time and processor number for programs, without a system call.
 *
 * Compiled and linked by itself (kernel.mk): nothing of the kernel's can be used here. It is mapped
 * into every program, right behind a page of data that core/clock.c writes under a sequence count:
 * odd while it changes. A reader that sees the count move starts anew. Where the TSC is not to be
 * trusted, or a clock is not one of those below, the functions fall back to the system call, so
 * that results and errors are the kernel's.
 */
#include "kernel/vdso/vdso.h"

#include <stdbool.h>
#include <stddef.h>

#define NS_PER_S 1000000000ULL

/* x86-64 numbers; the fall-backs must be the calls that a C library would have made. */
enum call_number {
    CALL_GETTIMEOFDAY = 96,
    CALL_TIME = 201,
    CALL_CLOCK_GETTIME = 228,
    CALL_CLOCK_GETRES = 229,
    CALL_GETCPU = 309,
};

#define CLOCK_BIT(clock) (1u << (clock))
#define COARSE_CLOCKS    (CLOCK_BIT(LX_CLOCK_REALTIME_COARSE) | CLOCK_BIT(LX_CLOCK_MONOTONIC_COARSE))
#define REAL_CLOCKS                                                                                \
    (CLOCK_BIT(LX_CLOCK_REALTIME) | CLOCK_BIT(LX_CLOCK_REALTIME_COARSE) | CLOCK_BIT(LX_CLOCK_TAI))
#define MONOTONIC_CLOCKS                                                                           \
    (CLOCK_BIT(LX_CLOCK_MONOTONIC) | CLOCK_BIT(LX_CLOCK_MONOTONIC_RAW) |                           \
     CLOCK_BIT(LX_CLOCK_MONOTONIC_COARSE) | CLOCK_BIT(LX_CLOCK_BOOTTIME))

/* SYSCALL overwrites RCX and R11. */
static long call(enum call_number number, uint64_t first, const void *second, const void *third)
{
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"((long)number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

/* Not before what the program has read so far: it may have had a time from another processor.
 * LFENCE keeps RDTSC from being executed early (Intel SDM vol. 2, RDTSC). */
static uint64_t vdso_ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence" ::: "memory");
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
}

/* Negative numbers are clocks of processes: only the kernel knows those. */
static bool is_one_of(int clock, uint32_t clocks)
{
    return (unsigned)clock < 32 && (clocks >> clock & 1);
}

/* False: only the kernel knows. The arithmetic is core/clock.c's: both tell the same time. */
static bool clock_read(bool real, uint64_t *ns)
{
    uint32_t sequence;

    do {
        /* An odd count can never match below, since its lowest bit is cleared here. */
        sequence = __atomic_load_n(&vdso_data.sequence, __ATOMIC_ACQUIRE) & ~1u;
        if (!vdso_data.use_tsc)
            return false;
        *ns =
            (uint64_t)(((unsigned __int128)(vdso_ticks() - vdso_data.tsc_start) * vdso_data.mult) >>
                       32);
        if (real)
            *ns += __atomic_load_n(&vdso_data.realtime_offset_ns, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&vdso_data.sequence, __ATOMIC_RELAXED) != sequence);
    return true;
}

/* A bad pointer faults in ring 3, where Linux's vDSO faults too. */
int __vdso_clock_gettime(int clock, struct lx_timespec *time)
{
    uint64_t ns;

    if (!is_one_of(clock, REAL_CLOCKS | MONOTONIC_CLOCKS) ||
        !clock_read(is_one_of(clock, REAL_CLOCKS), &ns))
        return (int)call(CALL_CLOCK_GETTIME, (uint64_t)clock, time, NULL);
    time->sec = (int64_t)(ns / NS_PER_S);
    time->nsec = (int64_t)(ns % NS_PER_S);
    return 0;
}

/* The coarse clocks claim a tick's resolution, though they read the TSC as well. */
int __vdso_clock_getres(int clock, struct lx_timespec *resolution)
{
    bool coarse = is_one_of(clock, COARSE_CLOCKS);

    if (!is_one_of(clock, REAL_CLOCKS | MONOTONIC_CLOCKS))
        return (int)call(CALL_CLOCK_GETRES, (uint64_t)clock, resolution, NULL);
    if (resolution)
        *resolution = (struct lx_timespec){
            .nsec = coarse ? (int64_t)(NS_PER_S / LX_CLOCK_TICKS_COARSE) : 1,
        };
    return 0;
}

/* The time zone is always zero, as on a Linux whose zone was never set. */
int __vdso_gettimeofday(struct lx_timeval *time, struct lx_timezone *zone)
{
    uint64_t ns;

    if (!clock_read(true, &ns))
        return (int)call(CALL_GETTIMEOFDAY, (uint64_t)time, zone, NULL);
    if (time) {
        time->sec = (int64_t)(ns / NS_PER_S);
        time->usec = (int64_t)(ns % NS_PER_S / 1000);
    }
    if (zone)
        *zone = (struct lx_timezone){0, 0};
    return 0;
}

int64_t __vdso_time(int64_t *result)
{
    uint64_t ns;

    if (!clock_read(true, &ns))
        return call(CALL_TIME, (uint64_t)result, NULL, NULL);
    ns /= NS_PER_S;
    if (result)
        *result = (int64_t)ns;
    return (int64_t)ns;
}

/* LSL leaves the register alone if the segment is none. */
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    uint32_t limit = UINT32_MAX;

    __asm__ volatile("lsl %1, %0" : "+r"(limit) : "r"(VDSO_CPU_SELECTOR) : "cc");
    if (limit == UINT32_MAX)
        return call(CALL_GETCPU, (uint64_t)cpu, node, unused);
    if (cpu)
        *cpu = limit & VDSO_CPU_MASK;
    if (node)
        *node = limit >> VDSO_NODE_SHIFT;
    return 0;
}

/* Both names are exported by Linux's vDSO; C libraries look for the first kind. */
#define SAME_AS(name) __attribute__((weak, alias(#name)))

int clock_gettime(int clock, struct lx_timespec *time) SAME_AS(__vdso_clock_gettime);
int clock_getres(int clock, struct lx_timespec *resolution) SAME_AS(__vdso_clock_getres);
int gettimeofday(struct lx_timeval *time, struct lx_timezone *zone) SAME_AS(__vdso_gettimeofday);
int64_t time(int64_t *result) SAME_AS(__vdso_time);
long getcpu(unsigned *cpu, unsigned *node, void *unused) SAME_AS(__vdso_getcpu);
