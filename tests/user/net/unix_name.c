/* SPDX-License-Identifier: MIT */
/* Named sockets: pathnames, abstract and automatic names, backlog, credentials, what is refused. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define PATH "unix_name.socket" /* in a directory of its own */

static struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PATH};
static const struct sockaddr *const to = (const struct sockaddr *)&address;

static int number_of(int fd, int option)
{
    int value = -1;
    socklen_t nbytes = sizeof(value);

    CHECK_OK(getsockopt(fd, SOL_SOCKET, option, &value, &nbytes));
    return value;
}

static void check_path(int type)
{
    struct sockaddr_un name;
    socklen_t nbytes = sizeof(name);
    struct stat info;
    struct ucred peer;
    char byte = 0;
    int listener = (int)CHECK_OK(socket(AF_UNIX, type, 0));
    int client = (int)CHECK_OK(socket(AF_UNIX, type, 0)), server, third;

    unlink(PATH);
    umask(022);
    CHECK_ERR(connect(client, to, sizeof(address)), ENOENT);
    CHECK_ERR(listen(listener, 1), EINVAL);
    CHECK_OK(bind(listener, to, sizeof(address)));
    CHECK_ERR(bind(listener, to, sizeof(address)), EADDRINUSE);
    name = (struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = PATH ".2"};
    CHECK_ERR(bind(listener, (struct sockaddr *)&name, sizeof(name)), EINVAL);
    CHECK_ERR(stat(PATH ".2", &info), ENOENT);
    CHECK_ERR(bind(client, to, sizeof(address)), EADDRINUSE);
    CHECK_OK(stat(PATH, &info));
    CHECK_EQ(info.st_mode, S_IFSOCK | 0755);
    CHECK_ERR(open(PATH, O_RDWR), ENXIO);
    CHECK_OK(getsockname(listener, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(nbytes, offsetof(struct sockaddr_un, sun_path) + sizeof(PATH));
    CHECK(strcmp(name.sun_path, PATH) == 0);
    CHECK_ERR(connect(client, to, sizeof(address)), ECONNREFUSED);
    CHECK_ERR(accept(listener, NULL, NULL), EINVAL);
    CHECK_EQ(number_of(listener, SO_ACCEPTCONN), 0);
    CHECK_OK(listen(listener, 0));
    CHECK_EQ(number_of(listener, SO_ACCEPTCONN), 1);
    CHECK_EQ(number_of(listener, SO_TYPE), type);
    CHECK_EQ(number_of(listener, SO_DOMAIN), AF_UNIX);
    CHECK_OK(fcntl(listener, F_SETFL, O_NONBLOCK));
    CHECK_ERR(accept(listener, NULL, NULL), EAGAIN);
    CHECK_OK(connect(client, to, sizeof(address)));
    /* One waits in a backlog of 0; the next one would have to wait for it. */
    third = (int)CHECK_OK(socket(AF_UNIX, type | SOCK_NONBLOCK, 0));
    CHECK_ERR(connect(third, to, sizeof(address)), EAGAIN);
    close(third);
    /* It may send before it is accepted. */
    CHECK_EQ(write(client, "a", 1), 1);
    nbytes = sizeof(name);
    server = (int)CHECK_OK(accept4(listener, (struct sockaddr *)&name, &nbytes, SOCK_CLOEXEC));
    CHECK_EQ(nbytes, sizeof(sa_family_t));
    CHECK_EQ(fcntl(server, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(connect(client, to, sizeof(address)), EISCONN);
    CHECK_EQ(read(server, &byte, 1), 1);
    CHECK_EQ(byte, 'a');
    nbytes = sizeof(name);
    CHECK_OK(getpeername(client, (struct sockaddr *)&name, &nbytes));
    CHECK(strcmp(name.sun_path, PATH) == 0);
    nbytes = sizeof(peer);
    CHECK_OK(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &peer, &nbytes));
    CHECK(peer.pid == getpid() && peer.uid == geteuid() && peer.gid == getegid());
    close(server);
    CHECK_EQ(read(client, &byte, 1), 0);
    close(client);
    /* A connection that is never accepted is reset with its listener. */
    client = (int)CHECK_OK(socket(AF_UNIX, type, 0));
    CHECK_OK(connect(client, to, sizeof(address)));
    close(listener);
    CHECK_ERR(read(client, &byte, 1), ECONNRESET);
    close(client);
    client = (int)CHECK_OK(socket(AF_UNIX, type, 0));
    CHECK_ERR(connect(client, to, sizeof(address)), ECONNREFUSED);
    close(client);
    CHECK_OK(unlink(PATH));
}

static void check_datagrams(void)
{
    struct sockaddr_un from = {.sun_family = AF_UNIX};
    socklen_t nbytes = sizeof(from);
    char text[16];
    int receiver = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    int sender = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    int stream = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int count = 0;

    CHECK_ERR(send(sender, "x", 1, 0), ENOTCONN);
    CHECK_OK(bind(receiver, to, sizeof(address)));
    CHECK_ERR(connect(stream, to, sizeof(address)), EPROTOTYPE);
    CHECK_ERR(listen(receiver, 1), EOPNOTSUPP);
    CHECK_OK(bind(sender, (struct sockaddr *)&from, sizeof(sa_family_t)));
    CHECK_EQ(sendto(sender, "one", 3, 0, to, sizeof(address)), 3);
    CHECK_EQ(recvfrom(receiver, text, sizeof(text), 0, (struct sockaddr *)&from, &nbytes), 3);
    CHECK_EQ(nbytes, sizeof(sa_family_t) + 6); /* a NUL and five digits */
    CHECK_EQ(from.sun_path[0], 0);
    CHECK_EQ(sendto(receiver, "back", 4, 0, (struct sockaddr *)&from, nbytes), 4);
    CHECK_EQ(read(sender, text, sizeof(text)), 4);
    CHECK_OK(connect(sender, to, sizeof(address)));
    while (send(sender, "x", 1, 0) == 1)
        count++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(count > 5 && count < 600);
    while (count--)
        CHECK_EQ(read(receiver, text, sizeof(text)), 1);
    close(receiver);
    CHECK_ERR(send(sender, "x", 1, 0), ECONNREFUSED);
    CHECK_ERR(sendto(sender, "x", 1, 0, to, sizeof(address)), ECONNREFUSED);
    close(sender);
    close(stream);
    CHECK_OK(unlink(PATH));
}

/* One that connects to another loses what had come, and the peer of before is told. */
static void check_reconnect(void)
{
    int fds[2], receiver = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    char byte;

    CHECK_OK(bind(receiver, to, sizeof(address)));
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    CHECK_EQ(write(fds[1], "x", 1), 1);
    CHECK_OK(connect(fds[0], to, sizeof(address)));
    CHECK_ERR(recv(fds[0], &byte, 1, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(number_of(fds[1], SO_ERROR), ECONNRESET);
    CHECK_ERR(write(fds[1], "x", 1), EPERM);
    close(fds[0]);
    close(fds[1]);
    CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    CHECK_OK(connect(fds[0], to, sizeof(address)));
    CHECK_EQ(number_of(fds[1], SO_ERROR), 0);
    close(fds[0]);
    close(fds[1]);
    close(receiver);
    CHECK_OK(unlink(PATH));
}

static void check_abstract(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0first\0light"};
    const socklen_t nbytes = offsetof(struct sockaddr_un, sun_path) + 12;
    const pid_t pid = getpid(); /* the same test may run beside this one */
    int one = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    int two = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));

    memcpy(name.sun_path + 7, &pid, sizeof(pid));
    CHECK_ERR(bind(one, (struct sockaddr *)&name, 1), EINVAL);
    CHECK_ERR(bind(one, (struct sockaddr *)&name, sizeof(name) + 1), EINVAL);
    CHECK_OK(bind(one, (struct sockaddr *)&name, nbytes));
    CHECK_ERR(bind(two, (struct sockaddr *)&name, nbytes), EADDRINUSE);
    CHECK_OK(listen(one, 5));
    CHECK_ERR(connect(two, (struct sockaddr *)&name, nbytes - 1), ECONNREFUSED);
    CHECK_OK(connect(two, (struct sockaddr *)&name, nbytes));
    close(one);
    one = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(bind(one, (struct sockaddr *)&name, nbytes));
    close(one);
    close(two);
}

/* A process that waits in accept, and one that waits for the backlog. */
static void check_waiting(void)
{
    int listener = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), client, server;
    char byte;
    pid_t pid;

    CHECK_OK(bind(listener, to, sizeof(address)));
    CHECK_OK(listen(listener, 0));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        server = (int)CHECK_OK(accept(listener, NULL, NULL));
        CHECK_EQ(write(server, "s", 1), 1);
        _exit(0);
    }
    asleep_await(pid);
    client = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(connect(client, to, sizeof(address)));
    CHECK_EQ(read(client, &byte, 1), 1);
    CHECK_EQ(child_end(pid), 0);
    close(client);
    client = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    CHECK_OK(connect(client, to, sizeof(address)));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        int late = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));

        CHECK_OK(connect(late, to, sizeof(address)));
        _exit(0);
    }
    asleep_await(pid);
    server = (int)CHECK_OK(accept(listener, NULL, NULL));
    CHECK_EQ(child_end(pid), 0);
    close(server);
    close(client);
    close(listener);
    CHECK_OK(unlink(PATH));
}

