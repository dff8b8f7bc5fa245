/* SPDX-License-Identifier: MIT */
/* Reading and writing a file: offsets, holes, append, truncation, the flags of open. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NAME "/tmp/file_data"

static char buf[20000];

static long file_size(int fd)
{
    struct stat st;

    CHECK_OK(fstat(fd, &st));
    return st.st_size;
}

static void check_open_flags(void)
{
    int fd;

    CHECK_ERR(open(NAME, O_RDONLY), ENOENT);
    CHECK_ERR(open("/tmp/none/file", O_RDWR | O_CREAT, 0600), ENOENT);
    fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(open(NAME, O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    CHECK_EQ(write(fd, "0123456789", 10), 10);
    CHECK_OK(close(fd));
    CHECK_ERR(close(fd), EBADF);
    CHECK_ERR(open(NAME "/below", O_RDONLY), ENOTDIR);
    CHECK_ERR(open(NAME, O_RDONLY | O_DIRECTORY), ENOTDIR);
    CHECK_ERR(open("/tmp", O_WRONLY), EISDIR);
    CHECK_ERR(open("/tmp", O_RDWR | O_CREAT, 0600), EISDIR);
    CHECK_ERR(open("", O_RDONLY), ENOENT);
    fd = (int)CHECK_OK(open(NAME, O_RDONLY));
    CHECK_ERR(write(fd, "x", 1), EBADF);
    CHECK_ERR(ftruncate(fd, 0), EINVAL);
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(open(NAME, O_WRONLY));
    CHECK_ERR(read(fd, buf, 1), EBADF);
    CHECK_OK(close(fd));
    fd = (int)CHECK_OK(open(NAME, O_PATH));
    CHECK_ERR(read(fd, buf, 1), EBADF);
    CHECK_EQ(file_size(fd), 10);
    CHECK_OK(close(fd));
}

static void check_offsets(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR));

    CHECK_EQ(read(fd, buf, 4), 4);
    CHECK(memcmp(buf, "0123", 4) == 0);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
    CHECK_EQ(lseek(fd, -1, SEEK_END), 9);
    CHECK_EQ(read(fd, buf, 10), 1);
    CHECK_EQ(buf[0], '9');
    CHECK_EQ(read(fd, buf, 10), 0); /* the end */
    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_EQ(read(fd, buf, 10), 0); /* beyond it */
    CHECK_EQ(lseek(fd, -95, SEEK_CUR), 5);
    CHECK_ERR(lseek(fd, -6, SEEK_CUR), EINVAL);
    CHECK_ERR(lseek(fd, 0, 99), EINVAL);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
    CHECK_EQ(pread(fd, buf, 3, 2), 3);
    CHECK(memcmp(buf, "234", 3) == 0);
    CHECK_EQ(pwrite(fd, "AB", 2, 8), 2);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5); /* neither moved it */
    CHECK_ERR(pread(fd, buf, 1, -1), EINVAL);
    CHECK_ERR(pwrite(fd, buf, 1, -1), EINVAL);
    CHECK_EQ(pread(fd, buf, 20, 0), 10);
    CHECK(memcmp(buf, "01234567AB", 10) == 0);
    CHECK_EQ(read(fd, buf, 0), 0);
    CHECK_EQ(write(fd, buf, 0), 0);
    CHECK_OK(close(fd));
}

static void check_holes(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_TRUNC));

    CHECK_EQ(file_size(fd), 0);
    CHECK_EQ(lseek(fd, 10000, SEEK_SET), 10000);
    CHECK_EQ(write(fd, "end", 3), 3);
    CHECK_EQ(file_size(fd), 10003);
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 10003);
    CHECK(bytes_are(buf, 0, 10000) && memcmp(buf + 10000, "end", 3) == 0);
    /* A hole far out costs nothing. */
    CHECK_EQ(pwrite(fd, "x", 1, (off_t)1 << 32), 1);
    CHECK_EQ(file_size(fd), ((long)1 << 32) + 1);
    CHECK_EQ(pread(fd, buf, 100, (off_t)1 << 31), 100);
    CHECK(bytes_are(buf, 0, 100));
    CHECK_OK(close(fd));
}

/* A page of a file of which only a part is written, in a frame that a program has just left dirty.
 */
