/* SPDX-License-Identifier: MIT */
/*
 * Contention of locks, counted by rank and processor.
 *
 * Each processor writes its own counters, without a lock and without sharing a cache line; a reader
 * adds them up and may see counts of different moments, which is good enough for statistics.
 */
#include "kernel/core/lock_stat.h"

#include "kernel/arch/x86_64/percpu.h"
#include "kernel/lib/assert.h"

static PERCPU struct {
    struct lock_stat spin[LOCK_STAT_RANKS], mutex[LOCK_STAT_RANKS];
} ALIGNED(64) stats;

struct lock_stat *lock_stat_spin(unsigned rank)
{
    ASSERT(rank < LOCK_STAT_RANKS);
    return &percpu_own(stats)->spin[rank];
}

struct lock_stat *lock_stat_mutex(unsigned rank)
{
    ASSERT(rank < LOCK_STAT_RANKS);
    return &percpu_own(stats)->mutex[rank];
}

/* The longest wait is a maximum, the rest are sums. */
static void lock_stat_add(struct lock_stat *sum, const struct lock_stat *one)
{
    sum->contended += one->contended;
    sum->spins += one->spins;
    sum->sleeps += one->sleeps;
    sum->wait_max_ns = MAX(sum->wait_max_ns, one->wait_max_ns);
}

struct lock_stat lock_stat_spin_sum(unsigned rank)
{
    struct lock_stat sum = {0};

    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        lock_stat_add(&sum, &percpu_of(stats, cpu)->spin[rank]);
    return sum;
}

struct lock_stat lock_stat_mutex_sum(unsigned rank)
{
    struct lock_stat sum = {0};

    for (unsigned cpu = 0; cpu < cpu_count; cpu++)
        lock_stat_add(&sum, &percpu_of(stats, cpu)->mutex[rank]);
    return sum;
}
