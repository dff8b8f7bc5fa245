/* SPDX-License-Identifier: MIT */
/* Private file mappings: the file's bytes, zeros behind its end, writes that never reach it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)
#define SIZE (2 * PAGE + 1000)

static int fd;

static char pattern(size_t offset)
{
    return (char)(offset % 251 + 1);
}

static int holds_pattern(const char *p, size_t from, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++) {
        if (p[i] != pattern(from + i))
            return 0;
    }
    return 1;
}

static void make_file(void)
{
    char buf[SIZE];

    for (size_t i = 0; i < SIZE; i++)
        buf[i] = pattern(i);
    fd = (int)CHECK_OK(open("/tmp/mem_file", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_EQ(write(fd, buf, SIZE), SIZE);
}

static void check_file_unchanged(void)
{
    char buf[SIZE];

    CHECK_EQ(pread(fd, buf, SIZE, 0), SIZE);
    CHECK(holds_pattern(buf, 0, SIZE));
}

static void check_contents(void)
{
    char *p = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);

    CHECK(p != MAP_FAILED);
    CHECK(holds_pattern(p, 0, SIZE));
    CHECK(bytes_are(p + SIZE, 0, 3 * PAGE - SIZE)); /* the rest of the last page */
    CHECK_OK(munmap(p, SIZE));
    p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
    CHECK(p != MAP_FAILED);
    CHECK(holds_pattern(p, PAGE, PAGE));
    CHECK_OK(munmap(p, PAGE));
}

static void check_writes_stay_private(void)
{
    char *p = mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0);
    char *q = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);

    CHECK(p != MAP_FAILED && q != MAP_FAILED);
    CHECK_EQ(q[5], pattern(5));
    CHECK_EQ(p[6], pattern(6)); /* there before it is written */
    p[5] = 0;
    p[PAGE + 5] = 0; /* not read before */
    memset(p + SIZE, 9, 3 * PAGE - SIZE);
    CHECK_EQ(q[5], pattern(5));
    CHECK_EQ(q[PAGE + 5], pattern(PAGE + 5));
    CHECK_EQ(p[4], pattern(4));
    CHECK_EQ(p[PAGE + 4], pattern(PAGE + 4));
    CHECK(bytes_are(q + SIZE, 0, 3 * PAGE - SIZE));
    check_file_unchanged();
    /* The kernel's own copy into a private mapping must not reach the file either. */
    CHECK_EQ(pread(fd, p + 2 * PAGE, 10, 0), 10);
    CHECK(holds_pattern(p + 2 * PAGE, 0, 10));
    check_file_unchanged();
    char *r = mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0);
    CHECK(r != MAP_FAILED);
    CHECK_EQ(r[PAGE], pattern(PAGE)); /* this page was there, the one before was not */
    CHECK_EQ(pread(fd, r + PAGE - 5, 10, 0), 10);
    CHECK(holds_pattern(r + PAGE - 5, 0, 10));
    check_file_unchanged();
    CHECK_OK(munmap(r, SIZE));
    CHECK_OK(munmap(p, SIZE));
    CHECK_OK(munmap(q, SIZE));
}

/* An area cut in pieces before its pages are there: each piece still shows its part of the file. */
static void check_pieces(void)
{
    char *p = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);

    CHECK(p != MAP_FAILED);
    CHECK_OK(mprotect(p + PAGE, PAGE, RW));
    CHECK(holds_pattern(p + 2 * PAGE, 2 * PAGE, SIZE - 2 * PAGE));
    CHECK(holds_pattern(p + PAGE, PAGE, PAGE));
    CHECK_OK(munmap(p, PAGE));
    CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ)); /* joins its neighbour */
    CHECK_OK(madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
    CHECK(holds_pattern(p + PAGE, PAGE, SIZE - PAGE));
    CHECK_OK(munmap(p + PAGE, SIZE - PAGE));
    /* Two neighbours in memory that are none in the file. */
    p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == p + PAGE);
    CHECK(holds_pattern(p, 0, PAGE) && holds_pattern(p + PAGE, 0, PAGE));
    CHECK_OK(munmap(p, 2 * PAGE));
}

/* What is given back comes as it was at the start: from the file, not from the lost copy. */
static void check_discarding(void)
{
    char *p = mmap(NULL, SIZE, RW, MAP_PRIVATE, fd, 0);

    CHECK(p != MAP_FAILED);
    memset(p, 0, SIZE);
    CHECK_OK(madvise(p, PAGE, MADV_DONTNEED));
    CHECK(holds_pattern(p, 0, PAGE));
    CHECK(bytes_are(p + PAGE, 0, SIZE - PAGE));
    CHECK_OK(munmap(p, SIZE));
}

static void check_mapping_outlives(void)
{
    int other = (int)CHECK_OK(open("/tmp/mem_file2", O_RDWR | O_CREAT | O_TRUNC, 0600));

    CHECK_EQ(write(other, "still here", 10), 10);
    char *p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, other, 0);
    CHECK(p != MAP_FAILED);
    CHECK_OK(close(other));
    CHECK_OK(unlink("/tmp/mem_file2"));
    CHECK(memcmp(p, "still here", 10) == 0);
    CHECK_OK(munmap(p, PAGE));
}

/* The descriptor's offset is neither used nor moved by mmap. */
static void check_offset(void)
{
    char buf[10];

    CHECK_EQ(lseek(fd, 100, SEEK_SET), 100);
    CHECK_EQ(read(fd, buf, 10), 10);
    CHECK(holds_pattern(buf, 100, 10));
    char *p = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(p != MAP_FAILED);
    CHECK(holds_pattern(p, 0, SIZE));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 110);
    CHECK_EQ(read(fd, buf, 10), 10);
    CHECK(holds_pattern(buf, 110, 10));
    CHECK_OK(munmap(p, SIZE));
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 120);
}

/* Files end at the largest offset there is. */
static void check_far(void)
{
    const long last = INT64_MAX & ~(long)(PAGE - 1);
    int file = (int)CHECK_OK(open("/tmp/mem_file", O_RDONLY));

    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, last) == MAP_FAILED);
    CHECK_EQ(errno, EOVERFLOW);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, last - (long)PAGE) != MAP_FAILED);
    CHECK_OK(close(file));
}

static void check_access_modes(void)
{
    int read_only = (int)CHECK_OK(open("/tmp/mem_file", O_RDONLY));
    int write_only = (int)CHECK_OK(open("/tmp/mem_file", O_WRONLY));
    char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, read_only, 0);

    CHECK(p != MAP_FAILED); /* a private copy may be written */
    p[0] = 0;
    CHECK_OK(munmap(p, PAGE));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0), EACCES);
    CHECK_OK(close(read_only));
    CHECK_OK(close(write_only));
    int pipe_ends[2];
    CHECK_OK(pipe(pipe_ends));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, pipe_ends[0], 0), ENODEV);
    int dir = (int)CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, dir, 0), ENODEV);
    check_file_unchanged();
}

int main(void)
{
    make_file();
    check_contents();
    check_writes_stay_private();
    check_pieces();
    check_discarding();
    check_mapping_outlives();
    check_offset();
    check_access_modes();
    check_far();
    CHECK_OK(unlink("/tmp/mem_file"));
    return 0;
}
