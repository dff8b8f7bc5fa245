/* SPDX-License-Identifier: MIT */
/*
 * Long because every kind of file has its own ways.
 *
 * Signals about files that become ready: who gets them (F_SETOWN, F_SETOWN_EX), which (F_SETSIG),
 * what they say, for pipes, FIFOs, sockets, terminals and inotify; rights; a queue that is full.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/inet.h"

#ifndef F_SETSIG
#define F_SETSIG 10
#define F_GETSIG 11
#endif
#ifndef F_SETOWN_EX
#define F_SETOWN_EX 15
#define F_GETOWN_EX 16
#endif
#ifndef F_GETOWNER_UIDS
#define F_GETOWNER_UIDS 17
#endif
#define FIO_SETOWN 0x8901
#define SIOC_SPGRP 0x8902
#define FIO_GETOWN 0x8903
#define SIOC_GPGRP 0x8904

#define SIG (SIGRTMIN + 3)

struct owner {
    int type, pid;
};

static sigset_t set;

/* The next signal of the set: waited for. Its number. */
static int next(siginfo_t *info)
{
    struct timespec limit = {.tv_sec = 10};
    int number;

    do
        number = sigtimedwait(&set, info, &limit);
    while (number < 0 && errno == EINTR);
    return number;
}

/* There is none now. */
static void none(void)
{
    struct timespec now = {0};

    CHECK_ERR(sigtimedwait(&set, NULL, &now), EAGAIN);
}

static void is_io(int fd, int code, long band)
{
    siginfo_t info;

    CHECK_EQ(next(&info), SIG);
    CHECK_EQ(info.si_code, code);
    CHECK_EQ(info.si_fd, fd);
    CHECK_EQ(info.si_band, band);
}

static void is_in(int fd)
{
    is_io(fd, POLL_IN, POLLIN | POLLRDNORM);
}

static void drop_all(void)
{
    struct timespec now = {0};

    while (sigtimedwait(&set, NULL, &now) > 0)
        ;
}

/* Signals of the file come to this process. */
static void async(int fd)
{
    CHECK_OK(fcntl(fd, F_SETOWN, getpid()));
    CHECK_OK(fcntl(fd, F_SETSIG, SIG));
    CHECK_OK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
    CHECK(fcntl(fd, F_GETFL) & O_ASYNC);
}

