/* SPDX-License-Identifier: MIT */
/* seccomp's supervisor: calls that another process is told of and answers, or lets go on; files
 * that it gives; signals, ends of either side, many at once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/seccomp.h"

#define LISTENER LX_SECCOMP_FILTER_FLAG_NEW_LISTENER
#define CONTINUE LX_SECCOMP_USER_NOTIF_FLAG_CONTINUE

static long listener_set(unsigned more_flags)
{
    FILTER_ONE(one, TRIED, LX_SECCOMP_RET_USER_NOTIF);

    forgo_rights();
    return FILTER_SET(one, LISTENER | more_flags);
}

static long ask(int fd, unsigned request, void *argument)
{
    return raw3(SYS_ioctl, fd, request, argument);
}

static long receive(int fd, struct lx_seccomp_notif *told)
{
    memset(told, 0, sizeof(*told));
    return ask(fd, LX_SECCOMP_IOCTL_NOTIF_RECV, told);
}

static long answer(int fd, uint64_t id, int64_t value, int error, uint32_t flags)
{
    struct lx_seccomp_notif_resp reply = {id, value, error, flags};

    return ask(fd, LX_SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

static long is_valid(int fd, uint64_t id)
{
    return ask(fd, LX_SECCOMP_IOCTL_NOTIF_ID_VALID, &id);
}

static short events_of(int fd)
{
    struct pollfd one = {fd, POLLIN | POLLOUT, 0};

    CHECK_OK(poll(&one, 1, 0));
    return one.revents;
}

/* A child that makes the call, and ends with 0 if the result is that one. */
static pid_t caller_begin(long want)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        CHECK_EQ(raw1(TRIED, 0), want);
        _exit(0);
    }
    return pid;
}

static void check_answers(int fd)
{
    struct lx_seccomp_notif told;
    pid_t pid = caller_begin(4711);

    CHECK_EQ(receive(fd, &told), 0);
    CHECK_EQ(told.pid, pid);
    CHECK_EQ(told.flags, 0);
    CHECK_EQ(told.data.number, TRIED);
    CHECK_EQ(told.data.args[0], 0);
    CHECK_EQ(events_of(fd), POLLOUT);
    CHECK_EQ(is_valid(fd, told.id), 0);
    CHECK_EQ(is_valid(fd, told.id + 1), -ENOENT);
    CHECK_EQ(answer(fd, told.id + 1, 0, 0, 0), -ENOENT);
    CHECK_EQ(answer(fd, told.id, 0, 0, 2), -EINVAL);
    CHECK_EQ(answer(fd, told.id, 1, 0, CONTINUE), -EINVAL);
    CHECK_EQ(answer(fd, told.id, 0, -1, CONTINUE), -EINVAL);
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_SEND, NULL), -EFAULT);
    CHECK_EQ(answer(fd, told.id, 4711, 0, 0), 0);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(answer(fd, told.id, 4711, 0, 0), -ENOENT);
    CHECK_EQ(is_valid(fd, told.id), -ENOENT);
    CHECK_EQ(events_of(fd), 0);

    pid = caller_begin(-E2BIG); /* the error counts more */
    CHECK_EQ(receive(fd, &told), 0);
    CHECK_EQ(answer(fd, told.id, 5, -E2BIG, 0), 0);
    CHECK_EQ(child_end(pid), 0);

    pid = caller_begin(raw0(SYS_getpgrp));
    CHECK_EQ(receive(fd, &told), 0);
    CHECK_EQ(answer(fd, told.id, 0, 0, CONTINUE), 0);
    CHECK_EQ(child_end(pid), 0);
}

