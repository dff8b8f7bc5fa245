/* SPDX-License-Identifier: MIT */
/* Many mappings, sparse ones, and the end of the address space: errors, never death. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)
#define MANY 1000

static char *pages[MANY];

/* Alternating protections keep neighbours from being joined into one area. */
static void check_many_small(void)
{
    for (int i = 0; i < MANY; i++) {
        pages[i] = mmap(NULL, PAGE, i % 2 ? PROT_READ : RW, ANON, -1, 0);
        CHECK(pages[i] != MAP_FAILED);
        if (i % 2 == 0)
            *(int *)pages[i] = i;
    }
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(*(int *)pages[i], i % 2 ? 0 : i);
    /* Undone in an order that leaves holes everywhere. */
    for (int i = 0; i < MANY; i += 3)
        CHECK_OK(munmap(pages[i], PAGE));
    for (int i = 0; i < MANY; i++) {
        if (i % 3 != 0)
            CHECK_EQ(*(int *)pages[i], i % 2 ? 0 : i);
    }
    for (int i = 0; i < MANY; i++) {
        if (i % 3 != 0)
            CHECK_OK(munmap(pages[i], PAGE));
    }
}

/* A terabyte of which a few pages are used: one in each top-level table's reach and beyond. */
static void check_sparse(void)
{
    size_t size = (size_t)1 << 40;
    char *p = mmap(NULL, size, RW, ANON | MAP_NORESERVE, -1, 0);

    CHECK(p != MAP_FAILED);
    for (size_t at = 0; at < size; at += (size_t)1 << 36) {
        CHECK_EQ(p[at], 0);
        p[at] = (char)(at >> 36) + 1;
    }
    for (size_t at = 0; at < size; at += (size_t)1 << 36)
        CHECK_EQ(p[at], (char)(at >> 36) + 1);
    CHECK_OK(munmap(p, size));
}

/* Address space runs out long before memory does when nothing is touched. */
static void check_exhaustion(void)
{
    enum { HUGE_MAX = 512 };
    static char *huge[HUGE_MAX];
    size_t size = (size_t)1 << 42;
    int n = 0;

    while (n < HUGE_MAX) {
        char *p = mmap(NULL, size, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED) {
            CHECK_EQ(errno, ENOMEM);
            break;
        }
        huge[n++] = p;
    }
    CHECK(n >= 16 && n < 32); /* 128 TiB in pieces of 4 */
    /* Small things still fit in between. */
    char *q = mmap(NULL, PAGE, RW, ANON, -1, 0);
    CHECK(q != MAP_FAILED);
    *q = 1;
    CHECK_OK(munmap(q, PAGE));
    while (n > 0)
        CHECK_OK(munmap(huge[--n], size));
}

int main(void)
{
    check_many_small();
    check_sparse();
    check_exhaustion();
    return 0;
}
