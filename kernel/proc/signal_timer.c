/* SPDX-License-Identifier: MIT */
#include "kernel/proc/signal_timer.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define TIMERS_MAX    1024    /* a process */
#define IGNORED_AGAIN 1000000 /* ns: a timer whose signal is ignored does not fire more often */
#define CPU_GRAIN     100000  /* ns: processor time is not looked at more often */
#define NS_PER_S      1000000000ULL

/* o the owning task   a atomic */
struct signal_timer {
    struct timer timer;
    struct process *process;   /* [I] */
    struct signal_timer *next; /* [o] */
    int id;                    /* [I] */
    int signo;                 /* [I] 0: none */
    uint64_t value;            /* [I] given back in siginfo */
    enum signal_clock clock;   /* [I] */
    bool armed;                /* [o] one of processor time: it runs */
    uint64_t deadline_ns;      /* [o] of the next or last expiration, as time_of; 0: off */
    uint64_t interval_ns;      /* [o] */
    int overrun;               /* [o] told with the last signal */
    uint32_t fired;            /* [a] set by the interrupt */
    bool queued;               /* [o] its signal waits to be taken */
};

/* Interrupt. A task that blocks the signal is not woken: it will look before it lets it in. */
static void timer_rings(struct timer *hardware)
{
    struct signal_timer *timer = container_of(hardware, struct signal_timer, timer);
    struct task *task = timer->process->task;

    __atomic_store_n(&timer->fired, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&timer->process->timers_fired, 1, __ATOMIC_SEQ_CST);
    arch_thread_add_work(&task->thread.arch, ARCH_WORK_SIGNAL);
    if (!(__atomic_load_n(&task->sig_mask, __ATOMIC_RELAXED) & SIGNAL_BIT(timer->signo)) ||
        (__atomic_load_n(&task->sig_wait, __ATOMIC_RELAXED) & SIGNAL_BIT(timer->signo)))
        sched_notify(&task->thread);
}

static bool is_cpu(const struct signal_timer *timer)
{
    return timer->clock >= SIGNAL_CLOCK_USER;
}

/* What the timer counts, now. By the process itself. */
static uint64_t time_of(const struct signal_timer *timer)
{
    struct sched_times times;

    if (!is_cpu(timer))
        return clock_monotonic_ns();
    sched_thread_times(&timer->process->task->thread, &times);
    return timer->clock == SIGNAL_CLOCK_USER ? times.user_ns : times.total_ns;
}

static void start(struct signal_timer *timer, uint64_t deadline_ns)
{
    timer->armed = is_cpu(timer);
    if (timer->armed)
        arch_thread_add_work(&timer->process->task->thread.arch, ARCH_WORK_CPU_TIME);
    else
        timer_start(&timer->timer, deadline_ns);
}

static struct signal_timer *find(const struct process *process, int id)
{
    struct signal_timer *timer = process->timers;

    while (timer && timer->id != id)
        timer = timer->next;
    return timer;
}

static int create(struct process *process, int id, int signo, struct signal_timer **out)
{
    struct signal_timer *timer = kzalloc(sizeof(*timer));

    if (!timer)
        return -EAGAIN;
    timer_init(&timer->timer, timer_rings);
    timer->process = process;
    timer->id = id;
    timer->signo = signo;
    timer->next = process->timers;
    process->timers = timer;
    *out = timer;
    return 0;
}

int signal_timer_create(struct process *process, int signo, uint64_t value, bool value_given,
                        enum signal_clock clock, int *out_id)
{
    struct signal_timer *timer;
    int id = 0;
    int err;

    while (id < TIMERS_MAX && find(process, id))
        id++;
    if (id == TIMERS_MAX)
        return -EAGAIN;
    err = create(process, id, signo, &timer);
    if (err)
        return err;
    timer->value = value_given ? value : (uint64_t)id;
    timer->clock = clock;
    *out_id = id;
    return 0;
}

