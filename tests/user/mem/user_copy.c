/* SPDX-License-Identifier: MIT */
/*
 * Copies between the kernel and a program at every offset in a page, in every small length:
 * across a page border, up to the last byte before nothing, from and to pages not yet there.
 */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int ends[2];

static char *two_pages_and_a_hole(void)
{
    char *p = mmap(NULL, 3 * PAGE, RW, ANON, -1, 0);

    CHECK(p != MAP_FAILED);
    CHECK_OK(munmap(p + 2 * PAGE, PAGE));
    return p;
}

static void check_every_offset(void)
{
    char *from = two_pages_and_a_hole(), *to = two_pages_and_a_hole();
    const size_t length = 37;

    for (size_t i = 0; i < 2 * PAGE; i++)
        from[i] = (char)(i * 13 + i / 256);
    for (size_t at = 0; at < PAGE; at++) {
        size_t back = PAGE - 1 - at;
        memset(to + back, 0, length + 1);
        CHECK_EQ(write(ends[1], from + at, length), (long)length);
        CHECK_EQ(read(ends[0], to + back, length), (long)length);
        CHECK(memcmp(to + back, from + at, length) == 0);
        CHECK_EQ(to[back + length], 0);
    }
    CHECK_OK(munmap(from, 2 * PAGE));
    CHECK_OK(munmap(to, 2 * PAGE));
}

/* The last byte before the hole, in every length. */
static void check_ends(void)
{
    char *p = two_pages_and_a_hole(), *end = p + 2 * PAGE;
    char back[128];

    for (size_t i = 0; i < 2 * PAGE; i++)
        p[i] = (char)(i * 7 + 1);
    for (size_t length = 1; length <= sizeof(back); length++) {
        CHECK_EQ(write(ends[1], end - length, length), (long)length);
        CHECK_EQ(read(ends[0], back, sizeof(back)), (long)length);
        CHECK(memcmp(back, end - length, length) == 0);
        CHECK_EQ(write(ends[1], back, length), (long)length);
        CHECK_EQ(read(ends[0], end - length, length), (long)length);
        CHECK(memcmp(back, end - length, length) == 0);
    }
    CHECK_OK(munmap(p, 2 * PAGE));
}

/* A name ending in the last byte there is, for names of many lengths. */
static void check_names(void)
{
    char *p = two_pages_and_a_hole(), *end = p + 2 * PAGE;

    for (size_t length = 1; length < 300; length++) {
        char *name = end - length - 1;
        memset(name, '/', length);
        name[length] = '\0';
        CHECK_OK(access(name, F_OK));
        name[length - 1] = '?'; /* "/////?" is not there */
        CHECK_ERR(access(name, F_OK), ENOENT);
        name[length] = '/'; /* and now it never ends */
        CHECK_ERR(access(name, F_OK), EFAULT);
    }
    CHECK_OK(munmap(p, 2 * PAGE));
}

/* The kernel is the first to touch the page: zero pages to read, new ones to write. */
static void check_untouched(void)
{
    char byte = 'x';

    for (int i = 0; i < 20; i++) {
        char *p = mmap(NULL, 4 * PAGE, RW, ANON, -1, 0);
        CHECK(p != MAP_FAILED);
        CHECK_EQ(write(ends[1], p + PAGE - 5, 10), 10);
        CHECK_EQ(read(ends[0], p + 3 * PAGE - 5, 10), 10);
        CHECK_EQ(write(ends[1], &byte, 1), 1);
        CHECK_EQ(read(ends[0], p + 3 * PAGE, 1), 1);
        CHECK(p[3 * PAGE] == 'x' && bytes_are(p, 0, 3 * PAGE));
        CHECK_OK(munmap(p, 4 * PAGE));
    }
}

int main(void)
{
    CHECK_OK(pipe(ends));
    check_every_offset();
    check_ends();
    check_names();
    check_untouched();
    return 0;
}
