/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/uaccess.h - copies that survive a fault
 *
 * Rule:    only vm/vm_user.[ch] call these, after checking the range against USER_END.
 * Result:  bytes not copied; 0 when all went well. Bytes up to the fault were copied.
 * Context: the thread whose memory it is. With SMAP, AC is set only inside.
 */
#pragma once

#include "kernel/arch/x86_64/features.h"
#include "kernel/lib/util.h"

MUST_CHECK size_t arch_user_copy(void *dst, const void *src, size_t nbytes);
MUST_CHECK size_t arch_user_zero(void *dst, size_t nbytes);

/* Copies up to and with the NUL, at most nbytes. Result: bytes copied with the NUL; nbytes + 1
 * when there was no NUL; -1 at a fault. */
MUST_CHECK int64_t arch_user_copy_string(char *dst, const char *src, size_t nbytes);

/* One word. The empty statement behind it keeps gcc before 12.4 from losing the output (its
 * PR 113921). */
#define ARCH_USER_LOAD(word, address, fault)                                                       \
    do {                                                                                           \
        __asm__ volatile goto("1: movq %1, %0\n"                                                   \
                              ".pushsection .extable, \"a\"\n"                                     \
                              ".quad 1b, %l2\n"                                                    \
                              ".popsection"                                                        \
                              : "=r"(word)                                                         \
                              : "m"(*(address))                                                    \
                              :                                                                    \
                              : fault);                                                            \
        __asm__ volatile("");                                                                      \
    } while (0)

static inline void arch_user_open(void)
{
    if (features_smap)
        __asm__ volatile("stac" : : : "memory");
}

static inline void arch_user_close(void)
{
    if (features_smap)
        __asm__ volatile("clac" : : : "memory");
}

/* Words by single instructions; nwords is a constant from 1 to 4. False at a fault. */
static inline bool arch_user_load(uint64_t *words, const uint64_t *src, unsigned nwords)
{
    uint64_t a, b = 0, c = 0, d = 0;

    arch_user_open();
    ARCH_USER_LOAD(a, src, fault);
    if (nwords > 1)
        ARCH_USER_LOAD(b, src + 1, fault);
    if (nwords > 2)
        ARCH_USER_LOAD(c, src + 2, fault);
    if (nwords > 3)
        ARCH_USER_LOAD(d, src + 3, fault);
    arch_user_close();
    words[0] = a;
    if (nwords > 1)
        words[1] = b;
    if (nwords > 2)
        words[2] = c;
    if (nwords > 3)
        words[3] = d;
    return true;
fault:
    arch_user_close();
    return false;
}

/* Atomically puts `new` where *old is; *old becomes what was there. False at a fault. */
static inline bool arch_user_exchange(uint32_t *address, uint32_t *old, uint32_t new)
{
    uint32_t seen = *old;

    arch_user_open();
    __asm__ volatile goto("1: lock cmpxchgl %2, %1\n"
                          ".pushsection .extable, \"a\"\n"
                          ".quad 1b, %l[fault]\n"
                          ".popsection"
                          : "+a"(seen), "+m"(*address)
                          : "r"(new)
                          : "cc", "memory"
                          : fault);
    __asm__ volatile("");
    arch_user_close();
    *old = seen;
    return true;
fault:
    arch_user_close();
    return false;
}

/* The size is the word's. */
#define ARCH_USER_STORE(word, address, fault)                                                      \
    __asm__ volatile goto("1: mov %0, %1\n"                                                        \
                          ".pushsection .extable, \"a\"\n"                                         \
                          ".quad 1b, %l2\n"                                                        \
                          ".popsection"                                                            \
                          :                                                                        \
                          : "r"(word), "m"(*(address))                                             \
                          : "memory"                                                               \
                          : fault)

/* A word of 32 bits and one of 64 right behind it. False at a fault: the first may be written. */
static inline bool arch_user_store_pair(uint32_t *dst, uint32_t first, uint64_t second)
{
    arch_user_open();
    ARCH_USER_STORE(first, dst, fault);
    ARCH_USER_STORE(second, (uint64_t *)(dst + 1), fault);
    arch_user_close();
    return true;
fault:
    arch_user_close();
    return false;
}

/* For traps.c: where a faulting instruction of these goes on, or 0. */
uint64_t arch_fixup_find(uint64_t rip);