static void test_pipe(void)
{
    siginfo_t info;
    int fds[2], off = 0, on = 1, copy;
    char byte;

    CHECK_OK(pipe(fds));
    async(fds[0]);
    none();
    CHECK_OK(fcntl(fds[1], F_SETPIPE_SZ, 4096));
    none();
    for (int i = 0; i < 100; i++) { /* it is there when write returns */
        struct timespec now = {0};

        CHECK_EQ(write(fds[1], "a", 1), 1);
        CHECK_EQ(sigtimedwait(&set, NULL, &now), SIG);
        CHECK_EQ(read(fds[0], &byte, 1), 1);
        none();
    }
    CHECK_EQ(write(fds[1], "a", 1), 1);
    is_in(fds[0]);
    CHECK_EQ(write(fds[1], "b", 1), 1); /* and again, although it was readable before */
    is_in(fds[0]);
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    none();
    async(fds[1]);
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    is_io(fds[1], POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
    CHECK_OK(ioctl(fds[1], FIOASYNC, &off));
    CHECK(!(fcntl(fds[1], F_GETFL) & O_ASYNC));
    CHECK_EQ(write(fds[1], "c", 1), 1);
    is_in(fds[0]);
    CHECK_EQ(read(fds[0], &byte, 1), 1);
    none();
    CHECK_OK(fcntl(fds[0], F_SETSIG, 0)); /* SIGIO says nothing more */
    CHECK_EQ(write(fds[1], "d", 1), 1);
    CHECK_EQ(next(&info), SIGIO);
    CHECK_EQ(info.si_code, SI_KERNEL);
    CHECK_OK(fcntl(fds[0], F_SETSIG, SIGIO)); /* but like this it does */
    CHECK_EQ(write(fds[1], "e", 1), 1);
    CHECK_EQ(next(&info), SIGIO);
    CHECK_EQ(info.si_code, POLL_IN);
    CHECK_EQ(info.si_fd, fds[0]);
    CHECK_OK(fcntl(fds[0], F_SETSIG, SIGCHLD)); /* which has codes of its own */
    sigaddset(&set, SIGCHLD);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_EQ(write(fds[1], "f", 1), 1);
    CHECK_EQ(next(&info), SIGCHLD);
    CHECK_EQ(info.si_code, -5); /* SI_SIGIO */
    sigdelset(&set, SIGCHLD);
    CHECK_OK(fcntl(fds[0], F_SETSIG, SIG));
    /* Through another descriptor of the same file: the number is that of F_SETFL. */
    copy = (int)CHECK_OK(dup(fds[0]));
    CHECK_OK(ioctl(copy, FIOASYNC, &off));
    CHECK_OK(ioctl(copy, FIOASYNC, &on));
    CHECK_EQ(write(fds[1], "g", 1), 1);
    is_in(copy);
    CHECK_OK(close(copy));
    CHECK_OK(close(fds[1])); /* the end of the input */
    is_in(copy);
    CHECK_OK(close(fds[0]));
    none();
}

static void test_owner(void)
{
    struct owner owner;
    unsigned users[2];
    int fds[2], sockets[2], number;
    pid_t pid;

    CHECK_OK(pipe(fds));
    CHECK_EQ(fcntl(fds[0], F_GETOWN), 0);
    CHECK_OK(fcntl(fds[0], F_GETOWN_EX, &owner));
    CHECK_EQ(owner.type, 0);
    CHECK_EQ(owner.pid, 0);
    CHECK_OK(fcntl(fds[0], F_SETOWN_EX, &owner));
    CHECK_OK(fcntl(fds[0], F_SETOWN, -getpgrp()));
    CHECK_OK(fcntl(fds[0], F_GETOWN_EX, &owner));
    CHECK_EQ(owner.type, 2);
    CHECK_EQ(owner.pid, getpgrp());
    CHECK_OK(fcntl(fds[0], F_GETOWNER_UIDS, users));
    CHECK_EQ(users[0], getuid());
    CHECK_EQ(users[1], geteuid());
    owner.type = 3;
    CHECK_ERR(fcntl(fds[0], F_SETOWN_EX, &owner), EINVAL);
    owner.type = 1;
    owner.pid = -5;
    CHECK_ERR(fcntl(fds[0], F_SETOWN_EX, &owner), ESRCH);
    CHECK_EQ(raw3(SYS_fcntl, fds[0], F_SETOWN_EX, 8), -EFAULT);
    CHECK_EQ(raw3(SYS_fcntl, fds[0], F_GETOWN_EX, 8), -EFAULT);
    CHECK_EQ(raw3(SYS_fcntl, fds[0], F_SETOWN, (int)0x80000000), -EINVAL);
    /* An owner that ends is none, also for another process with its number. */
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        pause();
        _exit(0);
    }
    CHECK_OK(fcntl(fds[0], F_SETOWN, pid));
    CHECK_EQ(fcntl(fds[0], F_GETOWN), pid);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_EQ(fcntl(fds[0], F_GETOWN), 0);
    CHECK_OK(fcntl(fds[0], F_SETFL, O_ASYNC));
    CHECK_EQ(write(fds[1], "a", 1), 1);
    none();
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    number = getpid();
    CHECK_OK(ioctl(sockets[0], FIO_SETOWN, &number));
    CHECK_EQ(fcntl(sockets[0], F_GETOWN), getpid());
    number = -getpgrp();
    CHECK_OK(ioctl(sockets[0], SIOC_SPGRP, &number));
    CHECK_OK(ioctl(sockets[0], FIO_GETOWN, &number));
    CHECK_EQ(number, -getpgrp());
    CHECK_OK(ioctl(sockets[0], SIOC_GPGRP, &number));
    CHECK_EQ(number, -getpgrp());
    CHECK_ERR(ioctl(sockets[0], SIOC_SPGRP, NULL), EFAULT);
    CHECK_ERR(ioctl(fds[0], SIOC_SPGRP, &number), ENOTTY);
    close(sockets[0]);
    close(sockets[1]);
    close(fds[0]);
    close(fds[1]);
}

