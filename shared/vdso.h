/* SPDX-License-Identifier: MIT */
/*
 * shared/vdso.h - the page from which programs read the time without a system call
 *
 * Owns:    its layout. The kernel writes it (core/clock.c), the vDSO reads it (kernel/vdso/vdso.c):
 *          the page lies directly below the vDSO's own in every address space, read-only.
 * Rule:    ns = (ticks - tsc_start) * mult >> 32 is monotonic time. A reader begins with an even
 *          sequence and starts anew if it has changed.
 */
#pragma once

#include <stdint.h>

#define VDSO_DATA_NBYTES 4096

struct vdso_data {
    uint32_t sequence; /* odd while the kernel changes what follows */
    uint32_t use_tsc;  /* 0: ask the kernel */
    uint64_t tsc_start;
    uint64_t mult;
    uint64_t realtime_offset_ns; /* real time minus monotonic time */
};

/* The limit of this segment is the number of the processor: LSL reads it in ring 3 (as on Linux,
 * where bits 12 and up are the node). */
#define VDSO_CPU_SELECTOR 0x7b
#define VDSO_CPU_MASK     0xfff
#define VDSO_NODE_SHIFT   12
