/* SPDX-License-Identifier: MIT */
/*
 * The out-of-memory killer.
 *
 * The process of the highest badness is killed, and the caller that needs memory
 * waits until it has gone. Everything here has a bound: when nothing is left to kill, or nothing
 * comes back in time, the one that asked ends.
 */
#include "kernel/proc/oom.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"

#define ENOUGH_FRAMES 256 /* free frames with which it is worth trying again */
#define NAP_NS        1000000ULL
#define NAPS_MAX      1000          /* for one victim: a second */
#define VICTIMS_MAX   8             /* for one caller */
#define GOING_NS      1000000000ULL /* so long a killed process may take to be gone */

struct alarm {
    struct timer timer;
    struct thread *thread;
};

static void alarm_rings(struct timer *timer)
{
    sched_wake(container_of(timer, struct alarm, timer)->thread);
}

/* Not ended by signals: a caller with one pending must wait, too. */
static void oom_nap(void)
{
    struct alarm alarm = {.thread = thread_current()};

    /* On the stack: timer_stop below waits for a handler that is running. */
    timer_init(&alarm.timer, alarm_rings);
    sched_prepare(SCHED_UNINTERRUPTIBLE);
    timer_start(&alarm.timer, clock_monotonic_ns() + NAP_NS);
    sched_block();
    timer_stop(&alarm.timer);
}

static bool oom_must_die(void)
{
    return __atomic_load_n(&thread_current()->arch.work, __ATOMIC_ACQUIRE) & TIF_KILL;
}

/* What the end of the process would give back, in pages, about: its memory, that of a program which
 * it is about to execute, and what its user holds in the kernel. So a process of another user does
 * not die for pipes that are full. */
static uint64_t weight_locked(struct process *process)
{
    const struct user_charge *user = process->leader->identity->user;

    ASSERT(spin_is_held_inline(&process->lock));
    return vm_space_weight(process_space_locked(process)) +
           __atomic_load_n(&process->exec_pages, __ATOMIC_RELAXED) +
           (uint64_t)MAX(__atomic_load_n(&user->used[CHARGE_PIPE_PAGES], __ATOMIC_RELAXED), 0);
}

/* With the wish of an administrator or of the process: proc_pid_oom_score_adj(5). */
static int64_t badness_of(const struct process *process, uint64_t weight)
{
    int64_t adjust = __atomic_load_n(&process->oom_adjust, __ATOMIC_RELAXED);

    if (adjust == OOM_ADJUST_MIN)
        return OOM_NEVER;
    return (int64_t)weight + adjust * (int64_t)pmm_total_count() / OOM_ADJUST_MAX;
}

int64_t oom_badness_locked(struct process *process)
{
    int64_t badness = OOM_NEVER;

    ASSERT(process_tree_is_held());
    spin_lock(&process->lock);
    if (process->leader && process_space_locked(process))
        badness = badness_of(process, weight_locked(process));
    spin_unlock(&process->lock);
    return badness;
}

/* Whether its pages are about to come back: it ends, or was killed just now. One that takes longer
 * than that is left to its fate. */
static bool is_going_locked(struct process *process, uint64_t now_ns)
{
    ASSERT(process_tree_is_held());
    if (process->sig_exiting)
        return process_space_locked(process) != NULL;
    if (!process_is_killed(process))
        return false;
    if (!process->killed_ns)
        process->killed_ns = now_ns;
    /* Another walk may have read the clock later, and written it first. */
    return (int64_t)(now_ns - process->killed_ns) < (int64_t)GOING_NS;
}

struct victim {
    int pid; /* 0: none is to be killed */
    uint64_t serial, weight;
    int64_t badness;
    bool is_going; /* one is on its way out */
};

/* Of several that are as bad the last one, which is mostly the youngest: the shell that has started
 * thousands of small processes is no larger than each of them, and older. */
static void victim_consider_locked(struct victim *victim, struct process *process)
{
    uint64_t weight = 0;
    int64_t badness = OOM_NEVER;

    ASSERT(process_tree_is_held());
    spin_lock(&process->lock);
    if (process_space_locked(process)) { /* else it is being forked */
        weight = weight_locked(process);
        badness = badness_of(process, weight);
    }
    spin_unlock(&process->lock);
    if (badness != OOM_NEVER && (!victim->pid || badness >= victim->badness))
        *victim = (struct victim){process->pid, process->serial, weight, badness, victim->is_going};
}

