/* SPDX-License-Identifier: MIT */
/*
 * Locks that lend priority: taking, waiting, errors, death, requeue to them; several words at once.
 *
 * Long because the checks share their holders and waiters.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/futex.h"
#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define CLOCK_FLAG LX_FUTEX_CLOCK_REALTIME
#define PRIVATE    LX_FUTEX_PRIVATE_FLAG
#define WAITERS    LX_FUTEX_WAITERS
#define DIED       LX_FUTEX_OWNER_DIED

static uint32_t *words; /* shared by all processes here */

static long futex(volatile uint32_t *word, int operation, uint32_t value, const void *timeout,
                  volatile uint32_t *word2, uint32_t value3)
{
    return raw6(SYS_futex, word, operation, value, timeout, word2, value3);
}

static long lock(uint32_t *word)
{
    return futex(word, LX_FUTEX_LOCK_PI, 0, NULL, NULL, 0);
}

static long try_lock(uint32_t *word)
{
    return futex(word, LX_FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
}

static long unlock(uint32_t *word)
{
    return futex(word, LX_FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static struct timespec after_ms(clockid_t clock, long ms)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    time.tv_nsec += ms * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static void check_alone(void)
{
    uint32_t *word = &words[0], tid = (uint32_t)getpid();
    struct timespec bad = {0, 1000000000};

    for (int private = 0; private <= PRIVATE; private += PRIVATE) {
        *word = 0;
        CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI | private, 0, NULL, NULL, 0), 0);
        CHECK_EQ(*word, tid);
        CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI | private, 0, NULL, NULL, 0), -EDEADLK);
        CHECK_EQ(futex(word, LX_FUTEX_TRYLOCK_PI | private, 0, NULL, NULL, 0), -EDEADLK);
        CHECK_EQ(futex(word, LX_FUTEX_UNLOCK_PI | private, 0, NULL, NULL, 0), 0);
        CHECK_EQ(*word, 0);
        CHECK_EQ(futex(word, LX_FUTEX_UNLOCK_PI | private, 0, NULL, NULL, 0), -EPERM);
        CHECK_EQ(futex(word, LX_FUTEX_TRYLOCK_PI | private, 0, NULL, NULL, 0), 0);
        CHECK_EQ(*word, tid);
        *word |= WAITERS;
        CHECK_EQ(futex(word, LX_FUTEX_UNLOCK_PI | private, 0, NULL, NULL, 0), 0);
        CHECK_EQ(*word, 0);
        *word = DIED | WAITERS; /* its last owner has died: the mark of that stays */
        CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI2 | private, 0, NULL, NULL, 0), 0);
        CHECK_EQ(*word, tid | DIED);
        *word = 0x3ffffff0; /* no task has that number */
        CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI | private, 0, NULL, NULL, 0), -ESRCH);
        *word = 0;
    }
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI, 0, &bad, NULL, 0), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI, 0, (void *)8, NULL, 0), -EFAULT);
    CHECK_EQ(lock((uint32_t *)((char *)word + 2)), -EINVAL);
    CHECK_EQ(lock((uint32_t *)8), -EFAULT);
    CHECK_EQ(unlock((uint32_t *)8), -EFAULT);
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI | CLOCK_FLAG, 0, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(word, LX_FUTEX_UNLOCK_PI | CLOCK_FLAG, 0, NULL, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI2 | CLOCK_FLAG, 0, NULL, NULL, 0), 0);
    CHECK_EQ(unlock(word), 0);
}

