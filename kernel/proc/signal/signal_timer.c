/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals: setitimer, timer_create, and RLIMIT_CPU.
 *
 * A timer belongs to one process. As long as that has one task nearly all of it is touched by that
 * task alone and has no lock; once it has had two (threaded, which only a lone task sets), a mutex
 * is taken around all of it, and the interrupt leaves the collecting to deferred work, as it cannot
 * know which task will come by. Timers of real or monotonic time sit on a kernel timer, whose
 * interrupt pushes them to the list .fired and sets TIF_SIGNAL; the task takes the list on its way
 * to ring 3 (signal_timers_collect) and only then sends the signal. Timers of processor time have
 * no interrupt of their own: the task compares them with its accounts when TIF_CPU_TIME is set, by
 * the alarm of the scheduler for the first that will be due.
 *
 * States: off (deadline_ns 0), started (armed, or pending in the kernel timer), fired (in the
 * list), queued (its signal waits). A periodic timer starts again only when its signal is taken;
 * the periods that have passed meanwhile are the overrun, computed and not counted. One whose
 * signal is ignored goes on by itself, at most once every IGNORED_AGAIN.
 *
 * A timer is freed after timer_stop, which waits for a handler that runs, and after it is out of
 * the list.
 *
 * Long because all kinds of timers share one structure, its states and the functions that move it.
 */
#include "kernel/proc/signal/signal_timer.h"

#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define TIMERS_MAX    16384   /* a process */
#define TIMERS_FIRST  16      /* room in a new table */
#define IGNORED_AGAIN 1000000 /* ns: a timer whose signal is ignored does not fire more often */
#define CPU_GRAIN     100000  /* ns: processor time is not looked at more often */
#define NS_PER_S      1000000000ULL

/* o the owning task   a atomic */
struct signal_timer {
    struct timer timer;
    struct process *process;                    /* [I] */
    struct signal_timer *next_cpu, *next_fired; /* [o] */
    struct signal_timer **link_cpu;             /* [o] what points to it in that list */
    struct signal_timer *next_id;               /* [o] in the chain of by_id */
    int id;                                     /* [I] */
    int signo;                                  /* [I] 0: none */
    int tid;                                    /* [I] the task that gets it; 0: the process */
    struct signal_entry *entry;                 /* [s] of timer_create's: its one signal */
    enum signal_clock clock;                    /* [I] */
    bool armed;                                 /* [o] one of processor time: it runs */
    bool realtime;                              /* [o] counts real time: it was given such a time */
    uint64_t deadline_ns; /* [o] of the next or last expiration, as time_of; 0: off */
    uint64_t interval_ns; /* [o] */
    int overrun;          /* [o] told with the last signal */
    uint32_t fired;       /* [a] set by the interrupt */
    bool queued;          /* [o] its signal waits to be taken */
};

static struct slab_cache *timer_cache;

void signal_timer_init_cache(void)
{
    timer_cache = slab_cache_create("signal_timer", sizeof(struct signal_timer));
}

