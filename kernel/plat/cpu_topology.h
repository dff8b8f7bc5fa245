/* SPDX-License-Identifier: MIT */
/*
 * plat/cpu_topology.h - which processors share a core, a package, a cache
 *
 * Owns:    what CPUID says of each processor, asked on that processor: kinds of cores differ.
 * Context: cpu_topology_init once, interrupts on, when all processors run; then constant.
 * Source:  Intel SDM vol. 2 and AMD APM vol. 3, CPUID.
 * Tests:   tests/host/plat_topology_test.c
 */
#pragma once

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/cpumask.h"
#include "kernel/lib/util.h"

#define CPU_CACHES_MAX 4

enum cpu_cache_type { CPU_CACHE_DATA = 1, CPU_CACHE_INSTRUCTION, CPU_CACHE_UNIFIED };

struct cpu_cache {
    uint8_t type, level; /* enum cpu_cache_type */
    uint8_t id_shift;    /* the identifier is that of the APIC, without so many low bits */
    uint8_t share_shift; /* processors whose APIC ids differ in these bits alone share it */
    uint16_t line, partitions, ways; /* bytes, lines, lines */
    uint32_t sets;
};

struct cpu_topology {
    uint32_t apic_id;
    uint8_t thread_shift, package_shift; /* low bits of the APIC id: within a core, a package */
    uint8_t ncaches;
    struct cpu_cache caches[CPU_CACHES_MAX];
};

static inline uint32_t cpu_cache_nbytes(const struct cpu_cache *cache)
{
    return (uint32_t)cache->line * cache->partitions * cache->ways * cache->sets;
}

/* Asks the processor it runs on. */
void cpu_topology_read(struct cpu_topology *out);

void cpu_topology_init(void);
const struct cpu_topology *cpu_topology(unsigned cpu); /* by index, of those that run */

/* Processors whose APIC ids agree with that of `cpu` but for so many low bits. */
struct cpumask cpu_topology_mask(unsigned cpu, unsigned shift);
uint32_t cpu_topology_package(unsigned cpu);
uint32_t cpu_topology_core(unsigned cpu); /* within the package */
