/* SPDX-License-Identifier: MIT */
/*
 * signalfd: blocked signals come as records of a file, whoever sent them; poll and select wait for
 * them, in company of other files and of signals with handlers.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static volatile int handled;

static void on_signal(int number)
{
    handled = number;
}

static sigset_t block(int first, int second)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    return set;
}

/* A child that does something to its parent after a while; its number. */
static int later(int number)
{
    struct timespec while_ = {.tv_nsec = 50000000};
    int parent = getpid(), pid = (int)CHECK_OK(fork());

    if (pid == 0) {
        nanosleep(&while_, NULL);
        if (number)
            kill(parent, number);
        _exit(3);
    }
    return pid;
}

/* One that does it again and again, so that what is to be interrupted is, if that begins late. */
static int often(int number)
{
    struct timespec while_ = {.tv_nsec = 50000000};
    int parent = getpid(), pid = (int)CHECK_OK(fork());

    if (pid)
        return pid;
    do
        nanosleep(&while_, NULL);
    while (kill(parent, number) == 0);
    _exit(0);
}

/* Another set for the file that there is: of any other file, and of bad arguments, nothing. */
static void test_change(int fd, const sigset_t *set, const sigset_t *other)
{
    struct signalfd_siginfo got;

    CHECK_ERR(signalfd(0x7fffffff, set, 0), EBADF);
    CHECK_ERR(signalfd(0, set, 0), EINVAL);
    CHECK_EQ(raw4(SYS_signalfd4, -1, set, 16, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_signalfd4, -1, set, 8, 1), -EINVAL);
    CHECK_EQ(raw4(SYS_signalfd4, fd, 8, 8, 0), -EFAULT);
    CHECK_ERR(read(fd, &got, sizeof(got)), EAGAIN);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(signalfd(fd, other, 0), fd);
    CHECK_ERR(read(fd, &got, sizeof(got)), EAGAIN);
    CHECK_EQ(signalfd(fd, set, 0), fd);
    CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
    CHECK_EQ(got.ssi_signo, SIGUSR1);
}

static void test_records(int fd)
{
    struct signalfd_siginfo got[3];
    union sigval value = {.sival_ptr = (void *)0x1234567890};
    sigset_t pending;
    int pid;

    CHECK_ERR(read(fd, got, sizeof(got[0])), EAGAIN);
    CHECK_ERR(read(fd, got, sizeof(got[0]) - 1), EINVAL);
    CHECK_ERR(write(fd, got, sizeof(got[0])), EINVAL);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(raw3(SYS_read, fd, 8, sizeof(got[0])), -EFAULT); /* and it is gone, as on Linux */
    CHECK_ERR(read(fd, got, sizeof(got[0])), EAGAIN);

    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_OK(sigqueue(getpid(), SIGRTMIN, value));
    CHECK_OK(sigqueue(getpid(), SIGRTMIN, value));
    memset(got, 0xff, sizeof(got));
    CHECK_EQ(read(fd, got, 2 * sizeof(got[0]) + 100), 2 * sizeof(got[0]));
    CHECK_EQ(got[0].ssi_signo, SIGUSR1);
    CHECK_EQ(got[0].ssi_code, SI_USER);
    CHECK_EQ(got[0].ssi_pid, getpid());
    CHECK_EQ(got[0].ssi_uid, getuid());
    CHECK_EQ(got[1].ssi_signo, SIGRTMIN);
    CHECK_EQ(got[1].ssi_code, SI_QUEUE);
    CHECK_EQ(got[1].ssi_ptr, 0x1234567890);
    CHECK_EQ(got[1].ssi_int, 0x34567890);
    CHECK_EQ(got[2].ssi_signo, 0xffffffff);
    CHECK_OK(sigpending(&pending));
    CHECK(sigismember(&pending, SIGRTMIN));
    CHECK_EQ(read(fd, got, sizeof(got)), sizeof(got[0])); /* what is there, no more */

    block(SIGCHLD, SIGALRM);
    pid = later(0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    sigemptyset(&pending);
    sigaddset(&pending, SIGCHLD);
    CHECK_EQ(signalfd(fd, &pending, 0), fd);
    CHECK_EQ(read(fd, got, sizeof(got)), sizeof(got[0]));
    CHECK_EQ(got[0].ssi_signo, SIGCHLD);
    CHECK_EQ(got[0].ssi_code, CLD_EXITED);
    CHECK_EQ(got[0].ssi_pid, pid);
    CHECK_EQ(got[0].ssi_status, 3);
}

static void test_timer(int fd)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
    struct itimerspec when = {.it_value.tv_nsec = 20000000};
    struct signalfd_siginfo got;
    timer_t timer;

    event.sigev_value.sival_int = 77;
    CHECK_OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    CHECK_OK(timer_settime(timer, 0, &when, NULL));
    CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
    CHECK_EQ(got.ssi_signo, SIGALRM);
    CHECK_EQ(got.ssi_code, SI_TIMER);
    CHECK_EQ(got.ssi_int, 77);
    CHECK_EQ(got.ssi_overrun, 0);
    CHECK_OK(timer_delete(timer));
}

