/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/trampoline.h - what the code in trampoline.S finds at the end of its page
 *
 * Used by: plat/smp.c, which copies the code to a page below 1 MiB.
 */
#pragma once

#include "kernel/lib/util.h"

#define TRAMPOLINE_DATA_OFFSET 0xf00 /* in the page */

struct trampoline_data {
    uint32_t cr3;  /* tables below 4 GiB: the page itself, and the kernel half */
    uint32_t efer; /* LME, and NXE where there is NX */
    uint64_t entry;
    uint64_t argument; /* struct cpu; its kernel_rsp is the stack */
    uint64_t apic_id;  /* address of the local APIC's id register, 0: x2APIC mode */
    uint32_t intel;    /* has MSR 1A0h, where firmware can turn NX off */
    uint32_t nx_off;   /* the new processor found that so, and turned it on */
};

extern const char trampoline_begin[], trampoline_end[];