static void check_credentials(void)
{
    union {
        char bytes[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr aligned;
    } control;
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof(control)};
    struct ucred found;
    int fds[2], on = 1;

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    CHECK_OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
    CHECK_EQ(write(fds[0], "x", 1), 1);
    CHECK_EQ(recvmsg(fds[1], &header, 0), 1);
    CHECK_EQ(CMSG_FIRSTHDR(&header)->cmsg_type, SCM_CREDENTIALS);
    memcpy(&found, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(found));
    CHECK(found.pid == getpid() && found.uid == geteuid() && found.gid == getegid());
    CHECK_EQ(header.msg_controllen, CMSG_SPACE(sizeof(struct ucred)));
    CHECK_EQ(write(fds[0], "x", 1), 1);
    header.msg_controllen = 4;
    CHECK_EQ(recvmsg(fds[1], &header, 0), 1);
    CHECK_EQ(header.msg_flags, MSG_CTRUNC);
    /* Memory that is not there loses the control message alone. */
    CHECK_EQ(write(fds[0], "x", 1), 1);
    header.msg_control = (void *)8;
    header.msg_controllen = sizeof(control);
    CHECK_EQ(syscall(SYS_recvmsg, fds[1], &header, 0), 1);
    CHECK_EQ(header.msg_controllen, 0);
    CHECK_EQ(header.msg_flags, 0);
    header.msg_control = NULL;
    header.msg_controllen = 1;
    CHECK_ERR(syscall(SYS_sendmsg, fds[0], &header, 0), EFAULT);
    close(fds[0]);
    close(fds[1]);
}

static void connect_as_other(void)
{
    int client = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));

    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(connect(client, to, sizeof(address)), EACCES);
}

static void check_permission(void)
{
    int receiver = (int)CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));

    if (geteuid() != 0)
        return;
    CHECK_OK(bind(receiver, to, sizeof(address)));
    CHECK_EQ(child_status(connect_as_other), 0);
    close(receiver);
    CHECK_OK(unlink(PATH));
}

int main(void)
{
    char directory[] = "/tmp/unix_name.XXXXXX";

    CHECK(mkdtemp(directory) != NULL);
    CHECK_OK(chmod(directory, 0755));
    CHECK_OK(chdir(directory));
    check_path(SOCK_STREAM);
    check_path(SOCK_SEQPACKET);
    check_datagrams();
    check_reconnect();
    check_abstract();
    check_waiting();
    check_credentials();
    check_permission();
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(directory));
    return 0;
}
