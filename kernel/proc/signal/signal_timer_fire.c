/* SPDX-License-Identifier: MIT */
/*
 * What happens when a timer is due: its signal is sent and taken, it goes on; RLIMIT_CPU.
 *
 * States and locks: signal_timer.c. The interrupt of a kernel timer pushes the timer to .fired, a
 * stack without a lock, and makes its task look; the signal is sent by the task, or by deferred
 * work where there are several. Processor time has no interrupt of its own: each task looks when
 * the scheduler's alarm for it rings, at the timers of the process and at those of itself.
 */
#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/signal/signal_timer_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define IGNORED_AGAIN 1000000 /* ns: a timer whose signal is ignored does not fire more often */
#define CPU_GRAIN     100000  /* ns: processor time is not looked at more often */
#define NS_PER_S      1000000000ULL

void signal_timers_fired_push(struct signal_timers *timers, struct signal_timer *timer)
{
    struct signal_timer *first = __atomic_load_n(&timers->fired, __ATOMIC_RELAXED);

    /* A stack without a lock: only the task takes from it, and all at once, so no element can come
     * back between the load and the exchange (no ABA). */
    do
        timer->next_fired = first;
    while (!__atomic_compare_exchange_n(&timers->fired, &first, timer, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED));
}

/* All that have fired, in that order. */
struct signal_timer *signal_timers_fired_take(struct signal_timers *timers)
{
    struct signal_timer *taken = __atomic_exchange_n(&timers->fired, NULL, __ATOMIC_SEQ_CST);
    struct signal_timer *list = NULL;

    while (taken) {
        struct signal_timer *next = taken->next_fired;

        taken->next_fired = list;
        list = taken;
        taken = next;
    }
    return list;
}

/* Interrupt, where the list of tasks is not to be walked: the leader is the one that is always
 * there. A task that blocks the signal is not woken: it will look before it lets it in. */
void signal_timer_rings(struct timer *hardware)
{
    struct signal_timer *timer = container_of(hardware, struct signal_timer, timer);
    struct task *task = timer->process->leader;

    /* In the list once, however often it fires before the task looks. */
    if (!__atomic_exchange_n(&timer->fired, 1, __ATOMIC_SEQ_CST))
        signal_timers_fired_push(&timer->process->timers, timer);
    if (unlikely(timer->process->threaded)) {
        process_get(timer->process);
        if (!deferred_queue(&timer->process->timers.rung))
            process_put(timer->process);
        return;
    }
    /* The flag is set after the push: a task that clears it looks at the list afterwards
     * (signal_recheck). */
    arch_thread_add_work(&task->thread.arch, TIF_SIGNAL);
    if (!(__atomic_load_n(&task->sig_mask, __ATOMIC_RELAXED) & SIGNAL_BIT(timer->signo)) ||
        (__atomic_load_n(&task->sig_wait, __ATOMIC_RELAXED) & SIGNAL_BIT(timer->signo)))
        sched_notify(&task->thread);
}

/* What the timer counts, now. By the process itself. */
uint64_t signal_timer_time(const struct signal_timer *timer)
{
    struct sched_times times;

    if (timer->realtime)
        return clock_realtime_ns();
    if (!signal_timer_is_cpu(timer))
        return clock_monotonic_ns();
    /* Precise to now, also while it runs: what the task has used in this very call counts. */
    if (timer->counted)
        sched_thread_times(&timer->counted->thread, &times);
    else
        process_cpu_times(timer->process, &times);
    return timer->clock == SIGNAL_CLOCK_USER ? times.user_ns : times.total_ns;
}

void signal_timer_start(struct signal_timer *timer, uint64_t deadline_ns)
{
    timer->armed = signal_timer_is_cpu(timer);
    /* The next way to ring 3 finds the earliest of them all and sets the alarm for it. */
    if (timer->armed) {
        spin_lock(&timer->process->lock);
        process_check_cpu_time_locked(timer->process);
        spin_unlock(&timer->process->lock);
    } else if (timer->realtime) {
        timer_start_realtime(&timer->timer, deadline_ns);
    } else {
        timer_start(&timer->timer, deadline_ns);
    }
}

