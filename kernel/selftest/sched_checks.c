/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes of stacks on all processors, mutexes, where a new thread begins, and that long work
 * gives way.
 */
#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/lock_stat.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/selftest/ktest.h"
#include "kernel/vm/vm_shared.h"

#define US 1000ULL
#define MS 1000000ULL

static struct waitq sleeping; /* for one that a check wakes by itself */

/* What a processor should see at an address. */
struct look {
    const uint64_t *at;
    uint64_t expected;
    uint32_t wrong; /* [a] processors that saw something else */
};

static void stack_look_at(void *argument)
{
    struct look *look = argument;

    if (__atomic_load_n(look->at, __ATOMIC_RELAXED) != look->expected)
        __atomic_fetch_add(&look->wrong, 1, __ATOMIC_RELAXED);
}

#define STACKS 12 /* more than are kept mapped */

/* The same addresses are a stack again and again, on other frames: every processor must see the new
 * frame. Only one address is read, so that nothing else evicts the old TLB entry by chance. */
KTEST(stacks_seen, "sched-stacks-everywhere")
{
    uint64_t *tops[STACKS], *first = NULL;
    struct look look = {0};
    unsigned looks = 0;

    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < STACKS; i++) {
            tops[i] = kstack_create();
            KTEST_EXPECT(tops[i], "not enough memory");
        }
        if (!first)
            first = tops[STACKS - 1];
        for (unsigned i = 0; i < STACKS; i++) {
            look.at = tops[i] - 1;
            look.expected = round * STACKS + i;
            tops[i][-1] = look.expected;
            if (tops[i] == first) {
                ipi_call_all(stack_look_at, &look);
                looks++;
            }
        }
        for (unsigned i = 0; i < STACKS; i++)
            kstack_destroy(tops[i]);
    }
    KTEST_EXPECT(looks > 1, "the addresses were not used again");
    KTEST_EXPECT(!look.wrong, "%u times a processor saw an old frame", look.wrong);
    return true;
}

/* --- mutexes --- */

#define LOCKERS 4
#define ROUNDS  5000u

/* Threads of the kernel that take the same mutex over and over. */
static struct contest {
    struct mutex mutex;
    struct thread threads[LOCKERS];
    uint64_t sum;        /* [mutex] */
    bool inside;         /* [mutex] */
    uint32_t overlaps;   /* [a] times that two were inside */
    uint32_t hog_rounds; /* [a] of the thread that does not let go */
    uint32_t held;       /* [a] rounds in which the holder has had the mutex, */
    uint32_t taken;      /* [a] and in which the check has taken it after that */
    bool holder_sleeps;  /* while it has it */
    bool stop;           /* [a] */
    volatile unsigned ended;
} contest;

static void contest_ended(struct thread *thread)
{
    (void)thread;
    __atomic_fetch_add(&contest.ended, 1, __ATOMIC_SEQ_CST);
}

/* affinity: which processors it may run on. */
static NOINLINE bool contest_start_in(unsigned i, const struct cpumask *affinity,
                                      void (*function)(void *argument))
{
    contest.threads[i] = (struct thread){0};
    if (thread_create(&contest.threads[i], function, (void *)(uint64_t)i))
        return false;
    contest.threads[i].ended = contest_ended;
    contest.threads[i].affinity = *affinity;
    sched_start(&contest.threads[i]);
    return true;
}

static NOINLINE bool contest_start(unsigned cpu, void (*function)(void *argument))
{
    struct cpumask affinity = cpumask_of(cpu);

    return contest_start_in(0, &affinity, function);
}

/* Their stacks may be freed once they are off them for good. */
static bool contest_end(unsigned count)
{
    uint64_t end = clock_monotonic_ns() + 60000 * MS;

    /* Bounded: a lock that is never handed on must be a failed check and not a hang. */
    while (contest.ended < count && clock_monotonic_ns() < end)
        sched_yield_cpu();
    if (contest.ended != count)
        return false;
    for (unsigned i = 0; i < count; i++)
        thread_destroy(&contest.threads[i]);
    return true;
}

