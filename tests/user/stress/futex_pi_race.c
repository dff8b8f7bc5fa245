/* SPDX-License-Identifier: MIT */
/*
 * Locks that lend priority, taken, waited for, requeued to and left behind by processes that time
 * out, get signals and are killed at any moment. Never are two inside, and the last finds it free.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/linux/futex.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/robust_list.h"

#define WORKERS 8
#define CALM_NS 2000000

static volatile struct {
    uint32_t lock, condition, stop;
    pid_t inside;
    uint64_t rounds;
} * shared;

static struct robust_list_head robust;
static uint32_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % limit;
}

static long futex(volatile uint32_t *word, int operation, uint32_t value, const void *timeout,
                  volatile uint32_t *word2, uint32_t value3)
{
    return raw6(SYS_futex, word, operation, value, timeout, word2, value3);
}

static struct timespec soon(clockid_t clock)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    time.tv_nsec += random_below(CALM_NS);
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static bool lock_get(pid_t self)
{
    struct timespec time = soon(CLOCK_MONOTONIC);
    uint32_t free = 0;
    long result;

    if (random_below(2) && __atomic_compare_exchange_n(&shared->lock, &free, (uint32_t)self, false,
                                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return true;
    if (random_below(8) == 0) {
        result = futex(&shared->lock, LX_FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0);
        CHECK(result == 0 || result == -EAGAIN);
    } else {
        result =
            futex(&shared->lock, LX_FUTEX_LOCK_PI2, 0, random_below(2) ? &time : NULL, NULL, 0);
        CHECK(result == 0 || result == -ETIMEDOUT);
    }
    return result == 0;
}

static void lock_put(pid_t self)
{
    uint32_t mine = (uint32_t)self;

    if (!__atomic_compare_exchange_n(&shared->lock, &mine, 0, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        CHECK_EQ(futex(&shared->lock, LX_FUTEX_UNLOCK_PI, 0, NULL, NULL, 0), 0);
}

static void be_inside(pid_t self)
{
    CHECK_EQ(shared->lock & LX_FUTEX_TID_MASK, self);
    shared->inside = self;
    for (uint32_t i = random_below(300); i; i--)
        CHECK_EQ(shared->inside, self);
    if (random_below(4) == 0)
        sched_yield();
    CHECK_EQ(shared->inside, self);
    shared->rounds++;
}

/* True: it has the lock. */
static bool condition_wait(void)
{
    struct timespec time = soon(CLOCK_MONOTONIC);
    uint32_t value = shared->condition;
    long result =
        futex(&shared->condition, LX_FUTEX_WAIT_REQUEUE_PI, value, &time, &shared->lock, 0);

    CHECK(result == 0 || result == -ETIMEDOUT || result == -EAGAIN);
    return result == 0;
}

static void condition_signal(void)
{
    uint32_t value = __atomic_add_fetch(&shared->condition, 1, __ATOMIC_SEQ_CST);
    long result = futex(&shared->condition, LX_FUTEX_CMP_REQUEUE_PI, 1,
                        (void *)(long)random_below(WORKERS), &shared->lock, value);

    CHECK(result >= 0 || result == -EAGAIN);
}

static void on_signal(int number)
{
    (void)number;
}

static void worker(uint32_t seed)
{
    pid_t self = getpid();
    bool has;

    random_state = seed;
    robust.list.next = &robust.list;
    robust.futex_offset = (long)((char *)&shared->lock - (char *)shared) & 0xfff;
    robust.list_op_pending = (struct robust_list *)((char *)shared + 1); /* such a lock, always */
    CHECK_EQ(raw2(SYS_set_robust_list, &robust, sizeof(robust)), 0);
    while (!shared->stop) {
        has = random_below(4) ? lock_get(self) : condition_wait();
        if (has) {
            be_inside(self);
            if (random_below(3) == 0)
                condition_signal();
            if (random_below(200) == 0)
                _exit(0); /* it is found out that it has died */
            lock_put(self);
        } else if (random_below(3) == 0) {
            condition_signal();
        }
    }
    _exit(0);
}

static pid_t worker_start(uint32_t seed)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0)
        worker(seed);
    return pid;
}

int main(int argc, char **argv)
{
    long seconds = argc > 1 ? atol(argv[1]) : 2;
    struct sigaction action = {.sa_handler = on_signal};
    struct timespec begin, now, calm = {0, CALM_NS};
    pid_t pids[WORKERS];
    uint32_t seed = 1;
    int status;

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    for (int i = 0; i < WORKERS; i++)
        pids[i] = worker_start(seed++);
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &begin));
    do {
        pid_t pid;

        nanosleep(&calm, NULL);
        random_state = seed;
        kill(pids[random_below(WORKERS)], random_below(3) ? SIGUSR1 : SIGKILL);
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
            CHECK(status == 0 || status == SIGKILL);
            for (int i = 0; i < WORKERS; i++)
                if (pids[i] == pid)
                    pids[i] = worker_start(seed++);
        }
        seed++;
        CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    } while (now.tv_sec - begin.tv_sec < seconds);
    shared->stop = 1;
    for (int i = 0; i < WORKERS; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK(status == 0 || status == SIGKILL);
    }
    CHECK_EQ(futex(&shared->lock, LX_FUTEX_LOCK_PI, 0, NULL, NULL, 0), 0);
    lock_put(getpid());
    CHECK(shared->rounds > 0);
    return 0;
}
