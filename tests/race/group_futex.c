/* SPDX-License-Identifier: MIT */
/*
 * Futexes: waited for, woken and moved, on memory that is shared, and on memory that is replaced.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/race/race.h"
#include "tests/user/lib/robust_list.h"

#define PLACE 0x210000000000ul
#define WORDS 4

/* Of <linux/futex.h>, which musl does not have. */
enum {
    FUTEX_WAIT = 0,
    FUTEX_WAKE = 1,
    FUTEX_REQUEUE = 3,
    FUTEX_CMP_REQUEUE = 4,
    FUTEX_WAIT_BITSET = 9,
    FUTEX_WAKE_BITSET = 10,
    FUTEX_PRIVATE_FLAG = 128,
};
#define FUTEX_WAITERS 0x80000000u

static const char *begin(void)
{
    CHECK(mmap((void *)PLACE, RACE_PAGE, PROT_READ | PROT_WRITE,
               MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == (void *)PLACE);
    return NULL;
}

static void end(void)
{
    munmap((void *)PLACE, RACE_PAGE);
}

/* A word in shared memory, or one in private memory that may not be there. */
static long word(struct race_worker *worker)
{
    unsigned i = race_random(worker, WORDS);

    return race_random(worker, 2) ? (long)&race_shared->words[i] : (long)(PLACE + i * 4);
}

static void do_wait(struct race_worker *worker)
{
    struct timespec time = {0, 1000 + race_random(worker, 500000)};

    raw6(SYS_futex, word(worker), FUTEX_WAIT | (race_random(worker, 2) ? FUTEX_PRIVATE_FLAG : 0), 0,
         &time, 0, 0);
}

static void do_wake(struct race_worker *worker)
{
    raw6(SYS_futex, word(worker), FUTEX_WAKE | (race_random(worker, 2) ? FUTEX_PRIVATE_FLAG : 0),
         1 + race_random(worker, 3), 0, 0, 0);
}

static void do_requeue(struct race_worker *worker)
{
    long from = word(worker), to = word(worker);

    raw6(SYS_futex, from, FUTEX_CMP_REQUEUE, 1, 2, to, 0);
    raw6(SYS_futex, from, FUTEX_REQUEUE, 0, 2, to, 0);
}

static void do_bitset(struct race_worker *worker)
{
    struct timespec time;

    raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &time);
    time.tv_nsec += 1000 + race_random(worker, 300000);
    if (time.tv_nsec < 1000000000)
        raw6(SYS_futex, word(worker), FUTEX_WAIT_BITSET, 0, &time, 0, 1u << race_random(worker, 3));
    raw6(SYS_futex, word(worker), FUTEX_WAKE_BITSET, 2, 0, 0, 1u << race_random(worker, 3));
}

static void do_replace(struct race_worker *worker)
{
    if (race_random(worker, 2))
        raw2(SYS_munmap, PLACE, RACE_PAGE);
    raw_call(SYS_mmap, PLACE, RACE_PAGE, PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_ANONYMOUS | (race_random(worker, 2) ? MAP_SHARED : MAP_PRIVATE), -1,
             0);
}

/* The kernel clears a word and wakes its waiters when the child ends. */
static void do_end(struct race_worker *worker)
{
    long address = word(worker), pid;

    pid = raw_call(SYS_clone, CLONE_CHILD_CLEARTID | SIGCHLD, 0, 0, address, 0, 0);
    if (pid == 0)
        race_exit(0);
    if (pid > 0)
        race_wait(pid);
}

/* A lock that its owner leaves behind. */
static void do_robust(struct race_worker *worker)
{
    long pid = race_fork(0);

    if (pid == 0) {
        struct robust_list_head head;
        struct robust_list entry = {&head.list};
        volatile unsigned *lock = &race_shared->words[race_random(worker, WORDS)];
        head = (struct robust_list_head){{&entry}, (long)lock - (long)&entry, NULL};
        raw2(SYS_set_robust_list, &head, sizeof(head));
        *lock = (unsigned)raw0(SYS_gettid) | FUTEX_WAITERS;
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
    race_shared->words[race_random(worker, WORDS)] = 0;
}

static const struct race_op ops[] = {
    {"wait", do_wait},       {"wake", do_wake}, {"requeue", do_requeue}, {"bitset", do_bitset},
    {"replace", do_replace}, {"end", do_end},   {"robust", do_robust},   {NULL, NULL}};

const struct race_group race_futex = {"futex", CLONE_VM, begin, end, ops};
