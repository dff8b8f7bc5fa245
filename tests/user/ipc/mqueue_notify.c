/* SPDX-License-Identifier: MIT */
/*
 * mq_notify: a signal, a cookie or nothing, once; which process has it, and until when.
 */
#define _GNU_SOURCE
#include "tests/user/lib/mqueue.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"

#define NAME "mqueue_notify"

static int queue;
static char text[16];

static struct sigevent event_of(int notify, int signo, void *value)
{
    struct sigevent event;

    memset(&event, 0, sizeof(event));
    event.sigev_notify = notify;
    event.sigev_signo = signo;
    event.sigev_value.sival_ptr = value;
    return event;
}

/* How the queue shows what is registered. */
static void check_shown(int notify, int signo, int pid)
{
    char line[100] = "", *at;

    CHECK_OK(pread(queue, line, sizeof(line) - 1, 0));
    at = strstr(line, "NOTIFY:");
    CHECK(at);
    CHECK_EQ(strtol(at + 7, NULL, 10), notify);
    CHECK_EQ(strtol(strstr(line, "SIGNO:") + 6, NULL, 10), signo);
    CHECK_EQ(strtol(strstr(line, "PID:") + 4, NULL, 10), pid);
}

static void drain(void)
{
    CHECK_OK(fcntl(queue, F_SETFL, O_NONBLOCK));
    while (queue_receive(queue, text, 16, NULL, NULL) >= 0)
        ;
    CHECK_OK(fcntl(queue, F_SETFL, 0));
}

static void signal_once(int signo)
{
    static const struct timespec none = {0, 0};
    struct sigevent event = event_of(SIGEV_SIGNAL, signo, (void *)0x1234567890l);
    siginfo_t info;
    sigset_t set;
    pid_t pid;

    sigemptyset(&set);
    sigaddset(&set, signo);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(queue_notify(queue, &event));
    check_shown(SIGEV_SIGNAL, signo, getpid());
    CHECK_ERR(queue_notify(queue, &event), EBUSY);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_ERR(queue_notify(queue, &event), EBUSY);
        CHECK_OK(queue_notify(queue, NULL)); /* of another: it stays */
        CHECK_OK(close((int)CHECK_OK(dup(queue))));
        CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(sigtimedwait(&set, &info, &none), signo);
    CHECK_EQ(info.si_code, SI_MESGQ);
    CHECK_EQ(info.si_pid, pid);
    CHECK_EQ(info.si_uid, getuid());
    CHECK_EQ((long)info.si_value.sival_ptr, 0x1234567890l);
    check_shown(0, 0, 0);
    /* It was for one message, into an empty queue. */
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(queue_send(queue, "2", 1, 0, NULL));
    CHECK_ERR(sigtimedwait(&set, &info, &none), EAGAIN);
    drain();
    CHECK_OK(queue_send(queue, "3", 1, 0, NULL));
    CHECK_EQ(sigtimedwait(&set, &info, &none), signo);
    CHECK_EQ(info.si_pid, getpid());
    drain();
    CHECK_OK(queue_send(queue, "4", 1, 0, NULL));
    CHECK_ERR(sigtimedwait(&set, &info, &none), EAGAIN);
    drain();
}

static void removed(void)
{
    struct sigevent event = event_of(SIGEV_SIGNAL, SIGKILL, NULL);
    int other = (int)CHECK_OK(queue_open(NAME, O_RDONLY, 0, NULL));

    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(queue_notify(other, NULL)); /* by any descriptor of the queue */
    check_shown(0, 0, 0);
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(close(other));
    check_shown(0, 0, 0);
    CHECK_OK(queue_notify(queue, &event));
    other = (int)CHECK_OK(dup(queue));
    CHECK_OK(dup2(1, other));
    CHECK_OK(close(other));
    check_shown(0, 0, 0);
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL)); /* kills none */
    drain();
}

/* No one is told while a receiver waits, and it stays registered. */
static void receiver_first(void)
{
    struct sigevent event = event_of(SIGEV_SIGNAL, SIGKILL, NULL);
    pid_t pid;

    CHECK_OK(queue_notify(queue, &event));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(queue_receive(queue, text, 16, NULL, NULL), 1);
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    CHECK_EQ(child_end(pid), 0);
    check_shown(SIGEV_SIGNAL, SIGKILL, getpid());
    CHECK_OK(queue_notify(queue, NULL));
}

static void ends(void)
{
    struct sigevent event = event_of(SIGEV_SIGNAL, SIGUSR1, NULL);
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_OK(queue_notify(queue, &event));
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    check_shown(0, 0, 0);
    event = event_of(SIGEV_NONE, 99, NULL);
    CHECK_OK(queue_notify(queue, &event));
    check_shown(SIGEV_NONE, 0, getpid());
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    check_shown(0, 0, 0);
    drain();
    event = event_of(SIGEV_SIGNAL, 0, NULL); /* as good as none */
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    check_shown(0, 0, 0);
    drain();
}

