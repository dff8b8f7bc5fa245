/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/seccomp.h - filters of seccomp(2), as short as they can be written
 *
 * Used by: tests of seccomp.
 */
#pragma once

#include <stddef.h>
#include <sys/prctl.h>

#include "shared/linux/seccomp.h"
#include "tests/user/lib/check.h"

#define LOAD(offset)                                                                               \
    {                                                                                              \
        0x20, 0, 0, (offset)                                                                       \
    }
#define LOAD_NUMBER LOAD(offsetof(struct lx_seccomp_data, number))
#define LOAD_ARG(n) LOAD(offsetof(struct lx_seccomp_data, args) + 8 * (n))
#define IF_EQUAL(k, jt, jf)                                                                        \
    {                                                                                              \
        0x15, (jt), (jf), (k)                                                                      \
    }
#define RETURN(k)                                                                                  \
    {                                                                                              \
        0x06, 0, 0, (k)                                                                            \
    }
#define RETURN_A                                                                                   \
    {                                                                                              \
        0x16, 0, 0, 0                                                                              \
    }

/* The call with that number gets that action, others are allowed. */
#define FILTER_ONE(name, number, action)                                                           \
    struct lx_sock_filter name[] = {LOAD_NUMBER, IF_EQUAL((number), 0, 1), RETURN(action),         \
                                    RETURN(LX_SECCOMP_RET_ALLOW)}

/* 0 or a negative errno; with TSYNC the number of a thread. */
static inline long filter_set(const struct lx_sock_filter *insns, size_t count, unsigned flags)
{
    const struct lx_sock_fprog program = {(uint16_t)count, (uint64_t)insns};

    return raw3(SYS_seccomp, LX_SECCOMP_SET_MODE_FILTER, flags, &program);
}

#define FILTER_SET(insns, flags) filter_set((insns), sizeof(insns) / sizeof((insns)[0]), (flags))

static inline void forgo_rights(void)
{
    CHECK_EQ(raw6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0), 0);
}

/* What filters are tried with. Allowed, with 0, it gives what SYS_getpgrp gives; getpgrp(3) may be
 * a call of it. */
#define TRIED SYS_getpgid
