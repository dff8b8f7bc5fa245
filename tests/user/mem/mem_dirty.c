/* SPDX-License-Identifier: MIT */
/*
 * mem_dirty [PAGES] - memory that comes from the kernel is zero, however dirty its frames were
 *
 * Fills and gives back more memory than any cache of free frames holds, then asks for it again:
 * by mmap, by brk, by the stack and, when run a second time, by this program's own bss.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/user/lib/check.h"

#define PAGE 4096UL
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static char bss[64 * PAGE];
static char data_and_bss[100] = "data, so that a page holds the end of data and the start of bss";

static void check_stack(void)
{
    volatile char deep[32 * PAGE]; /* touched from the far end: grows by more than a page */

    deep[0] = 1;
    for (size_t i = 1; i < 8 * PAGE; i++)
        CHECK_EQ(deep[i], 0);
}

int main(int argc, char **argv)
{
    size_t npages = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;

    check_stack();
    CHECK(bytes_are(bss, 0, sizeof(bss)));
    memset(bss, 0xee, sizeof(bss));
    CHECK(data_and_bss[0] == 'd');
    for (int round = 0; round < 3; round++) {
        char *p = mmap(NULL, npages * PAGE, RW, ANON, -1, 0);
        CHECK(p != MAP_FAILED);
        for (size_t i = 0; i < npages; i++)
            CHECK(bytes_are(p + i * PAGE, 0, 64) && bytes_are(p + i * PAGE + 4032, 0, 64));
        memset(p, 0xdd, npages * PAGE);
        CHECK_OK(munmap(p, npages * PAGE));
    }
    uintptr_t base = (uintptr_t)raw1(SYS_brk, 0);
    CHECK_EQ(raw1(SYS_brk, base + 64 * PAGE), base + 64 * PAGE);
    CHECK(bytes_are((void *)base, 0, 64 * PAGE));
    memset((void *)base, 0xcc, 64 * PAGE);
    return 0;
}
