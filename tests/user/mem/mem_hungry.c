/* SPDX-License-Identifier: MIT */
/*
 * mem_hungry MIB - touch this much memory, in pieces, or stop where there is no more
 *
 * For machines with less than that: whatever becomes of this program, the kernel goes on. Exit 3
 * tells that mmap refused, exit 0 that everything was had. Not for a Linux that one works on.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/user/lib/check.h"

#define MIB (1UL << 20)

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    for (long i = atol(argv[1]); i > 0; i--) {
        char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return 3;
        for (size_t at = 0; at < MIB; at += 4096)
            p[at] = 1;
    }
    return 0;
}
