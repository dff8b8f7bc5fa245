/* SPDX-License-Identifier: MIT */
/*
 * Flags and limits of calls on files that few programs use: writes at the end by a flag, times that
 * mappings change, the largest positions, holes that are reserved, which error comes first.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define FILE_NAME "/tmp/file_corners"
#define OTHER     "/tmp/file_corners2"
#define DIRECTORY "/tmp/file_corners.d"

#ifndef RENAME_WHITEOUT
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#define RENAME_WHITEOUT  4
#endif
#define RWF_NOWAIT_BIT 8
#define RWF_APPEND_BIT 16

static long write_flags(int fd, const char *text, long offset, int flags)
{
    struct iovec vector = {(void *)(uintptr_t)text, strlen(text)};

    return raw6(SYS_pwritev2, fd, &vector, 1, offset, 0, flags);
}

static void test_write_flags(int fd)
{
    char text[32];
    struct iovec vector = {text, sizeof(text)};
    int ends[2];

    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(write_flags(fd, "abcd", 0, 0), 4);
    CHECK_EQ(write_flags(fd, "ef", 1, RWF_APPEND_BIT), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_EQ(write_flags(fd, "gh", -1, RWF_APPEND_BIT), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);
    CHECK_EQ(write_flags(fd, "X", 1, 2 | 4), 1);
    CHECK_EQ(raw6(SYS_preadv2, fd, &vector, 1, 0, 0, RWF_NOWAIT_BIT), 8);
    CHECK_EQ(memcmp(text, "aXcdefgh", 8), 0);
    CHECK_EQ(raw6(SYS_preadv2, fd, &vector, 1, 0, 0, 0x1000), -EOPNOTSUPP);
    CHECK_EQ(write_flags(fd, "X", 0, 0x1000), -EOPNOTSUPP);
    CHECK_OK(pipe(ends));
    CHECK_EQ(write_flags(ends[1], "pipe", -1, RWF_APPEND_BIT), 4);
    CHECK_EQ(read(ends[0], text, 10), 4);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

static int renameat2_raw(const char *from, const char *to, unsigned flags)
{
    return (int)raw6(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags, 0);
}

static void check_whiteout(const char *path)
{
    struct stat st;

    CHECK_OK(lstat(path, &st));
    CHECK_EQ(st.st_mode, S_IFCHR);
    CHECK_EQ(st.st_rdev, 0);
    CHECK_EQ(st.st_nlink, 1);
    CHECK_EQ(st.st_uid, geteuid());
    CHECK_OK(unlink(path));
}

static void test_whiteout(void)
{
    struct stat st, there;

    CHECK_OK(mkdir(DIRECTORY, 0755));
    CHECK_OK(close((int)CHECK_OK(open(DIRECTORY "/a", O_CREAT | O_RDWR, 0644))));
    CHECK_OK(stat(DIRECTORY "/a", &st));
    CHECK_EQ(renameat2_raw(DIRECTORY "/a", DIRECTORY "/b", RENAME_WHITEOUT | RENAME_EXCHANGE),
             -EINVAL);
    CHECK_EQ(renameat2_raw(DIRECTORY "/a", DIRECTORY "/b", RENAME_WHITEOUT), 0);
    CHECK_OK(stat(DIRECTORY "/b", &there));
    CHECK_EQ(there.st_ino, st.st_ino);
    check_whiteout(DIRECTORY "/a");
    CHECK_OK(mkdir(DIRECTORY "/d", 0755));
    CHECK_OK(close((int)CHECK_OK(open(DIRECTORY "/d/b", O_CREAT | O_RDWR, 0644))));
    CHECK_EQ(renameat2_raw(DIRECTORY "/b", DIRECTORY "/d/b", RENAME_WHITEOUT | RENAME_NOREPLACE),
             -EEXIST);
    CHECK_EQ(renameat2_raw(DIRECTORY "/b", DIRECTORY "/d/b", RENAME_WHITEOUT), 0);
    CHECK_OK(stat(DIRECTORY "/d/b", &there));
    CHECK_EQ(there.st_ino, st.st_ino);
    CHECK_ERR(rmdir(DIRECTORY), ENOTEMPTY);
    check_whiteout(DIRECTORY "/b");
    /* A directory leaves a whiteout, too. */
    CHECK_EQ(renameat2_raw(DIRECTORY "/d", DIRECTORY "/e", RENAME_WHITEOUT | RENAME_NOREPLACE), 0);
    check_whiteout(DIRECTORY "/d");
    CHECK_OK(unlink(DIRECTORY "/e/b"));
    CHECK_OK(rmdir(DIRECTORY "/e"));
    CHECK_OK(stat(DIRECTORY, &st));
    CHECK_EQ(st.st_nlink, 2);
    CHECK_OK(rmdir(DIRECTORY));
}