static void fired_push(struct signal_timers *timers, struct signal_timer *timer)
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
static struct signal_timer *fired_take(struct signal_timers *timers)
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
static void timer_rings(struct timer *hardware)
{
    struct signal_timer *timer = container_of(hardware, struct signal_timer, timer);
    struct task *task = timer->process->leader;

    /* In the list once, however often it fires before the task looks. */
    if (!__atomic_exchange_n(&timer->fired, 1, __ATOMIC_SEQ_CST))
        fired_push(&timer->process->timers, timer);
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

static bool is_cpu(const struct signal_timer *timer)
{
    return timer->clock >= SIGNAL_CLOCK_USER;
}

/* What the timer counts, now. By the process itself. */
static uint64_t time_of(const struct signal_timer *timer)
{
    struct sched_times times;

    if (timer->realtime)
        return clock_realtime_ns();
    if (!is_cpu(timer))
        return clock_monotonic_ns();
    /* Precise to now, also while it runs: what the task has used in this very call counts. */
    process_cpu_times(timer->process, &times);
    return timer->clock == SIGNAL_CLOCK_USER ? times.user_ns : times.total_ns;
}

static void signal_timer_start(struct signal_timer *timer, uint64_t deadline_ns)
{
    timer->armed = is_cpu(timer);
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

/* The chain that the id belongs to. There is a table. */
static struct signal_timer **id_chain(const struct signal_timers *timers, int id)
{
    return &timers->by_id[(uint32_t)id & (timers->size - 1)];
}

static struct signal_timer *signal_timer_find(const struct process *process, int id)
{
    const struct signal_timers *timers = &process->timers;
    struct signal_timer *timer;

    /* Itimers share the functions by negative ids, which no program can name: calls check the
     * sign. */
    if (id < 0)
        return -1 - id < SIGNAL_ITIMERS ? timers->itimers[-1 - id] : NULL;
    timer = timers->size ? *id_chain(timers, id) : NULL;
    while (timer && timer->id != id)
        timer = timer->next_id;
    return timer;
}

static int signal_timer_alloc(struct process *process, int id, int signo, enum signal_clock clock,
                              struct signal_timer **out)
{
    struct signal_timer *timer = slab_alloc(timer_cache);

    /* EAGAIN, as timer_create(2) has it for a lack of memory. */
    if (!timer)
        return -EAGAIN;
    *timer = (struct signal_timer){.process = process, .id = id, .signo = signo, .clock = clock};
    timer_init(&timer->timer, timer_rings);
    if (is_cpu(timer)) {
        timer->next_cpu = process->timers.cpu;
        timer->link_cpu = &process->timers.cpu;
        if (timer->next_cpu)
            timer->next_cpu->link_cpu = &timer->next_cpu;
        process->timers.cpu = timer;
    }
    *out = timer;
    return 0;
}

/* The timer is stopped: the interrupt adds it to the list no more. */
static void fired_remove(struct signal_timers *timers, struct signal_timer *timer)
{
    struct signal_timer *list = fired_take(timers), *next;

    /* The others go back, in an order that does not matter: each sends its own signal. */
    for (; list; list = next) {
        next = list->next_fired;
        if (list != timer)
            fired_push(timers, list);
    }
    __atomic_store_n(&timer->fired, 0, __ATOMIC_RELAXED);
}

static void signal_timer_disarm(struct signal_timer *timer)
{
    /* After this no interrupt of the timer runs or comes, so .fired no longer changes under the
     * task. */
    timer_stop(&timer->timer);
    timer->armed = false;
    if (timer->fired)
        fired_remove(&timer->process->timers, timer);
    timer->queued = false;
}

static void signal_timer_free(struct signal_timer *timer)
{
    if (timer->signo) /* one without a signal never ran */
        signal_timer_disarm(timer);
    if (is_cpu(timer)) {
        *timer->link_cpu = timer->next_cpu;
        if (timer->next_cpu)
            timer->next_cpu->link_cpu = timer->link_cpu;
    }
    /* It may be queued: then it is freed when its signal is taken (signal_entry_release). */
    if (timer->entry) {
        spin_lock(&timer->process->lock);
        signal_entry_release(timer->entry);
        spin_unlock(&timer->process->lock);
    }
    slab_free(timer_cache, timer);
}

/* Ids go round, as on Linux: a program that still has the number of a timer it has deleted does not
 * meet another one under it. At most TIMERS_MAX of them are taken. */
int signal_timer_take_id(struct process *process)
{
    struct signal_timers *timers = &process->timers;
    int id;

    do {
        id = timers->next_id;
        timers->next_id = id == INT32_MAX ? 0 : id + 1;
    } while (signal_timer_find(process, id));
    return id;
}

static void id_insert(struct signal_timers *timers, struct signal_timer *timer)
{
    struct signal_timer **chain = id_chain(timers, timer->id);

    timer->next_id = *chain;
    *chain = timer;
    timers->count++;
}

/* Makes room for one more. */
static int id_table_grow(struct signal_timers *timers)
{
    struct signal_timers larger = {.size = MAX(timers->size * 2, TIMERS_FIRST)};

    if (timers->count < timers->size)
        return 0;
    if (larger.size > TIMERS_MAX)
        return -EAGAIN;
    /* Doubled, so that adding n timers moves 2 n of them at most. */
    larger.by_id = kzalloc(larger.size * sizeof(struct signal_timer *));
    if (!larger.by_id)
        return -EAGAIN;
    for (uint32_t i = 0; i < timers->size; i++)
        for (struct signal_timer *timer = timers->by_id[i], *next; timer; timer = next) {
            next = timer->next_id;
            id_insert(&larger, timer);
        }
    kfree(timers->by_id);
    timers->by_id = larger.by_id;
    timers->size = larger.size;
    return 0;
}

/* Its signal is made now, within RLIMIT_SIGPENDING, and is one however often the timer expires. */
static int entry_create(struct signal_timer *timer, uint64_t value)
{
    struct process *process = timer->process;
    struct signal_charge charge;

    spin_lock(&process->lock);
    charge = signal_charge_of(process);
    timer->entry = signal_entry_create(&charge);
    spin_unlock(&process->lock);
    if (!timer->entry)
        return -EAGAIN;
    timer->entry->info = (struct lx_siginfo){.signo = timer->signo, .code = LX_SI_TIMER};
    timer->entry->info.timer.id = timer->id;
    timer->entry->info.timer.value = value;
    return 0;
}

int signal_timer_create(struct process *process, int id, int signo, int tid, uint64_t value,
                        bool value_given, enum signal_clock clock)
{
    struct signal_timer *timer;
    int err = id_table_grow(&process->timers);

    if (!err)
        err = signal_timer_alloc(process, id, signo, clock, &timer);
    if (err)
        return err;
    timer->tid = tid;
    /* Without a sigevent the value of the signal is the timer's id: timer_create(2). */
    err = entry_create(timer, value_given ? value : (uint64_t)id);
    if (err) {
        signal_timer_free(timer);
        return err;
    }
    id_insert(&process->timers, timer);
    return 0;
}

int signal_timer_itimer(struct process *process, int which, int signo, enum signal_clock clock)
{
    struct signal_timer **timer = &process->timers.itimers[which];

    return *timer ? 0
                  : signal_timer_alloc(process, SIGNAL_TIMER_ITIMER(which), signo, clock, timer);
}

int signal_timer_delete(struct process *process, int id)
{
    struct signal_timer *timer = id >= 0 ? signal_timer_find(process, id) : NULL;
    struct signal_timers *timers = &process->timers;
    struct signal_timer **link;

    if (!timer)
        return -EINVAL;
    for (link = id_chain(timers, id); *link != timer; link = &(*link)->next_id)
        ;
    *link = timer->next_id;
    timers->count--;
    signal_timer_free(timer);
    return 0;
}

/* Those of timer_create are in the list of the fired no more. All at once: to take them out one by
 * one would mean to look at all of them for each. */
static void timers_stop(struct signal_timers *timers)
{
    struct signal_timer *timer, *next;

    for (uint32_t i = 0; i < timers->size; i++) {
        for (timer = timers->by_id[i]; timer; timer = timer->next_id)
            timer_stop(&timer->timer);
        sched_preempt_point();
    }
    for (timer = fired_take(timers); timer; timer = next) {
        next = timer->next_fired;
        if (timer->id < 0)
            fired_push(timers, timer);
        else
            __atomic_store_n(&timer->fired, 0, __ATOMIC_RELAXED);
    }
}

void signal_timers_drop(struct process *process, bool all)
{
    struct signal_timers *timers = &process->timers;
    bool locked = signal_timers_lock(process);

    timers_stop(timers);
    /* Interval timers survive exec, those of timer_create do not (execve(2), "Effect on process
     * attributes"). Their numbers do not come back either. */
    for (uint32_t i = 0; i < timers->size; i++) {
        for (struct signal_timer *timer = timers->by_id[i], *next; timer; timer = next) {
            next = timer->next_id;
            signal_timer_free(timer);
        }
        sched_preempt_point();
    }
    kfree(timers->by_id);
    timers->by_id = NULL;
    timers->size = timers->count = 0;
    for (unsigned i = 0; all && i < SIGNAL_ITIMERS; i++) {
        if (timers->itimers[i])
            signal_timer_free(timers->itimers[i]);
        timers->itimers[i] = NULL;
    }
    signal_timers_unlock(process, locked);
}

/* Expirations that lie behind now, the first of them at the deadline; moves the deadline on. */
static uint64_t signal_timer_forward(struct signal_timer *timer, uint64_t now)
{
    uint64_t missed;

    if (timer->deadline_ns > now)
        return 0;
    /* By division: a period of nanoseconds may have passed millions of times. */
    missed = (now - timer->deadline_ns) / timer->interval_ns + 1;
    timer->deadline_ns += missed * timer->interval_ns;
    return missed;
}

/* A periodic timer whose signal waits does not run, yet its value counts on as if it did. */
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
    const struct signal_timer *timer = signal_timer_find(process, id);

    if (!timer)
        return -EINVAL;
    times_of(timer, times);
    return 0;
}

int signal_timer_overrun(struct process *process, int id)
{
    const struct signal_timer *timer = id >= 0 ? signal_timer_find(process, id) : NULL;

    return timer ? timer->overrun : -EINVAL;
}

/* The time at which it rings; never 0, never past what the clock can count to. */
static uint64_t deadline_of(const struct signal_timer *timer, bool absolute, uint64_t value)
{
    uint64_t now;

    if (absolute)
        return MAX(value, 1);
    /* Relative to the timer's own clock, which for processor time is what the process has used. */
    now = time_of(timer);
    return value > INT64_MAX - now ? INT64_MAX : now + value;
}

/* A timer that may be pending is moved, without being stopped first. If it has fired by then, it
 * cannot be told for which of the two deadlines: both are given up, and it starts once more. */
static void start_anew(struct signal_timer *timer, uint64_t deadline_ns)
{
    signal_timer_start(timer, deadline_ns);
    if (unlikely(__atomic_load_n(&timer->fired, __ATOMIC_SEQ_CST))) {
        signal_timer_disarm(timer);
        signal_timer_start(timer, deadline_ns);
    }
}

int signal_timer_set(struct process *process, int id, bool absolute,
                     const struct signal_timer_times *times, struct signal_timer_times *before)
{
    struct signal_timer *timer = signal_timer_find(process, id);

    if (!timer)
        return -EINVAL;
    /* The old value is read first: timer_settime(2) returns it as of before the change. */
    if (before)
        times_of(timer, before);
    timer->overrun = 0;
    /* A timer that is stopped has no interval, but setitimer of processor time keeps it, as on
     * Linux. */
    timer->interval_ns = times->value || (timer->id < 0 && is_cpu(timer)) ? times->interval : 0;
    /* A timer that goes on is moved (start_anew), which is cheaper than to stop and start it; one
     * without a signal never runs. */
    if (timer->signo && (!times->value || timer->fired || is_cpu(timer)))
        signal_timer_disarm(timer);
    timer->queued = false;
    timer->realtime = absolute && timer->clock == SIGNAL_CLOCK_REALTIME;
    timer->deadline_ns = times->value ? deadline_of(timer, absolute, times->value) : 0;
    if (timer->deadline_ns && timer->signo)
        start_anew(timer, timer->deadline_ns);
    return 0;
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
    uint64_t now = time_of(timer);
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

    for (timer = fired_take(&process->timers); timer; timer = next) {
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
static void timers_rung(struct deferred *item)
{
    struct process *process = container_of(item, struct process, timers.rung);

    timers_collect(process);
    process_put(process);
}

void signal_timers_init(struct signal_timers *timers)
{
    mutex_init(&timers->mutex, MUTEX_SIGNAL_TIMER);
    deferred_init(&timers->rung, timers_rung);
}

bool signal_timers_lock(struct process *process)
{
    if (likely(!process->threaded))
        return false;
    mutex_lock(&process->timers.mutex);
    return true;
}

void signal_timers_unlock(struct process *process, bool locked)
{
    if (unlikely(locked))
        mutex_unlock(&process->timers.mutex);
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
        uint64_t passed = signal_timer_forward(timer, time_of(timer));

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

/* A signal at the soft limit, which moves on by a second; the end at the hard one. Returns the
 * time at which the next of them is due. */
static uint64_t limit_check(struct process *process, uint64_t now)
{
    struct lx_rlimit *limit = &process->limits[LX_RLIMIT_CPU];
    uint64_t soft, maximum;

    spin_lock(&process->lock);
    soft = limit->current;
    maximum = limit->maximum;
    spin_unlock(&process->lock);

    /* No limit, or one beyond what nanoseconds can count. */
    if (soft >= UINT64_MAX / NS_PER_S)
        return UINT64_MAX;
    if (now >= maximum * NS_PER_S && maximum < UINT64_MAX / NS_PER_S) {
        signal_send_process(process, LX_SIGKILL);
        return UINT64_MAX;
    }
    if (now >= soft * NS_PER_S) {
        /* setrlimit(2): once a second from the soft limit on, SIGKILL at the hard one. */
        signal_send_process(process, LX_SIGXCPU);
        spin_lock(&process->lock);
        if (limit->current == soft) /* it was not set meanwhile */
            limit->current = soft + 1;
        spin_unlock(&process->lock);
        soft++;
    }
    return MIN(soft, maximum) * NS_PER_S;
}

void signal_timers_check_cpu(struct task *self)
{
    struct process *process = self->process;
    struct sched_times times;
    bool locked;
    uint64_t next;

    /* Cleared first: an alarm that rings from here on sets it again. */
    arch_thread_clear_work(&self->thread.arch, TIF_CPU_TIME);
    process_cpu_times(process, &times);
    next = limit_check(process, times.total_ns);
    next = next == UINT64_MAX ? next : next - MIN(next, times.total_ns);
    locked = signal_timers_lock(process);
    for (struct signal_timer *timer = process->timers.cpu; timer; timer = timer->next_cpu) {
        uint64_t now = timer->clock == SIGNAL_CLOCK_USER ? times.user_ns : times.total_ns;

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
