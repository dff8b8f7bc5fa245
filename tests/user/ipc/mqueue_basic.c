/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues without waiting: names, attributes, order, every error, descriptors as those
 * of other files, what a user may have.
 */
#define _GNU_SOURCE
#include "tests/user/lib/mqueue.h"

#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/user/lib/child.h"

#define NAME "mqueue_basic"

static char text[8192];

static void names(void)
{
    char name[4200];
    int fd;

    CHECK_ERR(queue_open("", O_RDWR, 0, NULL), ENOENT);
    CHECK_ERR(queue_open(".", O_RDWR, 0, NULL), EACCES);
    CHECK_ERR(queue_open("..", O_RDWR | O_CREAT, 0600, NULL), EACCES);
    CHECK_ERR(queue_open("/" NAME, O_RDWR | O_CREAT, 0600, NULL), EACCES);
    CHECK_ERR(queue_open("a/b", O_RDWR, 0, NULL), EACCES);
    CHECK_ERR(queue_open((void *)-4096l, O_RDWR, 0, NULL), EFAULT);
    CHECK_ERR(queue_open(NAME, O_RDWR | O_CREAT, 0600, (void *)-4096l), EFAULT);
    CHECK_ERR(queue_unlink(""), ENOENT);
    CHECK_ERR(queue_unlink("/" NAME), EACCES);
    CHECK_ERR(queue_unlink("."), EACCES);
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    CHECK_ERR(queue_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    name[256] = '\0';
    CHECK_ERR(queue_open(name, O_RDWR | O_CREAT, 0600, NULL), ENAMETOOLONG);
    CHECK_ERR(queue_unlink(name), ENAMETOOLONG);
    name[255] = '\0';
    fd = (int)CHECK_OK(queue_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    CHECK_OK(queue_unlink(name));
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(queue_open("..." NAME, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    CHECK_OK(queue_unlink("..." NAME));
    CHECK_OK(close(fd));

    CHECK_ERR(queue_open(NAME, O_RDWR, 0, NULL), ENOENT);
    CHECK_ERR(queue_unlink(NAME), ENOENT);
    fd = queue_new(NAME, O_RDWR, 3, 16);
    CHECK_ERR(queue_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
    CHECK_ERR(queue_open(NAME, O_ACCMODE, 0, NULL), EINVAL);
    CHECK_OK(close((int)CHECK_OK(queue_open(NAME, O_RDONLY | O_CREAT | O_TRUNC, 0, NULL))));
    CHECK_OK(queue_unlink(NAME));
    CHECK_ERR(queue_open(NAME, O_RDWR, 0, NULL), ENOENT);
    CHECK_OK(queue_send(fd, "still", 5, 0, NULL)); /* without a name */
    CHECK_EQ(queue_receive(fd, text, 16, NULL, NULL), 5);
    CHECK_OK(close(fd));
}

/* CAP_SYS_RESOURCE, which root of a container has not. */
static int may_exceed(void)
{
    struct mq_attr attr = {.mq_maxmsg = 11, .mq_msgsize = 1};
    int fd = queue_open(NAME "e", O_RDWR | O_CREAT, 0600, &attr);

    if (fd < 0)
        return 0;
    CHECK_OK(queue_unlink(NAME "e"));
    CHECK_OK(close(fd));
    return 1;
}

static void try_attributes(long maxmsg, long msgsize, int err)
{
    struct mq_attr attr = {.mq_maxmsg = maxmsg, .mq_msgsize = msgsize};

    CHECK_ERR(queue_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &attr), err);
}

static void attributes(void)
{
    struct mq_attr attr, none = {0}, flags = {.mq_flags = O_NONBLOCK, .mq_maxmsg = 77};
    int fd = (int)CHECK_OK(queue_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, NULL)), other;

    CHECK_OK(queue_attr(fd, NULL, &attr));
    CHECK_EQ(attr.mq_flags, 0);
    CHECK_EQ(attr.mq_maxmsg, 10);
    CHECK_EQ(attr.mq_msgsize, 8192);
    CHECK_EQ(attr.mq_curmsgs, 0);
    other = (int)CHECK_OK(queue_open(NAME, O_RDONLY, 0, &none));
    CHECK_OK(queue_attr(fd, &flags, &attr));
    CHECK_EQ(attr.mq_flags, 0);
    CHECK_EQ(fcntl(fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDWR);
    CHECK_OK(queue_attr(other, NULL, &attr));
    CHECK_EQ(attr.mq_flags, 0);
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    CHECK_OK(queue_attr(fd, &none, &attr));
    CHECK_EQ(attr.mq_flags, 0);
    CHECK_EQ(attr.mq_maxmsg, 10);
    flags.mq_flags = O_NONBLOCK | O_APPEND;
    CHECK_ERR(queue_attr(fd, &flags, NULL), EINVAL);
    CHECK_ERR(queue_attr(-1, &flags, NULL), EINVAL);
    CHECK_ERR(queue_attr(-1, NULL, &attr), EBADF);
    CHECK_ERR(queue_attr(fd, NULL, (void *)-4096l), EFAULT);
    CHECK_ERR(queue_attr(fd, (void *)-4096l, NULL), EFAULT);
    CHECK_ERR(queue_attr(0, NULL, &attr), EBADF); /* no queue */
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    CHECK_OK(queue_unlink(NAME));
    try_attributes(0, 1, EINVAL);
    try_attributes(-1, 1, EINVAL);
    try_attributes(1, 0, EINVAL);
    try_attributes(1, -1, EINVAL);
    try_attributes(65537, 1, EINVAL);
    try_attributes(1, (16 << 20) + 1, EINVAL);
    try_attributes(65536, 16 << 20, may_exceed() ? EMFILE : EINVAL);
}

static void order(void)
{
    static const unsigned priorities[] = {5, 0, 32767, 5, 1, 32767, 0, 5};
    unsigned sorted[] = {32767, 32767, 5, 5, 5, 1, 0, 0}, priority;
    static const char expected[] = "25037416";
    int fd = queue_new(NAME, O_RDWR | O_NONBLOCK, 8, 64);
    struct stat st;

    for (unsigned i = 0; i < 8; i++) {
        char byte = (char)('0' + i);

        CHECK_OK(queue_send(fd, &byte, 1, priorities[i], NULL));
    }
    CHECK_ERR(queue_send(fd, "x", 1, 9, NULL), EAGAIN);
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 80);
    CHECK(S_ISREG(st.st_mode));
    CHECK_EQ(pread(fd, text, 100, 0), 60);
    text[60] = '\0';
    CHECK_EQ(strcmp(text, "QSIZE:8          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n"), 0);
    for (unsigned i = 0; i < 8; i++) {
        CHECK_EQ(queue_receive(fd, text, 64, &priority, NULL), 1);
        CHECK_EQ(text[0], expected[i]);
        CHECK_EQ(priority, sorted[i]);
    }
    CHECK_ERR(queue_receive(fd, text, 64, NULL, NULL), EAGAIN);
    CHECK_ERR(write(fd, "x", 1), EINVAL);
    CHECK_OK(close(fd));
}

static void errors(void)
{
    const struct timespec bad = {0, 1000000000}, negative = {-1, 0}, past = {1, 0};
    int fd = queue_new(NAME, O_RDWR, 2, 16), in, out;
    unsigned priority;

    in = (int)CHECK_OK(queue_open(NAME, O_RDONLY, 0, NULL));
    out = (int)CHECK_OK(queue_open(NAME, O_WRONLY, 0, NULL));
    CHECK_ERR(queue_send(in, "x", 1, 0, NULL), EBADF);
    CHECK_ERR(queue_receive(out, text, 16, NULL, NULL), EBADF);
    CHECK_ERR(queue_send(-1, "x", 1, 0, NULL), EBADF);
    CHECK_ERR(queue_send(0, "x", 1, 0, NULL), EBADF);
    CHECK_ERR(queue_receive(999, text, 16, NULL, NULL), EBADF);
    CHECK_ERR(queue_send(fd, text, 17, 0, NULL), EMSGSIZE);
    CHECK_ERR(queue_receive(fd, text, 15, NULL, NULL), EMSGSIZE);
    CHECK_ERR(queue_send(fd, "x", 1, 32768, NULL), EINVAL);
    CHECK_ERR(queue_send(-1, "x", 1, 32768, NULL), EINVAL);
    CHECK_ERR(queue_send(fd, (void *)-4096l, 1, 0, NULL), EFAULT);
    /* A time that is none is found at once, one that is over only where there is to be waited. */
    CHECK_ERR(queue_send(fd, "x", 1, 0, &bad), EINVAL);
    CHECK_ERR(queue_send(fd, "x", 1, 0, &negative), EINVAL);
    CHECK_ERR(queue_send(fd, "x", 1, 0, (void *)-4096l), EFAULT);
    CHECK_ERR(queue_receive(-1, text, 16, NULL, &bad), EINVAL);
    CHECK_ERR(queue_receive(fd, text, 16, NULL, &past), ETIMEDOUT);
    CHECK_OK(queue_send(fd, "", 0, 3, &past));
    CHECK_OK(queue_send(fd, (void *)-4096l, 0, 4, &past));
    CHECK_ERR(queue_send(fd, "x", 1, 0, &past), ETIMEDOUT);
    CHECK_ERR(queue_receive(fd, (void *)-4096l, 16, (void *)-4096l, NULL), EFAULT);
    CHECK_EQ(queue_receive(fd, text, 16, &priority, NULL), 0); /* that one is lost */
    CHECK_EQ(priority, 3);
    CHECK_OK(queue_send(fd, "four", 4, 0, NULL));
    CHECK_ERR(queue_receive(fd, (void *)-4096l, 16, NULL, NULL), EFAULT);
    CHECK_ERR(queue_receive(fd, text, 16, NULL, &past), ETIMEDOUT);
    CHECK_OK(close(in));
    CHECK_OK(close(out));
    CHECK_OK(close(fd));
}

/* Of 1 MiB: in several pieces. */
static void large(void)
{
    const size_t nbytes = 1 << 20;
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    char *bytes =
        mmap(NULL, 2 * nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd;

    if (setrlimit(RLIMIT_MSGQUEUE, &limit)) /* an ordinary user */
        return;
    for (size_t i = 0; i < nbytes; i++)
        bytes[i] = (char)(i * 7 + i / 4096);
    fd = queue_new(NAME, O_RDWR, 2, (long)nbytes);
    CHECK_OK(queue_send(fd, bytes, nbytes, 0, NULL));
    CHECK_OK(queue_send(fd, bytes, 65536 + 1, 1, NULL));
    CHECK_EQ(queue_receive(fd, bytes + nbytes, nbytes, NULL, NULL), 65536 + 1);
    CHECK_EQ(memcmp(bytes, bytes + nbytes, 65536 + 1), 0);
    CHECK_EQ(queue_receive(fd, bytes + nbytes, nbytes, NULL, NULL), nbytes);
    CHECK_EQ(memcmp(bytes, bytes + nbytes, nbytes), 0);
    CHECK_OK(queue_send(fd, bytes, nbytes, 0, NULL)); /* goes with the queue */
    CHECK_OK(close(fd));
    CHECK_OK(queue_unlink(NAME));
    CHECK_OK(munmap(bytes, 2 * nbytes));
}

static short ready(int fd)
{
    struct pollfd poll_fd = {fd, POLLIN | POLLOUT, 0};

    CHECK_OK(poll(&poll_fd, 1, 0));
    return poll_fd.revents;
}

static void descriptors(void)
{
    int fd = queue_new(NAME, O_RDWR, 2, 16), epoll = (int)CHECK_OK(epoll_create1(0)), copy, status;
    struct epoll_event event = {EPOLLIN | EPOLLET, {0}};
    pid_t pid;

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(ready(fd), POLLOUT);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    CHECK_OK(queue_send(fd, "1", 1, 0, NULL));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 1);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    CHECK_EQ(ready(fd), POLLIN | POLLOUT);
    CHECK_OK(queue_send(fd, "2", 1, 0, NULL));
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 1);
    CHECK_EQ(ready(fd), POLLIN);
    copy = (int)CHECK_OK(dup(fd));
    CHECK_OK(close(fd));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(queue_receive(copy, text, 16, NULL, NULL), 1);
        _exit(text[0]);
    }
    status = child_end(pid);
    CHECK_EQ(WEXITSTATUS(status), '1');
    CHECK_EQ(ready(copy), POLLIN | POLLOUT);
    CHECK_OK(close(copy));
    CHECK_OK(close(epoll));
}

/* What a message and a priority cost beside the bytes: getrlimit(2), RLIMIT_MSGQUEUE. */
static void limits(void)
{
    struct rlimit limit = {2 * (10 * (100 + 48) + 10 * 48), 0};
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 100};
    int one, other;

    limit.rlim_max = limit.rlim_cur;
    CHECK_OK(setrlimit(RLIMIT_MSGQUEUE, &limit));
    CHECK_ERR(queue_open(NAME "1", O_RDWR | O_CREAT, 0600, NULL), EMFILE);
    one = (int)CHECK_OK(queue_open(NAME "1", O_RDWR | O_CREAT, 0600, &attr));
    other = (int)CHECK_OK(queue_open(NAME "2", O_RDWR | O_CREAT, 0600, &attr));
    attr.mq_maxmsg = attr.mq_msgsize = 1;
    CHECK_ERR(queue_open(NAME "3", O_RDWR | O_CREAT, 0600, &attr), EMFILE);
    CHECK_OK(queue_unlink(NAME "1"));
    CHECK_ERR(queue_open(NAME "3", O_RDWR | O_CREAT, 0600, &attr), EMFILE); /* it is open */
    CHECK_OK(close(one));
    one = (int)CHECK_OK(queue_open(NAME "3", O_RDWR | O_CREAT, 0600, &attr));
    CHECK_OK(queue_unlink(NAME "2"));
    CHECK_OK(queue_unlink(NAME "3"));
    CHECK_OK(close(one));
    CHECK_OK(close(other));
}

