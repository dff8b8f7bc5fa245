/* SPDX-License-Identifier: MIT */
/* membarrier: commands, registrations, and that a store and a load with nothing but a compiler's
 * barrier between them are ordered by the other side's call. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define GLOBAL            1
#define GLOBAL_EXPEDITED  2
#define REGISTER_GLOBAL   4
#define PRIVATE           8
#define REGISTER          16
#define SYNC_CORE         32
#define REGISTER_CORE     64
#define SEQUENCE          128
#define REGISTER_SEQUENCE 256
#define ALL               511
#define ROUNDS            20000
#define MOST_NS           300000000ull

static long call(long command, long flags, long cpu)
{
    return raw3(SYS_membarrier, command, flags, cpu);
}

static void commands(void)
{
    CHECK_EQ(call(0, 0, 0) & ALL, ALL);
    CHECK_EQ(call(0, 1, 0), -EINVAL);
    CHECK_EQ(call(GLOBAL, 1, 0), -EINVAL);
    CHECK_EQ(call(SEQUENCE, 2, 0), -EINVAL);
    CHECK_EQ(call(REGISTER_SEQUENCE, 1, 0), -EINVAL);
    CHECK_EQ(call(GLOBAL | PRIVATE, 0, 0), -EINVAL);
    CHECK_EQ(call(1 << 20, 0, 0), -EINVAL);
    CHECK_EQ(call(-1, 0, 0), -EINVAL);
    CHECK_EQ(call(GLOBAL, 0, 0), 0);
    CHECK_EQ(call(GLOBAL_EXPEDITED, 0, 0), 0);
    CHECK_EQ(call(REGISTER_GLOBAL, 0, 0), 0);
    CHECK_EQ(call(PRIVATE, 0, 0), -EPERM);
    CHECK_EQ(call(SYNC_CORE, 0, 0), -EPERM);
    CHECK_EQ(call(SEQUENCE, 0, 0), -EPERM);
    CHECK_EQ(call(SEQUENCE, 1, 0), -EPERM);
    CHECK_EQ(call(REGISTER, 0, 0), 0);
    CHECK_EQ(call(PRIVATE, 0, 0), 0);
    CHECK_EQ(call(SYNC_CORE, 0, 0), -EPERM);
    CHECK_EQ(call(REGISTER_CORE, 0, 0), 0);
    CHECK_EQ(call(SYNC_CORE, 0, 0), 0);
    CHECK_EQ(call(REGISTER_SEQUENCE, 0, 0), 0);
    CHECK_EQ(call(SEQUENCE, 0, 0), 0);
    CHECK_EQ(call(SEQUENCE, 1, 0), 0);
    CHECK_EQ(call(SEQUENCE, 1, 100000), 0); /* there is none */
    CHECK_EQ(call(SEQUENCE, 1, -1), 0);
}

static void child_has_it(void)
{
    CHECK_EQ(call(PRIVATE, 0, 0), 0);
    CHECK_EQ(call(SYNC_CORE, 0, 0), 0);
}

static void program_has_not(void)
{
    CHECK_EQ(call(PRIVATE, 0, 0), -EPERM);
    CHECK_EQ(call(SYNC_CORE, 0, 0), -EPERM);
}

static int x, y, seen_y, begun, done, over;

static void pause_until(const int *word, int value)
{
    for (int i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value &&
                    !__atomic_load_n(&over, __ATOMIC_ACQUIRE);
         i++)
        if (i % 1000 == 999)
            sched_yield();
}

/* Stores to memory that is in no cache and no TLB keep those behind them waiting, for longer than a
 * system call takes. */
static void delay_stores(int round)
{
    static char far[2048 * 4096];

    for (int i = 0; i < 40; i++)
        far[(unsigned)(round * 40 + i) * 2654435761u % sizeof(far)] = 1;
}

/* Without a barrier of its own. */
static void *fast_side(void *argument)
{
    for (int round = 1;; round++) {
        pause_until(&begun, round);
        if (__atomic_load_n(&over, __ATOMIC_ACQUIRE))
            return argument;
        delay_stores(round);
        __atomic_store_n(&x, 1, __ATOMIC_RELAXED);
        __asm__ volatile("" ::: "memory");
        seen_y = __atomic_load_n(&y, __ATOMIC_RELAXED);
        __atomic_store_n(&done, round, __ATOMIC_RELEASE);
    }
}

static uint64_t now_ns(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* At least one of them sees the other's store. */
static void stores_are_seen(long command)
{
    uint64_t end = now_ns() + MOST_NS;
    pthread_t thread;

    begun = done = over = 0;
    CHECK_EQ(pthread_create(&thread, NULL, fast_side, NULL), 0);
    for (int round = 1; round < ROUNDS && now_ns() < end; round++) {
        int seen_x;

        x = y = 0;
        __atomic_store_n(&begun, round, __ATOMIC_SEQ_CST);
        for (volatile int i = 0; i < round % 64; i++)
            ;
        __atomic_store_n(&y, 1, __ATOMIC_RELAXED);
        CHECK_EQ(call(command, 0, 0), 0);
        seen_x = __atomic_load_n(&x, __ATOMIC_RELAXED);
        pause_until(&done, round);
        CHECK(seen_x || seen_y);
    }
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

int main(int argc, char **argv)
{
    static char again[] = "again";
    char *args[] = {argv[0], again, NULL};

    if (argc > 1) {
        program_has_not();
        return 0;
    }
    commands();
    CHECK_EQ(child_status(child_has_it), 0);
    stores_are_seen(PRIVATE);
    stores_are_seen(SYNC_CORE);
    stores_are_seen(GLOBAL_EXPEDITED);
    execv(argv[0], args);
    return 1;
}