static void errors(void)
{
    char cookie[32] = "";
    struct sigevent event = event_of(SIGEV_SIGNAL, 65, NULL);
    int sockets[2];

    CHECK_ERR(queue_notify(queue, &event), EINVAL);
    event.sigev_signo = -1;
    CHECK_ERR(queue_notify(queue, &event), EINVAL);
    event = event_of(SIGEV_THREAD_ID, SIGUSR1, NULL);
    CHECK_ERR(queue_notify(queue, &event), EINVAL);
    event = event_of(SIGEV_NONE, 0, NULL);
    CHECK_ERR(queue_notify(-1, &event), EBADF);
    CHECK_ERR(queue_notify(0, NULL), EBADF);
    CHECK_ERR(queue_notify(queue, (void *)-4096l), EFAULT);
    event = event_of(SIGEV_THREAD, 0, cookie);
    CHECK_ERR(queue_notify(queue, &event), ENOTSOCK);
    event.sigev_signo = 999;
    CHECK_ERR(queue_notify(queue, &event), EBADF);
    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    event.sigev_signo = sockets[0];
    CHECK_ERR(queue_notify(queue, &event), EINVAL);
    event.sigev_value.sival_ptr = (void *)-4096l;
    CHECK_ERR(queue_notify(queue, &event), EFAULT);
    CHECK_OK(close(sockets[0]));
    CHECK_OK(close(sockets[1]));
}

static void check_cookie(int fd, int last)
{
    struct pollfd ready = {fd, POLLIN, 0};
    char cookie[64];

    CHECK_EQ(poll(&ready, 1, 1000), 1);
    CHECK_EQ(recv(fd, cookie, sizeof(cookie), MSG_DONTWAIT), 32);
    CHECK_EQ(memcmp(cookie, "a cookie of thirty-one bytes...", 31), 0);
    CHECK_EQ(cookie[31], last);
    CHECK_ERR(recv(fd, cookie, sizeof(cookie), MSG_DONTWAIT), EAGAIN);
}

/* SIGEV_THREAD as C libraries have it. */
static void threads(void)
{
    char cookie[33] = "a cookie of thirty-one bytes...\7";
    int fd = (int)CHECK_OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    struct sigevent event = event_of(SIGEV_THREAD, fd, cookie);
    struct pollfd ready = {fd, POLLIN, 0};

    cookie[31] = 0;
    CHECK_OK(queue_notify(queue, &event));
    check_shown(SIGEV_THREAD, 0, getpid());
    CHECK_ERR(queue_notify(queue, &event), EBUSY);
    CHECK_EQ(poll(&ready, 1, 0), 0);
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    check_cookie(fd, 1); /* a message has come */
    drain();
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(queue_notify(queue, NULL));
    check_cookie(fd, 2); /* none will */
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(close((int)CHECK_OK(dup(queue))));
    check_cookie(fd, 2);
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(close(fd)); /* to no one, then */
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    drain();
    fd = (int)CHECK_OK(socket(AF_NETLINK, SOCK_RAW, 0));
    event.sigev_signo = fd;
    CHECK_OK(queue_notify(queue, &event)); /* goes with the process */
}

/* The descriptors that were copied for it are given back: they were not the process's. */
static void fork_fails(void)
{
    static const struct rlimit none = {0, 0};
    struct sigevent event = event_of(SIGEV_SIGNAL, SIGUSR1, NULL);
    sigset_t set;

    CHECK_OK(raw3(SYS_setresuid, 1234, 1234, 1234));
    CHECK_OK(setrlimit(RLIMIT_NPROC, &none));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(queue_notify(queue, &event));
    CHECK_ERR(fork(), EAGAIN);
    check_shown(SIGEV_SIGNAL, SIGUSR1, getpid());
    CHECK_OK(queue_send(queue, "x", 1, 0, NULL));
    CHECK_EQ(sigwaitinfo(&set, NULL), SIGUSR1);
}

/* A descriptor that opened nothing ends neither a registration nor a lock. */
static void path_only(void)
{
    char path[64] = "/proc/self/fd/";
    struct sigevent event = event_of(SIGEV_NONE, 0, NULL);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    pid_t pid;

    CHECK(queue < 10);
    path[strlen(path)] = (char)('0' + queue);
    CHECK_OK(queue_notify(queue, &event));
    CHECK_OK(fcntl(queue, F_SETLK, &lock));
    CHECK_OK(close((int)CHECK_OK(open(path, O_PATH))));
    check_shown(SIGEV_NONE, 0, getpid());
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(fcntl(queue, F_GETLK, &lock));
        CHECK_EQ(lock.l_type, F_WRLCK);
        CHECK_EQ(lock.l_pid, getppid());
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_OK(close((int)CHECK_OK(open(path, O_RDONLY))));
    check_shown(0, 0, 0);
}

/* The end of a process that has its descriptors with another closes none: the registration stays,
 * until a message has come. */
static void ends_shared(void)
{
    struct sigevent event = event_of(SIGEV_SIGNAL, SIGUSR1, NULL);
    pid_t pid = (pid_t)CHECK_OK(raw6(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0, 0));

    if (pid == 0) {
        CHECK_OK(queue_notify(queue, &event));
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_ERR(queue_notify(queue, &event), EBUSY);
    check_shown(SIGEV_SIGNAL, SIGUSR1, pid);
    CHECK_OK(queue_send(queue, "1", 1, 0, NULL));
    check_shown(0, 0, 0);
    drain();
}

int main(void)
{
    queue = queue_new(NAME, O_RDWR, 4, 16);
    CHECK_EQ(child_status(fork_fails), 0);
    drain();
    signal_once(SIGUSR1);
    signal_once(SIGRTMIN);
    removed();
    receiver_first();
    ends();
    ends_shared();
    path_only();
    errors();
    threads();
    CHECK_OK(queue_unlink(NAME));
    return 0;
}
