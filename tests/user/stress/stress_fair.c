/* SPDX-License-Identifier: MIT */
/*
 * More work than processors: everybody gets on, those of the same niceness about equally, one of
 * niceness 19 much less, and one that sleeps is woken before the others have had many turns.
 *
 * Shares are counted in time of processors since the programs have begun, all of them: what a busy
 * host takes during one's turn is charged to that one, which has less later on. How late a sleeper
 * is, by what is usual, since a host may take the processor from any one of them.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define MOST     32
#define MS       1000000UL
#define LOOK_NS  (400 * MS) /* between two looks at the shares */
#define NAPS     41
#define TRIES    40
#define LESS     8 /* niceness 19 gets a 68th of niceness 0 by its weight */
#define HOGS     4
#define SLICE_NS (20 * MS) /* longer than anybody's turn here should be */

static struct {
    unsigned count, started;
    pid_t pids[MOST];
    uint64_t begun[MOST]; /* ns of processor time when the measurement began */
    uint64_t used[MOST];  /* since then */
    int nice[MOST];
    bool pinned;
    uint64_t late[NAPS];
} * all;

static uint64_t time_of(pid_t pid)
{
    struct timespec time;
    clockid_t clock;

    CHECK_EQ(clock_getcpuclockid(pid, &clock), 0);
    CHECK_OK(clock_gettime(clock, &time));
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void compute(void *argument)
{
    unsigned id = (unsigned)(uintptr_t)argument;

    if (all->pinned)
        stress_pin(0);
    CHECK_OK(setpriority(PRIO_PROCESS, 0, all->nice[id]));
    __atomic_fetch_add(&all->started, 1, __ATOMIC_SEQ_CST);
    for (;;)
        __asm__ volatile("pause");
}

static void start(unsigned count, bool pinned)
{
    all->count = count;
    all->started = 0;
    all->pinned = pinned;
    for (uintptr_t i = 0; i < count; i++)
        all->pids[i] = child_start(compute, (void *)i);
    while (__atomic_load_n(&all->started, __ATOMIC_SEQ_CST) < count)
        sleep_ns(MS);
}

static void stop(void)
{
    for (unsigned i = 0; i < all->count; i++)
        CHECK_OK(kill(all->pids[i], SIGKILL));
    for (unsigned i = 0; i < all->count; i++)
        child_await(all->pids[i], SIGKILL);
    memset(all->nice, 0, sizeof(all->nice));
}

static void begin_look(void)
{
    for (unsigned i = 0; i < all->count; i++)
        all->begun[i] = time_of(all->pids[i]);
}

static void look(void)
{
    sleep_ns(LOOK_NS);
    for (unsigned i = 0; i < all->count; i++)
        all->used[i] = time_of(all->pids[i]) - all->begun[i];
}

/* Everybody's share is at most `factor` times more or less than the mean. */
static bool shares_are_even(unsigned factor)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < all->count; i++)
        sum += all->used[i];
    for (unsigned i = 0; i < all->count; i++)
        if (all->used[i] * all->count * factor < sum || all->used[i] * all->count > sum * factor)
            return false;
    return sum > 0;
}

static void show_shares(void)
{
    for (unsigned i = 0; i < all->count; i++) {
        say(2, " ");
        say_number(2, (long)(all->used[i] / 1000));
    }
    say(2, " us of processor time\n");
}

static void check_even(unsigned count, bool pinned, unsigned factor)
{
    bool even = false;

    start(count, pinned);
    begin_look();
    for (unsigned try = 0; try < TRIES && !even; try++) {
        look();
        even = shares_are_even(factor);
        if (!even)
            show_shares();
    }
    CHECK(even);
    stop();
}

static void check_nice(void)
{
    bool less = false;

    all->nice[0] = all->nice[1] = 0;
    all->nice[2] = 19;
    start(3, true);
    begin_look();
    for (unsigned try = 0; try < TRIES && !less; try++) {
        look();
        less = all->used[2] > 0 && all->used[2] * LESS < all->used[0] &&
               all->used[2] * LESS < all->used[1] && all->used[0] < 2 * all->used[1] &&
               all->used[1] < 2 * all->used[0];
        if (!less)
            show_shares();
    }
    CHECK(less);
    stop();
}

static void nap(void *argument)
{
    (void)argument;
    stress_pin(0);
    for (unsigned i = 0; i < NAPS; i++) {
        uint64_t begin = now_ns();

        sleep_ns(2 * MS);
        all->late[i] = now_ns() - begin - 2 * MS;
        for (uint64_t k = now_ns(); now_ns() - k < MS / 10;) /* works a little */
            __asm__ volatile("pause");
    }
}

/* How late it usually is: more than half of the times it is not later than that. */
static uint64_t usual(void)
{
    for (unsigned i = 0; i < NAPS; i++) {
        unsigned later = 0;

        for (unsigned k = 0; k < NAPS; k++)
            later += all->late[k] > all->late[i];
        if (later == NAPS / 2)
            return all->late[i];
    }
    return all->late[0]; /* equal ones in the middle */
}

/* One that sleeps among those who compute, on the same processor: one turn of each at most. */
static void check_sleeper(void)
{
    bool soon = false;

    start(HOGS, true);
    for (unsigned try = 0; try < TRIES && !soon; try++) {
        child_await(child_start(nap, NULL), 0);
        soon = usual() <= HOGS * SLICE_NS;
        if (!soon) {
            say_number(2, (long)(usual() / 1000));
            say(2, " us late\n");
        }
    }
    CHECK(soon);
    stop();
}

int main(int argc, char **argv)
{
    unsigned ncpus;

    stress_begin(argc, argv);
    ncpus = stress_cpus() < 8 ? stress_cpus() : 8;
    if (stress_cpus() > ncpus) {
        cpu_set_t few;

        CPU_ZERO(&few);
        for (unsigned i = 0; i < 8; i++)
            CPU_SET(i, &few);
        CHECK_OK(sched_setaffinity(0, sizeof(few), &few));
    }
    all = shared_new(sizeof(*all));
    do {
        check_even(HOGS, true, 2);
        check_even(2 * ncpus + 1, false, 4);
        check_even(ncpus + 1, false, 4);
        check_nice();
        check_sleeper();
    } while (stress_goes_on());
    return 0;
}
