/* SPDX-License-Identifier: MIT */
/* Calls that a signal interrupts: which start anew, which end with EINTR. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

#define MS 1000000L

static volatile int *calls; /* shared: the one who disturbs waits for it */

static void handler(int sig)
{
    (void)sig;
    ++*calls;
}

static void install(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    *calls = 0;
}

static void pause_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * MS};

    while (nanosleep(&time, &time))
        ;
}

static long now_ms(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / MS;
}

/* A child that signals its parent, which sleeps by then. When that sleeps again, its handler behind
 * it if it has one, the child writes to the pipe and ends. */
static int disturb(int sig, int fd)
{
    int parent = getpid(), before = *calls, pid = (int)CHECK_OK(fork());
    struct sigaction action;

    if (pid)
        return pid;
    CHECK_OK(sigaction(sig, NULL, &action));
    asleep_await(parent);
    CHECK_OK(kill(parent, sig));
    if (action.sa_handler != handler)
        pause_ms(30); /* nothing is to happen */
    while (action.sa_handler == handler && *calls == before)
        pause_ms(1);
    asleep_await(parent);
    if (fd >= 0 && write(fd, "x", 1) != 1)
        _exit(1);
    _exit(0);
}

static void reap(int pid)
{
    int status;

    while (waitpid(pid, &status, 0) != pid)
        CHECK_EQ(errno, EINTR);
    CHECK_EQ(status, 0);
}

static void check_read(int flags)
{
    int fds[2], pid;
    ssize_t got;
    char c = 0;

    install(flags);
    CHECK_OK(pipe(fds));
    pid = disturb(SIGUSR1, fds[1]);
    got = read(fds[0], &c, 1);
    if (flags & SA_RESTART) {
        CHECK_EQ(got, 1);
        CHECK_EQ(c, 'x');
    } else {
        CHECK_ERR(got, EINTR);
    }
    CHECK_EQ(*calls, 1);
    reap(pid);
    close(fds[0]);
    close(fds[1]);
}

static void check_wait(int flags)
{
    int pid, result, status;

    install(flags);
    pid = disturb(SIGUSR1, -1);
    result = waitpid(pid, &status, 0);
    CHECK_EQ(*calls, 1);
    if (flags & SA_RESTART) {
        CHECK_EQ(result, pid);
    } else {
        CHECK_ERR(result, EINTR);
        reap(pid);
    }
}

/* These never start anew once a handler has run. */
static void check_never(void)
{
    struct timespec minute = {60, 0}, left = {0, 0};
    struct timeval tv = {60, 0};
    struct pollfd none = {.fd = -1};
    sigset_t empty;
    int pid;

    sigemptyset(&empty);
    install(SA_RESTART);
    pid = disturb(SIGUSR1, -1);
    CHECK_ERR(nanosleep(&minute, &left), EINTR);
    CHECK(left.tv_sec >= 30 && left.tv_sec <= 60);
    reap(pid);
    pid = disturb(SIGUSR1, -1);
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &minute, &left), EINTR);
    reap(pid);
    pid = disturb(SIGUSR1, -1);
    CHECK_ERR(poll(&none, 1, 60000), EINTR);
    reap(pid);
    pid = disturb(SIGUSR1, -1);
    CHECK_ERR(ppoll(&none, 1, &minute, &empty), EINTR);
    reap(pid);
    pid = disturb(SIGUSR1, -1);
    CHECK_ERR(select(0, NULL, NULL, NULL, &tv), EINTR);
    reap(pid);
    pid = disturb(SIGUSR1, -1);
    CHECK_ERR(pause(), EINTR);
    reap(pid);
    pid = disturb(SIGUSR1, -1);
    CHECK_ERR(sigsuspend(&empty), EINTR);
    reap(pid);
    CHECK_EQ(*calls, 7);
}

/* A signal that is ignored disturbs nobody. */
static void check_ignored(void)
{
    struct timespec time = {0, 100 * MS};
    int fds[2], pid;
    long start;
    char c;

    signal(SIGUSR1, SIG_IGN);
    CHECK_OK(pipe(fds));
    pid = disturb(SIGUSR1, fds[1]);
    CHECK_EQ(read(fds[0], &c, 1), 1);
    reap(pid);
    pid = disturb(SIGWINCH, -1);
    start = now_ms();
    CHECK_OK(nanosleep(&time, NULL));
    CHECK(now_ms() - start >= 99);
    reap(pid);
    close(fds[0]);
    close(fds[1]);
}

/* Stopped and continued, every call goes on as if nothing had been, with the time it had left. */
static void check_stopped(int which)
{
    struct timespec time = {0, 150 * MS};
    struct pollfd none = {.fd = -1};
    int status, pid = (int)CHECK_OK(fork());

    if (!pid) {
        long start = now_ms(), took;

        if (which == 0)
            CHECK_OK(nanosleep(&time, NULL));
        else
            CHECK_EQ(poll(&none, 1, 150), 0);
        took = now_ms() - start;
        _exit(took >= 150 && took < 10000 ? 0 : 1);
    }
    pause_ms(30);
    CHECK_OK(kill(pid, SIGSTOP));
    pause_ms(30);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* A sleep that cannot tell how much was left ends with that error; what it had left is not the
 * business of the next one. */
static void check_sleep_fault(void)
{
    const struct timespec seconds = {8, 0}, moment = {0, 20 * MS};
    int status, pid = (int)CHECK_OK(fork());

    if (!pid) {
        long start;

        CHECK_EQ(raw2(SYS_nanosleep, &seconds, 8), -EFAULT);
        start = now_ms();
        CHECK_OK(nanosleep(&moment, NULL));
        _exit(now_ms() - start < 4000 ? 0 : 1);
    }
    asleep_await(pid);
    CHECK_OK(kill(pid, SIGSTOP));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

/* The mask of sigsuspend and ppoll ends with the call, and the handler ran under it. */
static void check_suspend_mask(void)
{
    sigset_t usr1, none, now;
    struct timespec second = {1, 0};

    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    install(0);
    CHECK_OK(sigprocmask(SIG_BLOCK, &usr1, NULL));
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(*calls, 0);
    CHECK_ERR(sigsuspend(&none), EINTR);
    CHECK_EQ(*calls, 1);
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    CHECK_OK(raise(SIGUSR1));
    CHECK_ERR(ppoll(NULL, 0, &second, &none), EINTR);
    CHECK_EQ(*calls, 2);
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &now));
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
    CHECK_OK(raise(SIGUSR1));
    CHECK_ERR(pselect(0, NULL, NULL, NULL, &second, &none), EINTR);
    CHECK_EQ(*calls, 3);
    second.tv_sec = 0; /* only a look: it lets the signal in, too */
    CHECK_OK(raise(SIGUSR1));
    CHECK_ERR(ppoll(NULL, 0, &second, &none), EINTR);
    CHECK_EQ(*calls, 4);
    CHECK_OK(raise(SIGUSR1));
    CHECK_ERR(pselect(0, NULL, NULL, NULL, &second, &none), EINTR);
    CHECK_EQ(*calls, 5);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &usr1, NULL));
    CHECK_EQ(*calls, 5);
}

int main(void)
{
    calls = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)calls != MAP_FAILED);
    check_read(0);
    check_read(SA_RESTART);
    check_wait(0);
    check_wait(SA_RESTART);
    check_never();
    check_ignored();
    check_stopped(0);
    check_stopped(1);
    check_sleep_fault();
    check_suspend_mask();
    return 0;
}