/* A group, and a child that is in none of it. */
static void test_group(void)
{
    int fds[2], ready[2];
    siginfo_t info;
    pid_t in = 0, out = 0;
    char byte;

    CHECK_OK(pipe(fds));
    CHECK_OK(pipe(ready));
    for (int i = 0; i < 2; i++) {
        pid_t pid = (pid_t)CHECK_OK(fork());

        if (pid == 0) {
            struct timespec tenth = {.tv_nsec = 100000000};

            if (i)
                CHECK_OK(setpgid(0, 0));
            CHECK_EQ(write(ready[1], "r", 1), 1);
            if (!i)
                _exit(next(&info) == SIG ? 5 : 6);
            _exit(sigtimedwait(&set, &info, &tenth) < 0 ? 7 : 8);
        }
        if (i)
            out = pid;
        else
            in = pid;
        CHECK_EQ(read(ready[0], &byte, 1), 1);
    }
    async(fds[0]);
    CHECK_OK(fcntl(fds[0], F_SETOWN, -getpgrp()));
    CHECK_EQ(write(fds[1], "a", 1), 1);
    is_in(fds[0]);
    CHECK_EQ(child_end(in), 5 << 8);
    CHECK_EQ(child_end(out), 7 << 8);
    close(fds[0]);
    close(fds[1]);
    close(ready[0]);
    close(ready[1]);
}

/* To one task. */
static void test_thread(void)
{
    struct owner owner = {.type = 0};
    int fds[2];

    CHECK_OK(pipe(fds));
    async(fds[0]);
    owner.pid = (int)raw0(SYS_gettid);
    CHECK_OK(fcntl(fds[0], F_SETOWN_EX, &owner));
    CHECK_EQ(write(fds[1], "a", 1), 1);
    is_in(fds[0]);
    CHECK_OK(fcntl(fds[0], F_GETOWN_EX, &owner));
    CHECK_EQ(owner.type, 0);
    CHECK_EQ(owner.pid, raw0(SYS_gettid));
    close(fds[0]);
    close(fds[1]);
}

