/* SPDX-License-Identifier: MIT */
/* Descriptors in messages (SCM_RIGHTS): what arrives, where a read stops, what is cut is closed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/rights.h"

#define ROOM CMSG_SPACE(RIGHTS_MAX * sizeof(int))

static void pair(int type, int fds[2])
{
    CHECK_OK(socketpair(AF_UNIX, type, 0, fds));
}

static void close_both(const int fds[2])
{
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* A pipe whose writers are all gone is at its end at once. */
static int at_end(int reader)
{
    struct pollfd entry = {.fd = reader, .events = POLLIN};

    CHECK_OK(poll(&entry, 1, 0));
    return entry.revents == POLLHUP;
}

/* The sender's only writing end goes along with the message. */
static int send_writer(int fd, const char *text, size_t nbytes)
{
    int ends[2];

    CHECK_OK(pipe(ends));
    CHECK_EQ(rights_send(fd, text, nbytes, &ends[1], 1), nbytes);
    CHECK_OK(close(ends[1]));
    CHECK(!at_end(ends[0]));
    return ends[0];
}

static void check_kind(int type)
{
    struct rights_got got;
    int fds[2], reader;
    struct stat info;
    char byte;

    pair(type, fds);
    reader = send_writer(fds[0], "hello", 5);
    rights_receive(fds[1], 64, ROOM, 0, &got);
    CHECK_EQ(got.nbytes, 5);
    CHECK_EQ(got.flags, 0);
    CHECK_EQ(got.count, 1);
    CHECK_EQ(got.control_nbytes, CMSG_SPACE(sizeof(int)));
    CHECK_EQ(fcntl(got.fds[0], F_GETFD), 0);
    CHECK_EQ(write(got.fds[0], "x", 1), 1);
    CHECK_EQ(read(reader, &byte, 1), 1);
    CHECK_OK(close(got.fds[0]));
    CHECK(at_end(reader));
    CHECK_OK(close(reader));
    reader = send_writer(fds[0], "x", 1);
    rights_receive(fds[1], 64, ROOM, MSG_CMSG_CLOEXEC, &got);
    CHECK_EQ(got.flags, MSG_CMSG_CLOEXEC);
    CHECK_EQ(got.count, 1);
    CHECK_EQ(fcntl(got.fds[0], F_GETFD), FD_CLOEXEC);
    CHECK_OK(fstat(got.fds[0], &info));
    CHECK(S_ISFIFO(info.st_mode));
    CHECK_OK(close(got.fds[0]));
    CHECK(at_end(reader));
    CHECK_OK(close(reader));
    /* A queue that is closed closes what is in it. */
    reader = send_writer(fds[0], "x", 1);
    CHECK_OK(close(fds[1]));
    CHECK(at_end(reader));
    CHECK_OK(close(reader));
    CHECK_OK(close(fds[0]));
}

/* A position belongs to the open file, wherever its descriptors are. */
static void check_same_file(void)
{
    int fds[2], file = (int)CHECK_OK(open("/proc/self/exe", O_RDONLY)), path;
    struct rights_got got;

    pair(SOCK_DGRAM, fds);
    CHECK_EQ(rights_send(fds[0], "", 0, &file, 1), 0);
    rights_receive(fds[1], 0, ROOM, 0, &got);
    CHECK_EQ(got.nbytes, 0);
    CHECK_EQ(got.count, 1);
    CHECK_EQ(lseek(got.fds[0], 77, SEEK_SET), 77);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 77);
    rights_close(&got);
    /* O_PATH, and a descriptor twice. */
    path = (int)CHECK_OK(open("/", O_PATH));
    CHECK_EQ(rights_send(fds[0], "p", 1, (int[]){path, path, file}, 3), 1);
    rights_receive(fds[1], 1, ROOM, 0, &got);
    CHECK_EQ(got.count, 3);
    CHECK(fcntl(got.fds[0], F_GETFL) & O_PATH);
    rights_close(&got);
    CHECK_OK(close(path));
    CHECK_OK(close(file));
    close_both(fds);
}