/* A child that takes the lock and keeps it until words[15] changes. */
static pid_t holder_start(uint32_t *word, bool unlocks)
{
    pid_t pid;

    words[15] = 0;
    pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(lock(word), 0);
        while (!__atomic_load_n(&words[15], __ATOMIC_SEQ_CST))
            futex(&words[15], LX_FUTEX_WAIT, 0, NULL, NULL, 0);
        if (unlocks)
            CHECK_EQ(unlock(word), 0);
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void holder_go(void)
{
    __atomic_store_n(&words[15], 1, __ATOMIC_SEQ_CST);
    futex(&words[15], LX_FUTEX_WAKE, 100, NULL, NULL, 0);
}

static pid_t waiter_start(uint32_t *word, long result)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        CHECK_EQ(lock(word), result);
        if (result == 0) {
            CHECK_EQ(*word & LX_FUTEX_TID_MASK, getpid());
            CHECK_EQ(unlock(word), 0);
        }
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void check_waiting(void)
{
    uint32_t *word = &words[1];
    struct timespec time;
    pid_t holder, waiter;

    *word = 0;
    holder = holder_start(word, true);
    CHECK_EQ(*word, holder);
    CHECK_EQ(try_lock(word), -EAGAIN);
    CHECK_EQ(unlock(word), -EPERM);
    time = after_ms(CLOCK_REALTIME, 20);
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI, 0, &time, NULL, 0), -ETIMEDOUT);
    time = after_ms(CLOCK_MONOTONIC, 20);
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI2, 0, &time, NULL, 0), -ETIMEDOUT);
    time = after_ms(CLOCK_REALTIME, 20);
    CHECK_EQ(futex(word, LX_FUTEX_LOCK_PI2 | CLOCK_FLAG, 0, &time, NULL, 0), -ETIMEDOUT);
    CHECK_EQ(*word, (uint32_t)holder | WAITERS);
    waiter = waiter_start(word, 0);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
    holder_go();
    CHECK_EQ(child_end(holder), 0);
    CHECK_EQ(child_end(waiter), 0);
    CHECK_EQ(*word, 0);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

/* What waits for a change of the word and what waits for the lock do not go together. */
static void check_mixed(void)
{
    uint32_t *word = &words[2];
    pid_t pid = 0;

    *word = (uint32_t)getpid();
    pid = CHECK_OK(fork());
    if (pid == 0)
        _exit(futex(word, LX_FUTEX_WAIT, *word, NULL, NULL, 0) != 0);
    asleep_await(pid);
    CHECK_EQ(unlock(word), -EINVAL);
    *word = 1;
    CHECK_EQ(lock(word), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE, 1, NULL, NULL, 0), 1);
    CHECK_EQ(child_end(pid), 0);
}

static void check_deadlock(void)
{
    uint32_t *a = &words[3], *b = &words[4];
    pid_t pid;

    *a = *b = words[5] = 0;
    CHECK_EQ(lock(a), 0);
    pid = CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(lock(b), 0);
        CHECK_EQ(lock(a), 0);
        CHECK_EQ(unlock(a), 0);
        CHECK_EQ(unlock(b), 0);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_EQ(lock(b), -EDEADLK);
    CHECK_EQ(unlock(a), 0);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(*a | *b, 0);
}

/* The next one learns of the death, whether the lock was on a robust list or not. */
static void check_death(void)
{
    uint32_t *word = &words[6];
    pid_t holder, waiter;

    *word = 0;
    holder = holder_start(word, false);
    waiter = CHECK_OK(fork());
    if (waiter == 0) {
        CHECK_EQ(lock(word), 0);
        CHECK_EQ(*word, (uint32_t)getpid() | WAITERS | DIED);
        CHECK_EQ(unlock(word), 0);
        _exit(0);
    }
    asleep_await(waiter);
    CHECK_OK(kill(holder, SIGKILL));
    CHECK_EQ(child_end(holder), SIGKILL);
    CHECK_EQ(child_end(waiter), 0);
    CHECK_EQ(*word, 0);
}

static volatile int handled;

static void on_signal(int number)
{
    handled = number;
}

/* A handler runs and the wait goes on; one that is killed as it waits leaves no trace. */
static void check_signal(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    uint32_t *word = &words[7];
    pid_t holder, waiter;

    *word = 0;
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    holder = holder_start(word, true);
    waiter = waiter_start(word, 0);
    CHECK_OK(kill(waiter, SIGUSR1));
    asleep_await(waiter);
    CHECK_EQ(*word, (uint32_t)holder | WAITERS);
    holder_go();
    CHECK_EQ(child_end(holder), 0);
    CHECK_EQ(child_end(waiter), 0);
    holder = holder_start(word, true);
    waiter = waiter_start(word, 0);
    CHECK_OK(kill(waiter, SIGKILL));
    CHECK_EQ(child_end(waiter), SIGKILL);
    holder_go();
    CHECK_EQ(child_end(holder), 0);
    CHECK_EQ(*word, 0);
}