/* The checks share one contest and run one after the other. */
static void contest_reset(void)
{
    contest.sum = 0;
    contest.overlaps = 0;
    contest.hog_rounds = 0;
    contest.held = 0;
    contest.taken = 0;
    contest.holder_sleeps = false;
    contest.ended = 0;
    contest.stop = false;
    mutex_init(&contest.mutex, MUTEX_INODE);
}

/* Some owners leave their processor while they hold the mutex, so that both ways of waiting occur:
 * spinning and sleeping. */
static void locker(void *argument)
{
    uint64_t id = (uint64_t)argument;

    sched_first();
    for (unsigned i = 0; i < ROUNDS; i++) {
        mutex_lock(&contest.mutex);
        if (__atomic_exchange_n(&contest.inside, true, __ATOMIC_RELAXED))
            contest.overlaps++;
        contest.sum++;
        if ((i + id) % 64 == 0) /* its owner is off its processor: the others sleep */
            sched_yield_cpu();
        __atomic_store_n(&contest.inside, false, __ATOMIC_RELAXED);
        mutex_unlock(&contest.mutex);
    }
    sched_exit();
}

/* The sum is not atomic: two owners at once lose an increment. */
KTEST(mutex_excludes, "sched-mutex-excludes")
{
    contest_reset();
    for (unsigned i = 0; i < LOCKERS; i++)
        KTEST_EXPECT(contest_start_in(i, &sched_allowed, locker), "not enough memory");
    KTEST_EXPECT(contest_end(LOCKERS), "%u of %u threads ended", contest.ended, LOCKERS);
    KTEST_EXPECT(!contest.overlaps, "two owners at once, %u times", contest.overlaps);
    KTEST_EXPECT(contest.sum == LOCKERS * ROUNDS, "%llu rounds instead of %u",
                 (unsigned long long)contest.sum, LOCKERS * ROUNDS);
    KTEST_EXPECT(!contest.mutex.owner, "owner %llx afterwards",
                 (unsigned long long)contest.mutex.owner);
    return true;
}

/* Takes the mutex again as soon as it has given it up. */
static void hog(void *argument)
{
    (void)argument;
    sched_first();
    while (!__atomic_load_n(&contest.stop, __ATOMIC_RELAXED)) {
        uint64_t end;

        mutex_lock(&contest.mutex);
        end = clock_monotonic_ns() + 20 * US;
        while (clock_monotonic_ns() < end)
            cpu_pause();
        __atomic_fetch_add(&contest.hog_rounds, 1, __ATOMIC_RELAXED);
        mutex_unlock(&contest.mutex);
        if (sched_cpus_online() < 2)
            sched_yield_cpu();
    }
    sched_exit();
}

#define WAITS 20

/* A thread that waits is overtaken by a bounded number of others. */
KTEST(mutex_fair, "sched-mutex-hands-over")
{
    uint32_t most = 0;

    contest_reset();
    KTEST_EXPECT(contest_start(sched_cpus_online() > 1, hog), "not enough memory");
    for (unsigned i = 0; i < WAITS; i++) {
        uint32_t before;

        do
            sched_yield_cpu();
        while (!__atomic_load_n(&contest.hog_rounds, __ATOMIC_RELAXED));
        before = __atomic_load_n(&contest.hog_rounds, __ATOMIC_RELAXED);
        mutex_lock(&contest.mutex);
        most = MAX(most, __atomic_load_n(&contest.hog_rounds, __ATOMIC_RELAXED) - before);
        mutex_unlock(&contest.mutex);
    }
    __atomic_store_n(&contest.stop, true, __ATOMIC_RELAXED);
    KTEST_EXPECT(contest_end(1), "the thread did not end");
    KTEST_EXPECT(most <= 500, "overtaken %u times", most);
    return true;
}

#define HOLDS   100u
#define HOLD_NS (20 * US) /* of the 50 that a waiter spins */

