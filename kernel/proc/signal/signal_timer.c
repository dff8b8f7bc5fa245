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
 */
#include "kernel/proc/signal/signal_timer.h"

#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/signal/signal_timer_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define TIMERS_MAX   16384 /* a process */
#define TIMERS_FIRST 16    /* room in a new table */

static struct slab_cache *timer_cache;

void signal_timer_init_cache(void)
{
    timer_cache = slab_cache_create("signal_timer", sizeof(struct signal_timer));
}

/* The chain that the id belongs to. There is a table. */
static struct signal_timer **id_chain(const struct signal_timers *timers, int id)
{
    return &timers->by_id[(uint32_t)id & (timers->size - 1)];
}

struct signal_timer *signal_timer_find(const struct process *process, int id)
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
    timer_init(&timer->timer, signal_timer_rings);
    if (signal_timer_is_cpu(timer)) {
        timer->next_cpu = process->timers.cpu;
        timer->link_cpu = &process->timers.cpu;
        if (timer->next_cpu)
            timer->next_cpu->link_cpu = &timer->next_cpu;
        process->timers.cpu = timer;
    }
    *out = timer;
    return 0;
}

static void signal_timer_free(struct signal_timer *timer)
{
    if (timer->signo) /* one without a signal never ran */
        signal_timer_disarm(timer);
    if (signal_timer_is_cpu(timer)) {
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
    if (timer->counted)
        task_put(timer->counted);
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
                        bool value_given, const struct signal_timer_clock *clock)
{
    struct signal_timer *timer;
    int err = id_table_grow(&process->timers);

    if (!err)
        err = signal_timer_alloc(process, id, signo, clock->clock, &timer);
    if (err)
        return err;
    timer->tid = tid;
    timer->counted = clock->counted;
    if (timer->counted)
        task_get(timer->counted);
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
    for (timer = signal_timers_fired_take(timers); timer; timer = next) {
        next = timer->next_fired;
        if (timer->id < 0)
            signal_timers_fired_push(timers, timer);
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

/* A periodic timer whose signal waits does not run, yet its value counts on as if it did. */
static void times_of(const struct signal_timer *timer, struct signal_timer_times *times)
{
    uint64_t now = signal_timer_time(timer);

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
    now = signal_timer_time(timer);
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
    timer->interval_ns =
        times->value || (timer->id < 0 && signal_timer_is_cpu(timer)) ? times->interval : 0;
    /* A timer that goes on is moved (start_anew), which is cheaper than to stop and start it; one
     * without a signal never runs. */
    if (timer->signo && (!times->value || timer->fired || signal_timer_is_cpu(timer)))
        signal_timer_disarm(timer);
    timer->queued = false;
    timer->realtime = absolute && timer->clock == SIGNAL_CLOCK_REALTIME;
    timer->deadline_ns = times->value ? deadline_of(timer, absolute, times->value) : 0;
    if (timer->deadline_ns && timer->signo)
        start_anew(timer, timer->deadline_ns);
    return 0;
}

void signal_timers_init(struct signal_timers *timers)
{
    mutex_init(&timers->mutex, MUTEX_SIGNAL_TIMER);
    deferred_init(&timers->rung, signal_timers_rung);
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
