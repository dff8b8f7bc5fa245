/* SPDX-License-Identifier: MIT */
/*
 * plat/smp.h - all processors
 *
 * Owns:    starting the processors that the MADT lists, and the interrupts between them.
 * Context: start-up, once, interrupts on, after the scheduler runs on the first processor.
 * Fails:   a processor that does not answer within 10 s is left out, with a line in the log.
 * Tests:   tests/system, machines with several processors
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

/* trampoline: two pages below 1 MiB, or 0: then only this processor runs. run is called on each
 * new processor, on a stack of its own, with everything of the processor set up; it calls
 * smp_answer when the processor may be given work, and never returns. They come one after the
 * other: the result is the number of processors that answered. */
unsigned smp_start(const struct acpi_info *info, uint64_t trampoline, unsigned max_cpus,
                   void (*run)(void));
void smp_answer(void);