/* Takes the mutex once in each round. */
static void holder(void *argument)
{
    (void)argument;
    sched_first();
    for (uint32_t i = 1; i <= HOLDS; i++) {
        uint64_t end;

        mutex_lock(&contest.mutex);
        __atomic_store_n(&contest.held, i, __ATOMIC_RELEASE);
        end = clock_monotonic_ns() + HOLD_NS;
        if (contest.holder_sleeps)
            contest.overlaps += waitq_sleep(NULL, 0, end + MS) == 0; /* only its time ends it */
        while (clock_monotonic_ns() < end)
            cpu_pause();
        mutex_unlock(&contest.mutex);
        while (__atomic_load_n(&contest.taken, __ATOMIC_ACQUIRE) != i)
            sched_yield_cpu();
    }
    sched_exit();
}

/* Takes the mutex in every round of the holder; the least time of its own that this has cost. */
static uint64_t holder_follow(void)
{
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 1; i <= HOLDS; i++) {
        struct sched_times before, after;

        while (__atomic_load_n(&contest.held, __ATOMIC_ACQUIRE) != i)
            sched_yield_cpu();
        sched_thread_times(thread_current(), &before);
        mutex_lock(&contest.mutex);
        sched_thread_times(thread_current(), &after);
        least = MIN(least, after.total_ns - before.total_ns);
        mutex_unlock(&contest.mutex);
        __atomic_store_n(&contest.taken, i, __ATOMIC_RELEASE);
    }
    return least;
}

#define WAITS_ENOUGH 10 /* of one try, for it to say anything */
#define SPIN_TRIES   10

/* An owner that runs on another processor is waited for without sleeping: two context switches cost
 * more. A host that stops the owner's processor makes its waiters sleep, or find the mutex free: so
 * one good try is enough, and one in which few waited says nothing. */
KTEST(mutex_spins, "sched-mutex-spins-while-the-owner-runs")
{
    struct cpumask others = sched_allowed;
    uint64_t waits = 0, slept = 0;
    bool good = false, judged = false;

    cpumask_clear(&others, CPU_OWN->index);
    for (unsigned i = 0; !cpumask_is_empty(&others) && i < SPIN_TRIES && !good; i++) {
        struct lock_stat before = lock_stat_mutex_sum(MUTEX_INODE), after;

        contest_reset();
        KTEST_EXPECT(contest_start_in(0, &others, holder), "not enough memory");
        holder_follow();
        KTEST_EXPECT(contest_end(1), "the thread did not end");
        after = lock_stat_mutex_sum(MUTEX_INODE);
        waits = after.contended - before.contended;
        slept = after.sleeps - before.sleeps;
        judged = judged || waits >= WAITS_ENOUGH;
        good = waits >= WAITS_ENOUGH && slept <= waits / 2;
    }
    KTEST_EXPECT(good || !judged, "of %llu waits %llu slept, and no fewer before",
                 (unsigned long long)waits, (unsigned long long)slept);
    return true;
}

/* An owner that sleeps is not waited for by spinning: others may need the waiter's processor. */
KTEST(mutex_sleeps, "sched-mutex-sleeps-while-the-owner-does")
{
    uint64_t least;

    contest_reset();
    contest.holder_sleeps = true;
    KTEST_EXPECT(contest_start_in(0, &sched_allowed, holder), "not enough memory");
    least = holder_follow();
    KTEST_EXPECT(contest_end(1), "the thread did not end");
    KTEST_EXPECT(!contest.overlaps, "%u sleeps were cut short", contest.overlaps);
    KTEST_EXPECT(least < 40 * US, "each wait took %llu ns of the processor",
                 (unsigned long long)least);
    return true;
}

/* --- new threads --- */

static void thread_ends(void *argument)
{
    (void)argument;
    sched_first();
    sched_exit();
}

/* A thread starts with the virtual time that its creator has then, and not with what it had when it
 * was last switched to: making threads would be a way to more than one's share. Until the creator
 * gives way, they wait in its queue. The best of some rounds: a host may stop the processor between
 * two readings of the clock. */
