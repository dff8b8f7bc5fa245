/* SPDX-License-Identifier: MIT */
/* Pages that fallocate has made are holes for SEEK_HOLE and SEEK_DATA until they are written or a
 * program looks at them through a mapping, as tmpfs has it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR   "/tmp/allocate_holes"
#define PAGE  4096l
#define PAGES 64

static char buf[PAGES * PAGE];

static long blocks_of(int fd)
{
    struct stat st;

    CHECK_OK(fstat(fd, &st));
    return st.st_blocks;
}

/* A file of PAGES pages, none of them written. */
static int allocated(void)
{
    int fd = (int)CHECK_OK(open(DIR "/file", O_RDWR | O_CREAT | O_TRUNC, 0600));

    CHECK_OK(fallocate(fd, 0, 0, PAGES * PAGE));
    CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
    CHECK_EQ(lseek(fd, 5, SEEK_HOLE), 5);
    return fd;
}

/* Pages [first, last) are data, all others are holes. */
static void only_data_is(int fd, long first, long last)
{
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), first * PAGE);
    CHECK_EQ(lseek(fd, first * PAGE, SEEK_HOLE), last * PAGE);
    CHECK_EQ(lseek(fd, first * PAGE + 1, SEEK_DATA), first * PAGE + 1);
    CHECK_ERR(lseek(fd, last * PAGE, SEEK_DATA), ENXIO);
}

static void check_read_and_written(void)
{
    int fd = allocated();

    /* They are the file's, and read as zeroes; that makes no data of them. */
    CHECK_EQ(blocks_of(fd), PAGES * PAGE / 512);
    CHECK_EQ(pread(fd, buf, sizeof(buf), 0), (long)sizeof(buf));
    CHECK(bytes_are(buf, 0, sizeof(buf)));
    CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
    CHECK_EQ(pwrite(fd, "ab", 2, 4 * PAGE - 1), 2);
    only_data_is(fd, 3, 5);
    CHECK_EQ(blocks_of(fd), PAGES * PAGE / 512);
    CHECK_OK(close(fd));
}

static void check_cut(void)
{
    int fd = allocated();

    /* Zeroing a part of a page writes nothing to it. */
    CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 100));
    CHECK_OK(ftruncate(fd, 3 * PAGE + 100));
    CHECK_OK(ftruncate(fd, PAGES * PAGE));
    CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
    /* tmpfs clears a page that it is to allocate a second time, and has data then. */
    CHECK_OK(fallocate(fd, 0, PAGE, PAGE));
    only_data_is(fd, 1, 2);
    CHECK_OK(fallocate(fd, 0, 10 * PAGE, PAGE)); /* a real hole: cut off above */
    only_data_is(fd, 1, 2);
    CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE));
    CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
    CHECK_OK(close(fd));
}

/* To the size that the file has, which takes away what lies behind it. */
static void check_cut_at_size(void)
{
    int fd = (int)CHECK_OK(open(DIR "/file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    int keep = FALLOC_FL_KEEP_SIZE;

    CHECK_OK(fallocate(fd, keep, 0, 3 * PAGE));
    CHECK_OK(fallocate(fd, keep, PAGE, PAGE)); /* data, if it were the file's */
    CHECK_EQ(blocks_of(fd), 3 * PAGE / 512);
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(blocks_of(fd), 0);
    CHECK_OK(ftruncate(fd, 3 * PAGE));
    CHECK_ERR(lseek(fd, 0, SEEK_DATA), ENXIO);
    CHECK_EQ(pwrite(fd, "ab", 2, 0), 2);
    CHECK_OK(fallocate(fd, keep, 0, 9 * PAGE));
    CHECK_EQ(blocks_of(fd), 9 * PAGE / 512);
    CHECK_OK(ftruncate(fd, 3 * PAGE));
    CHECK_EQ(blocks_of(fd), 3 * PAGE / 512);
    CHECK_EQ(pread(fd, buf, 9, 0), 9);
    CHECK(buf[0] == 'a' && buf[1] == 'b' && bytes_are(buf + 2, 0, 7));
    CHECK_OK(fallocate(fd, keep, 0, 9 * PAGE));
    CHECK_OK(ftruncate(fd, 4 * PAGE)); /* longer: they stay */
    CHECK_EQ(blocks_of(fd), 9 * PAGE / 512);
    CHECK_OK(close(fd));
}

/* What a mapping shows is data, the page that was needed and none of its neighbours. */
static void check_mapped(int prot, int kind)
{
    int fd = allocated();
    volatile char *at = mmap(NULL, PAGES * PAGE, prot, kind, fd, 0);

    CHECK(at != MAP_FAILED);
    CHECK_EQ(at[20 * PAGE], 0);
    only_data_is(fd, 20, 21);
    CHECK_EQ(at[21 * PAGE], 0);
    only_data_is(fd, 20, 22);
    if (prot & PROT_WRITE) {
        at[22 * PAGE] = 1;
        only_data_is(fd, 20, 23);
    }
    CHECK_OK(munmap((void *)(uintptr_t)at, PAGES * PAGE));
    CHECK_OK(close(fd));
}

int main(void)
{
    CHECK_OK(mkdir(DIR, 0700));
    CHECK_OK(mount("holes", DIR, "tmpfs", 0, NULL));
    check_read_and_written();
    check_cut();
    check_cut_at_size();
    check_mapped(PROT_READ, MAP_SHARED);
    check_mapped(PROT_READ, MAP_PRIVATE);
    check_mapped(PROT_READ | PROT_WRITE, MAP_SHARED);
    check_mapped(PROT_READ | PROT_WRITE, MAP_PRIVATE);
    CHECK_OK(umount(DIR));
    CHECK_OK(rmdir(DIR));
    return 0;
}
