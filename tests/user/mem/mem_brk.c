/* SPDX-License-Identifier: MIT */
/* brk: the heap grows and shrinks by bytes, its pages are zero each time they come back. */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL

static uintptr_t brk_set(uintptr_t to)
{
    return (uintptr_t)raw1(SYS_brk, to);
}

static void check_grow_and_shrink(uintptr_t base)
{
    char *p = (char *)base;

    CHECK_EQ(brk_set(base + 10 * PAGE), base + 10 * PAGE);
    CHECK(bytes_are(p, 0, 10 * PAGE));
    memset(p, 0x5a, 10 * PAGE);
    /* Down to the middle of a page: that page stays whole. */
    CHECK_EQ(brk_set(base + 100), base + 100);
    CHECK(bytes_are(p, 0x5a, 100));
    /* Up again: what had gone comes back as zeros, what had stayed did stay. */
    CHECK_EQ(brk_set(base + 10 * PAGE), base + 10 * PAGE);
    uintptr_t kept = ((base + 100 + PAGE - 1) & ~(PAGE - 1)) - base;
    CHECK(bytes_are(p, 0x5a, kept));
    CHECK(bytes_are(p + kept, 0, 10 * PAGE - kept));
}

static void check_bytes(uintptr_t base)
{
    /* One byte more needs a page, and brk tells the byte, not the page. */
    CHECK_EQ(brk_set(base + 1), base + 1);
    *(char *)base = 1;
    CHECK_EQ(brk_set(base + 2), base + 2);
    CHECK_EQ(brk_set(base), base);
}

static void check_refusals(uintptr_t base)
{
    /* brk never fails: where it cannot, it tells the old value. */
    CHECK_EQ(brk_set(base + PAGE), base + PAGE);
    CHECK_EQ(brk_set(0), base + PAGE);
    CHECK_EQ(brk_set(1), base + PAGE);
    CHECK_EQ(brk_set(base - 64 * PAGE), base + PAGE);
    CHECK_EQ(brk_set(0x7fffffffffff), base + PAGE);
    CHECK_EQ(brk_set(0xffff800000000000), base + PAGE);
    CHECK_EQ(brk_set(UINTPTR_MAX), base + PAGE);
    /* It does not run over another mapping. */
    uintptr_t wall = ((base + PAGE + PAGE - 1) & ~(PAGE - 1)) + 4 * PAGE;
    void *w = mmap((void *)wall, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                   -1, 0);
    CHECK(w == (void *)wall);
    CHECK_EQ(brk_set(wall + 2 * PAGE), base + PAGE);
    CHECK_OK(munmap(w, PAGE));
    CHECK_EQ(brk_set(base), base);
}

int main(void)
{
    uintptr_t base = brk_set(0);

    CHECK(base > 0x10000 && base < 0x7ffffffff000);
    check_grow_and_shrink(base);
    CHECK_EQ(brk_set(base), base);
    check_bytes(base);
    check_refusals(base);
    return 0;
}