KTEST(start_beside, "sched-new-thread-starts-where-its-creator-is")
{
    struct thread *self = thread_current();
    int64_t best = INT64_MIN;
    bool ahead = false;

    for (unsigned i = 0; i < 5; i++) {
        uint64_t end = clock_monotonic_ns() + 6 * MS;
        int64_t distance;

        contest_reset();
        while (clock_monotonic_ns() < end) /* time that is in no account yet */
            cpu_pause();
        KTEST_EXPECT(contest_start(CPU_OWN->index, thread_ends), "not enough memory");
        distance = (int64_t)(contest.threads[0].vruntime - self->vruntime);
        best = MAX(best, distance);
        ahead = ahead || distance > 0;
        KTEST_EXPECT(contest_end(1), "the thread did not end");
    }
    KTEST_EXPECT(!ahead, "it is behind others that have run as long");
    KTEST_EXPECT(best > -(int64_t)clock_ns_to_ticks(MS), "it starts %llu ns before its creator",
                 (unsigned long long)clock_ticks_to_ns((uint64_t)-best));
    return true;
}

/* --- preemption points --- */

#define SHARED_PAGES 1024u

static bool shared_fill(struct vm_pager *pager)
{
    for (uint64_t i = 0; i < SHARED_PAGES; i++) {
        struct vm_page_range range = {.index = i, .count = 1, .write = true};

        if (pager->ops->map_range(pager, &range))
            return false;
        frame_put(range.frames[0]);
    }
    return true;
}

/* A thread that is due on this processor: it runs, and ends, at the next preemption point. */
static bool rival_start(void)
{
    contest_reset();
    if (!contest_start(CPU_OWN->index, thread_ends))
        return false;
    arch_thread_add_work(&thread_current()->arch, TIF_RESCHED);
    return true;
}

/* Shared memory may be gigabytes, and others need the processor before all of it is dropped. */
KTEST(shared_gives_way, "sched-shared-memory-gives-way")
{
    unsigned punched = 0, freed = 0;
    struct vm_pager *pager;
    bool filled, started;

    KTEST_EXPECT(!vm_shared_create(SHARED_PAGES, &pager), "not enough memory");
    filled = shared_fill(pager);
    started = filled && rival_start();
    if (started) {
        pager->ops->punch(pager, 0, SHARED_PAGES / 2);
        punched = contest.ended;
        started = contest_end(1) && rival_start();
    }
    pager->ops->put(pager, NULL);
    if (started) {
        freed = contest.ended;
        started = contest_end(1);
    }
    KTEST_EXPECT(started, "not enough memory, or a thread did not end");
    KTEST_EXPECT(punched, "a thread that was due waited for all pages to be dropped");
    KTEST_EXPECT(freed, "a thread that was due waited for all of the memory to be freed");
    return true;
}

/* --- interrupts --- */

static void sleeper_run(void *argument)
{
    struct waiter waiter;

    (void)argument;
    sched_first();
    waitq_enter(&sleeping, &waiter);
    if (waitq_sleep(&waiter, 1, 0))
        contest.overlaps++; /* nothing interrupts a thread of the kernel */
    waitq_leave(&sleeping, &waiter);
    sched_exit();
}

/* A waker whose interrupts are on has them on afterwards, too, whether the other thread slept or
 * not. */
KTEST(wake_interrupts, "sched-wake-leaves-interrupts-on")
{
    const struct thread *sleeper = &contest.threads[0];
    bool asleep, ended;
    unsigned off = 0;

    waitq_init(&sleeping);
    contest_reset();
    KTEST_EXPECT(contest_start(0, sleeper_run), "not enough memory");
    for (uint64_t end = clock_monotonic_ns() + 1000 * MS;;) {
        asleep = __atomic_load_n(&sleeper->state, __ATOMIC_RELAXED) == THREAD_BLOCKED;
        if (asleep || clock_monotonic_ns() > end)
            break;
        sched_yield_cpu();
    }
    sched_yield_cpu(); /* it is off its processor, if it has this one */
    sched_wake(&contest.threads[0]);
    off += !irq_enabled();
    irq_enable();
    sched_wake(thread_current()); /* is awake */
    off += !irq_enabled();
    irq_enable();
    ended = contest_end(1);
    KTEST_EXPECT(asleep && ended, "the thread did not %s", asleep ? "end" : "sleep");
    KTEST_EXPECT(!off, "interrupts were off after %u of 2 wake-ups", off);
    return true;
}
