/* SPDX-License-Identifier: MIT */
/* seccomp with threads: one filter for all (TSYNC), also while threads begin and end; the end of
 * one thread alone. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/seccomp.h"

#define TSYNC      LX_SECCOMP_FILTER_FLAG_TSYNC
#define ESRCH_FLAG LX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH

static atomic_int step, sibling;

static void step_await(int which)
{
    while (atomic_load(&step) < which)
        sched_yield();
}

static void *start(void *(*function)(void *))
{
    pthread_t *thread = malloc(sizeof(*thread));

    CHECK_EQ(pthread_create(thread, NULL, function, NULL), 0);
    return thread;
}

static void join(void *thread)
{
    CHECK_EQ(pthread_join(*(pthread_t *)thread, NULL), 0);
    free(thread);
}

static void set_error(uint32_t error, unsigned flags, long result)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | error);

    CHECK_EQ(FILTER_SET(one, flags), result);
}

/* ---- all at once ---- */

static void *is_unfiltered_then_filtered(void *unused)
{
    (void)unused;
    CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
    atomic_store(&step, 1);
    step_await(2);
    CHECK_EQ(raw1(TRIED, 0), -11);
    CHECK_EQ(raw1(SYS_prctl, PR_GET_SECCOMP), LX_SECCOMP_MODE_FILTER);
    CHECK_EQ(raw6(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0), 1);
    /* Its own comes before the common one, and is its own. */
    set_error(12, 0, 0);
    CHECK_EQ(raw1(TRIED, 0), -12);
    atomic_store(&sibling, (int)raw0(SYS_gettid));
    atomic_store(&step, 3);
    step_await(4);
    return unused;
}

static void all_are_filtered(void)
{
    void *thread = start(is_unfiltered_then_filtered);

    forgo_rights();
    step_await(1);
    set_error(11, TSYNC | LX_SECCOMP_FILTER_FLAG_SPEC_ALLOW | LX_SECCOMP_FILTER_FLAG_LOG, 0);
    CHECK_EQ(raw1(TRIED, 0), -11);
    atomic_store(&step, 2);
    step_await(3);
    CHECK_EQ(raw1(TRIED, 0), -11);
    /* The other has gone its own way; nothing is set then. */
    set_error(13, TSYNC, atomic_load(&sibling));
    set_error(13, TSYNC | ESRCH_FLAG, -ESRCH);
    CHECK_EQ(raw1(TRIED, 0), -11);
    atomic_store(&step, 4);
    join(thread);
    /* It is gone. */
    set_error(13, TSYNC, 0);
    CHECK_EQ(raw1(TRIED, 0), -13);
}

static void *stays_as_it_is(void *unused)
{
    (void)unused;
    atomic_store(&step, 1);
    step_await(2);
    CHECK_EQ(raw1(TRIED, 0), raw0(SYS_getpgrp));
    return unused;
}

static void one_is_filtered(void)
{
    void *thread = start(stays_as_it_is);

    forgo_rights();
    step_await(1);
    set_error(11, 0, 0);
    atomic_store(&step, 2);
    join(thread);
    /* A thread that is behind gets all that it lacks. */
}

static void *lags_behind(void *unused)
{
    (void)unused;
    atomic_store(&step, 1);
    step_await(2);
    CHECK_EQ(raw1(TRIED, 0), -33);
    return unused;
}

static void others_catch_up(void)
{
    void *thread;

    forgo_rights();
    set_error(31, 0, 0);
    thread = start(lags_behind);
    step_await(1);
    set_error(32, 0, 0);
    set_error(33, TSYNC, 0);
    atomic_store(&step, 2);
    join(thread);
}

/* ---- while threads begin and end ---- */

#define ROUNDS 150
static atomic_int done;

static void *begins_and_ends(void *unused)
{
    return unused;
}

static void *makes_threads(void *unused)
{
    while (!atomic_load(&done)) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, begins_and_ends, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return unused;
}

static atomic_int filters; /* the caller's, once set in all */

/* A thread that begins when the filter is everybody's has it, whoever made it. */
static void *has_what_was_set(void *unused)
{
    int error = atomic_load(&filters);
    long result = raw1(TRIED, 0);

    CHECK(!error || (result <= -error && result >= -ROUNDS - 1));
    return unused;
}

static void *makes_looking_threads(void *unused)
{
    while (!atomic_load(&done)) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, has_what_was_set, NULL) == 0)
            pthread_join(thread, NULL);
        has_what_was_set(NULL);
    }
    return unused;
}

static void crowd_is_filtered(void)
{
    void *threads[4] = {start(makes_threads), start(makes_looking_threads),
                        start(makes_looking_threads), start(makes_threads)};

    forgo_rights();
    for (int i = 1; i <= ROUNDS; i++) {
        set_error((uint32_t)i, TSYNC, 0);
        atomic_store(&filters, i);
        sched_yield();
    }
    atomic_store(&done, 1);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
}

