/* SPDX-License-Identifier: MIT */
/*
 * Leases: which files may have one, what breaks it, that its holder is told and the breaker waits
 * until the holder has come down or its time is up, and that a lease ends with its file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h> /* rename */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#ifndef F_SETSIG
#define F_SETSIG 10
#endif
#ifndef F_SETLEASE
#define F_SETLEASE 1024
#define F_GETLEASE 1025
#endif

#define BREAK_TIME "/proc/sys/fs/lease-break-time"
#define ENABLE     "/proc/sys/fs/leases-enable"

static sigset_t set;
static char path[] = "/tmp/lease-XXXXXX";

static int next(siginfo_t *info)
{
    struct timespec limit = {.tv_sec = 10};
    int number;

    do
        number = sigtimedwait(&set, info, &limit);
    while (number < 0 && errno == EINTR);
    return number;
}

static void none(void)
{
    struct timespec now = {0};

    CHECK_ERR(sigtimedwait(&set, NULL, &now), EAGAIN);
}

static int open_file(int flags)
{
    return (int)CHECK_OK(open(path, flags));
}

static void test_taking(void)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    char directory[] = "/tmp/lease-dir-XXXXXX";
    int fd, other, pipe_fds[2];

    CHECK_OK(pipe(pipe_fds));
    CHECK_ERR(fcntl(pipe_fds[0], F_SETLEASE, F_RDLCK), EINVAL);
    CHECK(mkdtemp(directory)); /* of its own: else that would be EACCES */
    fd = (int)CHECK_OK(open(directory, O_RDONLY));
    CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EINVAL);
    CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    close(fd);
    CHECK_OK(rmdir(directory));
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    for (int i = 0; i < 3; i++) { /* alone */
        fd = open_file(modes[i]);
        CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
        CHECK_ERR(fcntl(fd, F_SETLEASE, F_UNLCK), EAGAIN);
        CHECK_ERR(fcntl(fd, F_SETLEASE, 3), EINVAL);
        if (modes[i] != O_RDONLY)
            CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
        else
            CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
        CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
        CHECK_EQ(fcntl(fd, F_GETLEASE), F_WRLCK);
        CHECK_EQ(fcntl(fd, F_GETOWN), getpid());
        CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
        CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
        CHECK_EQ(fcntl(fd, F_GETOWN), 0);
        for (int j = 0; j < 3; j++) { /* beside another */
            other = open_file(modes[j]);
            CHECK_ERR(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN);
            if (modes[i] == O_RDONLY && modes[j] == O_RDONLY) {
                CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
                CHECK_OK(fcntl(other, F_SETLEASE, F_RDLCK));
                CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
                CHECK_EQ(fcntl(other, F_GETLEASE), F_RDLCK);
            } else {
                CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
            }
            close(other);
        }
        close(fd);
    }
    fd = open_file(O_RDWR); /* all of them have ended with their files */
    close(fd);
    none();
}

/* What the child does to the file. */
enum action { READ, WRITE, BOTH, TRUNCATE, ACTIONS };

static pid_t breaker(enum action action, int fd)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        close(fd); /* the lease ends with the parent's */
        _exit(action == TRUNCATE ? truncate(path, 0) < 0 : open(path, modes[action]) < 0);
    }
    return pid;
}

static void is_told(int fd)
{
    siginfo_t info;

    CHECK_EQ(next(&info), SIGRTMIN);
    CHECK_EQ(info.si_code, POLL_MSG);
    CHECK_EQ(info.si_fd, fd);
    CHECK_EQ(info.si_band, POLLIN | POLLRDNORM | POLLMSG);
}

static void test_breaking(void)
{
    for (int type = F_RDLCK; type <= F_WRLCK; type++)
        for (enum action action = READ; action < ACTIONS; action++) {
            bool shares = action == READ;
            int fd = open_file(O_RDONLY);
            pid_t pid;

            CHECK_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
            CHECK_OK(fcntl(fd, F_SETLEASE, type));
            pid = breaker(action, fd);
            if (type == F_RDLCK && shares) {
                CHECK_EQ(child_end(pid), 0);
                CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
                none();
                close(fd);
                continue;
            }
            is_told(fd);
            asleep_await(pid);
            CHECK_EQ(fcntl(fd, F_GETLEASE), shares ? F_RDLCK : F_UNLCK);
            if (shares) {
                CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
            } else {
                CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN);
                if (action == WRITE) /* its end will do as well */
                    close(fd);
                else
                    CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
            }
            CHECK_EQ(child_end(pid), 0);
            if (action != WRITE) {
                CHECK_EQ(fcntl(fd, F_GETLEASE), shares ? F_RDLCK : F_UNLCK);
                close(fd);
            }
            none();
        }
}

