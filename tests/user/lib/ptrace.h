/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/ptrace.h - requests of ptrace(2) with no libc in between
 *
 * Used by: tests of ptrace, and of seccomp with it. A libc changes what requests return, and knows
 * fewer of them.
 */
#pragma once

#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "tests/user/lib/check.h"

/* 0 or more, or a negative errno. */
static inline long trace(long request, pid_t pid, unsigned long address, unsigned long data)
{
    return raw4(SYS_ptrace, request, pid, address, data);
}

static inline struct user_regs_struct regs_of(pid_t pid)
{
    struct user_regs_struct regs;

    CHECK_EQ(trace(PTRACE_GETREGS, pid, 0, (unsigned long)&regs), 0);
    return regs;
}

/* ---- debug registers ---- */

#define DEBUG_NO_HIT  0xffff0ff0UL /* DR6 */
#define DEBUG_STEP    0x4000UL
#define DEBUG_EXECUTE 0UL /* kinds */
#define DEBUG_WRITE   1UL
#define DEBUG_PORT    2UL
#define DEBUG_ACCESS  3UL
#define DEBUG_ON(n)   (1UL << 2 * (n))

/* For DR7: number n is on, of that kind, over nbytes. */
static inline unsigned long debug_control(unsigned n, unsigned long kind, unsigned nbytes)
{
    static const unsigned long lengths[] = {[1] = 0, [2] = 1, [4] = 3, [8] = 2};

    return DEBUG_ON(n) | (kind | lengths[nbytes] << 2) << (16 + 4 * n);
}

static inline long debug_peek(pid_t pid, unsigned n)
{
    long word = -1;

    CHECK_EQ(trace(PTRACE_PEEKUSER, pid, offsetof(struct user, u_debugreg) + 8 * n,
                   (unsigned long)&word),
             0);
    return word;
}

static inline long debug_poke(pid_t pid, unsigned n, unsigned long value)
{
    return trace(PTRACE_POKEUSER, pid, offsetof(struct user, u_debugreg) + 8 * n, value);
}

/* That one alone. */
static inline void debug_watch(pid_t pid, unsigned n, const volatile void *address,
                               unsigned long kind, unsigned nbytes)
{
    CHECK_EQ(debug_poke(pid, 7, 0), 0);
    CHECK_EQ(debug_poke(pid, n, (unsigned long)address), 0);
    CHECK_EQ(debug_poke(pid, 7, debug_control(n, kind, nbytes)), 0);
}