static void test_sockets(void)
{
    int fds[2], listener, client, accepted;
    char block[4096] = {0};

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    async(fds[0]);
    CHECK_EQ(write(fds[1], "a", 1), 1);
    is_in(fds[0]);
    CHECK_EQ(read(fds[0], block, 1), 1);
    CHECK_EQ(write(fds[0], "b", 1), 1);
    CHECK_EQ(read(fds[1], block, 1), 1);
    none(); /* there was room all the time */
    while (write(fds[0], block, sizeof(block)) > 0)
        ;
    CHECK_EQ(errno, EAGAIN);
    none();
    while (read(fds[1], block, sizeof(block)) > 0)
        ;
    is_io(fds[0], POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
    drop_all();
    CHECK_OK(close(fds[1]));
    is_io(fds[0], POLL_HUP, POLLHUP | POLLERR);
    drop_all();
    close(fds[0]);

    listener = tcp_listener(4);
    async(listener);
    client = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
    CHECK_OK(v4_connect(client, INADDR_LOOPBACK, own_port(listener)));
    is_in(listener);
    accepted = (int)CHECK_OK(accept(listener, NULL, NULL));
    drop_all();
    async(accepted);
    CHECK_EQ(write(client, "a", 1), 1);
    is_in(accepted);
    close(client);
    close(accepted);
    close(listener);
    drop_all();
}

static void test_terminal(void)
{
    int master = (int)CHECK_OK(posix_openpt(O_RDWR | O_NOCTTY)), slave;
    struct termios termios;

    CHECK_OK(grantpt(master));
    CHECK_OK(unlockpt(master));
    slave = (int)CHECK_OK(open(ptsname(master), O_RDWR | O_NOCTTY));
    CHECK_OK(tcgetattr(slave, &termios));
    termios.c_lflag &= ~(tcflag_t)ECHO;
    CHECK_OK(tcsetattr(slave, TCSANOW, &termios));
    async(slave);
    CHECK_EQ(write(master, "ab", 2), 2);
    CHECK_EQ(write(master, "c\n", 2), 2);
    is_in(slave);
    drop_all();
    CHECK_OK(fcntl(slave, F_SETFL, O_RDWR));
    async(master);
    CHECK_EQ(write(slave, "x", 1), 1);
    is_in(master);
    close(slave);
    close(master);
    drop_all();
}

static void test_inotify(void)
{
    int fd = (int)CHECK_OK(inotify_init()), file;
    char name[] = "/tmp/sigio-XXXXXX";

    file = (int)CHECK_OK(mkstemp(name));
    CHECK_OK(inotify_add_watch(fd, name, IN_MODIFY));
    async(fd);
    CHECK_EQ(write(file, "a", 1), 1);
    is_in(fd);
    close(fd);
    CHECK_OK(unlink(name));
    close(file);
    none();
}

/* Files that have none: the flag does not stay. */
static void test_without(void)
{
    int fds[3], on = 1, fifo;
    char name[] = "/tmp/sigio-fifo-XXXXXX", byte;

    fds[0] = (int)CHECK_OK(eventfd(0, 0));
    fds[1] = (int)CHECK_OK(open("/dev/null", O_RDWR));
    fds[2] = (int)CHECK_OK(open("/tmp", O_RDONLY));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(fcntl(fds[i], F_SETFL, O_ASYNC));
        CHECK(!(fcntl(fds[i], F_GETFL) & O_ASYNC));
        CHECK_ERR(ioctl(fds[i], FIOASYNC, &on), ENOTTY);
        CHECK_ERR(ioctl(fds[i], FIOASYNC, NULL), EFAULT);
        CHECK_OK(fcntl(fds[i], F_SETOWN, getpid())); /* but an owner may be set */
        CHECK_EQ(fcntl(fds[i], F_GETOWN), getpid());
        close(fds[i]);
    }
    CHECK_OK(close((int)CHECK_OK(mkstemp(name))));
    CHECK_OK(unlink(name));
    CHECK_OK(mkfifo(name, 0600));
    fifo = (int)CHECK_OK(open(name, O_RDWR | O_ASYNC)); /* of open it means nothing */
    CHECK_OK(fcntl(fifo, F_SETOWN, getpid()));
    CHECK_OK(fcntl(fifo, F_SETSIG, SIG));
    CHECK_EQ(write(fifo, "a", 1), 1);
    none();
    close(fifo);
    fifo = (int)CHECK_OK(open(name, O_RDWR));
    async(fifo);
    CHECK_EQ(write(fifo, "a", 1), 1);
    is_in(fifo);
    CHECK_EQ(read(fifo, &byte, 1), 1);
    is_io(fifo, POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
    close(fifo);
    CHECK_OK(unlink(name));
    drop_all();
}

/* More than may be queued: the rest is one SIGIO. */
static void test_overflow(void)
{
    struct rlimit before, few = {.rlim_cur = 0};
    siginfo_t info;
    int fds[2];

    CHECK_OK(getrlimit(RLIMIT_SIGPENDING, &before));
    few.rlim_max = before.rlim_max;
    CHECK_OK(pipe(fds));
    async(fds[0]);
    CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &few));
    CHECK_EQ(write(fds[1], "a", 1), 1);
    CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &before));
    CHECK_EQ(next(&info), SIGIO);
    CHECK_EQ(info.si_code, SI_KERNEL);
    none();
    close(fds[0]);
    close(fds[1]);
}

/* As records of signalfd. */
static void test_record(void)
{
    int fds[2], fd = (int)CHECK_OK(signalfd(-1, &set, SFD_NONBLOCK));
    struct signalfd_siginfo got;

    CHECK_OK(pipe(fds));
    async(fds[0]);
    CHECK_EQ(write(fds[1], "a", 1), 1);
    CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
    CHECK_EQ(got.ssi_signo, SIG);
    CHECK_EQ(got.ssi_code, POLL_IN);
    CHECK_EQ(got.ssi_fd, fds[0]);
    CHECK_EQ(got.ssi_band, POLLIN | POLLRDNORM);
    CHECK_EQ(got.ssi_pid, 0);
    close(fd);
    close(fds[0]);
    close(fds[1]);
}