static void check_refused(void)
{
    int fds[2], many[RIGHTS_MAX];
    struct rights_got got;

    pair(SOCK_STREAM, fds);
    for (int i = 0; i < RIGHTS_MAX; i++)
        many[i] = 0;
    CHECK_ERR(rights_send(fds[0], "x", 1, (int[]){0, 999}, 2), EBADF);
    CHECK_ERR(rights_send(fds[0], "x", 1, (int[]){-1}, 1), EBADF);
    CHECK_ERR(rights_send(fds[0], "x", 1, many, 254), EINVAL);
    CHECK_EQ(rights_send(fds[0], "x", 1, many, 253), 1);
    rights_receive(fds[1], 1, ROOM, 0, &got);
    CHECK_EQ(got.count, 253);
    CHECK_EQ(got.flags, 0);
    rights_close(&got);
    CHECK_EQ(rights_send(fds[0], "x", 1, many, 0), 1);
    rights_receive(fds[1], 1, ROOM, 0, &got);
    CHECK_EQ(got.count, 0);
    CHECK_EQ(got.flags, 0);
    /* Nothing is sent with no bytes of a stream. */
    CHECK_EQ(rights_send(fds[0], "", 0, many, 1), 0);
    rights_receive(fds[1], 1, ROOM, MSG_DONTWAIT, &got);
    CHECK_EQ(got.nbytes, -1);
    CHECK_EQ(errno, EAGAIN);
    close_both(fds);
}

/* Several control messages are one list; another kind between them does not matter. */
static long send_three(int fd, int first, int second)
{
    static struct {
        union rights_buffer buffer;
        char more[ROOM];
    } control;
    struct iovec vector = {(char[]){"x"}, 1};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control};
    struct ucred self = {getpid(), getuid(), getgid()};
    struct cmsghdr *header = &control.buffer.header;

    memset(&control, 0, sizeof(control));
    message.msg_controllen = sizeof(control);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)first * sizeof(int));
    header = CMSG_NXTHDR(&message, header);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_CREDENTIALS;
    header->cmsg_len = CMSG_LEN(sizeof(self));
    memcpy(CMSG_DATA(header), &self, sizeof(self));
    header = CMSG_NXTHDR(&message, header);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN((size_t)second * sizeof(int));
    message.msg_controllen =
        (size_t)((char *)header - (char *)&control) + CMSG_SPACE((size_t)second * sizeof(int));
    return rights_errno(raw3(SYS_sendmsg, fd, &message, 0));
}

static void check_with_credentials(void)
{
    union rights_buffer control;
    struct iovec vector;
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    struct cmsghdr *header;
    struct rights_got got;
    struct ucred from;
    int fds[2], yes = 1;
    char byte;

    pair(SOCK_STREAM, fds);
    CHECK_ERR(send_three(fds[0], 200, 54), EINVAL);
    CHECK_EQ(send_three(fds[0], 200, 53), 1);
    rights_receive(fds[1], 1, ROOM, 0, &got);
    CHECK_EQ(got.count, 253);
    rights_close(&got);
    CHECK_OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)));
    CHECK_EQ(send_three(fds[0], 1, 1), 1);
    vector = (struct iovec){&byte, 1};
    memset(&control, 0, sizeof(control));
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    CHECK_EQ(raw3(SYS_recvmsg, fds[1], &message, 0), 1);
    CHECK_EQ(message.msg_flags, 0);
    CHECK_EQ(message.msg_controllen, CMSG_SPACE(sizeof(from)) + CMSG_SPACE(2 * sizeof(int)));
    header = CMSG_FIRSTHDR(&message);
    CHECK_EQ(header->cmsg_type, SCM_CREDENTIALS);
    memcpy(&from, CMSG_DATA(header), sizeof(from));
    CHECK_EQ(from.pid, getpid());
    header = CMSG_NXTHDR(&message, header);
    CHECK(header && header->cmsg_type == SCM_RIGHTS);
    CHECK_EQ(header->cmsg_len, CMSG_LEN(2 * sizeof(int)));
    memcpy(got.fds, CMSG_DATA(header), 2 * sizeof(int));
    got.count = 2;
    rights_close(&got);
    /* Room for the first kind alone. */
    CHECK_EQ(send_three(fds[0], 1, 1), 1);
    rights_receive(fds[1], 1, CMSG_SPACE(sizeof(from)), 0, &got);
    CHECK_EQ(got.flags, MSG_CTRUNC);
    CHECK_EQ(got.count, -1);
    CHECK_EQ(got.control_nbytes, CMSG_SPACE(sizeof(from)));
    close_both(fds);
}