static int hear(int fd)
{
    struct signalfd_siginfo got;

    CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
    return (int)got.ssi_signo;
}

static void test_waiting(int fd)
{
    int pid, ends[2];
    struct pollfd both[2] = {{.events = POLLIN}, {.fd = fd, .events = POLLIN}};
    struct timeval time = {.tv_sec = 20};
    fd_set set;

    CHECK_OK(pipe(ends));
    both[0].fd = ends[0];
    CHECK_EQ(poll(both, 2, 20), 0);
    pid = later(SIGUSR1);
    CHECK_EQ(poll(both, 2, 20000), 1);
    CHECK_EQ(both[0].revents, 0);
    CHECK_EQ(both[1].revents, POLLIN);
    CHECK_EQ(poll(both, 2, -1), 1); /* until it is read */
    CHECK_EQ(hear(fd), SIGUSR1);
    CHECK_EQ(poll(both, 2, 0), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);

    pid = later(SIGUSR1);
    FD_ZERO(&set);
    FD_SET(fd, &set);
    FD_SET(ends[0], &set);
    CHECK_EQ(select(FD_SETSIZE, &set, NULL, NULL, &time), 1);
    CHECK(FD_ISSET(fd, &set) && !FD_ISSET(ends[0], &set));
    CHECK_EQ(hear(fd), SIGUSR1);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);

    pid = later(SIGUSR1); /* without poll */
    CHECK_EQ(hear(fd), SIGUSR1);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);

    /* A signal with a handler interrupts; one that is blocked and not of the set does not. */
    pid = often(SIGUSR2);
    CHECK_ERR(poll(both, 2, 20000), EINTR);
    CHECK_EQ(handled, SIGUSR2);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, NULL, 0), pid); /* which goes on after each */
    pid = later(SIGALRM);
    both[1].fd = ends[0];
    CHECK_EQ(poll(both, 2, 200), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);

    /* Once the poll is over, the signals are blocked as before. */
    pid = later(SIGUSR1);
    CHECK_EQ(poll(both, 1, 200), 0);
    CHECK_EQ(hear(fd), SIGUSR1);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    close(ends[0]), close(ends[1]);
}

/* "change": only what takes no time. */
int main(int argc, char **argv)
{
    sigset_t set, alarm;
    int fd;

    signal(SIGUSR2, on_signal);
    set = block(SIGUSR1, SIGRTMIN);
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    fd = (int)CHECK_OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR | O_NONBLOCK);
    test_change(fd, &set, &alarm);
    if (argc == 2 && strcmp(argv[1], "change") == 0)
        return 0;
    test_records(fd);
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    CHECK_EQ(signalfd(fd, &alarm, 0), fd);
    test_timer(fd);
    CHECK_EQ(signalfd(fd, &set, 0), fd);
    test_waiting(fd);
    return 0;
}
