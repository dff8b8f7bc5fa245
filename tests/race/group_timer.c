/* SPDX-License-Identifier: MIT */
/*
 * Timers and signals: timers of each process expire while they are set, read and deleted, while
 * other processes send it signals, and while it ends.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tests/race/race.h"

#define SET_NBYTES 8

static void on_signal(int number)
{
    (void)number;
}

static const char *begin(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGRTMIN, &action, NULL);
    return NULL;
}

static void end(void)
{
}

static int create(int number)
{
    struct sigevent event;
    int id = -1;

    memset(&event, 0, sizeof(event));
    event.sigev_notify = number ? SIGEV_SIGNAL : SIGEV_NONE;
    event.sigev_signo = number;
    return raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &id) == 0 ? id : -1;
}

/* A period that leaves time between two signals on any host. */
static struct itimerspec soon(struct race_worker *worker)
{
    return (struct itimerspec){{0, 1000000 + race_random(worker, 200000)},
                               {0, 1 + race_random(worker, 200000)}};
}

static void do_timers(struct race_worker *worker)
{
    struct itimerspec value = soon(worker), old;
    int id = create(race_random(worker, 3) ? SIGRTMIN : 0);

    raw4(SYS_timer_settime, id, 0, &value, &old);
    race_sleep_us(race_random(worker, 200));
    raw2(SYS_timer_gettime, id, &old);
    raw1(SYS_timer_getoverrun, id);
    value = soon(worker);
    raw4(SYS_timer_settime, id, 0, &value, &old);
    raw1(SYS_timer_delete, id);
}

static void do_itimer(struct race_worker *worker)
{
    struct itimerval value = {{0, 1000}, {0, 1 + race_random(worker, 200)}}, old;

    raw3(SYS_setitimer, ITIMER_REAL, &value, &old);
    raw2(SYS_getitimer, ITIMER_REAL, &old);
    race_sleep_us(race_random(worker, 100));
    memset(&value, 0, sizeof(value));
    raw3(SYS_setitimer, ITIMER_REAL, &value, &old);
}

/* The process ends with its timers running and signals on their way. */
static void do_end(struct race_worker *worker)
{
    long pid = race_fork(0);

    if (pid == 0) {
        for (int i = 0; i < 4; i++) {
            struct itimerspec value = soon(worker);
            raw4(SYS_timer_settime, create(SIGRTMIN), 0, &value, 0);
        }
        race_sleep_us(race_random(worker, 200));
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static void do_sleep(struct race_worker *worker)
{
    struct timespec until;

    raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &until);
    until.tv_nsec = (until.tv_nsec + race_random(worker, 100000)) % 1000000000;
    if (until.tv_nsec > 1000000)
        raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, 0);
    race_sleep_us(race_random(worker, 50));
}

static void do_send(struct race_worker *worker)
{
    int pid = race_shared->pids[race_random(worker, RACE_WORKERS)];

    if (pid > 1)
        raw2(SYS_kill, pid, race_random(worker, 2) ? SIGUSR1 : SIGRTMIN);
}

static void do_await(struct race_worker *worker)
{
    struct timespec time = {0, race_random(worker, 100000)};
    unsigned long set = 1ul << (SIGUSR1 - 1) | 1ul << (SIGALRM - 1) | 1ul << (SIGRTMIN - 1), old;
    siginfo_t info;
    char buffer[128];
    long fd;

    raw4(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, SET_NBYTES);
    raw4(SYS_rt_sigtimedwait, &set, &info, &time, SET_NBYTES);
    fd = raw4(SYS_signalfd4, -1, &set, SET_NBYTES, SFD_NONBLOCK);
    raw3(SYS_read, fd, buffer, sizeof(buffer));
    raw1(SYS_close, fd);
    raw4(SYS_rt_sigprocmask, SIG_SETMASK, &old, 0, SET_NBYTES);
}

static void do_actions(struct race_worker *worker)
{
    struct sigaction action = {.sa_handler = race_random(worker, 2) ? SIG_IGN : on_signal};

    sigaction(SIGRTMIN, &action, NULL); /* to ignore it empties its queue */
    action.sa_handler = on_signal;
    sigaction(SIGRTMIN, &action, NULL);
}

static const struct race_op ops[] = {
    {"timers", do_timers}, {"itimer", do_itimer}, {"end", do_end},         {"sleep", do_sleep},
    {"send", do_send},     {"await", do_await},   {"actions", do_actions}, {NULL, NULL}};

const struct race_group race_timer = {"timer", 0, begin, end, ops};
