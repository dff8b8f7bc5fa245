/* SPDX-License-Identifier: MIT */
/*
 * The clock: monotonic and real time, from the TSC.
 *
 * A reading is the distance from the start in ticks, multiplied by a 32.32 fixed-point number; real
 * time adds an offset that only clock_set_realtime_ns changes. Programs do the same arithmetic in
 * the vDSO on the page that page_fill_locked writes, under a sequence count, so both give the same
 * time.
 *
 * Where the TSCs of processors differ, or the TSC may stop, the clock is distrusted: a reading is
 * then never less than the last one given anywhere, at the price of one shared cache line, and
 * programs have to call the kernel.
 */
#include "kernel/core/clock.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/spinlock.h"
#include "shared/vdso.h"

#define NS_PER_S 1000000000ULL

/* ns = ticks * mult >> 32. Constant after clock_init but for the real-time offset. */
static struct {
    uint64_t hz;
    uint64_t start;
    uint64_t mult;
    uint64_t realtime_offset_ns; /* atomic: real time minus monotonic time */
    bool distrusted;             /* the TSC may go backwards */
    uint64_t latest_ns;          /* atomic: then, the last time that was told */
    struct spinlock lock;        /* of the setters of the time */
    struct vdso_data *page;      /* [lock] what programs read */
} clock = {.lock = SPINLOCK_INIT(SPIN_CLOCK)};

/* 128 bits in between: ticks since the start pass 2^32 within seconds. */
static uint64_t mul_shift(uint64_t a, uint64_t b)
{
    return (uint64_t)(((unsigned __int128)a * b) >> 32);
}

/* A reader that sees an odd sequence, or another one afterwards, starts anew. */
static void page_fill_locked(void)
{
    struct vdso_data *page = clock.page;

    ASSERT(spin_is_held(&clock.lock));
    if (!page)
        return;
    __atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    page->use_tsc = !clock.distrusted;
    page->tsc_start = clock.start;
    page->mult = clock.mult;
    page->realtime_offset_ns = clock.realtime_offset_ns;
    __atomic_store_n(&page->sequence, page->sequence + 1, __ATOMIC_RELEASE);
}

void clock_init(uint64_t tsc_hz, uint64_t tsc_start, uint64_t epoch_s)
{
    clock.hz = tsc_hz;
    clock.start = tsc_start;
    /* Rounded down, by less than a part in 10^8: far below the error of the measured rate. */
    clock.mult = (NS_PER_S << 32) / tsc_hz;
    clock_set_realtime_ns(epoch_s * NS_PER_S);
    /* What a hypervisor shows is a clock; of real processors only the invariant TSC is one. */
    clock.distrusted = !features.invariant_tsc && !features.hypervisor;
}

/* The time, or the last that was told if that is later. */
static uint64_t hold_back(uint64_t ns)
{
    uint64_t latest = __atomic_load_n(&clock.latest_ns, __ATOMIC_RELAXED);

    while (latest < ns)
        if (__atomic_compare_exchange_n(&clock.latest_ns, &latest, ns, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return ns;
    return latest;
}

uint64_t clock_monotonic_ns(void)
{
    uint64_t ns = mul_shift(tsc_read_ordered() - clock.start, clock.mult);

    return likely(!clock.distrusted) ? ns : hold_back(ns);
}

/* The offset is one word, so a reader sees the old or the new one and never a mixture. */
uint64_t clock_realtime_ns(void)
{
    return clock_monotonic_ns() + __atomic_load_n(&clock.realtime_offset_ns, __ATOMIC_RELAXED);
}

/* 0 for a time before the start: it is over. */
uint64_t clock_monotonic_of_realtime(uint64_t realtime_ns)
{
    uint64_t offset = __atomic_load_n(&clock.realtime_offset_ns, __ATOMIC_RELAXED);

    return realtime_ns > offset ? realtime_ns - offset : 0;
}

void clock_set_realtime_ns(uint64_t now_ns)
{
    uint64_t flags = spin_lock_irqsave(&clock.lock);

    __atomic_store_n(&clock.realtime_offset_ns, now_ns - clock_monotonic_ns(), __ATOMIC_RELAXED);
    page_fill_locked();
    spin_unlock_irqrestore(&clock.lock, flags);
}

void clock_distrust(void)
{
    clock.distrusted = true;
    clock_publish(clock.page);
}

void clock_publish(struct vdso_data *page)
{
    uint64_t flags = spin_lock_irqsave(&clock.lock);

    clock.page = page;
    page_fill_locked();
    spin_unlock_irqrestore(&clock.lock, flags);
}

uint64_t clock_tsc_hz(void)
{
    return clock.hz;
}

uint64_t clock_ticks_to_ns(uint64_t ticks)
{
    return mul_shift(ticks, clock.mult);
}

uint64_t clock_ns_to_ticks(uint64_t ns)
{
    /* In two parts, so that 64 bits are enough for any frequency below 18 GHz. */
    return ns / NS_PER_S * clock.hz + ns % NS_PER_S * clock.hz / NS_PER_S;
}
