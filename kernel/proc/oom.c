/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: the process with the most pages is killed, and whoever needs memory waits until it
 * has gone. Everything here has a bound: when nothing is left to kill, or nothing comes back in
 * time, the one that asked ends.
 */
#include "kernel/proc/oom.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"

#define ENOUGH_FRAMES 256 /* free frames with which it is worth trying again */
#define NAP_NS        1000000ULL
#define NAPS_MAX      1000 /* for one victim: a second */
#define VICTIMS_MAX   8    /* for one caller */

struct alarm {
    struct timer timer;
    struct thread *thread;
};

static void alarm_rings(struct timer *timer)
{
    sched_wake(container_of(timer, struct alarm, timer)->thread);
}

/* Not ended by signals: a caller with one pending must wait, too. */
static void nap(void)
{
    struct alarm alarm = {.thread = thread_current()};

    timer_init(&alarm.timer, alarm_rings);
    sched_prepare(false);
    timer_start(&alarm.timer, clock_monotonic_ns() + NAP_NS);
    sched_block();
    timer_stop(&alarm.timer);
}

static bool must_die(void)
{
    return __atomic_load_n(&thread_current()->arch.work, __ATOMIC_ACQUIRE) & ARCH_WORK_KILL;
}

/* Kills every process that runs in the space. The space is compared, never looked into: it is its
 * owners' to leave. */
static void owners_kill(const struct vm_space *space)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool told = false;

    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        if (!p->task || __atomic_load_n(&p->task->thread.space, __ATOMIC_RELAXED) != space)
            continue;
        if (!told)
            klog("out of memory: process %d (%s) with %llu pages is killed", p->pid, p->name,
                 (unsigned long long)space->resident_pages);
        signal_send_process(p, LX_SIGKILL);
        told = true;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* Until the victim's pages are free. False: they are not coming. */
static bool victim_awaited(void)
{
    for (unsigned i = 0; i < NAPS_MAX; i++) {
        if (must_die())
            return false;
        nap();
        if (pmm_free_count() > ENOUGH_FRAMES)
            return true;
    }
    return false;
}

static bool oom_wait(void)
{
    if (must_die())
        return false;
    slab_drain();
    nap(); /* others run: they may free what there was none of, or end this */
    for (unsigned i = 0; i < VICTIMS_MAX; i++) {
        struct vm_space *space;

        if (pmm_free_count() > ENOUGH_FRAMES)
            return true;
        space = vm_space_pick(clock_monotonic_ns());
        if (space) {
            owners_kill(space);
            vm_space_put(space);
        } /* else one is on its way out: wait for that */
        if (victim_awaited())
            return true;
        if (must_die())
            return false;
    }
    return false;
}

static const struct vm_oom_ops ops = {.wait = oom_wait};

void oom_init(void)
{
    vm_set_oom_ops(&ops);
}
