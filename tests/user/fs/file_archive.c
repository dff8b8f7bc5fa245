/* SPDX-License-Identifier: MIT */
/*
 * A file that came with the root filesystem, changed in every way.
 *
 * Its bytes lie in the archive that the image was made of, where they are read in place; a change
 * must go to a page of its own and leave the bytes around it, and other files, alone.
 * The file holds 20,000 bytes: byte i is i % 251. Rewritten by nobody else.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define NAME "/usr/share/firstlight/pattern"
#define SIZE 20000
#define PAGE 4096

static unsigned char want[32768], got[32768];
static size_t size = SIZE;

/* The whole file, read and mapped, against what it should be by now. */
static void compare(int fd)
{
    struct stat st;
    unsigned char *p = mmap(NULL, sizeof(want), PROT_READ, MAP_PRIVATE, fd, 0);

    CHECK(p != MAP_FAILED);
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, size);
    CHECK_EQ(pread(fd, got, sizeof(got), 0), (long)size);
    CHECK(memcmp(got, want, size) == 0);
    CHECK(memcmp(p, want, size) == 0);
    if (size % PAGE != 0)
        CHECK(bytes_are(p + size, 0, PAGE - size % PAGE));
    CHECK_OK(munmap(p, sizeof(want)));
}

static void put(int fd, size_t at, const char *text)
{
    size_t length = strlen(text);

    CHECK_EQ(pwrite(fd, text, length, (off_t)at), (long)length);
    memcpy(want + at, text, length);
    if (at + length > size)
        size = at + length;
    compare(fd);
}

static void cut(int fd, size_t to)
{
    CHECK_OK(ftruncate(fd, (off_t)to));
    if (to < size)
        memset(want + to, 0, sizeof(want) - to);
    size = to;
    compare(fd);
}

static void punch(int fd, size_t at, size_t length)
{
    CHECK_EQ(raw4(SYS_fallocate, fd, 3, at, length), 0); /* PUNCH_HOLE and KEEP_SIZE */
    memset(want + at, 0, length);
    compare(fd);
}

/* A mapping made before the file changed: pages that it has written stay its own. */
static void check_old_mapping(int fd, unsigned char *old)
{
    old[10] = 200;
    put(fd, 10, "F");
    CHECK_EQ(old[10], 200);
    CHECK_EQ(want[10], 'F');
}

int main(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR));
    unsigned char *old = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    CHECK(old != MAP_FAILED);
    for (size_t i = 0; i < SIZE; i++)
        want[i] = (unsigned char)(i % 251);
    compare(fd);
    check_old_mapping(fd, old);
    put(fd, 5000, "in the middle of a page");
    put(fd, 8190, "over a border");
    put(fd, SIZE - 3, "over the end");
    cut(fd, SIZE - 100);
    cut(fd, SIZE);
    punch(fd, 6000, 7000); /* parts of pages and whole ones */
    punch(fd, 4096, 4096);
    cut(fd, 100);
    put(fd, 9000, "back");
    cut(fd, 0);
    put(fd, 300, "from nothing");
    return 0;
}
