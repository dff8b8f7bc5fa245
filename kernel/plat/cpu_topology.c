/* SPDX-License-Identifier: MIT */
/*
 * Cores, packages and caches, as CPUID reports them.
 *
 * The bits of an APIC id name, from the lowest on: the thread in its core, the core in its package,
 * the package. Where they part is in leaf 0Bh (1Fh where there are dies), else in leaf 80000008h of
 * AMD and in leaves 1 and 4 of Intel. Caches are in leaf 4 (Intel) or 8000001Dh (AMD), whose forms
 * are the same, else in leaves 80000005h and 80000006h of AMD.
 */
#include "kernel/plat/cpu_topology.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/core/ipi.h"
#include "kernel/lib/assert.h"

#define LEVELS_MAX 8 /* of leaves 0Bh and 1Fh */

static struct cpu_topology topologies[CPU_MAX];
static unsigned topologies_count;

/* The number of bits that so many things need for a number each. */
static uint8_t bits_for(uint32_t count)
{
    uint8_t bits = 0;

    while (bits < 31 && (1u << bits) < count)
        bits++;
    return bits;
}

static bool vendor_is_amd(void)
{
    return features.vendor[0] == 'A' || features.vendor[0] == 'H'; /* AuthenticAMD, HygonGenuine */
}

/* Leaf 0Bh or 1Fh. False: it is empty. */
static bool levels_read(uint32_t leaf, struct cpu_topology *out)
{
    struct cpuid_result at = cpuid_query(leaf, 0);

    if (!(at.ebx & 0xffff) || (at.ecx >> 8 & 0xff) != 1)
        return false;
    out->apic_id = at.edx;
    out->thread_shift = at.eax & 31;
    for (unsigned i = 0; i < LEVELS_MAX; i++) {
        at = cpuid_query(leaf, i);
        if (!(at.ecx >> 8 & 0xff))
            break;
        out->package_shift = at.eax & 31;
    }
    return true;
}

/* Processors from before that leaf. */
static void old_levels_read(uint32_t max, uint32_t max_extended, struct cpu_topology *out)
{
    struct cpuid_result one = cpuid_query(1, 0);
    uint32_t threads = one.edx >> 28 & 1 ? one.ebx >> 16 & 0xff : 1, cores = 1;

    out->apic_id = one.ebx >> 24;
    if (vendor_is_amd()) {
        uint32_t sizes = max_extended >= 0x80000008 ? cpuid_query(0x80000008, 0).ecx : 0;

        cores = (sizes & 0xff) + 1;
        out->package_shift = sizes >> 12 & 15 ? sizes >> 12 & 15 : bits_for(cores);
        return;
    }
    if (max >= 4)
        cores = (cpuid_query(4, 0).eax >> 26) + 1;
    out->package_shift = bits_for(MAX(threads, cores));
    out->thread_shift = threads > cores ? bits_for(threads / cores) : 0;
}

/* Leaf 4 and 8000001Dh. */
static void caches_read(uint32_t leaf, struct cpu_topology *out)
{
    for (unsigned i = 0; i < CPU_CACHES_MAX; i++) {
        struct cpuid_result at = cpuid_query(leaf, i);
        uint8_t shift = bits_for((at.eax >> 14 & 0xfff) + 1);

        if (!(at.eax & 31))
            break;
        out->caches[out->ncaches++] = (struct cpu_cache){
            .type = at.eax & 31,
            .level = at.eax >> 5 & 7,
            .id_shift = shift,
            .share_shift = shift,
            .line = (uint16_t)((at.ebx & 0xfff) + 1),
            .partitions = (uint16_t)((at.ebx >> 12 & 0x3ff) + 1),
            .ways = (uint16_t)((at.ebx >> 22) + 1),
            .sets = at.ecx + 1,
        };
    }
}