/* Times of long ago, so that every change shows. */
static void age(int fd)
{
    const struct timespec old[2] = {{1000, 0}, {1000, 0}};

    CHECK_OK(futimens(fd, old));
}

static void test_mapped_times(int fd)
{
    struct stat st;
    char *page;

    CHECK_OK(ftruncate(fd, 8192));
    age(fd);
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(page != MAP_FAILED);
    (void)*(volatile char *)page;
    CHECK_OK(fstat(fd, &st));
    CHECK(st.st_atim.tv_sec > 1000);
    CHECK_EQ(st.st_mtim.tv_sec, 1000);
    CHECK_OK(msync(page, 8192, MS_SYNC));
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_mtim.tv_sec, 1000);
    page[5000] = 1;
    CHECK_OK(msync(page, 8192, MS_ASYNC));
    CHECK_OK(fstat(fd, &st));
    CHECK(st.st_mtim.tv_sec > 1000);
    age(fd);
    page[5000] = 2;
    page[0] = 2;
    CHECK_OK(msync(page, 4096, MS_SYNC));
    CHECK_OK(fstat(fd, &st));
    CHECK(st.st_mtim.tv_sec > 1000);
    CHECK_OK(munmap(page, 8192));
    age(fd);
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    page[0] = 3;
    CHECK_OK(msync(page, 8192, MS_SYNC));
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_mtim.tv_sec, 1000);
    CHECK_OK(munmap(page, 8192));
}

static void test_far_positions(int fd)
{
    const long far = INT64_MAX - 5;
    char text[16] = "";
    struct iovec vector = {text, 10};
    off_t at = far;
    int other = (int)CHECK_OK(open(OTHER, O_CREAT | O_TRUNC | O_RDWR, 0600));

    CHECK_ERR(pread(fd, text, 10, far), EINVAL);
    CHECK_ERR(pwrite(fd, text, 10, far), EINVAL);
    CHECK_ERR(preadv(fd, &vector, 1, far), EINVAL);
    CHECK_ERR(pwritev(fd, &vector, 1, far), EINVAL);
    CHECK_ERR(sendfile(other, fd, &at, 10), EINVAL);
    CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_OK(close(other));
    CHECK_OK(unlink(OTHER));
}

static void test_reserved_holes(int fd)
{
    CHECK_OK(ftruncate(fd, 0));
    CHECK_OK(fallocate(fd, 0, 0, 65536));
    CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
    CHECK_EQ(pwrite(fd, "x", 1, 20480), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), 20480);
    CHECK_EQ(lseek(fd, 20480, SEEK_HOLE), 24576);
}

static void test_errors(int fd)
{
    const struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
    off_t at = -5;
    int flags;

    CHECK_ERR(fallocate(99, 0x4000, 0, 10), EBADF);
    CHECK_ERR(fallocate(fd, 0x4000, 0, 10), EOPNOTSUPP);
    CHECK_ERR(futimens(99, bad), EBADF);
    CHECK_ERR(utimensat(AT_FDCWD, "/tmp/no-such-file", bad, 0), ENOENT);
    CHECK_ERR(utimensat(AT_FDCWD, FILE_NAME, bad, 0), EINVAL);
    CHECK_ERR(sendfile(99, fd, &at, 10), EINVAL);
    CHECK_ERR(sendfile(fd, 99, &at, 10), EBADF);
    flags = (int)CHECK_OK(open(FILE_NAME, O_RDONLY | (O_SYNC & ~O_DSYNC)));
    CHECK_EQ(fcntl(flags, F_GETFL) & O_SYNC, O_SYNC);
    CHECK_OK(close(flags));
}

int main(void)
{
    int fd = (int)CHECK_OK(open(FILE_NAME, O_CREAT | O_TRUNC | O_RDWR, 0600));

    test_write_flags(fd);
    test_whiteout();
    test_mapped_times(fd);
    test_far_positions(fd);
    test_reserved_holes(fd);
    test_errors(fd);
    CHECK_OK(close(fd));
    CHECK_OK(unlink(FILE_NAME));
    return 0;
}
