/* SPDX-License-Identifier: MIT */
/*
 * plat/cpu_census.h - which of the processors that the MADT enables run, and why not the others
 *
 * Owns:    the outcome for each entry of acpi_info, and the decision whether one may be started.
 * Used by: plat/smp.c, which starts them; the self-test, whose result `processors` comes from here.
 * Rule:    a processor is counted when it has answered, never because it was asked to start. One
 *          whose APIC id does not fit the mode of the APIC is not addressed at all: shortened to
 *          eight bits, the id would be that of another processor, which an INIT would reset.
 * Context: any; pure.
 * Source:  Intel SDM vol. 3, chapter "Multiple-processor management", section "Multiple-processor
 *          (MP) initialization"; chapter "APIC", section "Extended xAPIC (x2APIC)".
 * Tests:   tests/host/plat_acpi_test.c, tests/system/test_processors.py
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

enum cpu_fate {
    CPU_FATE_DISABLED = 0, /* the MADT says so: not a processor of this machine */
    CPU_FATE_RUNS,
    CPU_FATE_SILENT,  /* it was started and did not answer */
    CPU_FATE_MEMORY,  /* there was no memory for it */
    CPU_FATE_LIMIT,   /* the kernel knows no more */
    CPU_FATE_APIC_ID, /* xAPIC mode, and the id has more than eight bits */
    CPU_FATE_OPTION,  /* left off by cpus=N */
};

struct cpu_census {
    bool known;        /* there is a MADT: else nothing is said about other processors */
    bool boot_enabled; /* the MADT enables the processor that the firmware started */
    uint32_t boot_apic_id;
    unsigned enabled;             /* by the MADT, with those that acpi_info has no room for; 1
                                     without one */
    unsigned running;             /* the first included */
    uint8_t fates[ACPI_MAX_CPUS]; /* enum cpu_fate, by entry of acpi_info */
};

struct cpu_limits {
    unsigned supported; /* by the kernel */
    unsigned wanted;    /* by the option cpus=N */
    bool x2apic;
};

/* What is known before any other processor is started: all that are enabled are taken for silent.
 */
void cpu_census_begin(struct cpu_census *census, const struct acpi_info *info,
                      uint32_t boot_apic_id);

/* CPU_FATE_RUNS: it may be started, as the next after those that run; else why not. */
enum cpu_fate cpu_census_decide(const struct cpu_census *census, const struct cpu_limits *limits,
                                uint32_t apic_id);

/* Processors with that fate. */
unsigned cpu_census_count(const struct cpu_census *census, enum cpu_fate fate);

/* What is wrong with a processor: words that follow its name. NULL: nothing. */
const char *cpu_census_fault(enum cpu_fate fate);

/* True: every processor that the MADT enables runs, but for those that an option leaves off. Else
 * a sentence that names them by APIC id, as many as fit. */
bool cpu_census_check(const struct cpu_census *census, const struct acpi_info *info, char *reason,
                      size_t size);