static void check_arguments(int fd)
{
    struct lx_seccomp_notif told = {.id = 1};
    struct lx_seccomp_notif_resp reply = {0};
    pid_t pid;

    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_RECV, &told), -EINVAL); /* not zero */
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_RECV, NULL), -EFAULT);
    CHECK_EQ(ask(fd, 0x21ff, NULL), -EINVAL);
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_SEND, &reply), -ENOENT);
    CHECK_ERR(read(fd, &told, sizeof(told)), EINVAL);
    CHECK_EQ(listener_set(0), -EBUSY);
    CHECK_EQ(listener_set(LX_SECCOMP_FILTER_FLAG_TSYNC), -EINVAL);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    /* One that was not told yet cannot be answered. */
    pid = caller_begin(3);
    while (events_of(fd) != POLLIN)
        sched_yield();
    CHECK_EQ(receive(fd, &told), 0);
    CHECK_EQ(answer(fd, told.id, 3, 0, 0), 0);
    CHECK_EQ(child_end(pid), 0);
}

/* ---- files ---- */

static pid_t reader_begin(int want, const char *text)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        char bytes[8] = "";

        CHECK_EQ(raw1(TRIED, 0), want);
        CHECK_EQ(read(want, bytes, sizeof(bytes)), (long)strlen(text));
        CHECK_EQ(strcmp(bytes, text), 0);
        _exit(0);
    }
    return pid;
}

static void check_files(int fd)
{
    struct lx_seccomp_notif_addfd what = {0};
    struct lx_seccomp_notif told;
    int ends[2];
    pid_t pid;

    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], "abcdef", 6), 6);
    pid = reader_begin(57, "abcdef");
    CHECK_EQ(receive(fd, &told), 0);
    what.id = told.id;
    what.srcfd = (uint32_t)ends[0];
    what.newfd = 57;
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), -EINVAL);
    what.flags = 4;
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), -EINVAL);
    what.flags = LX_SECCOMP_ADDFD_FLAG_SETFD;
    what.newfd_flags = 1;
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), -EINVAL);
    what.newfd_flags = O_CLOEXEC;
    what.srcfd = 999;
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), -EBADF);
    what.srcfd = (uint32_t)ends[0];
    what.id++;
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), -ENOENT);
    what.id--;
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), 57);
    CHECK_EQ(answer(fd, told.id, 57, 0, 0), 0);
    CHECK_EQ(child_end(pid), 0);

    /* The lowest free number, which is the answer at once. The child has the pipe's end itself. */
    CHECK_EQ(write(ends[1], "xyz", 3), 3);
    pid = reader_begin(ends[1] + 1, "xyz");
    CHECK_EQ(receive(fd, &told), 0);
    what = (struct lx_seccomp_notif_addfd){
        .id = told.id, .srcfd = (uint32_t)ends[0], .flags = LX_SECCOMP_ADDFD_FLAG_SEND};
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), ends[1] + 1);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(ask(fd, LX_SECCOMP_IOCTL_NOTIF_ADDFD, &what), -ENOENT);
    close(ends[0]);
    close(ends[1]);
}

/* ---- signals ---- */

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

static pid_t interrupted_begin(int flags, long want)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        struct sigaction act = {.sa_handler = on_signal, .sa_flags = flags};

        CHECK_OK(sigaction(SIGUSR1, &act, NULL));
        CHECK_EQ(raw1(TRIED, 0), want);
        CHECK_EQ(signals, 1);
        _exit(0);
    }
    return pid;
}

static void check_signals(int fd)
{
    struct lx_seccomp_notif told, again;
    pid_t pid = interrupted_begin(SA_RESTART, 8);

    CHECK_EQ(receive(fd, &told), 0);
    asleep_await(pid);
    CHECK_OK(kill(pid, SIGUSR1));
    CHECK_EQ(receive(fd, &again), 0);
    CHECK_EQ(again.pid, pid);
    CHECK(again.id != told.id);
    CHECK_EQ(answer(fd, told.id, 7, 0, 0), -ENOENT);
    CHECK_EQ(answer(fd, again.id, 8, 0, 0), 0);
    CHECK_EQ(child_end(pid), 0);

    pid = interrupted_begin(0, -EINTR);
    CHECK_EQ(receive(fd, &told), 0);
    asleep_await(pid);
    CHECK_OK(kill(pid, SIGUSR1));
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(is_valid(fd, told.id), -ENOENT);

    /* Gone before it was told: POLLIN does not lie for ever, and RECV does not wait. */
    pid = caller_begin(0);
    while (events_of(fd) != POLLIN)
        sched_yield();
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(child_end(pid), SIGKILL);
    CHECK_EQ(receive(fd, &told), -ENOENT);
    CHECK_EQ(events_of(fd), 0);
}

