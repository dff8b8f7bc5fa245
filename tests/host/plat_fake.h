/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_fake.h - a machine made of hooks, for the tests of kernel/plat and the terminal
 *
 * The kernel's files are compiled with tests/host/plat_fake first on the include path, where io.h,
 * msr.h, regs.h, cpuid.h and tsc.h lead here. A hook that is NULL gives what an empty PC gives:
 * ports read all ones, CPUID and MSRs zero, no memory can be mapped.
 */
#pragma once

#include "tests/host/check.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/mm/vmalloc.h"

enum plat_end { PLAT_END_NONE, PLAT_END_STOP, PLAT_END_TRIPLE_FAULT };

struct plat_fake {
    uint32_t (*in)(uint16_t port, unsigned nbytes);
    void (*out)(uint16_t port, unsigned nbytes, uint32_t value);
    uint64_t (*msr_in)(uint32_t msr);
    void (*msr_out)(uint32_t msr, uint64_t value);
    struct cpuid_result (*cpuid)(uint32_t leaf);
    uint64_t (*tsc)(void);
    const void *(*map_ram)(uint64_t physical, size_t nbytes);
    volatile void *(*map_mmio)(uint64_t physical, size_t nbytes);
    uint64_t cr0, cr3, cr4;
    unsigned cache_flushes;
    enum vmalloc_cache last_cache; /* of the last map_mmio */
    jmp_buf end;                   /* where power_end_* jump to, with enum plat_end */
    char log[8192];                /* all that klog was given, lines ended by \n */
};

extern struct plat_fake plat_fake;

/* Every hook NULL, the log empty: as cmocka's setup function. */
int plat_fake_reset(void **state);

/* How many blocks of memory the kernel keeps. */
unsigned plat_fake_blocks(void);

/* Whether the log has that text in it. */
int plat_fake_logged(const char *text);
