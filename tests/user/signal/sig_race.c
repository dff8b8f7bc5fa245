/* SPDX-License-Identifier: MIT */
/*
 * Signals that come at the worst moment: between a check and a sleep, between exit and wait, while
 * other handlers run. None may be lost: each round would hang, and the test's limit ends it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ROUNDS 300

static volatile sig_atomic_t got;
static volatile unsigned counted;

static void note(int sig)
{
    (void)sig;
    got = 1;
}

static void count(int sig)
{
    (void)sig;
    counted++;
}

static void install(int sig, void (*function)(int))
{
    struct sigaction action = {.sa_handler = function, .sa_flags = SA_RESTART};

    CHECK_OK(sigaction(sig, &action, NULL));
}

static void await(const sigset_t *open)
{
    while (!got)
        CHECK_ERR(sigsuspend(open), EINTR);
    got = 0;
}

/* Two processes throw a signal back and forth. */
static void check_ping_pong(void)
{
    sigset_t usr1, open;
    int status, pid;

    sigemptyset(&open);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    install(SIGUSR1, note);
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        for (int i = 0; i < ROUNDS; i++) {
            await(&open);
            CHECK_OK(kill(getppid(), SIGUSR1));
        }
        _exit(0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(kill(pid, SIGUSR1));
        await(&open);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &usr1, NULL));
}

/* Every end of a child is heard of, by SIGCHLD or by wait. */
static void check_children(void)
{
    sigset_t chld, open;

    sigemptyset(&open);
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &chld, NULL));
    install(SIGCHLD, note);
    for (int i = 0; i < ROUNDS / 3; i++) {
        int pid = (int)CHECK_OK(fork());

        if (!pid)
            _exit(0);
        await(&open);
        CHECK_EQ(waitpid(pid, NULL, WNOHANG), pid);
    }
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &chld, NULL));
    CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

/* A storm: real-time signals are all there at the end, and the program's own work is unharmed. */
static void check_storm(void)
{
    unsigned *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status, pid, sent = 0;
    volatile unsigned long sum = 0;

    CHECK(shared != MAP_FAILED);
    install(SIGRTMIN, count);
    pid = (int)CHECK_OK(fork());
    if (!pid) {
        for (int i = 0; i < 2000; i++) {
            if (sigqueue(getppid(), SIGRTMIN, (union sigval){0}) == 0)
                sent++;
            else
                CHECK_EQ(errno, EAGAIN);
        }
        *shared = (unsigned)sent;
        _exit(0);
    }
    while (waitpid(pid, &status, WNOHANG) == 0)
        for (int i = 0; i < 1000; i++)
            sum += (unsigned long)i;
    CHECK_EQ(status, 0);
    CHECK_EQ(sum % 499500, 0);
    CHECK_EQ(counted, *shared);
    CHECK(counted > 0);
}

static long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A timer as fast as it goes: handlers over and over, and nothing is torn. */
static void check_timer_storm(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct itimerspec set = {{0, 50000}, {0, 50000}};
    long start = now_ms();
    double x = 1.0;
    int timer;

    install(SIGUSR2, count);
    counted = 0;
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), 0);
    CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), 0);
    while (counted < 100 && now_ms() - start < 20000) {
        for (int j = 0; j < 1000; j++) {
            x = x * 1.5 + 0.25;
            x = (x - 0.25) / 1.5;
        }
        CHECK(x == 1.0);
        CHECK_EQ(raw0(SYS_getppid), getppid());
    }
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    CHECK(counted >= 100);
}

/* A timer whose signal is blocked interrupts nobody, whenever it rings. */
static void check_blocked_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
    struct timespec soon = {0, 100000}, sometime = {10, 0};
    sigset_t usr1, usr2;
    int timer;

    install(SIGUSR2, count);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr2, NULL));
    CHECK_EQ(raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer), 0);
    for (long i = 0; i < 5 * ROUNDS; i++) {
        struct itimerspec set = {{0, 0}, {0, 1 + i * 50}};

        CHECK_EQ(raw4(SYS_timer_settime, timer, 0, &set, NULL), 0);
        /* A libc may try again by itself after EINTR. */
        CHECK_EQ(raw4(SYS_rt_sigtimedwait, &usr1, NULL, &soon, 8), -EAGAIN);
        CHECK_EQ(sigtimedwait(&usr2, NULL, &sometime), SIGUSR2);
    }
    CHECK_EQ(raw1(SYS_timer_delete, timer), 0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &usr2, NULL));
}

int main(void)
{
    check_ping_pong();
    check_children();
    check_storm();
    check_timer_storm();
    check_blocked_timer();
    return 0;
}
