/* SPDX-License-Identifier: MIT */
/*
 * tests/user/signal/sig_frame_ops.h - the part of sig_frame that C cannot say
 *
 * Owns:    declarations; the code is in sig_frame_ops.S.
 */
#pragma once

#include <signal.h>
#include <stdint.h>

#define FRAME_REGISTERS 10

/* sig_frame_ops.S knows these offsets. */
struct frame_registers {
    uint64_t general[FRAME_REGISTERS]; /* rbx rbp r8 r9 r10 r12 r13 r14 r15 rdx */
    unsigned char vector[512];         /* ymm0 to ymm15, or xmm */
    unsigned char red_zone[128];       /* out: what was found below RSP afterwards */
};

/* kill(pid, sig) with all registers loaded from `before`, stored to `after` when it has come back.
 * Gives RSP at that moment. */
uint64_t frame_signal_self(int pid, int sig, const struct frame_registers *before,
                           struct frame_registers *after, int avx);

extern uint64_t frame_entry_rsp; /* at the first instruction of frame_handler */
void frame_handler(int sig, siginfo_t *info, void *context);
void frame_spoil(void); /* overwrites x87 and SSE, and AVX where there is */
int frame_has_avx(void);