/* A cache as AMD's older leaves describe it. Numbers that cannot be leave it out. */
static void old_cache_add(struct cpu_topology *out, uint8_t type, uint8_t level, uint32_t kib,
                          uint32_t ways, uint32_t line)
{
    /* The last level belongs to the whole package. Its identifier is the processor's all the same,
     * as on Linux. */
    uint8_t share = level == 3 ? out->package_shift : 0;

    if (!kib || !ways || !line)
        return;
    ways = ways == 0xff ? kib * 1024 / line : ways; /* fully associative */
    out->caches[out->ncaches++] = (struct cpu_cache){
        .type = type,
        .level = level,
        .share_shift = share,
        .line = (uint16_t)line,
        .partitions = 1,
        .ways = (uint16_t)ways,
        .sets = kib * 1024 / line / ways,
    };
}

static void old_caches_read(struct cpu_topology *out)
{
    /* Table E-4 of the manual: the code of the associativity. */
    static const uint8_t ways_of[16] = {0, 1, 2, 3, 4, 6, 8, 0, 16, 0, 32, 48, 64, 96, 128, 0xff};
    struct cpuid_result first = cpuid_query(0x80000005, 0), second = cpuid_query(0x80000006, 0);

    old_cache_add(out, CPU_CACHE_DATA, 1, first.ecx >> 24, first.ecx >> 16 & 0xff,
                  first.ecx & 0xff);
    old_cache_add(out, CPU_CACHE_INSTRUCTION, 1, first.edx >> 24, first.edx >> 16 & 0xff,
                  first.edx & 0xff);
    old_cache_add(out, CPU_CACHE_UNIFIED, 2, second.ecx >> 16, ways_of[second.ecx >> 12 & 15],
                  second.ecx & 0xff);
    old_cache_add(out, CPU_CACHE_UNIFIED, 3, (second.edx >> 18) * 512,
                  ways_of[second.edx >> 12 & 15], second.edx & 0xff);
}

COLD void cpu_topology_read(struct cpu_topology *out)
{
    uint32_t max = cpuid_query(0, 0).eax, max_extended = cpuid_query(0x80000000, 0).eax;

    *out = (struct cpu_topology){0};
    if (!(max >= 0x1f && levels_read(0x1f, out)) && !(max >= 0xb && levels_read(0xb, out)))
        old_levels_read(max, max_extended, out);
    if (!vendor_is_amd()) {
        if (max >= 4)
            caches_read(4, out);
        return;
    }
    /* TOPOEXT, bit 22, says that the newer leaf is there. */
    if (max_extended >= 0x8000001d && (cpuid_query(0x80000001, 0).ecx >> 22 & 1))
        caches_read(0x8000001d, out);
    else if (max_extended >= 0x80000006)
        old_caches_read(out);
}

/* On each processor: in an interrupt, or on the caller's own. */
static void topology_read_here(void *argument)
{
    unsigned index = cpu_self()->index;

    (void)argument;
    cpu_topology_read(&topologies[index]);
    __atomic_fetch_add(&topologies_count, 1, __ATOMIC_RELAXED);
}

void cpu_topology_init(void)
{
    ipi_call_all(topology_read_here, NULL);
}

const struct cpu_topology *cpu_topology(unsigned cpu)
{
    ASSERT(cpu < CPU_MAX);
    return &topologies[cpu];
}

struct cpumask cpu_topology_mask(unsigned cpu, unsigned shift)
{
    struct cpumask mask = {{0}};

    for (unsigned i = 0; i < topologies_count; i++)
        if (topologies[i].apic_id >> shift == cpu_topology(cpu)->apic_id >> shift)
            cpumask_set(&mask, i);
    return mask;
}

uint32_t cpu_topology_package(unsigned cpu)
{
    return cpu_topology(cpu)->apic_id >> cpu_topology(cpu)->package_shift;
}

uint32_t cpu_topology_core(unsigned cpu)
{
    const struct cpu_topology *at = cpu_topology(cpu);

    return (at->apic_id & ((1u << at->package_shift) - 1)) >> at->thread_shift;
}
