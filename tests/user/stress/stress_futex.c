/* SPDX-License-Identifier: MIT */
/*
 * Futexes between processes: locks and condition words in shared memory under load. What is lost in
 * the window between the look at a word and the sleep would leave everybody asleep.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

#define LOCKERS 6
#define PAIRS   3
#define CROWD   5
#define ROUNDS  300 /* of the crowd */

static struct {
    struct lock {
        volatile int word; /* 0 free, 1 taken, 2 taken and somebody waits */
        volatile uint64_t guarded, twice;
    } locks[2];
    uint64_t rounds[LOCKERS];
    struct pair {
        volatile int turn;
        uint64_t said;
    } pairs[PAIRS];
    volatile int gate, passed;
} * all;

static long futex(volatile int *word, int call, int value, const struct timespec *time)
{
    return raw6(SYS_futex, (long)word, call, value, (long)time, 0, 0);
}

static void wait_while(volatile int *word, int value)
{
    long err = futex(word, FUTEX_WAIT, value, NULL);

    CHECK(err == 0 || err == -EAGAIN || err == -EINTR);
}

static void lock(struct lock *lock)
{
    int free = 0;

    if (__atomic_compare_exchange_n(&lock->word, &free, 1, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return;
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_SEQ_CST) != 0)
        wait_while(&lock->word, 2);
}

static void unlock(struct lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_SEQ_CST) == 2)
        CHECK(futex(&lock->word, FUTEX_WAKE, 1, NULL) >= 0);
}

static void locker(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;
    uint64_t random = id;

    do {
        for (unsigned i = 0; i < 300; i++) {
            struct lock *one = &all->locks[random_next(&random) & 1];

            lock(one);
            one->guarded++;
            if (random_next(&random) % 64 == 0)
                raw0(SYS_sched_yield); /* away with the lock held: others come to wait */
            one->twice += 2;
            CHECK_EQ(one->twice, 2 * one->guarded);
            unlock(one);
            all->rounds[id]++;
        }
    } while (stress_goes_on());
}

static void check_locks(void)
{
    uint64_t sum = 0;

    for (uintptr_t i = 0; i < LOCKERS; i++)
        child_start(locker, (void *)i);
    children_await(LOCKERS);
    for (unsigned i = 0; i < LOCKERS; i++)
        sum += all->rounds[i];
    CHECK_EQ(all->locks[0].guarded + all->locks[1].guarded, sum);
}

/* Each side stores and wakes, then waits for the other's store. */
static void play(struct pair *pair, int mine)
{
    for (unsigned i = 0; i < 2000; i++) {
        int turn;

        while ((turn = pair->turn) != mine)
            wait_while(&pair->turn, turn);
        pair->said++;
        __atomic_store_n(&pair->turn, !mine, __ATOMIC_SEQ_CST);
        CHECK(futex(&pair->turn, FUTEX_WAKE, 1, NULL) >= 0);
    }
}

static void play_first(void *argument)
{
    play(argument, 0);
}

static void play_second(void *argument)
{
    play(argument, 1);
}

static void check_pairs(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        child_start(play_first, &all->pairs[i]);
        child_start(play_second, &all->pairs[i]);
    }
    children_await(2 * PAIRS);
    for (unsigned i = 0; i < PAIRS; i++)
        CHECK_EQ(all->pairs[i].said, 4000);
}

static void pass_gates(void *argument)
{
    (void)argument;
    for (int seen = 0; seen != ROUNDS;) {
        while (all->gate == seen)
            wait_while(&all->gate, seen);
        seen = all->gate;
        __atomic_fetch_add(&all->passed, 1, __ATOMIC_SEQ_CST);
        CHECK(futex(&all->passed, FUTEX_WAKE, 1, NULL) >= 0);
    }
}

/* A crowd waits at a gate that opens again and again: nobody stays behind. Time-outs that ring at
 * the same moment as the wake-up change nothing. */
static void check_crowd(void)
{
    for (unsigned i = 0; i < CROWD; i++)
        child_start(pass_gates, NULL);
    for (int round = 1; round <= ROUNDS; round++) {
        struct timespec soon = {0, 1000L * (round % 97)};
        int passed;

        all->passed = 0;
        __atomic_store_n(&all->gate, round, __ATOMIC_SEQ_CST);
        CHECK(futex(&all->gate, FUTEX_WAKE, INT_MAX, NULL) <= CROWD);
        while ((passed = all->passed) != CROWD) {
            long err = futex(&all->passed, FUTEX_WAIT, passed, &soon);

            CHECK(err == 0 || err == -EAGAIN || err == -ETIMEDOUT);
        }
    }
    children_await(CROWD);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    all = shared_new(sizeof(*all));
    alarm(50); /* who sleeps for ever is an error */
    check_locks();
    check_pairs();
    check_crowd();
    return 0;
}