/* The timer is stopped: the interrupt adds it to the list no more. */
static void fired_remove(struct signal_timers *timers, struct signal_timer *timer)
{
    struct signal_timer *list = signal_timers_fired_take(timers), *next;

    /* The others go back, in an order that does not matter: each sends its own signal. */
    for (; list; list = next) {
        next = list->next_fired;
        if (list != timer)
            signal_timers_fired_push(timers, list);
    }
    __atomic_store_n(&timer->fired, 0, __ATOMIC_RELAXED);
}

void signal_timer_disarm(struct signal_timer *timer)
{
    /* After this no interrupt of the timer runs or comes, so .fired no longer changes under the
     * task. */
    timer_stop(&timer->timer);
    timer->armed = false;
    if (timer->fired)
        fired_remove(&timer->process->timers, timer);
    timer->queued = false;
}

/* Expirations that lie behind now, the first of them at the deadline; moves the deadline on. */
uint64_t signal_timer_forward(struct signal_timer *timer, uint64_t now)
{
    uint64_t missed;

    if (timer->deadline_ns > now)
        return 0;
    /* By division: a period of nanoseconds may have passed millions of times. */
    missed = (now - timer->deadline_ns) / timer->interval_ns + 1;
    timer->deadline_ns += missed * timer->interval_ns;
    return missed;
}

/* One that is meant for a task that has ended is sent to none. */
static bool entry_send_locked(const struct signal_timer *timer)
{
    struct task *task = timer->tid ? task_find_locked(timer->tid) : NULL;

    ASSERT(process_tree_is_held());
    if (timer->tid && (!task || task->process != timer->process))
        return false;
    return signal_send_entry_locked(timer->process, task, timer->entry);
}

/* Ignored signals vanish, so it will never be taken: the timer goes on by itself. */
static void send_or_go_on(struct signal_timer *timer)
{
    struct process *process = timer->process;
    const struct lx_siginfo info = {.signo = timer->signo, .code = LX_SI_KERNEL};
    uint64_t now = signal_timer_time(timer);
    /* The tree, as the signal may be SIGCONT. */
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = 0;

    if (timer->entry)
        timer->queued = entry_send_locked(timer);
    else
        err = signal_send_info_locked(process, NULL, &info, false);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    ASSERT(!err);
    /* An itimer's signal is an ordinary one: it may have been pending already. */
    if (!timer->entry)
        timer->queued = (__atomic_load_n(&process->sig_queue.set, __ATOMIC_ACQUIRE) &
                         SIGNAL_BIT(timer->signo)) != 0;
    if (!timer->queued && timer->interval_ns) {
        signal_timer_forward(timer, now);
        signal_timer_start(timer, MAX(timer->deadline_ns, now + IGNORED_AGAIN));
    }
}

static void timers_collect(struct process *process)
{
    bool locked = signal_timers_lock(process);
    struct signal_timer *timer, *next;

    for (timer = signal_timers_fired_take(&process->timers); timer; timer = next) {
        next = timer->next_fired;
        __atomic_store_n(&timer->fired, 0, __ATOMIC_SEQ_CST);
        send_or_go_on(timer);
        sched_preempt_point(); /* there may be thousands */
    }
    signal_timers_unlock(process, locked);
}

void signal_timers_collect(struct task *self)
{
    if (signal_timers_fired(self->process))
        timers_collect(self->process);
}

/* For a process with several tasks, each of which may sleep and block the signal. */
void signal_timers_rung(struct deferred *item)
{
    struct process *process = container_of(item, struct process, timers.rung);

    timers_collect(process);
    process_put(process);
}

static struct signal_timer *sender_of(const struct process *process, const struct lx_siginfo *info)
{
    if (info->code == LX_SI_TIMER)
        return signal_timer_find(process, info->timer.id);
    if (info->code != LX_SI_KERNEL)
        return NULL;
    for (unsigned i = 0; i < SIGNAL_ITIMERS; i++) {
        struct signal_timer *timer = process->timers.itimers[i];

        if (timer && timer->queued && timer->signo == info->signo)
            return timer;
    }
    return NULL;
}

