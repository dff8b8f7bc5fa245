/* SPDX-License-Identifier: MIT */
/*
 * What decides where and when a task runs is changed by others while it runs, waits for a
 * processor, sleeps or is about to: its processors, niceness, policy, and whether it is stopped.
 * Pairs hand a token to and fro meanwhile, by pipe or by futex: a wake-up that is lost, or a task
 * that no processor runs any more, ends the hand-overs.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define PAIRS      6
#define PLAYERS    (2 * PAIRS)
#define TORMENTORS 3
#define FORKERS    2
#define SOON_NS    20000000000u

static struct {
    pid_t players[PLAYERS];
    uint32_t turns[PAIRS]; /* whose turn it is, for those with a futex */
    volatile uint64_t done[PLAYERS];
    volatile int over, calm;
} * shared;

static int pipes[PLAYERS][2];
static cpu_set_t all;

/* The partner writes into the pipe of this one. */
static void play_pipe(unsigned me)
{
    char byte = 0;

    while (!shared->over) {
        CHECK_EQ(read(pipes[me][0], &byte, 1), 1);
        shared->done[me]++;
        CHECK_EQ(write(pipes[me ^ 1][1], &byte, 1), 1);
    }
}

static void play_futex(unsigned me)
{
    uint32_t *turn = &shared->turns[me / 2], mine = me & 1;

    while (!shared->over) {
        if (__atomic_load_n(turn, __ATOMIC_SEQ_CST) != mine) {
            raw4(SYS_futex, turn, FUTEX_WAIT, mine ^ 1, NULL);
            continue;
        }
        shared->done[me]++;
        __atomic_store_n(turn, mine ^ 1, __ATOMIC_SEQ_CST);
        raw3(SYS_futex, turn, FUTEX_WAKE, 1);
    }
    __atomic_store_n(turn, mine ^ 1, __ATOMIC_SEQ_CST);
    raw3(SYS_futex, turn, FUTEX_WAKE, 1);
}

static void player(void *argument)
{
    unsigned me = (unsigned)(uintptr_t)argument;

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* where this fails it ends, too */
    (me / 2 % 2 ? play_futex : play_pipe)(me);
}

/* Some of the machine's processors, at least one of them. */
static cpu_set_t some_cpus(uint64_t *random)
{
    cpu_set_t some;

    do {
        CPU_ZERO(&some);
        for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
            if (CPU_ISSET(cpu, &all) && random_next(random) % 2)
                CPU_SET(cpu, &some);
    } while (CPU_COUNT(&some) == 0);
    return some;
}

static void torment(pid_t pid, uint64_t *random)
{
    static const int policies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE};
    struct sched_param param = {0};
    cpu_set_t some = some_cpus(random);

    switch (random_next(random) % 8) {
    case 0:
        CHECK_OK(setpriority(PRIO_PROCESS, (id_t)pid, (int)(random_next(random) % 20)));
        break;
    case 1:
        CHECK_EQ(raw3(SYS_sched_setscheduler, pid, policies[random_next(random) % 3], &param), 0);
        break;
    case 2:
        CHECK_OK(kill(pid, SIGSTOP));
        break;
    case 3:
        CHECK_OK(kill(pid, SIGCONT));
        break;
    default:
        CHECK_OK(sched_setaffinity(pid, sizeof(some), &some));
    }
}

static void tormentor(void *argument)
{
    uint64_t random = 77 + (uintptr_t)argument;

    while (!shared->calm) {
        cpu_set_t some = some_cpus(&random);

        torment(shared->players[random_next(&random) % PLAYERS], &random);
        if (random_next(&random) % 4 == 0)
            CHECK_OK(sched_setaffinity(0, sizeof(some), &some));
        if (random_next(&random) % 16 == 0)
            sleep_ns(random_next(&random) % 300000);
    }
}

/* Processes that come and go on processors that change. */
static void forker(void *argument)
{
    uint64_t random = 1777 + (uintptr_t)argument;

    while (!shared->calm) {
        pid_t pid = (pid_t)CHECK_OK(fork());
        cpu_set_t some = some_cpus(&random);

        if (pid == 0) {
            sched_yield();
            _exit(0);
        }
        sched_setaffinity(pid, sizeof(some), &some);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
}

/* Each of them hands over, now that nothing is changed any more. */
static void all_go_on(void)
{
    for (unsigned i = 0; i < PLAYERS; i++) {
        struct sched_param param = {0};

        CHECK_EQ(raw3(SYS_sched_setscheduler, shared->players[i], SCHED_OTHER, &param), 0);
        CHECK_OK(setpriority(PRIO_PROCESS, (id_t)shared->players[i], 0));
        CHECK_OK(kill(shared->players[i], SIGCONT));
    }
    for (unsigned i = 0; i < PLAYERS; i++) {
        uint64_t begin = now_ns(), before = shared->done[i];

        while (shared->done[i] < before + 10) {
            CHECK(now_ns() - begin < SOON_NS);
            sleep_ns(1000000);
        }
    }
}

int main(int argc, char **argv)
{
    char byte = 0;

    stress_begin(argc, argv);
    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    shared = shared_new(sizeof(*shared));
    for (unsigned i = 0; i < PLAYERS; i++)
        CHECK_OK(pipe(pipes[i]));
    for (uintptr_t i = 0; i < PLAYERS; i++)
        shared->players[i] = child_start(player, (void *)i);
    for (unsigned i = 0; i < PLAYERS; i += 2)
        CHECK_EQ(write(pipes[i][1], &byte, 1), 1);
    do {
        shared->calm = 0;
        for (uintptr_t i = 0; i < TORMENTORS; i++)
            child_start(tormentor, (void *)i);
        for (uintptr_t i = 0; i < FORKERS; i++)
            child_start(forker, (void *)i);
        sleep_ns(500000000);
        shared->calm = 1;
        children_await(TORMENTORS + FORKERS);
        all_go_on();
    } while (stress_goes_on());
    shared->over = 1;
    /* Those with a pipe that have handed over for the last time leave a partner that waits. */
    for (unsigned i = 0; i < PLAYERS; i++)
        CHECK_EQ(write(pipes[i][1], &byte, 1), 1);
    children_await(PLAYERS);
    return 0;
}
