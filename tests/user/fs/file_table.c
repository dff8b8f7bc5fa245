/* SPDX-License-Identifier: MIT */
/* Descriptors: lowest free number, dup, fcntl, shared offsets, the limit on their number. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static void check_numbers(void)
{
    /* A program starts with 0, 1 and 2 and nothing else. */
    CHECK_ERR(fcntl(3, F_GETFD), EBADF);
    CHECK_EQ(open("/dev/null", O_RDWR), 3);
    CHECK_EQ(open("/dev/null", O_RDWR), 4);
    CHECK_EQ(dup(3), 5);
    CHECK_OK(close(3));
    CHECK_EQ(dup(4), 3); /* the lowest that is free */
    CHECK_EQ(dup2(4, 10), 10);
    CHECK_EQ(dup2(4, 4), 4);
    CHECK_ERR(dup2(99, 4), EBADF);
    CHECK_ERR(dup2(4, -1), EBADF);
    CHECK_EQ(dup3(4, 11, O_CLOEXEC), 11);
    CHECK_EQ(fcntl(11, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(dup3(4, 4, 0), EINVAL);
    CHECK_EQ(raw3(SYS_dup3, 4, 12, 0x1), -EINVAL);
    CHECK_EQ(fcntl(4, F_DUPFD, 20), 20);
    CHECK_EQ(fcntl(4, F_DUPFD_CLOEXEC, 20), 21);
    CHECK_EQ(fcntl(21, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(20, F_GETFD), 0);
    CHECK_OK(fcntl(20, F_SETFD, FD_CLOEXEC));
    CHECK_EQ(fcntl(20, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(fcntl(4, F_DUPFD, -1), EINVAL);
    CHECK_ERR(fcntl(4, 9999), EINVAL);
    static const int all[] = {3, 4, 5, 10, 11, 20, 21};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        CHECK_OK(close(all[i]));
}

/* dup shares the offset and the status flags, a second open does not. */
static void check_sharing(void)
{
    int a = (int)CHECK_OK(open("/tmp/file_table", O_RDWR | O_CREAT | O_TRUNC, 0600));
    int b = (int)CHECK_OK(dup(a));
    int c = (int)CHECK_OK(open("/tmp/file_table", O_RDWR));

    CHECK_EQ(write(a, "abc", 3), 3);
    CHECK_EQ(lseek(b, 0, SEEK_CUR), 3);
    CHECK_EQ(lseek(c, 0, SEEK_CUR), 0);
    CHECK_EQ(fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR);
    CHECK_OK(fcntl(a, F_SETFL, O_APPEND | O_NONBLOCK));
    CHECK_EQ(fcntl(b, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK),
             O_RDWR | O_APPEND | O_NONBLOCK);
    CHECK_EQ(fcntl(c, F_GETFL) & (O_APPEND | O_NONBLOCK), 0);
    CHECK_OK(close(a));
    CHECK_EQ(write(b, "d", 1), 1); /* still open */
    CHECK_EQ(lseek(b, 0, SEEK_CUR), 4);
    CHECK_OK(close(b));
    CHECK_OK(close(c));
    CHECK_OK(unlink("/tmp/file_table"));
}

static void check_limit(void)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK(limit.rlim_cur >= 64);
    limit.rlim_cur = 30;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    for (int i = 3; i < 30; i++)
        CHECK_EQ(dup(0), i);
    CHECK_ERR(dup(0), EMFILE);
    CHECK_ERR(open("/dev/null", O_RDONLY), EMFILE);
    CHECK_ERR(dup2(0, 30), EBADF);
    CHECK_ERR(fcntl(0, F_DUPFD, 30), EINVAL);
    int ends[2] = {-7, -7};
    CHECK_ERR(pipe(ends), EMFILE);
    CHECK_EQ(ends[0], -7); /* untouched */
    CHECK_OK(close(29));
    CHECK_ERR(pipe(ends), EMFILE); /* one is not enough, and is given back */
    CHECK_EQ(dup(0), 29);
    for (int i = 3; i < 30; i++)
        CHECK_OK(close(i));
}

static void check_bad(void)
{
    char byte;

    CHECK_ERR(read(-1, &byte, 1), EBADF);
    CHECK_ERR(read(1000000, &byte, 1), EBADF);
    CHECK_ERR(write(0x7fffffff, &byte, 1), EBADF);
    CHECK_ERR(close(-1), EBADF);
    CHECK_ERR(lseek(50, 0, SEEK_SET), EBADF);
    CHECK_ERR(ioctl(50, TIOCGWINSZ, &byte), EBADF);
    CHECK_ERR(ioctl(1, TIOCGWINSZ, &byte), ENOTTY);
    CHECK_ERR(ioctl(0, TIOCGWINSZ, &byte), ENOTTY);
    CHECK_ERR(dup(-1), EBADF);
    CHECK_ERR(fsync(50), EBADF);
}

int main(void)
{
    check_numbers();
    check_sharing();
    check_limit();
    check_bad();
    return 0;
}