static void check_dirty_frames(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_TRUNC));

    for (int i = 0; i < 16; i++) {
        size_t size = 4 * 4096;
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(p != MAP_FAILED);
        memset(p, 0xdd, size);
        CHECK_OK(munmap(p, size));
        CHECK_OK(ftruncate(fd, 0));
        CHECK_EQ(pwrite(fd, "x", 1, 4096 + 100), 1);
        CHECK_OK(ftruncate(fd, 8192));
        CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 8192);
        CHECK(bytes_are(buf, 0, 4196) && buf[4196] == 'x' && bytes_are(buf + 4197, 0, 3995));
    }
    CHECK_OK(close(fd));
}

/* A page's worth of data that ends in nothing: what could not be read must not show up later. */
static void check_broken_write(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_TRUNC));
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    memset(p, 0xdd, 8192);
    CHECK_OK(munmap(p + 4096, 4096));
    for (int i = 0; i < 8; i++) {
        char *dirt = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(dirt != MAP_FAILED);
        memset(dirt, 0xdd, 8192);
        CHECK_OK(munmap(dirt, 8192));
        CHECK_OK(ftruncate(fd, 0));
        long n = pwrite(fd, p + 4096 - 100, 4096, 0);
        CHECK(n == 100 || (n == -1 && errno == EFAULT));
        CHECK_OK(ftruncate(fd, 4096));
        CHECK_EQ(pread(fd, buf, 4096, 0), 4096);
        CHECK(bytes_are(buf + 100, 0, 3996));
    }
    CHECK_OK(munmap(p, 4096));
    CHECK_OK(close(fd));
}

static void check_truncate(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_TRUNC));

    memset(buf, 'x', 10000);
    CHECK_EQ(write(fd, buf, 10000), 10000);
    CHECK_OK(ftruncate(fd, 5000));
    CHECK_EQ(file_size(fd), 5000);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 10000);
    CHECK_OK(ftruncate(fd, 9000)); /* what was cut off is gone, also in the middle of a page */
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), 9000);
    CHECK(bytes_are(buf, 'x', 5000) && bytes_are(buf + 5000, 0, 4000));
    CHECK_OK(truncate(NAME, 3));
    CHECK_EQ(file_size(fd), 3);
    CHECK_ERR(ftruncate(fd, -1), EINVAL);
    CHECK_ERR(truncate("/tmp", 0), EISDIR);
    CHECK_ERR(truncate("/tmp/none", 0), ENOENT);
    CHECK_OK(close(fd));
}

static void check_append(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_TRUNC | O_APPEND));
    int other = (int)CHECK_OK(open(NAME, O_RDWR));

    CHECK_EQ(write(fd, "one", 3), 3);
    CHECK_EQ(write(other, "ONE", 3), 3);
    CHECK_EQ(write(other, "two", 3), 3);
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(write(fd, "three", 5), 5); /* at the end, wherever the offset was */
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 11);
    CHECK_EQ(pread(fd, buf, 100, 0), 11);
    CHECK(memcmp(buf, "ONEtwothree", 11) == 0);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
}

/* Sizes around the page and a block that crosses several. */
static void check_sizes(void)
{
    static char back[sizeof(buf)];
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_TRUNC));

    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = (char)(i * 7 + i / 256);
    for (size_t size = 4090; size < 4102; size++) {
        CHECK_EQ(pwrite(fd, buf, size, (off_t)size), (long)size);
        CHECK_EQ(pread(fd, back, size, (off_t)size), (long)size);
        CHECK(memcmp(buf, back, size) == 0);
    }
    CHECK_EQ(pwrite(fd, buf, sizeof(buf), 1), (long)sizeof(buf));
    CHECK_EQ(pread(fd, back, sizeof(buf), 1), (long)sizeof(buf));
    CHECK(memcmp(buf, back, sizeof(buf)) == 0);
    CHECK_OK(close(fd));
}

int main(void)
{
    unlink(NAME);
    check_open_flags();
    check_offsets();
    check_holes();
    check_dirty_frames();
    check_broken_write();
    check_truncate();
    check_append();
    check_sizes();
    CHECK_OK(unlink(NAME));
    return 0;
}