/* ---- ends ---- */

/* In a process of its own: it has the one listener. */
static void supervisor_goes(void)
{
    int fd = (int)CHECK_OK(listener_set(0));
    struct lx_seccomp_notif told;
    pid_t first = caller_begin(-ENOSYS), second;

    CHECK_EQ(receive(fd, &told), 0);
    second = (pid_t)CHECK_OK(fork());
    if (second == 0) {
        close(fd);
        CHECK_EQ(raw1(TRIED, 0), -ENOSYS);
        _exit(0);
    }
    asleep_await(second);
    asleep_await(first);
    /* The first caller has the descriptor as well. */
    CHECK_OK(kill(first, SIGKILL));
    CHECK_EQ(child_end(first), SIGKILL);
    close(fd);
    CHECK_EQ(child_end(second), 0);
    CHECK_EQ(raw1(TRIED, 0), -ENOSYS);
    /* Another may come. */
    CHECK(listener_set(0) >= 0);
}

static void fd_send(int socket, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {(char[1]){'x'}, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    CHECK_EQ(sendmsg(socket, &message, 0), 1);
}

static int fd_receive(int socket)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {(char[1]){0}, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    int fd;

    CHECK_EQ(recvmsg(socket, &message, 0), 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

/* The listener of a process that ends: its supervisor hears of that. */
static void check_target_goes(void)
{
    struct lx_seccomp_notif told;
    int sockets[2], fd;
    struct pollfd one;
    pid_t pid;

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        fd = (int)CHECK_OK(listener_set(0));
        fd_send(sockets[1], fd);
        close(fd);
        CHECK_EQ(raw1(TRIED, 0), 21);
        raw1(SYS_exit_group, 0);
    }
    fd = fd_receive(sockets[0]);
    CHECK_EQ(receive(fd, &told), 0);
    CHECK_EQ(told.pid, pid);
    CHECK_EQ(answer(fd, told.id, 21, 0, 0), 0);
    one = (struct pollfd){fd, POLLIN, 0};
    CHECK_EQ(poll(&one, 1, 10000), 1);
    CHECK_EQ(one.revents, POLLHUP);
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(receive(fd, &told), -ENOENT);
    close(fd);
    close(sockets[0]);
    close(sockets[1]);
}

/* ---- many ---- */

#define CALLERS 8
#define CALLS   200

/* Each gets its own answer. */
static void caller_calls(long own)
{
    for (int i = 0; i < CALLS; i++)
        CHECK_EQ(raw3(TRIED, own, i, 0), own * 1000 + i);
    _exit(0);
}

static void supervise(int fd)
{
    struct lx_seccomp_notif told;

    for (;;) {
        if (receive(fd, &told))
            continue;
        CHECK_EQ(answer(fd, told.id, (int64_t)(told.data.args[0] * 1000 + told.data.args[1]), 0, 0),
                 0);
    }
}

static void check_many(int fd)
{
    pid_t supervisors[2], callers[CALLERS];

    for (int i = 0; i < 2; i++) {
        supervisors[i] = (pid_t)CHECK_OK(fork());
        if (supervisors[i] == 0)
            supervise(fd);
    }
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (pid_t)CHECK_OK(fork());
        if (callers[i] == 0)
            caller_calls(i + 1);
    }
    for (int i = 0; i < CALLERS; i++)
        CHECK_EQ(child_end(callers[i]), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kill(supervisors[i], SIGKILL));
        CHECK_EQ(child_end(supervisors[i]), SIGKILL);
    }
}

int main(void)
{
    int fd;

    CHECK_EQ(child_status(supervisor_goes), 0);
    check_target_goes();
    fd = (int)CHECK_OK(listener_set(0));
    check_arguments(fd);
    check_answers(fd);
    check_files(fd);
    check_signals(fd);
    check_many(fd);
    return 0;
}