/* The process of highest badness. While the tree and the process are locked, one that has not begun
 * to exit keeps its memory. */
static void victim_find(struct victim *victim)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock), now_ns = clock_monotonic_ns();
    struct process_walk walk;
    struct process *process;

    process_walk_all_locked(&walk);
    while ((process = process_walk_next_locked(&walk, &flags)) != NULL) {
        if (process->leader && is_going_locked(process, now_ns))
            victim->is_going = true;
        else if (process->leader && !process->sig_exiting && !process_is_killed(process))
            victim_consider_locked(victim, process);
    }
    process_walk_end_locked(&walk);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* Its memory, with a reference: a space that came into being in its place would be taken for it.
 * NULL: it has gone by itself. */
static struct vm_space *victim_space_get(const struct victim *victim, char *name, size_t size)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *process = process_find_locked(victim->pid);
    struct vm_space *space = NULL;

    /* The lock was dropped since it was chosen: the number may be another process's by now, or
     * another caller may have killed it. */
    if (process && process->serial == victim->serial && !process->sig_exiting &&
        !process_is_killed(process)) {
        spin_lock(&process->lock); /* exec would put the space between the two lines */
        space = process_space_locked(process);
        if (space)
            vm_space_get(space);
        spin_unlock(&process->lock);
        str_copy(name, size, process_name(process));
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return space;
}

/* Kills the victim and every process that shares its memory. */
static void victim_kill(const struct victim *victim)
{
    char name[16];
    struct vm_space *space = victim_space_get(victim, name, sizeof(name));
    struct process_walk walk;
    struct process *process;
    uint64_t flags;

    if (!space)
        return;
    flags = spin_lock_irqsave(&process_tree_lock);
    process_walk_all_locked(&walk);
    while ((process = process_walk_next_locked(&walk, &flags)) != NULL) {
        if (process_space_locked(process) == space)
            signal_send_process(process, LX_SIGKILL);
    }
    process_walk_end_locked(&walk);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    vm_space_put_later(space);
    /* Not under the lock: the log may wait for the serial line. */
    klog("out of memory: process %d (%s) with %llu pages is killed", victim->pid, name,
         (unsigned long long)victim->weight);
}

/* A process that exits has given its space away before the pages are free. No process dies for less
 * than what comes back by itself; what comes back after a wait in vain is perhaps only small
 * processes that come and go for ever, so then it must be more than the victim has. */
static bool is_memory_ending(uint64_t npages)
{
    return vm_pages_ending() > MAX(npages, ENOUGH_FRAMES);
}

/* Until the victim's pages are free. False: they are not coming. */
static bool victim_wait(void)
{
    for (unsigned i = 0; i < NAPS_MAX; i++) {
        if (oom_must_die())
            return false;
        oom_nap();
        if (pmm_has_more_than(ENOUGH_FRAMES))
            return true;
    }
    return false;
}

static COLD bool oom_wait(void)
{
    if (oom_must_die())
        return false;
    /* Memory that waits to be freed comes first: perhaps no process has to die. */
    rcu_barrier();
    slab_drain();
    oom_nap(); /* others run: they may free what there was none of, or end this */
    for (unsigned i = 0; i < VICTIMS_MAX; i++) {
        struct victim victim = {0};

        if (pmm_has_more_than(ENOUGH_FRAMES))
            return true;
        victim_find(&victim);
        if (is_memory_ending(i == 0 ? 0 : victim.weight))
            victim.is_going = true;
        /* What neither a process nor a space that ends had any more may have become free since the
         * look above. */
        if (pmm_has_more_than(ENOUGH_FRAMES))
            return true;
        /* One at a time: two callers that find the same shortage do not kill two processes for
         * it. */
        if (victim.pid && !victim.is_going) /* else one is on its way out: wait for that */
            victim_kill(&victim);
        if (victim_wait())
            return true;
        if (oom_must_die())
            return false;
    }
    return false;
}

static const struct vm_oom_ops ops = {.wait = oom_wait};

void oom_init(void)
{
    vm_set_oom_ops(&ops);
}
