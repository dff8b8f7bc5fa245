/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/regs.h - the trap frame, and the bits of the control registers
 *
 * Owns:    the one frame type: system calls, faults and interrupts all leave it at the top of the
 *          kernel stack. Assembly gets the offsets from offsets.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/arch/x86_64/vectors.h"

/* Selectors have the values that programs see on Linux. SYSRET requires SS = base + 8 and
 * CS = base + 16 (Intel SDM vol. 2, SYSRET). */
#define SELECTOR_KERNEL_CS 0x10
#define SELECTOR_KERNEL_DS 0x18
#define SELECTOR_USER_BASE 0x23
#define SELECTOR_USER_DS   0x2b
#define SELECTOR_USER_CS   0x33
#define SELECTOR_TSS       0x40

#define RFLAGS_CF    0x00000001ULL
#define RFLAGS_FIXED 0x00000002ULL
#define RFLAGS_PF    0x00000004ULL
#define RFLAGS_AF    0x00000010ULL
#define RFLAGS_ZF    0x00000040ULL
#define RFLAGS_SF    0x00000080ULL
#define RFLAGS_TF    0x00000100ULL
#define RFLAGS_IF    0x00000200ULL
#define RFLAGS_DF    0x00000400ULL
#define RFLAGS_OF    0x00000800ULL
#define RFLAGS_IOPL  0x00003000ULL
#define RFLAGS_NT    0x00004000ULL
#define RFLAGS_RF    0x00010000ULL
#define RFLAGS_VM    0x00020000ULL
#define RFLAGS_AC    0x00040000ULL
#define RFLAGS_VIF   0x00080000ULL
#define RFLAGS_VIP   0x00100000ULL
#define RFLAGS_ID    0x00200000ULL

/* Cleared by SYSCALL: everything that could change how the kernel runs. */
#define RFLAGS_SYSCALL_CLEAR                                                                       \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | RFLAGS_IF |           \
     RFLAGS_DF | RFLAGS_OF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

#define CR0_PE 0x00000001ULL
#define CR0_ET 0x00000010ULL
#define CR0_PG 0x80000000ULL
#define CR0_MP 0x00000002ULL
#define CR0_EM 0x00000004ULL
#define CR0_TS 0x00000008ULL
#define CR0_NE 0x00000020ULL
#define CR0_WP 0x00010000ULL
#define CR0_AM 0x00040000ULL

#define CR4_TSD        0x00000004ULL
#define CR4_PAE        0x00000020ULL
#define CR4_MCE        0x00000040ULL
#define CR4_PGE        0x00000080ULL
#define CR4_OSFXSR     0x00000200ULL
#define CR4_OSXMMEXCPT 0x00000400ULL
#define CR4_UMIP       0x00000800ULL
#define CR4_FSGSBASE   0x00010000ULL
#define CR4_OSXSAVE    0x00040000ULL
#define CR4_SMEP       0x00100000ULL
#define CR4_SMAP       0x00200000ULL

#define EFER_SCE 0x00000001ULL
#define EFER_LME 0x00000100ULL
#define EFER_NXE 0x00000800ULL

/* Intel SDM vol. 3, 17.2.3: a bit for each breakpoint that was hit; some bits are 1 when clear. */
#define DR6_HITS        0xfULL
#define DR6_SINGLE_STEP 0x4000ULL
#define DR6_INITIAL     0xffff0ff0ULL
#define DR7_INITIAL     0x400ULL
#define DR_COUNT        4 /* that hold addresses */
/* Of one of them in DR7: on at all, and four bits that say on what. */
#define DR7_ON(n)         (3ULL << 2 * (n))
#define DR7_FIELD(dr7, n) ((dr7) >> (16 + 4 * (n)) & 0xf)
#define DR7_EXECUTE       0

/* Page-fault error code. */
#define FAULT_PRESENT 0x01
#define FAULT_WRITE   0x02
#define FAULT_USER    0x04
#define FAULT_RSVD    0x08
#define FAULT_FETCH   0x10

struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector; /* 0..255; VECTOR_SYSCALL: came by SYSCALL, may leave by SYSRET */
    uint64_t error;  /* the processor's error code; for SYSCALL the call number */
    uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct trap_frame) == 176, "a multiple of 16 keeps the stack aligned");

/* Whoever changes registers of a frame that came by SYSCALL calls this: IRETQ restores all. */
static inline void trap_frame_set_full(struct trap_frame *frame)
{
    frame->vector = 0;
}

/* Whether a call was entered with it, which may be restarted. */
static inline bool trap_frame_is_call(const struct trap_frame *frame)
{
    return frame->vector >= VECTOR_SYSCALL;
}

static inline bool trap_frame_from_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) != 0;
}

static inline uint64_t cr0_read(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr0, %0" : "=r"(v));
    return v;
}

static inline void cr0_write(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr0" : : "r"(v) : "memory");
}

static inline uint64_t cr2_read(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr2, %0" : "=r"(v));
    return v;
}

static inline uint64_t cr3_read(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr3, %0" : "=r"(v) : : "memory");
    return v;
}

static inline void cr3_write(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr3" : : "r"(v) : "memory");
}

static inline uint64_t cr4_read(void)
{
    uint64_t v;
    __asm__ volatile("movq %%cr4, %0" : "=r"(v));
    return v;
}

static inline void cr4_write(uint64_t v)
{
    __asm__ volatile("movq %0, %%cr4" : : "r"(v) : "memory");
}

static inline void cache_flush_all(void)
{
    __asm__ volatile("wbinvd" : : : "memory");
}

static inline void tlb_flush_page(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
