/* SPDX-License-Identifier: MIT */
/* fallocate, copy_file_range, syncing, device nodes made by hand, close_range, flock. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static char buf[20000];

static long size_of(int fd)
{
    struct stat st;

    CHECK_OK(fstat(fd, &st));
    return st.st_size;
}

static void check_fallocate(int fd)
{
    CHECK_EQ(raw4(SYS_fallocate, fd, 0, 0, 10000), 0);
    CHECK_EQ(size_of(fd), 10000);
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 10000);
    CHECK(bytes_are(buf, 0, 10000));
    CHECK_EQ(pwrite(fd, "data", 4, 100), 4);
    CHECK_EQ(raw4(SYS_fallocate, fd, 0, 0, 500), 0); /* never cuts, never clears */
    CHECK_EQ(size_of(fd), 10000);
    CHECK_EQ(pread(fd, buf, 4, 100), 4);
    CHECK(memcmp(buf, "data", 4) == 0);
    CHECK_EQ(raw4(SYS_fallocate, fd, 1, 0, 30000), 0); /* FALLOC_FL_KEEP_SIZE */
    CHECK_EQ(size_of(fd), 10000);
    CHECK_EQ(raw4(SYS_fallocate, fd, 0, -1, 1), -EINVAL);
    CHECK_EQ(raw4(SYS_fallocate, fd, 0, 0, 0), -EINVAL);
    CHECK_EQ(raw4(SYS_fallocate, 99, 0, 0, 1), -EBADF);
}

static void check_copy(int fd)
{
    int to = (int)CHECK_OK(open("/tmp/file_extents2", O_RDWR | O_CREAT | O_TRUNC, 0600));
    long from_at = 2, to_at = 5;

    for (size_t i = 0; i < 9000; i++)
        buf[i] = (char)(i % 101);
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(pwrite(fd, buf, 9000, 0), 9000);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, &from_at, to, &to_at, 8000, 0), 8000);
    CHECK_EQ(from_at, 8002);
    CHECK_EQ(to_at, 8005);
    CHECK_EQ(pread(to, buf + 10000, 8005, 0), 8005);
    CHECK(bytes_are(buf + 10000, 0, 5) && memcmp(buf + 10005, buf + 2, 8000) == 0);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, &from_at, to, &to_at, 8000, 0), 998);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, &from_at, to, &to_at, 8000, 0), 0);
    CHECK_EQ(raw6(SYS_copy_file_range, fd, NULL, to, NULL, 10, 1), -EINVAL);
    CHECK_OK(close(to));
    CHECK_OK(unlink("/tmp/file_extents2"));
}

static void check_nodes(void)
{
    struct stat st;
    char byte;

    CHECK_OK(mknod("/tmp/zero", S_IFCHR | 0600, makedev(1, 5)));
    CHECK_OK(stat("/tmp/zero", &st));
    CHECK(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 5));
    int fd = (int)CHECK_OK(open("/tmp/zero", O_RDONLY));
    byte = 1;
    CHECK_EQ(read(fd, &byte, 1), 1);
    CHECK_EQ(byte, 0);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/tmp/zero"));
    CHECK_OK(mknod("/tmp/plain", S_IFREG | 0600, 0));
    CHECK_OK(unlink("/tmp/plain"));
    CHECK_ERR(mknod("/tmp/dir", S_IFDIR | 0700, 0), EPERM);
    CHECK_OK(mknod("/tmp/none", S_IFCHR | 0600, makedev(4095, 4095)));
    CHECK_ERR(open("/tmp/none", O_RDONLY), ENXIO); /* a node for a device that is not there */
    CHECK_OK(unlink("/tmp/none"));
}

static void check_close_range(void)
{
    for (int i = 20; i < 30; i++)
        CHECK_EQ(dup2(0, i), i);
    CHECK_EQ(raw3(SYS_close_range, 22, 25, 0), 0);
    for (int i = 20; i < 30; i++)
        CHECK((fcntl(i, F_GETFD) == -1) == (i >= 22 && i <= 25));
    CHECK_EQ(raw3(SYS_close_range, 20, ~0U, 4), 0); /* CLOSE_RANGE_CLOEXEC */
    CHECK_EQ(fcntl(29, F_GETFD), FD_CLOEXEC);
    CHECK_EQ(raw3(SYS_close_range, 20, ~0U, 0), 0);
    CHECK_ERR(fcntl(29, F_GETFD), EBADF);
    CHECK_EQ(raw3(SYS_close_range, 5, 4, 0), -EINVAL);
}

static void check_flock(int fd)
{
    int other = (int)CHECK_OK(open("/tmp/file_extents", O_RDWR));

    CHECK_OK(flock(fd, LOCK_EX | LOCK_NB));
    CHECK_ERR(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
    CHECK_OK(flock(fd, LOCK_UN));
    CHECK_OK(flock(other, LOCK_SH | LOCK_NB));
    CHECK_OK(flock(fd, LOCK_SH | LOCK_NB));
    CHECK_ERR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK_OK(close(other)); /* gives the lock up */
    CHECK_OK(flock(fd, LOCK_EX | LOCK_NB));
    CHECK_ERR(flock(fd, 77), EINVAL);
    CHECK_OK(flock(fd, LOCK_UN));
}

int main(void)
{
    int fd = (int)CHECK_OK(open("/tmp/file_extents", O_RDWR | O_CREAT | O_TRUNC, 0600));

    check_fallocate(fd);
    check_copy(fd);
    check_nodes();
    check_close_range();
    check_flock(fd);
    CHECK_OK(fsync(fd));
    CHECK_OK(fdatasync(fd));
    sync();
    CHECK_OK(unlink("/tmp/file_extents"));
    return 0;
}
