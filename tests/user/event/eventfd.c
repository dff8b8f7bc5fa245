/* SPDX-License-Identifier: MIT */
/* eventfd: the count, semaphore mode, overflow, waiting on both sides, poll, and what is refused.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

static uint64_t take(int fd)
{
    uint64_t value = 0;

    CHECK_EQ(read(fd, &value, sizeof(value)), 8);
    return value;
}

static void add(int fd, uint64_t value)
{
    CHECK_EQ(write(fd, &value, sizeof(value)), 8);
}

static int events_of(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&one, 1, 0));
    return one.revents;
}

static void check_count(void)
{
    int fd = (int)CHECK_OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    uint64_t value[2];

    CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
    CHECK_EQ(events_of(fd), POLLIN | POLLOUT);
    CHECK_EQ(take(fd), 3);
    CHECK_EQ(events_of(fd), POLLOUT);
    CHECK_ERR(read(fd, value, 8), EAGAIN);
    add(fd, 5);
    add(fd, 10);
    CHECK_EQ(read(fd, value, 16), 8);
    CHECK_EQ(value[0], 15);
    CHECK_ERR(read(fd, value, 7), EINVAL);
    CHECK_ERR(write(fd, value, 7), EINVAL);
    add(fd, 0);
    CHECK_EQ(events_of(fd), POLLOUT);
    CHECK_EQ(lseek(fd, 5, SEEK_SET), 0); /* moves nothing, as on Linux */
    CHECK_ERR(pread(fd, value, 8, 0), ESPIPE);
    CHECK_EQ(raw3(SYS_write, fd, 8, 8), -EFAULT);
    add(fd, 9);
    CHECK_EQ(raw3(SYS_read, fd, 8, 8), -EFAULT);
    CHECK_ERR(read(fd, value, 8), EAGAIN); /* taken all the same */
    close(fd);
}

static void check_overflow(void)
{
    int fd = (int)CHECK_OK(eventfd(0, EFD_NONBLOCK));
    uint64_t value = UINT64_MAX;

    CHECK_ERR(write(fd, &value, 8), EINVAL);
    add(fd, UINT64_MAX - 1);
    CHECK_EQ(events_of(fd), POLLIN);
    value = 1;
    CHECK_ERR(write(fd, &value, 8), EAGAIN);
    add(fd, 0);
    CHECK_EQ(take(fd), UINT64_MAX - 1);
    add(fd, UINT64_MAX - 2);
    value = 2;
    CHECK_ERR(write(fd, &value, 8), EAGAIN);
    add(fd, 1);
    close(fd);
}

static void check_semaphore(void)
{
    int fd = (int)CHECK_OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
    uint64_t value;

    CHECK_EQ(take(fd), 1);
    CHECK_EQ(take(fd), 1);
    CHECK_ERR(read(fd, &value, 8), EAGAIN);
    close(fd);
}

/* A child reads, or writes `value`, and sleeps until the other side comes. */
static int sleeper(int fd, uint64_t value)
{
    int pid = (int)CHECK_OK(fork());

    if (pid == 0) {
        if (value)
            add(fd, value);
        else
            CHECK(take(fd) > 0);
        _exit(0);
    }
    asleep_await(pid);
    return pid;
}

static void check_waiting(void)
{
    int fd = (int)CHECK_OK(eventfd(0, EFD_SEMAPHORE)), status;
    int readers[3];

    for (int i = 0; i < 3; i++)
        readers[i] = sleeper(fd, 0);
    add(fd, 3);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(waitpid(readers[i], &status, 0), readers[i]);
        CHECK_EQ(status, 0);
    }
    close(fd);
    fd = (int)CHECK_OK(eventfd(0, 0));
    add(fd, UINT64_MAX - 1);
    readers[0] = sleeper(fd, 5);
    CHECK_EQ(take(fd), UINT64_MAX - 1);
    CHECK_EQ(waitpid(readers[0], &status, 0), readers[0]);
    CHECK_EQ(status, 0);
    CHECK_EQ(take(fd), 5);
    close(fd);
}

static void check_names(void)
{
    char path[] = "/proc/self/fd/3", link[64], info[256];
    int fd, text;
    ssize_t len;

    close(3);
    fd = (int)CHECK_OK(eventfd(0x2a, 0));
    CHECK_EQ(fd, 3);
    len = CHECK_OK(readlink(path, link, sizeof(link) - 1));
    link[len] = 0;
    CHECK_EQ(strcmp(link, "anon_inode:[eventfd]"), 0);
    CHECK_ERR(open(path, O_RDWR), ENXIO);
    text = (int)CHECK_OK(open("/proc/self/fdinfo/3", O_RDONLY));
    len = CHECK_OK(read(text, info, sizeof(info) - 1));
    info[len] = 0;
    CHECK(strstr(info, "eventfd-count:               2a\n"));
    close(text);
    close(fd);
}

int main(void)
{
    CHECK_EQ(raw2(SYS_eventfd2, 0, 4), -EINVAL);
    CHECK_EQ(raw2(SYS_eventfd2, 0, EFD_SEMAPHORE | O_APPEND), -EINVAL);
    check_count();
    check_overflow();
    check_semaphore();
    check_waiting();
    check_names();
    return 0;
}
