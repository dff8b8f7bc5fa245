/* SPDX-License-Identifier: MIT */
/*
 * core/lock_stat.h - how often the locks of each rank were contended
 *
 * Owns:    counters for each processor and rank. They count on the slow paths alone, so they are
 *          always on and cost nothing where there is no contention.
 * Used by: core/spinlock.c and sched/mutex.c count, /proc/lock_stat shows the sums.
 * Locks:   none. A counter is written by its processor; sums may be a moment old. A thread asks for
 *          its counters anew after each sleep, since it may be on another processor then.
 * Context: any but NMI.
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/lib/util.h"

#define LOCK_STAT_RANKS 32 /* spinlocks, and as many mutexes at most */

struct lock_stat {
    uint64_t contended;   /* acquisitions that found the lock held */
    uint64_t spins;       /* times that one of them began to spin; a spinlock's: pauses */
    uint64_t sleeps;      /* times that one of them slept */
    uint64_t wait_max_ns; /* the longest of them */
};

struct lock_stat *lock_stat_spin(unsigned rank);
struct lock_stat *lock_stat_mutex(unsigned rank);

static inline void lock_stat_waited(struct lock_stat *stat, uint64_t ns)
{
    stat->wait_max_ns = MAX(stat->wait_max_ns, ns);
}

/* Of all processors since start-up. */
struct lock_stat lock_stat_spin_sum(unsigned rank);
struct lock_stat lock_stat_mutex_sum(unsigned rank);
