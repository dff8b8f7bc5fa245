/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_topology_test.c - cores, packages and caches, from what processors answer
 */
#include "tests/host/plat_fake.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/cpumask.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/core/ipi.h"
#include "kernel/plat/cpu_topology.h"

struct features features;

unsigned cpumask_words;
static unsigned ncpus, asking;

/* One after the other, each with its own way to struct cpu. */
void ipi_call_all(void (*function)(void *argument), void *argument)
{
    static struct cpu cpu = {.self = &cpu};

    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu), 0);
    for (asking = 0; asking < ncpus; asking++) {
        cpu.index = asking;
        function(argument);
    }
    assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, 0), 0);
}

/* Leaf and sub-leaf: the fake's hook gets the leaf alone, so tables by leaf. */
static struct cpuid_result old_amd(uint32_t leaf)
{
    switch (leaf) {
    case 0:
        return (struct cpuid_result){.eax = 13};
    case 1:
        return (struct cpuid_result){.ebx = 0x01020800, .edx = 1u << 28};
    case 0x80000000:
        return (struct cpuid_result){.eax = 0x8000000a};
    case 0x80000005:
        return (struct cpuid_result){.ecx = 0x40020140, .edx = 0x40020140};
    case 0x80000006:
        return (struct cpuid_result){.ecx = 0x02008140, .edx = 0x00808140};
    case 0x80000008:
        return (struct cpuid_result){.eax = 0x3028, .ecx = 1};
    default:
        return (struct cpuid_result){0};
    }
}

/* Eight threads in four cores; every cache is shared by the two of a core. */
static struct cpuid_result intel(uint32_t leaf)
{
    static unsigned asked; /* the sub-leaf is not given: they are asked in order */

    switch (leaf) {
    case 0:
        asked = 0;
        return (struct cpuid_result){.eax = 4};
    case 1:
        return (struct cpuid_result){.ebx = 0x05080800, .edx = 1u << 28};
    case 4:
        /* The first answer is for the number of cores. */
        return asked++ < 2 ? (struct cpuid_result){.eax = 3u << 26 | 1u << 14 | 1u << 5 | 1,
                                                   .ebx = 7u << 22 | 63,
                                                   .ecx = 63}
                           : (struct cpuid_result){0};
    default:
        return (struct cpuid_result){0};
    }
}

static void test_old_amd(void **state)
{
    struct cpu_topology found;

    (void)state;
    strcpy(features.vendor, "AuthenticAMD");
    plat_fake.cpuid = old_amd;
    cpu_topology_read(&found);
    assert_int_equal(found.apic_id, 1);
    assert_int_equal(found.package_shift, 1);
    assert_int_equal(found.thread_shift, 0);
    assert_int_equal(found.ncaches, 4);
    assert_int_equal(cpu_cache_nbytes(&found.caches[0]), 64 << 10);
    assert_int_equal(found.caches[0].sets, 512);
    assert_int_equal(found.caches[1].type, CPU_CACHE_INSTRUCTION);
    assert_int_equal(cpu_cache_nbytes(&found.caches[2]), 512 << 10);
    assert_int_equal(found.caches[2].ways, 16);
    assert_int_equal(cpu_cache_nbytes(&found.caches[3]), 16 << 20);
    assert_int_equal(found.caches[3].share_shift, 1);
    assert_int_equal(found.caches[3].id_shift, 0);
}

static void test_intel(void **state)
{
    struct cpu_topology found;

    (void)state;
    strcpy(features.vendor, "GenuineIntel");
    plat_fake.cpuid = intel;
    cpu_topology_read(&found);
    assert_int_equal(found.apic_id, 5);
    assert_int_equal(found.package_shift, 3);
    assert_int_equal(found.thread_shift, 1);
    assert_int_equal(found.ncaches, 1);
    assert_int_equal(cpu_cache_nbytes(&found.caches[0]), 32 << 10);
    assert_int_equal(found.caches[0].share_shift, 1);
}

/* Leaf 0Bh: two threads a core, 32 a package; the APIC id is the index. */
static struct cpuid_result many(uint32_t leaf)
{
    if (leaf != 0xb)
        return (struct cpuid_result){.eax = leaf ? 0 : 0xb};
    return (struct cpuid_result){.eax = 5, .ebx = 2, .ecx = 0x100, .edx = asking};
}

/* More processors than a word of a set has bits. */
static void test_sets(void **state)
{
    struct cpumask mask;

    (void)state;
    ncpus = 200;
    cpumask_words = 4;
    plat_fake.cpuid = many;
    cpu_topology_init();
    for (unsigned cpu = 0; cpu < ncpus; cpu += 33) {
        mask = cpu_topology_mask(cpu, 5);
        for (unsigned i = 0; i < CPU_MAX; i++)
            assert_int_equal(cpumask_test(&mask, i), i / 32 == cpu / 32 && i < ncpus);
        mask = cpu_topology_mask(cpu, 31);
        assert_int_equal(cpumask_count(&mask), ncpus);
    }
    assert_int_equal(cpu_topology_package(199), 6);
}

/* A processor that answers nothing: no caches, and nothing is divided by zero. */
static void test_silent(void **state)
{
    struct cpu_topology found;

    (void)state;
    strcpy(features.vendor, "AuthenticAMD");
    cpu_topology_read(&found);
    assert_int_equal(found.ncaches, 0);
    assert_int_equal(found.package_shift, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_old_amd, plat_fake_reset),
        cmocka_unit_test_setup(test_intel, plat_fake_reset),
        cmocka_unit_test_setup(test_sets, plat_fake_reset),
        cmocka_unit_test_setup(test_silent, plat_fake_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
