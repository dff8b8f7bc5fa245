/* SPDX-License-Identifier: MIT */
/* Reads, writes and copies that would end beyond the last byte that a file can have, 2^63 - 1. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/memory_file.h"

#define END INT64_MAX

static char block[64];
static int fd, other;

static void check_at(void)
{
    struct iovec two[2] = {{block, 32}, {block, 32}};

    CHECK_ERR(pread(fd, block, 2, END - 1), EINVAL);
    CHECK_EQ(pread(fd, block, 1, END - 1), 0);
    CHECK_EQ(pread(fd, block, 0, END), 0);
    CHECK_ERR(pread(fd, block, 1, END), EINVAL);
    CHECK_ERR(pwrite(fd, block, 2, END - 1), EINVAL);
    CHECK_ERR(pwrite(fd, block, 1, END), EINVAL);
    CHECK_ERR(preadv(fd, two, 2, END - 63), EINVAL);
    CHECK_EQ(preadv(fd, two, 2, END - 64), 0);
    CHECK_ERR(pwritev(fd, two, 2, END - 63), EINVAL);
    CHECK_ERR(pread(fd, block, SIZE_MAX, 0), EFAULT); /* the buffer is looked at before */
}

static void check_position(void)
{
    struct iovec two[2] = {{block, 32}, {block, 32}};

    CHECK_EQ(lseek(fd, END, SEEK_SET), END);
    CHECK_ERR(read(fd, block, 1), EINVAL);
    CHECK_EQ(read(fd, block, 0), 0);
    CHECK_ERR(write(fd, block, 1), EINVAL);
    CHECK_ERR(readv(fd, two, 2), EINVAL);
    CHECK_ERR(writev(fd, two, 2), EINVAL);
    CHECK_ERR(lseek(fd, 1, SEEK_CUR), EINVAL);
    CHECK_ERR(lseek(fd, END, SEEK_END), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), END);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
}

static void check_sendfile(void)
{
    off_t from = END - 1;

    CHECK_ERR(sendfile(other, fd, &from, 2), EINVAL);
    from = -1;
    CHECK_ERR(sendfile(other, fd, &from, 1), EINVAL);
    CHECK_ERR(sendfile(-1, fd, &from, 1), EINVAL);
    CHECK_ERR(sendfile(other, -1, &from, 1), EBADF);
    from = 0;
    CHECK_ERR(sendfile(-1, fd, &from, 1), EBADF);
    CHECK_EQ(lseek(other, END, SEEK_SET), END);
    CHECK_ERR(sendfile(other, fd, &from, 1), EINVAL);
    CHECK_EQ(lseek(other, 0, SEEK_SET), 0);
}

static void check_range(void)
{
    off_t from = 0, to = END;

    CHECK_ERR(copy_file_range(fd, &from, other, &to, 1, 0), EFBIG);
    to = -1;
    CHECK_ERR(copy_file_range(fd, &from, other, &to, 1, 0), EOVERFLOW);
    to = 0;
    from = -1;
    CHECK_ERR(copy_file_range(fd, &from, other, &to, 2, 0), EOVERFLOW);
    from = END - 5;
    CHECK_EQ(copy_file_range(fd, &from, other, &to, 5, 0), 0);
    from = 0;
    to = 5; /* in one file, without and with an overlap */
    CHECK_EQ(copy_file_range(fd, &from, fd, &to, 5, 0), 5);
    from = 0;
    to = 4;
    CHECK_ERR(copy_file_range(fd, &from, fd, &to, 5, 0), EINVAL);
    to = END - 2;
    from = END - 4;
    CHECK_EQ(copy_file_range(fd, &from, fd, &to, 2, 0), 0);
}

int main(void)
{
    fd = memory_file(NULL);
    other = memory_file(NULL);
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    check_at();
    check_position();
    check_sendfile();
    check_range();
    return 0;
}
