/* SPDX-License-Identifier: MIT */
/*
 * tests/fuzz_linux/sequence.h - random sequences of calls whose answers two kernels must share
 *
 * Owns:    what a sequence is: calls drawn from a seed, and the transcript of their answers.
 * Used by: fuzz_linux.c (jobs, state at the end), calls_files.c, calls_memory.c, calls_process.c.
 * Rule:    call number i depends on seed and i alone, so that a sequence with some calls left out
 *          is a sequence, too. A call never waits, and its text holds nothing that two machines may
 *          rightly answer in two ways: process numbers, addresses, inode numbers and times are
 *          named, not printed.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tests/user/lib/check.h"

#define CHILDREN  3
#define ARENA     0x200000000000ul
#define PAGE      4096ul
#define PAGES     24u
#define MOVED     (ARENA + 0x100000000ul) /* where what has no place is put before it is removed */
#define TEXT_SIZE 400

struct sequence {
    uint64_t random;        /* of the call that is drawn now */
    int children[CHILDREN]; /* numbers; 0: none */
    int dead[CHILDREN];     /* ended, not reaped */
    int stopped[CHILDREN];  /* by a signal: stopping it again changes nothing */
    int self, parent;
    int pipe_in, pipe_out; /* for looking at memory */
    char text[TEXT_SIZE];  /* of the call that is made now, and its answer */
    size_t length;
};

struct call {
    const char *name;
    void (*make)(struct sequence *s);
};
extern const struct call file_calls[], memory_calls[], process_calls[]; /* up to a name of NULL */

uint32_t draw(struct sequence *s, uint32_t below);
/* Adds to the text. */
void tell(struct sequence *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* " = 5", " = EINVAL". Returns the value. */
long answer(struct sequence *s, long value);
/* The same for what names a process. */
long answer_pid(struct sequence *s, long value);
/* A name for a number of a process. */
const char *pid_name(struct sequence *s, long pid);
/* A hash of bytes. */
uint64_t hash_of(const void *bytes, size_t n, uint64_t hash);
/* Around a write of memory that is not there. Linux 6.16 and later make a page of zeroes for it in
 * a file before they notice, which a hole then is no more, and make the file as long as its offset,
 * so that the memory is there after all if it is this file's; earlier ones do not. begin: false,
 * and told, where that cannot be undone: if the file has bytes, or the offset is not 0. end: what
 * is behind the bytes that were written goes. */
int begin_broken_write(struct sequence *s, long fd, long offset);
void end_broken_write(long fd, long got);
#define HASH_START 0xcbf29ce484222325ul
/* Bytes of memory that may not be there, by way of a pipe: the hash, or a negative errno. */
int look_at(struct sequence *s, unsigned long address, size_t n, uint64_t *out_hash);
