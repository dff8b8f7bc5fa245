/* SPDX-License-Identifier: MIT */
/*
 * The census of processors: what the MADT enables against what has answered.
 *
 * Whatever keeps a processor from running is kept by entry, so that the result can name it. An
 * entry is silent until it is known to run: a start that is never tried counts as one that failed.
 */
#include "kernel/plat/cpu_census.h"

#include "kernel/lib/fmt.h"

#define XAPIC_BROADCAST 0xffu /* the id of a single processor is below */
#define NAMED_MOST      8     /* ids in the sentence; a number stands for the rest */

COLD void cpu_census_begin(struct cpu_census *census, const struct acpi_info *info,
                           uint32_t boot_apic_id)
{
    *census = (struct cpu_census){
        .known = info->madt,
        .boot_apic_id = boot_apic_id,
        .enabled = info->madt ? info->cpus_dropped : 1, /* else the one that runs */
        .running = 1,
    };
    for (uint32_t i = 0; i < info->ncpus; i++) {
        bool boot = info->cpus[i].apic_id == boot_apic_id;

        if (!info->cpus[i].enabled)
            continue;
        census->enabled++;
        census->boot_enabled |= boot;
        census->fates[i] = boot ? CPU_FATE_RUNS : CPU_FATE_SILENT;
    }
}

COLD enum cpu_fate cpu_census_decide(const struct cpu_census *census,
                                     const struct cpu_limits *limits, uint32_t apic_id)
{
    /* What the machine lacks comes before what was asked for: the option does not hide it. */
    if (!limits->x2apic && apic_id >= XAPIC_BROADCAST)
        return CPU_FATE_APIC_ID;
    if (census->running >= limits->wanted)
        return CPU_FATE_OPTION;
    if (census->running >= limits->supported)
        return CPU_FATE_LIMIT;
    return CPU_FATE_RUNS;
}

COLD unsigned cpu_census_count(const struct cpu_census *census, enum cpu_fate fate)
{
    unsigned count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(census->fates); i++)
        count += census->fates[i] == fate;
    return count;
}

COLD const char *cpu_census_fault(enum cpu_fate fate)
{
    switch (fate) {
    case CPU_FATE_SILENT:
        return "does not answer";
    case CPU_FATE_MEMORY:
        return "has no memory to start with";
    case CPU_FATE_LIMIT:
        return "is beyond the kernel's limit";
    case CPU_FATE_APIC_ID:
        return "does not fit into xAPIC mode";
    case CPU_FATE_DISABLED:
    case CPU_FATE_RUNS:
    case CPU_FATE_OPTION:
        break;
    }
    return NULL;
}

/* A sentence that grows by clauses. */
struct sentence {
    char *text;
    size_t size, used;
    unsigned clauses; /* those that were cut, too */
};

PRINTF_LIKE(2, 3)
static void sentence_add(struct sentence *sentence, const char *format, ...);

/* What no longer fits is cut; the text stays terminated. */
static void sentence_add(struct sentence *sentence, const char *format, ...)
{
    size_t left = sentence->size - sentence->used, length;
    va_list args;

    if (sentence->clauses++ && left > 2)
        sentence->used += fmt_print(sentence->text + sentence->used, left, "; ");
    left = sentence->size - sentence->used;
    va_start(args, format);
    length = fmt_vprint(sentence->text + sentence->used, left, format, args);
    va_end(args);
    sentence->used += MIN(length, left - 1);
}

COLD bool cpu_census_check(const struct cpu_census *census, const struct acpi_info *info,
                           char *reason, size_t size)
{
    struct sentence sentence = {reason, size, 0, 0};
    unsigned faults = 0, dropped = info->cpus_dropped;

    reason[0] = 0;
    if (!census->known)
        return true;
    if (!census->boot_enabled)
        sentence_add(&sentence, "the MADT does not enable APIC id %u, which runs this",
                     census->boot_apic_id);
    if (info->madt_cut)
        sentence_add(&sentence, "the MADT has a broken entry at byte %u and no known end",
                     info->madt_cut);
    for (uint32_t i = 0; i < info->ncpus; i++) {
        const char *fault = cpu_census_fault(census->fates[i]);

        if (fault && faults++ < NAMED_MOST)
            sentence_add(&sentence, "APIC id %u %s", info->cpus[i].apic_id, fault);
    }
    if (faults > NAMED_MOST)
        sentence_add(&sentence, "and %u more", faults - NAMED_MOST);
    if (dropped)
        sentence_add(&sentence, "APIC id %u is the first of %u that the list has no room for",
                     info->dropped_apic_id, dropped);
    return sentence.clauses == 0;
}
