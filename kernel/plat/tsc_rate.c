/* SPDX-License-Identifier: MIT */
/*
 * Sources for the rate of the TSC: CPUID, the hypervisor, and the timers of a PC.
 *
 * Each probe returns the rate in Hz, or 0 if it has none. tsc_choose takes them in order; those
 * that need a measurement take a few milliseconds.
 */
#include "kernel/plat/tsc_rate.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/lib/klog.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/tsc_measure.h"

#define CPUID_HYPERVISOR      (1u << 31) /* leaf 1, ECX */
#define HYPERVISOR_LEAVES     0x40000000u
#define HYPERVISOR_LEAF_TIMES 0x40000010u /* EAX: TSC in kHz; VMware, KVM, Hyper-V on request */

#define PM_TIMER_HZ 3579545u

#define HPET_SIZE        0x400u
#define HPET_PERIOD      0x004 /* upper half of the capabilities: femtoseconds a tick */
#define HPET_CONFIG      0x010
#define HPET_COUNTER     0x0f0
#define HPET_ON          1u
#define HPET_PERIOD_MAX  100000000u /* by its specification */
#define FEMTO_PER_SECOND 1000000000000000ULL

#define PIT_HZ       1193182u
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PIT_GATE     0x61 /* bit 0: gate of channel 2, bit 1: speaker */

/* Used when no source gives a rate: the clock is then wrong by some factor, and the log says so. */
#define HZ_GUESS 2000000000ULL

static bool under_hypervisor(void)
{
    return cpuid_query(1, 0).ecx & CPUID_HYPERVISOR;
}

/* Leaves above the highest one return the data of another leaf on Intel processors. */
static struct tsc_leaves leaves_read(void)
{
    struct tsc_leaves leaves = {0};
    uint32_t last = cpuid_query(0, 0).eax;

    if (last >= 0x15) {
        struct cpuid_result leaf = cpuid_query(0x15, 0);

        leaves.denominator = leaf.eax;
        leaves.numerator = leaf.ebx;
        leaves.crystal_hz = leaf.ecx;
    }
    /* Bits 31..16 are reserved. */
    if (last >= 0x16)
        leaves.base_mhz = cpuid_query(0x16, 0).eax & 0xffff;
    return leaves;
}

/* Hypervisors pass the leaf on from a machine whose TSC they then scale: not to be believed. */
static uint64_t hz_by_cpuid15(const struct acpi_info *info)
{
    struct tsc_leaves leaves = leaves_read();

    (void)info;
    return under_hypervisor() ? 0 : tsc_from_leaf15(&leaves);
}

/* Leaf 40000010H, as VMware defined it; what runs under it sees the scaled rate. */
static uint64_t hz_by_hypervisor(const struct acpi_info *info)
{
    (void)info;
    if (!under_hypervisor() || cpuid_query(HYPERVISOR_LEAVES, 0).eax < HYPERVISOR_LEAF_TIMES)
        return 0;
    return cpuid_query(HYPERVISOR_LEAF_TIMES, 0).eax * 1000ULL;
}

/* The nominal rate in MHz, not the measured one: behind all that are measured but the last. */
static uint64_t hz_by_cpuid16(const struct acpi_info *info)
{
    (void)info;
    return leaves_read().base_mhz * 1000000ULL;
}

static uint64_t pm_timer_read(const struct tsc_reference *reference)
{
    return io_in32((uint16_t)reference->where) & ((1ULL << reference->nbits) - 1);
}

/* ACPI specification 6.5, section 4.8.2.1. */
bool tsc_reference_pm_timer(const struct acpi_info *info, struct tsc_reference *timer)
{
    *timer = (struct tsc_reference){
        .hz = PM_TIMER_HZ,
        .nbits = 24, /* the upper byte, where there is one, adds nothing to so short a wait */
        .read = pm_timer_read,
        .where = info->pm_timer_port,
    };
    return info->pm_timer_port != 0;
}

static uint64_t hz_by_pm_timer(const struct acpi_info *info)
{
    struct tsc_reference timer;

    return tsc_reference_pm_timer(info, &timer) ? tsc_measure(&timer) : 0;
}

/* 32-bit reads: some HPETs do not take wider ones. */
static volatile uint32_t *hpet_register(uint64_t base, uint32_t offset)
{
    return (volatile uint32_t *)(base + offset);
}

