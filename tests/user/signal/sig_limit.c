/* SPDX-License-Identifier: MIT */
/* RLIMIT_SIGPENDING: queued signals and timers count for the real user of their receiver, over all
 * of its processes; a timer queues one signal however often it expires. And a fatal signal does not
 * wait for vfork's child. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define LIMIT 8
#define USER  1234

static timer_t timers[LIMIT + 1];

static void child_ended_well(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void limit_set(void)
{
    struct rlimit limit = {LIMIT, LIMIT};
    sigset_t set;

    CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &limit));
    CHECK_OK(setresuid(USER, USER, USER));
    sigfillset(&set);
    sigdelset(&set, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_SETMASK, &set, NULL));
}

static int pending_take(void)
{
    const struct timespec now = {0, 0};
    int count = 0;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    while (sigtimedwait(&set, NULL, &now) > 0)
        count++;
    return count;
}

static int queue_until_full(void)
{
    const union sigval value = {0};
    int count = 0;

    while (sigqueue(getpid(), SIGRTMIN, value) == 0)
        count++;
    CHECK_EQ(errno, EAGAIN);
    return count;
}

static void queued(void)
{
    pid_t pid;

    CHECK_EQ(queue_until_full(), LIMIT);
    CHECK_OK(kill(getpid(), SIGRTMIN + 1)); /* comes, without its info */
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(queue_until_full(), 0); /* of the same user */
        _exit(0);
    }
    child_ended_well(pid);
    CHECK_EQ(pending_take(), LIMIT);
    CHECK_EQ(queue_until_full(), LIMIT);
    CHECK_EQ(pending_take(), LIMIT);
}

static void timers_make(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
    int count = 0;

    while (count <= LIMIT && timer_create(CLOCK_MONOTONIC, &event, &timers[count]) == 0)
        count++;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(count, LIMIT);
    CHECK_EQ(queue_until_full(), 0);
}

/* One signal a timer, and one that outlives it. */
static void timers_expire(void)
{
    const struct itimerspec soon = {{0, 0}, {0, 1}};
    struct itimerspec left;

    for (int i = 0; i < 50; i++) {
        CHECK_OK(timer_settime(timers[i % 2], 0, &soon, NULL));
        do
            CHECK_OK(timer_gettime(timers[i % 2], &left));
        while (left.it_value.tv_nsec || left.it_value.tv_sec);
    }
    CHECK_EQ(pending_take(), 2);
    CHECK_OK(timer_settime(timers[0], 0, &soon, NULL));
    do
        CHECK_OK(timer_gettime(timers[0], &left));
    while (left.it_value.tv_nsec || left.it_value.tv_sec);
    for (int i = 0; i < LIMIT; i++)
        CHECK_OK(timer_delete(timers[i]));
    CHECK_EQ(queue_until_full(), LIMIT - 1);
    CHECK(pending_take() >= LIMIT - 1); /* newer Linux drops that of the deleted timer here */
}

/* Two timers with the same standard signal: neither waits for ever for the other's. */
static void timers_share(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    const struct itimerspec often = {{0, 1000000}, {0, 1000000}};
    const struct timespec patience = {5, 0};
    int seen[2] = {0, 0};
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    for (int i = 0; i < 2; i++) {
        event.sigev_value.sival_int = i;
        CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timers[i]));
        CHECK_OK(timer_settime(timers[i], 0, &often, NULL));
    }
    while (seen[0] < 3 || seen[1] < 3) {
        CHECK_EQ(sigtimedwait(&set, &info, &patience), SIGUSR1);
        seen[info.si_value.sival_int]++;
    }
    for (int i = 0; i < 2; i++)
        CHECK_OK(timer_delete(timers[i]));
}

/* asleep: once the child sleeps; else the signal may come before its parent waits. */
static void vfork_fatal(int asleep)
{
    int ends[2], status;
    pid_t waiting, child;

    CHECK_OK(pipe(ends));
    waiting = (pid_t)CHECK_OK(fork());
    if (waiting == 0) {
        if (vfork() == 0) {
            child = getpid();
            if (write(ends[1], &child, sizeof(child)) == sizeof(child))
                for (;;)
                    raw0(SYS_pause);
        }
        _exit(1);
    }
    CHECK_EQ(read(ends[0], &child, sizeof(child)), sizeof(child));
    if (asleep)
        asleep_await(child);
    CHECK_OK(kill(waiting, SIGTERM));
    CHECK_EQ(waitpid(waiting, &status, 0), waiting);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGTERM);
    CHECK_OK(kill(child, SIGKILL));
}

int main(void)
{
    pid_t pid;

    for (int i = 0; i <= 100; i++)
        vfork_fatal(i == 0);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        limit_set();
        queued();
        timers_make();
        timers_expire();
        timers_share();
        _exit(0);
    }
    child_ended_well(pid);
    return 0;
}
