/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/first.h - the processor state at a program's first instruction
 *
 * Filled by lib/first.S, in programs whose entry point is first_start.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct first_state {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rflags;
    uint16_t cs, ss, ds, es, fs, gs;
    uint16_t unused[6];
    struct { /* FXSAVE64 area, Intel SDM vol. 1, section 10.5.1 */
        uint16_t fcw, fsw;
        uint8_t ftw, reserved0;
        uint16_t fop;
        uint64_t fip, fdp;
        uint32_t mxcsr, mxcsr_mask;
        uint8_t st[8][16];
        uint8_t xmm[16][16];
        uint8_t reserved1[96];
    } fx;
};

_Static_assert(offsetof(struct first_state, rflags) == 128, "first.S stores it there");
_Static_assert(offsetof(struct first_state, cs) == 136, "first.S stores it there");
_Static_assert(offsetof(struct first_state, fx) == 160, "first.S stores it there");
_Static_assert(sizeof(struct first_state) == 672, "first.S reserves that much");

extern const struct first_state first_state;
void first_start(void);

/* The program's own ELF header in memory; the linker makes this symbol. */
extern const char __ehdr_start[];
