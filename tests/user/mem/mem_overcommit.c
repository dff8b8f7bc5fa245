/* SPDX-License-Identifier: MIT */
/*
 * Memory that can never fit is refused at once, when it is to become private and writable: by mmap,
 * mremap and mprotect, each area by itself. Not what was asked for with MAP_NORESERVE.
 *
 * Linux's heuristic (vm.overcommit_memory 0), by the memory of the machine and its swap space.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "tests/user/lib/check.h"

#define ANY (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW  (PROT_READ | PROT_WRITE)

static size_t big, small; /* twice all memory, less than all */

static char *map(size_t nbytes, int prot, int flags)
{
    char *at = mmap(NULL, nbytes, prot, flags, -1, 0);

    CHECK(at != MAP_FAILED);
    return at;
}

static void unmap(char *at, size_t nbytes)
{
    CHECK_OK(munmap(at, nbytes));
}

static void check_mmap(void)
{
    CHECK_ERR((long)mmap(NULL, big, RW, ANY, -1, 0), ENOMEM);
    unmap(map(big, RW, ANY | MAP_NORESERVE), big);
    unmap(map(big, PROT_READ, ANY), big);
    unmap(map(small, RW, ANY), small);
}

static void check_mprotect(void)
{
    char *at = map(big, PROT_NONE, ANY);

    CHECK_ERR(mprotect(at, big, RW), ENOMEM);
    CHECK_ERR(mprotect(at, big, PROT_WRITE), ENOMEM);
    CHECK_OK(mprotect(at, big, PROT_READ | PROT_EXEC));
    CHECK_ERR(mprotect(at, big, RW), ENOMEM);
    /* Piece by piece all of it gets there. */
    for (size_t done = 0; done < big; done += big / 4)
        CHECK_OK(mprotect(at + done, big / 4, RW));
    CHECK_OK(mprotect(at, big, RW));
    at[0] = at[big - 1] = 1;
    unmap(at, big);
    at = map(big, PROT_NONE, ANY | MAP_NORESERVE);
    CHECK_OK(mprotect(at, big, RW));
    CHECK_OK(mprotect(at + big / 2, big / 2, PROT_NONE));
    CHECK_OK(mprotect(at, big, RW));
    at[0] = at[big - 1] = 1;
    unmap(at, big);
}

static void check_mremap(void)
{
    char *at = map(4096, RW, ANY);

    CHECK_ERR((long)mremap(at, 4096, big, MREMAP_MAYMOVE), ENOMEM);
    unmap(at, 4096);
    at = map(4096, RW, ANY | MAP_NORESERVE);
    at = mremap(at, 4096, big, MREMAP_MAYMOVE);
    CHECK(at != MAP_FAILED);
    unmap(at, big);
}

/* Neighbours of both kinds keep what each was promised. */
static void check_neighbours(void)
{
    char *at = map(big + 4096, PROT_NONE, ANY | MAP_NORESERVE);

    CHECK(mmap(at + big, 4096, PROT_NONE, ANY | MAP_FIXED, -1, 0) == at + big);
    CHECK_OK(mprotect(at, big + 4096, RW));
    unmap(at, big + 4096);
    at = map(big + 4096, PROT_NONE, ANY);
    CHECK(mmap(at + big, 4096, PROT_NONE, ANY | MAP_FIXED | MAP_NORESERVE, -1, 0) == at + big);
    CHECK_ERR(mprotect(at, big + 4096, RW), ENOMEM);
    unmap(at, big + 4096);
}

int main(void)
{
    struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    small = (info.totalram / 2 * info.mem_unit) & ~4095ul;
    big = ((info.totalram + info.totalswap) * 2 * info.mem_unit) & ~0x3fffffull;
    check_mmap();
    check_mprotect();
    check_mremap();
    check_neighbours();
    return 0;
}