/* Who does not want to wait is told so, and the holder as well, once. */
static void test_nonblock(void)
{
    int fd = open_file(O_RDONLY);
    struct stat st;

    CHECK_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
    CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    CHECK_ERR(open(path, O_RDONLY | O_NONBLOCK), EWOULDBLOCK);
    is_told(fd);
    CHECK_ERR(open(path, O_RDONLY | O_NONBLOCK), EWOULDBLOCK);
    none();
    CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
    CHECK_ERR(open(path, O_RDWR | O_NONBLOCK), EWOULDBLOCK); /* more than before */
    is_told(fd);
    CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
    close(open_file(O_RDWR | O_NONBLOCK));

    /* What breaks none. */
    CHECK_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
    CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    CHECK_OK(stat(path, &st));
    CHECK_OK(chmod(path, 0640));
    CHECK_OK(close((int)CHECK_OK(open(path, O_PATH))));
    CHECK_OK(link(path, "/tmp/lease-link"));
    CHECK_OK(rename("/tmp/lease-link", "/tmp/lease-other"));
    CHECK_OK(unlink("/tmp/lease-other"));
    CHECK_EQ(fcntl(fd, F_GETLEASE), F_WRLCK);
    none();
    close(fd);
}

static void on_alarm(int number)
{
    (void)number;
}

/* A breaker that a signal ends. */
static void test_interrupted(void)
{
    struct sigaction action = {.sa_handler = on_alarm};
    int fd = open_file(O_RDONLY);
    pid_t pid;

    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        alarm(1);
        _exit(open(path, O_RDONLY) < 0 && errno == EINTR ? 0 : 1);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(next(NULL), SIGIO);
    close(fd);
}

static void put(const char *name, const char *text)
{
    int fd = (int)CHECK_OK(open(name, O_WRONLY));

    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* A holder that does nothing loses its lease. */
static void test_time(void)
{
    char before[16] = {0};
    int fd = (int)CHECK_OK(open(BREAK_TIME, O_RDONLY));
    pid_t pid;

    CHECK(read(fd, before, sizeof(before) - 1) > 0);
    close(fd);
    if (access(BREAK_TIME, W_OK) || getuid())
        return;
    fd = open(BREAK_TIME, O_WRONLY);
    if (fd < 0) /* a read-only /proc */
        return;
    close(fd);
    put(BREAK_TIME, "1\n");
    fd = open_file(O_RDONLY);
    CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
    pid = breaker(READ, fd);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(fcntl(fd, F_GETLEASE), F_RDLCK);
    pid = breaker(WRITE, fd);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
    put(BREAK_TIME, before);
    while (next(NULL) != SIGIO)
        ;
    put(ENABLE, "0");
    CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EINVAL);
    put(ENABLE, "1");
    close(fd);
}

static void test_rights(void)
{
    pid_t pid;

    if (getuid())
        return;
    CHECK_OK(chmod(path, 0666));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        int fd = open_file(O_RDONLY);

        CHECK_OK(setresuid(1001, 1001, 1001));
        CHECK_ERR(fcntl(fd, F_SETLEASE, F_RDLCK), EACCES);
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
}

/* Taken and broken at once: never are a lease and a writer there together. */
static void test_race(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        for (int i = 0; i < 300; i++) {
            int fd = open(path, O_RDWR | O_NONBLOCK);

            if (fd >= 0)
                close(fd);
            else
                CHECK_EQ(errno, EWOULDBLOCK);
        }
        _exit(0);
    }
    for (int i = 0; i < 300; i++) {
        int fd = open_file(O_RDONLY | O_NONBLOCK);

        if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
            CHECK_EQ(errno, EAGAIN);
        close(fd);
    }
    CHECK_EQ(child_end(pid), 0);
}

int main(void)
{
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGIO);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    close((int)CHECK_OK(mkstemp(path)));
    test_taking();
    test_breaking();
    test_nonblock();
    test_interrupted();
    test_time();
    test_rights();
    test_race();
    CHECK_OK(unlink(path));
    return 0;
}
