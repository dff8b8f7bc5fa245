/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/fuzz.h - random system calls, the same for the same seed
 *
 * Owns:    which calls there are, what their arguments are about, and the values worth trying.
 * Used by: fuzz_syscalls.c, bad_arguments.c.
 */
#pragma once

#include <stdint.h>

struct fuzz_call {
    long number;
    long args[6];
};

/* Memory for good and bad pointers, mapped where it is for every child. root: calls that would
 * end the test or last beyond it are spared. */
void fuzz_prepare(int on_linux, int root);

/* Call number `index` of the seed. Depends on nothing else, but for the process's own number. */
void fuzz_draw(struct fuzz_call *call, uint64_t seed, uint64_t index);

/* The calls whose arguments are known: their number, and a letter for each argument. NULL: there
 * is no such index. */
const char *fuzz_known(unsigned index, int *number);

/* What queues are called that root makes, and that are to be removed; NULL behind the last. */
const char *fuzz_queue_name(unsigned index);

/* Addresses in the memory of fuzz_prepare. Behind the good one comes a page that is not there. */
#define FUZZ_PAGE      4096ul
#define FUZZ_PLACE     0x100000000000ul
#define FUZZ_GOOD      (16 * FUZZ_PAGE) /* bytes for reading and writing */
#define FUZZ_HOLE      (FUZZ_PLACE + FUZZ_GOOD)
#define FUZZ_READ_ONLY (FUZZ_HOLE + FUZZ_PAGE)
#define FUZZ_NO_ACCESS (FUZZ_READ_ONLY + FUZZ_PAGE)
#define FUZZ_WORDS     (FUZZ_NO_ACCESS + 8 * FUZZ_PAGE) /* what pointers to lists lead to */
#define FUZZ_STATE     (FUZZ_PLACE - 1024 * FUZZ_PAGE)  /* no call gets an address near it */
#define FUZZ_ARENA     (FUZZ_PLACE + 64 * FUZZ_PAGE)    /* for calls that map */