static uint64_t hpet_read(const struct tsc_reference *reference)
{
    return *hpet_register(reference->where, HPET_COUNTER);
}

bool tsc_reference_hpet(const struct acpi_info *info, struct tsc_reference *timer)
{
    volatile void *window;
    uint32_t period;

    if (!info->hpet_address)
        return false;
    window = ioremap(info->hpet_address, HPET_SIZE, WINDOW_UNCACHED);
    if (!window)
        return false;
    *timer = (struct tsc_reference){.nbits = 32, .read = hpet_read, .where = (uint64_t)window};
    period = *hpet_register(timer->where, HPET_PERIOD);
    if (!period || period > HPET_PERIOD_MAX)
        return false;
    /* IA-PC HPET specification 1.0a, section 2.3.4. A period of zero is no HPET. */
    timer->hz = FEMTO_PER_SECOND / period;
    /* tsc_measure's arithmetic is bounded for references below 2^32 Hz. */
    if (timer->hz >> 32)
        return false;
    /* It is left running: nothing else uses it. */
    *hpet_register(timer->where, HPET_CONFIG) |= HPET_ON;
    return true;
}

static uint64_t hz_by_hpet(const struct acpi_info *info)
{
    struct tsc_reference timer;

    return tsc_reference_hpet(info, &timer) ? tsc_measure(&timer) : 0;
}

/* Counts down from 0xffff; told as a timer that counts up. */
static uint64_t pit_read(const struct tsc_reference *reference)
{
    uint16_t count;

    (void)reference;
    io_out8(PIT_COMMAND, 0x80); /* latch channel 2 */
    count = io_in8(PIT_CHANNEL2);
    count |= (uint16_t)(io_in8(PIT_CHANNEL2) << 8);
    return (uint16_t)~count;
}

/* Channel 2, whose gate is at port 61h: channel 0 may be in use by firmware. */
static uint64_t hz_by_pit(const struct acpi_info *info)
{
    struct tsc_reference timer = {.hz = PIT_HZ, .nbits = 16, .read = pit_read};
    uint8_t gate = io_in8(PIT_GATE);
    uint64_t hz;

    (void)info;
    io_out8(PIT_GATE, (gate & 0xfc) | 1); /* counting, without a sound */
    io_out8(PIT_COMMAND, 0xb0);           /* channel 2, both bytes, mode 0: count down, wrap */
    io_out8(PIT_CHANNEL2, 0xff);
    io_out8(PIT_CHANNEL2, 0xff);
    hz = tsc_measure(&timer);
    io_out8(PIT_GATE, gate & 0xfc);
    return hz;
}

/* free: asking costs no time, so the source may also be compared with the one chosen. */
static const struct tsc_probe probes[TSC_NSOURCES] = {
    [TSC_BY_CPUID15] = {.hz = hz_by_cpuid15, .free = true},
    [TSC_BY_HYPERVISOR] = {.hz = hz_by_hypervisor, .free = true},
    [TSC_BY_PM_TIMER] = {.hz = hz_by_pm_timer},
    [TSC_BY_HPET] = {.hz = hz_by_hpet},
    [TSC_BY_CPUID16] = {.hz = hz_by_cpuid16, .free = true},
    [TSC_BY_PIT] = {.hz = hz_by_pit},
};

static const char *const source_names[TSC_NSOURCES + 1] = {
    [TSC_BY_CPUID15] = "CPUID 15h",
    [TSC_BY_HYPERVISOR] = "hypervisor leaf",
    [TSC_BY_PM_TIMER] = "ACPI PM timer",
    [TSC_BY_HPET] = "HPET",
    [TSC_BY_CPUID16] = "CPUID 16h",
    [TSC_BY_PIT] = "PIT",
    [TSC_NSOURCES] = "guess",
};

COLD uint64_t tsc_calibrate(const struct acpi_info *info, const char **source)
{
    struct tsc_choice choice = tsc_choose(probes, info);

    if (choice.source == TSC_NSOURCES) {
        choice.hz = HZ_GUESS;
        klog("clock: nothing tells the rate of the TSC; times that follow are a guess");
    }
    *source = source_names[choice.source];
    if (choice.other != TSC_NSOURCES)
        klog("clock: %s says %ld ppm more", source_names[choice.other], choice.other_ppm);
    return choice.hz;
}