/* Three descriptors, and less room. */
static void check_cut(void)
{
    static const struct {
        size_t room, left;
        int count;
    } rooms[] = {
        {CMSG_LEN(2 * sizeof(int)), CMSG_LEN(2 * sizeof(int)), 2},
        {CMSG_LEN(2 * sizeof(int)) + 3, CMSG_SPACE(2 * sizeof(int)), 2},
        {CMSG_LEN(sizeof(int)), CMSG_LEN(sizeof(int)), 1},
        {CMSG_LEN(sizeof(int)) - 1, 0, 0},
        {CMSG_LEN(0), 0, 0},
        {3, 0, 0},
        {0, 0, 0},
        {RIGHTS_NO_CONTROL, 0, 0},
    };
    struct rights_got got;
    int fds[2], ends[2];
    char text[8];

    pair(SOCK_SEQPACKET, fds);
    for (unsigned i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        CHECK_OK(pipe(ends));
        CHECK_EQ(rights_send(fds[0], "abc", 3, (int[]){ends[1], ends[1], ends[1]}, 3), 3);
        CHECK_OK(close(ends[1]));
        rights_receive(fds[1], 8, rooms[i].room, 0, &got);
        CHECK_EQ(got.nbytes, 3);
        CHECK_EQ(got.flags, MSG_CTRUNC);
        CHECK_EQ(got.count, rooms[i].count);
        CHECK_EQ(got.control_nbytes, rooms[i].left);
        CHECK_EQ(at_end(ends[0]), rooms[i].count == 0);
        rights_close(&got);
        CHECK(at_end(ends[0]));
        CHECK_OK(close(ends[0]));
    }
    /* Calls that know no control messages close them; so does a message that cannot be copied. */
    ends[0] = send_writer(fds[0], "x", 1);
    CHECK_EQ(read(fds[1], text, sizeof(text)), 1);
    CHECK(at_end(ends[0]));
    CHECK_OK(close(ends[0]));
    ends[0] = send_writer(fds[0], "x", 1);
    CHECK_EQ(recv(fds[1], text, sizeof(text), MSG_PEEK), 1);
    CHECK(!at_end(ends[0]));
    CHECK_EQ(recv(fds[1], text, sizeof(text), 0), 1);
    CHECK(at_end(ends[0]));
    CHECK_OK(close(ends[0]));
    ends[0] = send_writer(fds[0], "x", 1);
    CHECK_ERR(recv(fds[1], (void *)16, 1, 0), EFAULT);
    CHECK(at_end(ends[0]));
    CHECK_OK(close(ends[0]));
    close_both(fds);
}

static void check_peek(int type)
{
    struct rights_got one, other;
    int fds[2], reader;

    pair(type, fds);
    reader = send_writer(fds[0], "ab", 2);
    rights_receive(fds[1], 1, ROOM, MSG_PEEK, &one);
    CHECK_EQ(one.nbytes, 1);
    CHECK_EQ(one.count, 1);
    rights_receive(fds[1], 2, ROOM, MSG_PEEK, &other);
    CHECK_EQ(other.nbytes, 2);
    CHECK_EQ(other.count, 1);
    CHECK(one.fds[0] != other.fds[0]);
    rights_close(&one);
    rights_close(&other);
    CHECK(!at_end(reader));
    rights_receive(fds[1], 2, ROOM, 0, &one);
    CHECK_EQ(one.count, 1);
    rights_close(&one);
    CHECK(at_end(reader));
    CHECK_OK(close(reader));
    close_both(fds);
}

