/* SPDX-License-Identifier: MIT */
/*
 * plat/power_end.h - the two ends from which nothing returns
 *
 * Context: any.
 */
#pragma once

#include "kernel/lib/util.h"

/* Interrupts off and halted; an NMI or SMI wakes the processor, which then halts again. */
NORETURN static inline void power_end_stop(void)
{
    for (;;) {
        __asm__ volatile("cli");
        __asm__ volatile("hlt");
    }
}

/* Without an interrupt table the first exception becomes a shutdown cycle, which resets a PC. */
NORETURN static inline void power_end_triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) no_table = {0, 0};

    __asm__ volatile("lidt %0" : : "m"(no_table));
    __asm__ volatile("int3");
    power_end_stop();
}