int signal_timer_itimer(struct process *process, int which, int signo, enum signal_clock clock)
{
    struct signal_timer *timer = find(process, SIGNAL_TIMER_ITIMER(which));
    int err = timer ? 0 : create(process, SIGNAL_TIMER_ITIMER(which), signo, &timer);

    if (!err)
        timer->clock = clock;
    return err;
}

static void disarm(struct signal_timer *timer)
{
    timer_stop(&timer->timer);
    timer->armed = false;
    __atomic_store_n(&timer->fired, 0, __ATOMIC_RELAXED);
    timer->queued = false;
}

int signal_timer_delete(struct process *process, int id)
{
    struct signal_timer *timer = id >= 0 ? find(process, id) : NULL;
    struct signal_timer **link = &process->timers;

    if (!timer)
        return -EINVAL;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    disarm(timer);
    kfree(timer);
    return 0;
}

void signal_timers_drop(struct process *process, bool all)
{
    struct signal_timer **link = &process->timers;

    while (*link) {
        struct signal_timer *timer = *link;

        if (!all && timer->id < 0) {
            link = &timer->next;
            continue;
        }
        *link = timer->next;
        disarm(timer);
        kfree(timer);
    }
}

/* Expirations that lie behind now, the first of them at the deadline; moves the deadline on. */
static uint64_t forward(struct signal_timer *timer, uint64_t now)
{
    uint64_t missed;

    if (timer->deadline_ns > now)
        return 0;
    missed = (now - timer->deadline_ns) / timer->interval_ns + 1;
    timer->deadline_ns += missed * timer->interval_ns;
    return missed;
}

static void times_of(const struct signal_timer *timer, struct signal_timer_times *times)
{
    uint64_t now = time_of(timer);

    *times = (struct signal_timer_times){.interval = timer->interval_ns};
    if (!timer->deadline_ns)
        return;
    if (timer->deadline_ns > now)
        times->value = timer->deadline_ns - now;
    else if (timer->interval_ns)
        times->value = timer->interval_ns - (now - timer->deadline_ns) % timer->interval_ns;
    else if (!timer->fired && !timer->queued && (timer->armed || timer_pending(&timer->timer)))
        times->value = 1; /* due, but the interrupt has not come yet */
}

int signal_timer_get(struct process *process, int id, struct signal_timer_times *times)
{
    const struct signal_timer *timer = find(process, id);

    if (!timer)
        return -EINVAL;
    times_of(timer, times);
    return 0;
}

int signal_timer_overrun(struct process *process, int id)
{
    const struct signal_timer *timer = id >= 0 ? find(process, id) : NULL;

    return timer ? timer->overrun : -EINVAL;
}

/* The time at which it rings; never 0, never past what the clock can count to. */
static uint64_t deadline_of(const struct signal_timer *timer, bool absolute, uint64_t value)
{
    uint64_t now;

    if (absolute && timer->clock == SIGNAL_CLOCK_REALTIME)
        value = clock_monotonic_of_realtime(value);
    if (absolute)
        return MAX(value, 1);
    now = time_of(timer);
    return value > INT64_MAX - now ? INT64_MAX : now + value;
}

int signal_timer_set(struct process *process, int id, bool absolute,
                     const struct signal_timer_times *times, struct signal_timer_times *before)
{
    struct signal_timer *timer = find(process, id);

    if (!timer)
        return -EINVAL;
    if (before)
        times_of(timer, before);
    disarm(timer);
    timer->overrun = 0;
    timer->interval_ns = times->value || (timer->id < 0 && is_cpu(timer)) ? times->interval : 0;
    timer->deadline_ns = times->value ? deadline_of(timer, absolute, times->value) : 0;
    if (timer->deadline_ns && timer->signo)
        start(timer, timer->deadline_ns);
    return 0;
}