static void timer_taken(struct process *process, struct lx_siginfo *info)
{
    struct signal_timer *timer;

    /* A sigqueue may claim SI_TIMER and any id: at most a timer of this process whose signal waits
     * goes on early. */
    timer = sender_of(process, info);
    if (!timer || !timer->queued)
        return;
    timer->queued = false;
    timer->overrun = 0;
    if (timer->interval_ns) {
        uint64_t passed = signal_timer_forward(timer, signal_timer_time(timer));

        /* The expiration that was sent is not an overrun; the number is cut off at INT_MAX
         * (DELAYTIMER_MAX). */
        timer->overrun = passed ? (int)MIN(passed - 1, INT32_MAX) : 0;
        signal_timer_start(timer, timer->deadline_ns);
    }
    if (timer->id >= 0)
        info->timer.overrun = timer->overrun;
}

void signal_timer_taken(struct task *self, struct lx_siginfo *info)
{
    bool locked = signal_timers_lock(self->process);

    timer_taken(self->process, info);
    signal_timers_unlock(self->process, locked);
}

/* RLIMIT_CPU counts seconds, RLIMIT_RTTIME microseconds; a second is `step` of them. */
struct time_limit {
    unsigned resource;
    uint64_t unit_ns, step;
};

/* A signal at the soft limit, which moves on by a second; the end at the hard one. Returns after
 * how much more time the next of them is due. */
static COLD uint64_t limit_check(struct process *process, const struct time_limit *which,
                                 uint64_t now)
{
    struct lx_rlimit *limit = &process->limits[which->resource];
    uint64_t countable = UINT64_MAX / which->unit_ns - which->step;
    uint64_t soft, maximum;

    spin_lock(&process->lock);
    soft = limit->current;
    maximum = limit->maximum;
    spin_unlock(&process->lock);

    /* No limit, or one beyond what nanoseconds can count. */
    if (soft >= countable)
        return UINT64_MAX;
    if (now >= maximum * which->unit_ns && maximum < countable) {
        signal_send_process(process, LX_SIGKILL);
        return UINT64_MAX;
    }
    if (now >= soft * which->unit_ns) {
        /* setrlimit(2): once a second from the soft limit on, SIGKILL at the hard one. */
        signal_send_process(process, LX_SIGXCPU);
        spin_lock(&process->lock);
        if (limit->current == soft) /* it was not set meanwhile */
            limit->current = soft + which->step;
        spin_unlock(&process->lock);
        soft += which->step;
    }
    soft = MIN(soft, maximum) * which->unit_ns;
    return soft - MIN(soft, now);
}

static uint64_t limits_check(struct task *self, uint64_t now)
{
    static const struct time_limit cpu = {LX_RLIMIT_CPU, NS_PER_S, 1};
    static const struct time_limit real_time = {LX_RLIMIT_RTTIME, 1000, 1000000};
    uint64_t next = limit_check(self->process, &cpu, now);

    if (self->thread.rt_own)
        next = MIN(next, limit_check(self->process, &real_time, sched_rt_awake_ns(&self->thread)));
    return next;
}

void signal_timers_check_cpu(struct task *self)
{
    struct process *process = self->process;
    struct sched_times times, own;
    bool locked;
    uint64_t next;

    /* Cleared first: an alarm that rings from here on sets it again. */
    arch_thread_clear_work(&self->thread.arch, TIF_CPU_TIME);
    process_cpu_times(process, &times);
    next = limits_check(self, times.total_ns);
    locked = signal_timers_lock(process);
    sched_thread_times(&self->thread, &own);
    for (struct signal_timer *timer = process->timers.cpu; timer; timer = timer->next_cpu) {
        const struct sched_times *counted = timer->counted ? &own : &times;
        uint64_t now = timer->clock == SIGNAL_CLOCK_USER ? counted->user_ns : counted->total_ns;

        if (timer->counted && timer->counted != self)
            continue; /* that one looks by itself */
        if (timer->armed && timer->deadline_ns <= now) {
            timer->armed = false;
            send_or_go_on(timer);
        }
        if (timer->armed)
            next = MIN(next, timer->deadline_ns - MIN(timer->deadline_ns, now));
        sched_preempt_point(); /* the list is this task's alone, and may be thousands long */
    }
    signal_timers_unlock(process, locked);
    /* The time of all tasks counts, and as many as there are processors run at once. */
    if (locked && next != UINT64_MAX)
        next /= sched_cpus_online();
    /* The grain bounds the cost: a timer of a nanosecond does not take the processor for itself. */
    sched_set_alarm(MAX(next, CPU_GRAIN));
}