/* Bytes before a message with descriptors are read together with it, those behind it are not. */
static void check_stream(void)
{
    struct rights_got got;
    int fds[2], reader, other, zero = 0;

    pair(SOCK_STREAM, fds);
    CHECK_EQ(write(fds[0], "ab", 2), 2);
    reader = send_writer(fds[0], "cd", 2);
    CHECK_EQ(write(fds[0], "ef", 2), 2);
    other = send_writer(fds[0], "gh", 2);
    rights_receive(fds[1], 64, ROOM, MSG_PEEK, &got);
    CHECK_EQ(got.nbytes, 4);
    CHECK_EQ(got.count, 1);
    rights_close(&got);
    rights_receive(fds[1], 64, ROOM, MSG_WAITALL, &got);
    CHECK_EQ(got.nbytes, 4);
    CHECK(memcmp(got.text, "abcd", 4) == 0);
    CHECK_EQ(got.count, 1);
    rights_close(&got);
    CHECK(at_end(reader));
    CHECK_OK(close(reader));
    /* They come with the first of its bytes. */
    rights_receive(fds[1], 3, ROOM, 0, &got);
    CHECK_EQ(got.nbytes, 3);
    CHECK(memcmp(got.text, "efg", 3) == 0);
    CHECK_EQ(got.count, 1);
    rights_close(&got);
    CHECK(at_end(other));
    CHECK_OK(close(other));
    rights_receive(fds[1], 3, ROOM, 0, &got);
    CHECK_EQ(got.nbytes, 1);
    CHECK_EQ(got.count, 0);
    /* Also to one who asks for no byte. */
    CHECK_ERR(recv(fds[1], got.text, 0, MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(rights_send(fds[0], "ij", 2, &zero, 1), 2);
    rights_receive(fds[1], 0, ROOM, 0, &got);
    CHECK_EQ(got.nbytes, 0);
    CHECK_EQ(got.count, 1);
    rights_close(&got);
    CHECK_EQ(read(fds[1], got.text, sizeof(got.text)), 2);
    /* A read without room for them stops there, too. */
    other = send_writer(fds[0], "kl", 2);
    CHECK_EQ(write(fds[0], "mn", 2), 2);
    CHECK_EQ(read(fds[1], got.text, sizeof(got.text)), 2);
    CHECK(at_end(other));
    CHECK_EQ(read(fds[1], got.text, sizeof(got.text)), 2);
    CHECK_OK(close(other));
    /* Of a long send they are with the first bytes. */
    static char bulk[100000];
    CHECK_EQ(rights_send(fds[0], bulk, sizeof(bulk), &zero, 1), sizeof(bulk));
    rights_receive(fds[1], 1, ROOM, 0, &got);
    CHECK_EQ(got.count, 1);
    rights_close(&got);
    for (size_t left = sizeof(bulk) - 1; left > 0; left -= (size_t)got.nbytes) {
        rights_receive(fds[1], 64, ROOM, 0, &got);
        CHECK(got.nbytes > 0);
        CHECK_EQ(got.count, 0);
    }
    close_both(fds);
}

/* A receiver without numbers: what it gets none for is closed. */
static void check_no_numbers(void)
{
    struct rlimit old, low;
    struct rights_got got;
    int fds[2], ends[2], last;

    pair(SOCK_DGRAM, fds);
    CHECK_OK(pipe(ends));
    CHECK_EQ(rights_send(fds[0], "x", 1, (int[]){ends[1], ends[1], ends[1]}, 3), 1);
    last = (int)CHECK_OK(dup(0));
    CHECK_OK(close(last));
    CHECK_OK(close(ends[1]));
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &old));
    low = old;
    low.rlim_cur = (rlim_t)last;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &low)); /* ends[1] alone is free below it */
    rights_receive(fds[1], 1, ROOM, 0, &got);
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &old));
    CHECK_EQ(got.nbytes, 1);
    CHECK_EQ(got.count, 1);
    CHECK_EQ(got.fds[0], ends[1]);
    CHECK_EQ(got.flags, MSG_CTRUNC);
    CHECK(!at_end(ends[0]));
    rights_close(&got);
    CHECK(at_end(ends[0]));
    CHECK_OK(close(ends[0]));
    close_both(fds);
}

/* A user without privileges has about as many in flight as a process may have open. */
static void send_too_many(void)
{
    struct rlimit limit = {.rlim_cur = 64, .rlim_max = 64};
    int fds[2], many[20] = {0}, sent = 0;
    struct rights_got got;

    if (getuid() == 0)
        CHECK_OK(setresuid(54321, 54321, 54321));
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    pair(SOCK_STREAM, fds);
    for (int i = 0; i < 20; i++)
        many[i] = fds[0];
    while (sent < 10 && rights_send(fds[0], "x", 1, many, 20) == 1)
        sent++;
    CHECK(sent <= 4);
    CHECK_ERR(rights_send(fds[0], "x", 1, many, 1), ETOOMANYREFS);
    CHECK_EQ(write(fds[0], "y", 1), 1);
    for (int i = 0; i < sent; i++) {
        rights_receive(fds[1], 1, ROOM, 0, &got);
        CHECK_EQ(got.count, 20);
        rights_close(&got);
    }
    CHECK_EQ(rights_send(fds[0], "x", 1, many, 20), 1);
    close_both(fds);
}

int main(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

    alarm(60);
    for (int i = 0; i < 3; i++) {
        check_kind(types[i]);
        check_peek(types[i]);
    }
    check_same_file();
    check_refused();
    check_with_credentials();
    check_cut();
    check_stream();
    check_no_numbers();
    CHECK_EQ(child_status(send_too_many), 0);
    return 0;
}