static void as_another(void)
{
    CHECK_OK(setresgid(1000, 1000, 1000));
    CHECK_OK(setresuid(1000, 1000, 1000));
    CHECK_ERR(queue_open(NAME, O_RDWR, 0, NULL), EACCES);
    CHECK_ERR(queue_open(NAME, O_WRONLY, 0, NULL), EACCES);
    CHECK_OK(close((int)CHECK_OK(queue_open(NAME, O_RDONLY, 0, NULL))));
    CHECK_ERR(queue_unlink(NAME), EPERM); /* the directory is sticky */
    try_attributes(11, 8192, EEXIST);
    CHECK_ERR(queue_open(NAME "x", O_RDWR | O_CREAT, 0600,
                         &(struct mq_attr){.mq_maxmsg = 11, .mq_msgsize = 8192}),
              EINVAL);
    CHECK_ERR(queue_open(NAME "x", O_RDWR | O_CREAT, 0600,
                         &(struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = 8193}),
              EINVAL);
    limits();
}

static void another(void)
{
    struct stat st;
    int fd;

    umask(0);
    fd = (int)CHECK_OK(queue_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0604, NULL));
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_mode, S_IFREG | 0604);
    CHECK_EQ(st.st_uid, geteuid());
    umask(022);
    CHECK_EQ(child_status(as_another), 0);
    CHECK_OK(close(fd));
    CHECK_OK(queue_unlink(NAME));
}

int main(void)
{
    names();
    attributes();
    order();
    errors();
    large();
    descriptors();
    CHECK_OK(queue_unlink(NAME));
    if (geteuid() == 0)
        another();
    return 0;
}
