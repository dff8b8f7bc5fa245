/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/check.h - how a test program states what must hold
 *
 * Owns:    CHECK and friends, a few lines of text output, raw system calls.
 * Used by: every program in tests/user. Works with musl and with glibc.
 * Rule:    a program exits with 0 only when all its checks held. The first check that fails prints
 *          file, line, the condition and both values on stderr and exits with 1.
 * Why:     no stdio here: a libc's printf needs locale, malloc and writev, and a test of one
 *          system call must not fail because of another.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            check_fail(__FILE__, __LINE__, #cond);                                                 \
    } while (0)

#define CHECK_EQ(got, want) check_equal((long)(got), (long)(want), __FILE__, __LINE__, #got)

/* A libc call that must fail: returns -1 and sets errno to `err`. */
#define CHECK_ERR(call, err) check_error((long)(call), (err), __FILE__, __LINE__, #call)

/* A libc call that must not fail; gives its value. */
#define CHECK_OK(call) check_ok((long)(call), __FILE__, __LINE__, #call)

_Noreturn void check_fail(const char *file, int line, const char *text);
void check_equal(long got, long want, const char *file, int line, const char *text);
void check_error(long got, int want_errno, const char *file, int line, const char *text);
long check_ok(long got, const char *file, int line, const char *text);

/* Text output without stdio, unbuffered. */
void say(int fd, const char *text);
void say_number(int fd, long value);
void say_hex(int fd, uint64_t value);

/* All-byte comparison: true when every byte of the range has the value. */
int bytes_are(const void *start, int value, size_t nbytes);

/* A system call with no libc in between: 0 or more, or a negative errno. */
long raw_call(long number, long a, long b, long c, long d, long e, long f);

#define raw0(n)             raw_call((n), 0, 0, 0, 0, 0, 0)
#define raw1(n, a)          raw_call((n), (long)(a), 0, 0, 0, 0, 0)
#define raw2(n, a, b)       raw_call((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define raw3(n, a, b, c)    raw_call((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define raw4(n, a, b, c, d) raw_call((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define raw6(n, a, b, c, d, e, f)                                                                  \
    raw_call((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