static pid_t condition_wait(uint32_t *word, uint32_t *target, long result)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        CHECK_EQ(futex(word, LX_FUTEX_WAIT_REQUEUE_PI, 5, NULL, target, 0), result);
        if (result == 0) {
            CHECK_EQ(*target & LX_FUTEX_TID_MASK, getpid());
            CHECK_EQ(unlock(target), 0);
        }
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static long requeue(uint32_t *word, int wake, long move, uint32_t *target, uint32_t value)
{
    return futex(word, LX_FUTEX_CMP_REQUEUE_PI, (uint32_t)wake, (void *)move, target, value);
}

static void check_requeue(void)
{
    uint32_t *word = &words[8], *target = &words[9], *other = &words[10];
    struct timespec time;
    pid_t pids[3];

    *word = 5;
    *target = *other = 0;
    CHECK_EQ(requeue(word, 1, 1, target, 5), 0);
    CHECK_EQ(requeue(word, 1, 1, target, 6), -EAGAIN);
    CHECK_EQ(requeue(word, 2, 1, target, 5), -EINVAL);
    CHECK_EQ(requeue(word, 1, 1, word, 5), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_REQUEUE_PI, 5, NULL, word, 0), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_REQUEUE_PI, 6, NULL, target, 0), -EAGAIN);
    time = after_ms(CLOCK_MONOTONIC, 20);
    CHECK_EQ(futex(word, LX_FUTEX_WAIT_REQUEUE_PI, 5, &time, target, 0), -ETIMEDOUT);
    /* Free: the first has it at once. */
    pids[0] = condition_wait(word, target, 0);
    CHECK_EQ(futex(word, LX_FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
    CHECK_EQ(futex(word, LX_FUTEX_REQUEUE, 1, (void *)1, other, 0), -EINVAL);
    CHECK_EQ(requeue(word, 1, 0, other, 5), -EINVAL);
    CHECK_EQ(requeue(word, 1, 0, target, 5), 1);
    CHECK_EQ(child_end(pids[0]), 0);
    CHECK_EQ(*target, 0);
    /* Held, by the one that requeues: all wait for it, and have it one after the other. */
    CHECK_EQ(lock(target), 0);
    for (int i = 0; i < 3; i++)
        pids[i] = condition_wait(word, target, 0);
    CHECK_EQ(requeue(word, 1, 100, target, 5), 3);
    CHECK_EQ(*target, (uint32_t)getpid() | WAITERS);
    CHECK_EQ(unlock(target), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(child_end(pids[i]), 0);
    /* Free, for three: one gets it, two wait for that one. */
    for (int i = 0; i < 3; i++)
        pids[i] = condition_wait(word, target, 0);
    CHECK_EQ(requeue(word, 1, 100, target, 5), 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(child_end(pids[i]), 0);
    CHECK_EQ(*target & ~WAITERS, 0);
    /* What is killed before and after the requeue leaves no trace. */
    *target = 0;
    CHECK_EQ(lock(target), 0);
    for (int i = 0; i < 2; i++) {
        pids[0] = condition_wait(word, target, 0);
        if (i)
            CHECK_EQ(requeue(word, 1, 0, target, 5), 1);
        CHECK_OK(kill(pids[0], SIGKILL));
        CHECK_EQ(child_end(pids[0]), SIGKILL);
        CHECK_EQ(requeue(word, 1, 0, target, 5), 0);
    }
    /* A signal after the requeue ends the wait. */
    pids[0] = condition_wait(word, target, -EAGAIN);
    CHECK_EQ(requeue(word, 1, 0, target, 5), 1);
    CHECK_OK(kill(pids[0], SIGUSR1));
    CHECK_EQ(child_end(pids[0]), 0);
    CHECK_EQ(unlock(target), 0);
    CHECK_EQ(*target, 0);
}

static long waitv(struct lx_futex_waitv *many, unsigned count, const struct timespec *time,
                  clockid_t clock)
{
    return raw6(449, many, count, 0, time, clock, 0);
}

static void check_many(void)
{
    struct lx_futex_waitv many[LX_FUTEX_WAITV_MAX + 1];
    struct timespec time = after_ms(CLOCK_MONOTONIC, 20), bad = {0, -1};
    pid_t pid;

    memset(many, 0, sizeof(many));
    for (unsigned i = 0; i < LX_FUTEX_WAITV_MAX + 1; i++) {
        many[i].address = (uint64_t)&words[100 + i];
        many[i].flags = LX_FUTEX_32 | (i & 1 ? PRIVATE : 0);
    }
    CHECK_EQ(waitv(many, 0, NULL, 0), -EINVAL);
    CHECK_EQ(waitv(many, LX_FUTEX_WAITV_MAX + 1, NULL, 0), -EINVAL);
    CHECK_EQ(waitv(NULL, 1, NULL, 0), -EINVAL);
    CHECK_EQ(waitv((void *)8, 1, NULL, 0), -EFAULT);
    CHECK_EQ(raw6(449, many, 1, 1, NULL, 0, 0), -EINVAL);
    CHECK_EQ(waitv(many, 1, &bad, CLOCK_MONOTONIC), -EINVAL);
    CHECK_EQ(waitv(many, 1, &time, CLOCK_BOOTTIME), -EINVAL);
    CHECK_EQ(waitv(many, 128, &time, CLOCK_MONOTONIC), -ETIMEDOUT);
    time = after_ms(CLOCK_REALTIME, 20);
    CHECK_EQ(waitv(many, 3, &time, CLOCK_REALTIME), -ETIMEDOUT);
    many[2].value = 1;
    CHECK_EQ(waitv(many, 3, &time, CLOCK_REALTIME), -EAGAIN);
    many[2].value = 0;
    many[1].reserved = 1;
    CHECK_EQ(waitv(many, 3, NULL, 0), -EINVAL);
    many[1].reserved = 0;
    many[1].flags = 0;
    CHECK_EQ(waitv(many, 3, NULL, 0), -EINVAL);
    many[1].flags = LX_FUTEX_32;
    many[1].address = 8;
    CHECK_EQ(waitv(many, 3, NULL, 0), -EFAULT);
    many[1].address = (uint64_t)&words[101];
    for (unsigned i = 0; i < 128; i += 63) {
        many[i].flags = LX_FUTEX_32;
        pid = CHECK_OK(fork());
        if (pid == 0)
            _exit((int)waitv(many, 128, NULL, 0));
        asleep_await(pid);
        CHECK_EQ(futex(&words[100 + i], LX_FUTEX_WAKE, 1, NULL, NULL, 0), 1);
        CHECK_EQ(child_end(pid), (int)i << 8);
    }
}

/* --- priority: with the right to it --- */

static long priority_of(pid_t pid)
{
    char text[512], *at;
    bool negative;
    long value = 0;

    text_of(proc_path(pid, "stat"), text, sizeof(text));
    at = strrchr(text, ')') + 1;
    for (int i = 0; i < 15; i++)
        at = strchr(at + 1, ' ');
    negative = *++at == '-';
    for (at += negative; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    return negative ? -value : value;
}

static long policy_set(pid_t pid, int priority)
{
    struct sched_param param = {.sched_priority = priority};

    return raw3(SYS_sched_setscheduler, pid, priority ? SCHED_FIFO : SCHED_OTHER, &param);
}

/* The holder gets what its waiter has, along a chain, also when that changes; and loses it. */
static void check_lent(void)
{
    uint32_t *a = &words[11], *b = &words[12];
    pid_t holder, middle, high;

    if (access("/proc/self/stat", R_OK))
        return;
    *a = *b = 0;
    holder = holder_start(a, true);
    middle = CHECK_OK(fork());
    if (middle == 0) {
        CHECK_EQ(lock(b), 0);
        CHECK_EQ(lock(a), 0);
        CHECK_EQ(unlock(a), 0);
        CHECK_EQ(priority_of(getpid()), -31);
        CHECK_EQ(unlock(b), 0);
        CHECK_EQ(priority_of(getpid()), 20);
        _exit(0);
    }
    asleep_await(middle);
    CHECK_EQ(priority_of(holder), 20);
    high = waiter_start(b, 0);
    CHECK_EQ(priority_of(holder), 20);
    CHECK_EQ(policy_set(high, 30), 0);
    CHECK_EQ(priority_of(middle), -31);
    CHECK_EQ(priority_of(holder), -31);
    CHECK_EQ(policy_set(high, 5), 0);
    CHECK_EQ(priority_of(holder), -6);
    CHECK_EQ(policy_set(holder, 9), 0);
    CHECK_EQ(priority_of(holder), -10);
    CHECK_EQ(policy_set(high, 30), 0);
    CHECK_EQ(priority_of(holder), -31);
    CHECK_EQ(policy_set(holder, 0), 0);
    CHECK_EQ(priority_of(holder), -31);
    holder_go();
    CHECK_EQ(child_end(holder), 0);
    CHECK_EQ(child_end(middle), 0);
    CHECK_EQ(child_end(high), 0);
    CHECK_EQ(*a | *b, 0);
}

/* Who waits for a lock, and for a word, is served by priority. */
static void check_order(bool is_pi)
{
    uint32_t *word = &words[13], *at = &words[14], *order = &words[50];
    static const int priorities[4] = {10, 30, 0, 20};
    pid_t pids[4];

    *word = *at = 0;
    if (is_pi)
        CHECK_EQ(lock(word), 0);
    for (int i = 0; i < 4; i++) {
        pids[i] = CHECK_OK(fork());
        if (pids[i] == 0) {
            CHECK_EQ(policy_set(0, priorities[i]), 0);
            CHECK_EQ(is_pi ? lock(word) : futex(word, LX_FUTEX_WAIT, 0, NULL, NULL, 0), 0);
            order[__atomic_fetch_add(at, 1, __ATOMIC_SEQ_CST)] = (uint32_t)i;
            if (is_pi)
                CHECK_EQ(unlock(word), 0);
            _exit(0);
        }
        asleep_await(pids[i]);
    }
    if (is_pi)
        CHECK_EQ(unlock(word), 0);
    for (uint32_t i = 0; !is_pi && i < 4; i++) {
        CHECK_EQ(futex(word, LX_FUTEX_WAKE, 1, NULL, NULL, 0), 1);
        while (__atomic_load_n(at, __ATOMIC_SEQ_CST) <= i)
            usleep(1000);
    }
    for (int i = 0; i < 4; i++)
        CHECK_EQ(child_end(pids[i]), 0);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(order[i], ((uint32_t[]){1, 3, 0, 2})[i]);
}

/* The inversion: one of middle priority keeps the processor from the holder of a lock that a higher
 * one waits for. With what it is lent the holder comes to its end first. */
static void check_inversion(void)
{
    uint32_t *word = &words[16], *stage = &words[17];
    cpu_set_t set, all;
    pid_t low, middle;

    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&set); cpu++)
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &set);
    CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
    *word = *stage = 0;
    CHECK_EQ(policy_set(0, 40), 0);
    low = holder_start(word, true);
    CHECK_EQ(policy_set(low, 10), 0);
    middle = CHECK_OK(fork());
    if (middle == 0) {
        struct timespec begin, now;

        CHECK_EQ(policy_set(0, 20), 0);
        while (!__atomic_load_n(stage, __ATOMIC_SEQ_CST))
            futex(stage, LX_FUTEX_WAIT, 0, NULL, NULL, 0);
        CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
        do
            CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
        while (*stage == 1 && now.tv_sec - begin.tv_sec < 30);
        _exit(*stage != 2);
    }
    asleep_await(middle);
    holder_go();
    *stage = 1;
    futex(stage, LX_FUTEX_WAKE, 1, NULL, NULL, 0);
    CHECK_EQ(lock(word), 0);
    CHECK_EQ(unlock(word), 0);
    *stage = 2;
    CHECK_EQ(policy_set(0, 0), 0);
    CHECK_EQ(child_end(low), 0);
    CHECK_EQ(child_end(middle), 0);
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
}

int main(void)
{
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(words != MAP_FAILED);
    check_alone();
    check_waiting();
    check_mixed();
    check_deadlock();
    check_death();
    check_signal();
    check_requeue();
    check_many();
    if (policy_set(0, 1) == 0) { /* a user may not */
        CHECK_EQ(policy_set(0, 0), 0);
        check_lent();
        check_order(true);
        check_order(false);
        check_inversion();
    }
    return 0;
}