/* Ignored signals vanish, so nobody will take it: the timer goes on by itself. */
static void send_or_go_on(struct task *self, struct signal_timer *timer)
{
    struct lx_siginfo info = {.signo = timer->signo, .code = LX_SI_KERNEL};
    uint64_t now = time_of(timer);
    uint64_t flags;
    int err;

    if (timer->id >= 0) {
        info.code = LX_SI_TIMER;
        info.timer.id = timer->id;
        info.timer.value = timer->value;
    }
    flags = spin_lock_irqsave(&process_tree_lock);
    err = signal_send_info_locked(self->process, NULL, &info, false);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    ASSERT(!err);
    timer->queued = (signal_pending(self) & SIGNAL_BIT(timer->signo)) != 0;
    if (!timer->queued && timer->interval_ns) {
        forward(timer, now);
        start(timer, MAX(timer->deadline_ns, now + IGNORED_AGAIN));
    }
}

void signal_timers_collect(struct task *self)
{
    struct process *process = self->process;

    if (!__atomic_load_n(&process->timers_fired, __ATOMIC_SEQ_CST))
        return;
    __atomic_store_n(&process->timers_fired, 0, __ATOMIC_SEQ_CST);
    for (struct signal_timer *timer = process->timers; timer; timer = timer->next)
        if (__atomic_exchange_n(&timer->fired, 0, __ATOMIC_SEQ_CST))
            send_or_go_on(self, timer);
}

static struct signal_timer *sender_of(const struct process *process, const struct lx_siginfo *info)
{
    if (info->code == LX_SI_TIMER)
        return find(process, info->timer.id);
    if (info->code != LX_SI_KERNEL)
        return NULL;
    for (struct signal_timer *timer = process->timers; timer; timer = timer->next)
        if (timer->id < 0 && timer->queued && timer->signo == info->signo)
            return timer;
    return NULL;
}

void signal_timers_taken(struct task *self, struct lx_siginfo *info)
{
    struct signal_timer *timer;

    if (!self->process->timers)
        return;
    timer = sender_of(self->process, info);
    if (!timer || !timer->queued)
        return;
    timer->queued = false;
    timer->overrun = 0;
    if (timer->interval_ns) {
        uint64_t passed = forward(timer, time_of(timer));

        timer->overrun = passed ? (int)MIN(passed - 1, INT32_MAX) : 0;
        start(timer, timer->deadline_ns);
    }
    if (timer->id >= 0)
        info->timer.overrun = timer->overrun;
}

/* A signal at the soft limit, which moves on by a second; the end at the hard one. Returns the
 * time at which the next of them is due. */
static uint64_t limit_check(struct process *process, uint64_t now)
{
    struct lx_rlimit *limit = &process->limits[LX_RLIMIT_CPU];
    uint64_t soft = limit->current;

    if (soft >= UINT64_MAX / NS_PER_S)
        return UINT64_MAX;
    if (now >= limit->maximum * NS_PER_S && limit->maximum < UINT64_MAX / NS_PER_S) {
        signal_send_process(process, LX_SIGKILL);
        return UINT64_MAX;
    }
    if (now >= soft * NS_PER_S) {
        signal_send_process(process, LX_SIGXCPU);
        limit->current = ++soft;
    }
    return MIN(soft, limit->maximum) * NS_PER_S;
}

void signal_timers_check_cpu(struct task *self)
{
    struct process *process = self->process;
    struct sched_times times;
    uint64_t next;

    arch_thread_clear_work(&self->thread.arch, ARCH_WORK_CPU_TIME);
    sched_thread_times(&self->thread, &times);
    next = limit_check(process, times.total_ns);
    next = next == UINT64_MAX ? next : next - MIN(next, times.total_ns);
    for (struct signal_timer *timer = process->timers; timer; timer = timer->next) {
        uint64_t now = timer->clock == SIGNAL_CLOCK_USER ? times.user_ns : times.total_ns;

        if (timer->armed && timer->deadline_ns <= now) {
            timer->armed = false;
            send_or_go_on(self, timer);
        }
        if (timer->armed)
            next = MIN(next, timer->deadline_ns - MIN(timer->deadline_ns, now));
    }
    sched_set_alarm(MAX(next, CPU_GRAIN));
}
