/* SPDX-License-Identifier: MIT */
/*
 * /proc/lock_stat: contention of each rank of locks since start-up, and what interrupts that are
 * off do to timers.
 *
 * Sums over the processors' counters, read without locks: a line may miss what happens meanwhile.
 */
#include "kernel/core/lock_stat.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/mutex.h"

static COLD void lock_stat_line(struct procfs_text *text, const char *kind, const char *name,
                                const struct lock_stat *stat)
{
    procfs_print(text, "%-6s %-12s %12lu %14lu %12lu %14lu\n", kind, name, stat->contended,
                 stat->spins, stat->sleeps, stat->wait_max_ns);
}

COLD int procfs_show_lock_stat(const struct procfs_node *node, struct procfs_text *text)
{
    struct timer_lateness lateness;
    struct lock_stat sum;
    const char *name;

    (void)node;
    procfs_print(text, "%-6s %-12s %12s %14s %12s %14s\n", "kind", "rank", "contended", "spins",
                 "sleeps", "wait-max-ns");
    for (unsigned rank = 0; (name = mutex_rank_name(rank)) != NULL; rank++) {
        sum = lock_stat_mutex_sum(rank);
        lock_stat_line(text, "mutex", name, &sum);
    }
    for (unsigned rank = 0; (name = spin_rank_name(rank)) != NULL; rank++) {
        sum = lock_stat_spin_sum(rank);
        lock_stat_line(text, "spin", name, &sum);
    }
    /* How often, and for how long at most, interrupts that were off kept a timer waiting. */
    lateness = timer_lateness();
    sum = (struct lock_stat){.contended = lateness.count, .wait_max_ns = lateness.max_ns};
    lock_stat_line(text, "irq", "TIMER", &sum);
    return 0;
}
