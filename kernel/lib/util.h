/* SPDX-License-Identifier: MIT */
/*
 * lib/util.h - the few macros that every file may use
 *
 * Context: any; no state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK                      __attribute__((warn_unused_result))
#define NORETURN                        __attribute__((noreturn))
#define NOINLINE                        __attribute__((noinline)) /* kept off a short path */
#define COLD                            __attribute__((cold))     /* runs once or hardly: small */
#define PRINTF_LIKE(fmt_arg, first_arg) __attribute__((format(printf, fmt_arg, first_arg)))
#define ALIGNED(n)                      __attribute__((aligned(n)))
#define SECTION(name)                   __attribute__((section(name), used))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

/* n must be a power of two. */
#define ALIGN_DOWN(x, n) ((x) & ~((uint64_t)(n)-1))
#define ALIGN_UP(x, n)   (((x) + ((uint64_t)(n)-1)) & ~((uint64_t)(n)-1))
#define IS_ALIGNED(x, n) (((x) & ((uint64_t)(n)-1)) == 0)

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* An address in some program's memory. A struct, so that it cannot be dereferenced by accident. */
struct uptr {
    uint64_t va;
};