/* The writer sleeps in its call: the signal has to come nevertheless. */
static void test_sleeper(void)
{
    static char block[65536];
    int fds[2];
    pid_t pid;

    CHECK_OK(pipe(fds));
    async(fds[0]);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(fcntl(fds[1], F_SETPIPE_SZ, 4096));
        CHECK_EQ(write(fds[1], block, sizeof(block)), sizeof(block));
        _exit(0);
    }
    is_in(fds[0]);
    for (size_t left = sizeof(block); left > 0;)
        left -= (size_t)CHECK_OK(read(fds[0], block, left));
    CHECK_EQ(child_end(pid), 0);
    close(fds[0]);
    close(fds[1]);
    drop_all();
}

/* Files that go while others write to them, and owners that do. */
static void test_race(void)
{
    int fds[2];

    for (int i = 0; i < 100; i++) {
        pid_t writer, owner;

        CHECK_OK(pipe(fds));
        owner = (pid_t)CHECK_OK(fork());
        if (owner == 0)
            _exit(0);
        async(fds[0]);
        fcntl(fds[0], F_SETOWN, i % 2 ? owner : getpid());
        writer = (pid_t)CHECK_OK(fork());
        if (writer == 0) {
            signal(SIGPIPE, SIG_IGN);
            close(fds[0]);
            for (int j = 0; j < 20; j++)
                if (write(fds[1], "abc", 3) < 0)
                    break;
            _exit(0);
        }
        fcntl(fds[0], F_SETFL, 0);
        fcntl(fds[0], F_SETFL, O_ASYNC);
        close(fds[0]);
        close(fds[1]);
        child_end(owner);
        CHECK_EQ(child_end(writer), 0);
    }
    drop_all();
}

/* Another user's process is not signalled. */
static void test_rights(void)
{
    int fds[2], ready[2];
    siginfo_t info;
    pid_t other, setter;
    char byte;

    if (getuid())
        return;
    CHECK_OK(pipe(fds));
    CHECK_OK(pipe(ready));
    for (int by = 0; by < 2; by++) { /* root, and user 1002 */
        other = (pid_t)CHECK_OK(fork());
        if (other == 0) {
            struct timespec fifth = {.tv_nsec = 200000000};

            CHECK_OK(setresgid(1001, 1001, 1001));
            CHECK_OK(setresuid(1001, 1001, 1001));
            CHECK_EQ(write(ready[1], "r", 1), 1);
            if (by == 0)
                _exit(next(&info) == SIG ? 5 : 6);
            _exit(sigtimedwait(&set, &info, &fifth) < 0 ? 7 : 8);
        }
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        setter = (pid_t)CHECK_OK(fork());
        if (setter == 0) {
            if (by)
                CHECK_OK(setresuid(1002, 1002, 1002));
            CHECK_OK(fcntl(fds[0], F_SETFL, 0));
            async(fds[0]);
            CHECK_OK(fcntl(fds[0], F_SETOWN, other));
            _exit(0);
        }
        CHECK_EQ(child_end(setter), 0);
        CHECK_EQ(write(fds[1], "a", 1), 1); /* by root, which does not count */
        CHECK_EQ(child_end(other), (by ? 7 : 5) << 8);
    }
    close(fds[0]);
    close(fds[1]);
    close(ready[0]);
    close(ready[1]);
    drop_all();
}

int main(void)
{
    sigemptyset(&set);
    sigaddset(&set, SIG);
    sigaddset(&set, SIGIO);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    signal(SIGPIPE, SIG_IGN);
    if (getpgrp() != getpid())
        CHECK_OK(setpgid(0, 0));
    test_pipe();
    test_owner();
    test_group();
    test_thread();
    test_sockets();
    test_terminal();
    test_inotify();
    test_without();
    test_overflow();
    test_record();
    test_sleeper();
    test_race();
    test_rights();
    return 0;
}
