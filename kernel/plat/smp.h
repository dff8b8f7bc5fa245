/* SPDX-License-Identifier: MIT */
/*
 * plat/smp.h - all processors
 *
 * Owns:    starting the processors that the MADT lists, and the interrupts between them.
 * Context: start-up, once, interrupts on, after the scheduler runs on the first processor.
 * Fails:   a processor that does not answer is left out, with a line in the log and its APIC id in
 *          the census, which fails the self-test. All of them together are waited for 10 s, or 50
 * ms each if that is more. Tests:   tests/system/test_processors.py
 */
#pragma once

#include "kernel/plat/cpu_census.h"

struct smp_options {
    uint64_t trampoline; /* two pages below 1 MiB, or 0: then only this processor runs */
    uint64_t max_cpus;   /* of the option cpus=N */
    bool (*is_mute)(uint32_t apic_id); /* for tests: it is reset but never told to begin */
    uint64_t late_apic_id; /* for tests: a mute one that begins together with the next */
    void (*run)(void);
};

/* run is called on each new processor, on a stack of its own, with everything of the processor set
 * up; it calls smp_answer when the processor may be given work, and never returns. They come one
 * after the other. The result, constant from then on, says which of them answered. */
const struct cpu_census *smp_start(const struct acpi_info *info, const struct smp_options *options);
void smp_answer(void);
