/* SPDX-License-Identifier: MIT */
/* mmap of anonymous memory: zeros, hints, fixed places, refusals. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>

#include "tests/user/lib/check.h"

#define PAGE  4096UL
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW    (PROT_READ | PROT_WRITE)
#define LAST  0x7fffffffe000UL /* the highest page a program can have */
#define LIMIT 0x7ffffffff000UL

static char *map(void *at, size_t nbytes, int prot, int flags)
{
    return mmap(at, nbytes, prot, flags, -1, 0);
}

static void check_zeros(void)
{
    char *p = map(NULL, 8 * PAGE, RW, ANON);

    CHECK(p != MAP_FAILED && (uintptr_t)p % PAGE == 0);
    CHECK(bytes_are(p, 0, 8 * PAGE));
    memset(p, 0xa5, 8 * PAGE);
    CHECK_OK(munmap(p, 8 * PAGE));
    /* The same frames, most likely, and nothing left in them. */
    for (int i = 0; i < 16; i++) {
        char *q = map(NULL, 8 * PAGE, RW, ANON);
        CHECK(q != MAP_FAILED);
        CHECK(bytes_are(q, 0, 8 * PAGE));
        memset(q, 0xa5, 8 * PAGE);
        CHECK_OK(munmap(q, 8 * PAGE));
    }
}

static void check_discarding(void)
{
    char *p = map(NULL, 3 * PAGE, RW, ANON);

    CHECK(p != MAP_FAILED);
    memset(p, 5, 3 * PAGE);
    CHECK_OK(madvise(p + PAGE, PAGE, MADV_DONTNEED));
    CHECK(bytes_are(p, 5, PAGE) && bytes_are(p + PAGE, 0, PAGE) &&
          bytes_are(p + 2 * PAGE, 5, PAGE));
    p[PAGE] = 6;
    CHECK_OK(madvise(p, 3 * PAGE, MADV_WILLNEED)); /* advice, not orders */
    CHECK_EQ(p[PAGE], 6);
    CHECK_EQ(raw3(SYS_madvise, p, PAGE, 999), -EINVAL);
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK_ERR(madvise(p, 3 * PAGE, MADV_DONTNEED), ENOMEM); /* but what is there is done */
    CHECK(bytes_are(p, 0, PAGE) && bytes_are(p + 2 * PAGE, 0, PAGE));
    CHECK_OK(munmap(p, 3 * PAGE));
}

static void check_lengths(void)
{
    char *p = map(NULL, 1, RW, ANON);

    CHECK(p != MAP_FAILED);
    p[PAGE - 1] = 1; /* a byte asks for a page */
    CHECK_OK(munmap(p, 1));
    CHECK_ERR(map(NULL, 0, RW, ANON), EINVAL);
    CHECK_ERR(map(NULL, SIZE_MAX, RW, ANON), ENOMEM);
    CHECK_ERR(map(NULL, (size_t)1 << 47, RW, ANON), ENOMEM);
    CHECK_ERR(map(NULL, LIMIT, PROT_NONE, ANON), ENOMEM);
}

static void check_hints(void)
{
    char *hole = map(NULL, 4 * PAGE, RW, ANON);

    CHECK(hole != MAP_FAILED);
    CHECK_OK(munmap(hole, 4 * PAGE));
    /* A free place is taken as it is, an odd one is rounded down. */
    CHECK(map(hole, PAGE, RW, ANON) == hole);
    CHECK(map(hole + PAGE + 123, PAGE, RW, ANON) == hole + PAGE);
    /* A taken place is not replaced: the mapping goes elsewhere. */
    hole[0] = 77;
    char *other = map(hole, PAGE, RW, ANON);
    CHECK(other != MAP_FAILED && other != hole);
    CHECK_EQ(hole[0], 77);
    CHECK_OK(munmap(other, PAGE));
    CHECK_OK(munmap(hole, 2 * PAGE));
    /* An impossible hint is no error either. */
    other = map((void *)0xffff800000000000, PAGE, RW, ANON);
    CHECK(other != MAP_FAILED && (uintptr_t)other < LIMIT);
    CHECK_OK(munmap(other, PAGE));
}

static void check_fixed(void)
{
    char *p = map(NULL, 3 * PAGE, RW, ANON);

    CHECK(p != MAP_FAILED);
    memset(p, 1, 3 * PAGE);
    /* The middle page is replaced; its neighbours stay. */
    CHECK(map(p + PAGE, PAGE, RW, ANON | MAP_FIXED) == p + PAGE);
    CHECK(bytes_are(p, 1, PAGE) && bytes_are(p + PAGE, 0, PAGE) &&
          bytes_are(p + 2 * PAGE, 1, PAGE));
    CHECK_ERR(map(p + 1, PAGE, RW, ANON | MAP_FIXED), EINVAL);
    CHECK_ERR(map(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE), EEXIST);
    CHECK_ERR(map(p - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE), EEXIST);
    CHECK_OK(munmap(p + PAGE, PAGE));
    CHECK(map(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE) == p + PAGE);
    CHECK_OK(munmap(p, 3 * PAGE));
}

/* The page below the canonical hole is nobody's: a SYSCALL at its end would return to nowhere. */
static void check_top(void)
{
    CHECK_ERR(map((void *)LIMIT, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
    CHECK_ERR(map((void *)LAST, 2 * PAGE, RW, ANON | MAP_FIXED), ENOMEM);
    CHECK_ERR(map((void *)0x800000000000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
    CHECK_ERR(map((void *)0xffff800000000000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
    CHECK_ERR(map((void *)0xfffffffffffff000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
    CHECK_ERR(map((void *)0xffffffffffffe000, PAGE, RW, ANON | MAP_FIXED), ENOMEM);
}

static void check_flags(void)
{
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0), EINVAL); /* neither shared nor private */
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0), EBADF);
    CHECK_ERR(mmap(NULL, PAGE, RW, MAP_PRIVATE, 99, 0), EBADF);
    CHECK_EQ(raw6(SYS_mmap, 0, PAGE, RW, ANON, -1, 1), -EINVAL); /* odd offset */
    /* For anonymous memory the descriptor is ignored. */
    void *p = mmap(NULL, PAGE, RW, ANON, 99, 0);
    CHECK(p != MAP_FAILED);
    CHECK_OK(munmap(p, PAGE));
    CHECK_ERR(munmap(NULL, 0), EINVAL);
    CHECK_ERR(munmap((void *)1, PAGE), EINVAL);
    CHECK_ERR(munmap((void *)LIMIT, PAGE), EINVAL);
    CHECK_ERR(munmap((void *)0xffff800000000000, PAGE), EINVAL);
    CHECK_OK(munmap((void *)(LAST - 256 * PAGE), 0x1000)); /* nothing there: no error */
}

int main(void)
{
    check_zeros();
    check_discarding();
    check_lengths();
    check_hints();
    check_fixed();
    check_top();
    check_flags();
    return 0;
}
