/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/fuzz.h - random system calls, the same for the same seed
 *
 * Owns:    which calls there are, what their arguments are about, and the values worth trying.
 * Used by: fuzz_syscalls.c.
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
