/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/sigframe.h - what lies on the stack while a signal handler runs
 *
 * Used by: proc/signal/sigframe.c. Handlers, libc's and unwinders read and change it, so each bit
 * is Linux's for x86-64 (struct rt_sigframe). Order:   return address, context, siginfo; above
 * them, aligned to 64 bytes, the XSAVE area with LX_FP_XSTATE_MAGIC2 right behind it; above that,
 * the red zone of what was interrupted.
 */
#pragma once

#include "shared/linux/signal.h"

#define LX_RED_ZONE 128

/* ucontext.flags */
#define LX_UC_FP_XSTATE         1 /* the FPU area is XSAVE's, with the words below in it */
#define LX_UC_SIGCONTEXT_SS     2
#define LX_UC_STRICT_RESTORE_SS 4

#define LX_FP_XSTATE_MAGIC1 0x46505853U
#define LX_FP_XSTATE_MAGIC2 0x46505845U

struct lx_sigcontext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, vector, old_mask, cr2;
    uint64_t fpu; /* address of the FPU area; 0: none */
    uint64_t reserved[8];
};

struct lx_ucontext {
    uint64_t flags, link;
    struct lx_stack stack;
    struct lx_sigcontext context;
    uint64_t mask;
};

struct lx_sigframe {
    uint64_t restorer;
    struct lx_ucontext uc;
    union {
        struct lx_siginfo info;
        uint8_t info_bytes[LX_SIGINFO_NBYTES];
    };
};

_Static_assert(sizeof(struct lx_sigcontext) == 256, "struct sigcontext");
_Static_assert(sizeof(struct lx_ucontext) == 304, "struct ucontext");
_Static_assert(sizeof(struct lx_sigframe) == 440, "struct rt_sigframe");

/* In the bytes 464 to 511 of the FPU area, which the processor leaves to software. */
#define LX_FP_SW_OFFSET 464
struct lx_fp_sw {
    uint32_t magic1;
    uint32_t extended_nbytes; /* with the second magic word */
    uint64_t features;        /* components, as in XCR0 */
    uint32_t xstate_nbytes;
    uint32_t reserved[7];
};

_Static_assert(sizeof(struct lx_fp_sw) == 48, "struct _fpx_sw_bytes");