/* Several at once: each either has all with it, or hears of one that went another way. */
static void *sets_in_all(void *unused)
{
    forgo_rights();
    for (int i = 0; i < 50; i++) {
        FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | 5);
        CHECK_EQ(FILTER_SET(one, TSYNC), 0); /* for nobody sets one alone */
        CHECK_EQ(raw1(TRIED, 0), -5);
    }
    return unused;
}

static void all_set_in_all(void)
{
    void *threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = start(sets_in_all);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
}

/* ---- ends ---- */

static void *calls_it(void *unused)
{
    raw1(TRIED, 0);
    atomic_store(&step, 99);
    return unused;
}

static void thread_ends(uint32_t action)
{
    FILTER_ONE(one, TRIED, action);

    forgo_rights();
    CHECK_EQ(FILTER_SET(one, 0), 0);
    join(start(calls_it));
    CHECK_EQ(atomic_load(&step), 0);
}

static void thread_alone_ends(void)
{
    thread_ends(LX_SECCOMP_RET_KILL_THREAD);
}

static void process_ends(void)
{
    thread_ends(LX_SECCOMP_RET_KILL_PROCESS);
}

/* The end of all counts more than that of one, in whatever order they were set. */
static void process_ends_first(void)
{
    FILTER_ONE(all, TRIED, LX_SECCOMP_RET_KILL_PROCESS);

    forgo_rights();
    CHECK_EQ(FILTER_SET(all, 0), 0);
    thread_ends(LX_SECCOMP_RET_KILL_THREAD);
}

static void trap_ends_all(void)
{
    thread_ends(LX_SECCOMP_RET_TRAP);
}

static void unknown_ends_all(void)
{
    thread_ends(0x20000000u);
}

static void *strict_thread(void *unused)
{
    raw3(SYS_prctl, PR_SET_SECCOMP, LX_SECCOMP_MODE_STRICT, 0);
    raw0(SYS_getpid);
    atomic_store(&step, 99);
    return unused;
}

/* The other threads have no mode. */
static void strict_ends_one(void)
{
    join(start(strict_thread));
    CHECK_EQ(atomic_load(&step), 0);
    CHECK_EQ(raw0(SYS_getpid), getpid());
}

/* The leader goes, its number stays, the process ends by the last one's way. */
static void *outlives_the_leader(void *unused)
{
    usleep(20000);
    raw1(SYS_exit_group, 9);
    return unused;
}

static void leader_ends(void)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_KILL_THREAD);

    forgo_rights();
    start(outlives_the_leader);
    CHECK_EQ(FILTER_SET(one, 0), 0);
    raw1(TRIED, 0);
}

/* Threads that are killed one after the other: the last takes the process with it. */
static void *dies_slowly(void *unused)
{
    for (int i = 0; i < 100; i++)
        sched_yield();
    raw1(TRIED, 0);
    return unused;
}

static void all_end_alone(void)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_KILL_THREAD);

    forgo_rights();
    CHECK_EQ(FILTER_SET(one, 0), 0);
    start(dies_slowly);
    start(dies_slowly);
    dies_slowly(NULL);
}

/* exec by one thread while another sets filters in all: none of it is lost or fails. */
static const char *program;

static void *sets_for_ever(void *unused)
{
    forgo_rights();
    for (;;) {
        FILTER_ONE(one, TRIED, LX_SECCOMP_RET_ERRNO | 5);
        FILTER_SET(one, TSYNC);
        sched_yield();
    }
    return unused;
}

static void execute_meanwhile(void)
{
    start(sets_for_ever);
    usleep(1000);
    execl(program, program, "none", NULL);
    _exit(errno == EAGAIN ? 0 : 127); /* it was decided on without the filters */
}

int main(int argc, char **argv)
{
    program = argv[0];
    if (argc > 1)
        return 0;
    CHECK_EQ(child_status(all_are_filtered), 0);
    CHECK_EQ(child_status(one_is_filtered), 0);
    CHECK_EQ(child_status(others_catch_up), 0);
    CHECK_EQ(child_status(crowd_is_filtered), 0);
    CHECK_EQ(child_status(all_set_in_all), 0);
    CHECK_EQ(child_status(thread_alone_ends), 0);
    CHECK_EQ(child_status(process_ends), SIGSYS);
    CHECK_EQ(child_status(process_ends_first), SIGSYS);
    CHECK_EQ(child_status(trap_ends_all), SIGSYS);
    CHECK_EQ(child_status(unknown_ends_all), SIGSYS);
    CHECK_EQ(child_status(strict_ends_one), 0);
    CHECK_EQ(child_status(leader_ends), 9 << 8);
    CHECK_EQ(child_status(all_end_alone), SIGSYS);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(child_status(execute_meanwhile), 0);
    return 0;
}
