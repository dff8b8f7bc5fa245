/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_lapic_test.c - the local APIC in both modes, and the arithmetic of its timer
 */
#include "tests/host/plat_fake.h"

#include "kernel/arch/x86_64/vectors.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/lapic_math.h"
#include "shared/linux/errno.h"

#define TSC_HZ 2000000000ULL

static uint32_t page[1024]; /* the registers in memory */
static uint64_t x2apic[64]; /* the same as MSRs, by number from 0x800 */
static uint64_t apic_base, deadline, tsc_now;
static uint32_t leaf1_ecx, leaf1_edx;
static uint64_t counter_hz;
static unsigned npic, neoi;

static struct cpuid_result cpu(uint32_t leaf)
{
    return leaf == 1 ? (struct cpuid_result){.ecx = leaf1_ecx, .edx = leaf1_edx}
                     : (struct cpuid_result){0};
}

static uint64_t tsc(void)
{
    tsc_now += 100;
    page[0x390 / 4] = 0xffffffffu - (uint32_t)(tsc_now * counter_hz / TSC_HZ);
    return tsc_now;
}

static uint64_t msr_in(uint32_t msr)
{
    if (msr == MSR_APIC_BASE)
        return apic_base;
    assert_in_range(msr, 0x800, 0x83f);
    assert_true(apic_base & 1u << 10); /* else #GP */
    if (msr == 0x839)                  /* current count: at 16 ns a tick */
        return x2apic[0x38] - tsc_now / 32;
    return x2apic[msr - 0x800];
}

static void msr_out(uint32_t msr, uint64_t value)
{
    if (msr == MSR_APIC_BASE) {
        apic_base = value;
    } else if (msr == MSR_TSC_DEADLINE) {
        assert_true(leaf1_ecx & 1u << 24);
        deadline = value;
    } else {
        assert_in_range(msr, 0x800, 0x83f);
        assert_true(apic_base & 1u << 10);
        x2apic[msr - 0x800] = value;
        if (msr == 0x80b) {
            neoi++;
            x2apic[0x10] = x2apic[0x17] = 0; /* nothing in service any more */
        }
    }
}

static volatile void *map(uint64_t physical, size_t nbytes)
{
    assert_true(physical == 0xfee00000 && nbytes == 4096);
    return page;
}

static void out(uint16_t port, unsigned nbytes, uint32_t value)
{
    assert_true((port == 0x21 || port == 0xa1) && nbytes == 1 && value == 0xff);
    npic++;
}

static int apic_make(void **state)
{
    plat_fake_reset(state);
    memset(page, 0, sizeof(page));
    memset(x2apic, 0, sizeof(x2apic));
    apic_base = 0xfee00900;
    deadline = tsc_now = 0;
    npic = neoi = 0;
    leaf1_ecx = 0;
    leaf1_edx = 1u << 9;
    page[0x20 / 4] = 3u << 24;
    page[0x30 / 4] = x2apic[3] = 5u << 16 | 0x14;
    counter_hz = 125000000;
    x2apic[2] = 3;
    plat_fake.cpuid = cpu;
    plat_fake.tsc = tsc;
    plat_fake.msr_in = msr_in;
    plat_fake.msr_out = msr_out;
    plat_fake.map_mmio = map;
    plat_fake.out = out;
    return 0;
}

static void no_apic(void **state)
{
    struct acpi_info info = {0};

    (void)state;
    leaf1_edx = 0;
    assert_int_equal(lapic_init(&info, TSC_HZ), -ENODEV);
    leaf1_edx = 1u << 9;
    plat_fake.map_mmio = NULL;
    assert_int_equal(lapic_init(&info, TSC_HZ), -ENODEV);
}

static void xapic_with_counter(void **state)
{
    struct acpi_info info = {.madt = true, .legacy_pic = true};

    (void)state;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(lapic_id(), 3);
    assert_int_equal(npic, 2);
    assert_int_equal(page[0xf0 / 4], 0x100 | ARCH_VECTOR_SPURIOUS);
    assert_int_equal(page[0x320 / 4], ARCH_VECTOR_TIMER);
    assert_int_equal(page[0x370 / 4], ARCH_VECTOR_ERROR);
    assert_int_equal(page[0x350 / 4], 1u << 16);
    assert_int_equal(page[0x360 / 4], 1u << 16);
    assert_int_equal(page[0x3e0 / 4], 3);
    assert_string_equal(lapic_description(), "xAPIC, counting timer");

    lapic_timer_oneshot_ns(1000000);
    assert_in_range(page[0x380 / 4], 124900, 125010);
    lapic_timer_oneshot_ns(0);
    assert_in_range(page[0x380 / 4], 1, 2);
    lapic_timer_oneshot_ns(UINT64_MAX);
    assert_int_equal(page[0x380 / 4], 0xffffffff);
    lapic_timer_stop();
    assert_int_equal(page[0x380 / 4], 0);
    assert_true(tsc_now < TSC_HZ / 1000); /* under a millisecond */

    page[0xb0 / 4] = 7;
    lapic_eoi();
    assert_int_equal(page[0xb0 / 4], 0);
}

static void apic_left_off(void **state)
{
    struct acpi_info info = {.madt = true};

    (void)state;
    apic_base = 0xfee00100;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(apic_base, 0xfee00900);
    assert_int_equal(npic, 0); /* the MADT says that there is none */
}

static void x2apic_with_counter(void **state)
{
    struct acpi_info info = {0};

    (void)state;
    apic_base |= 1u << 10;
    x2apic[0x17] = 1; /* the firmware left an interrupt in service */
    plat_fake.map_mmio = NULL;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(neoi, 1);
    assert_int_equal(lapic_id(), 3);
    assert_int_equal(x2apic[0x32], ARCH_VECTOR_TIMER);
    lapic_timer_oneshot_ns(1000000);
    assert_in_range(x2apic[0x38], 62000, 63000); /* 1 GHz by 16 */
    lapic_eoi();
    assert_int_equal(neoi, 2);
    assert_string_equal(lapic_description(), "x2APIC, counting timer");
}

static void deadline_timer(void **state)
{
    struct acpi_info info = {0};
    uint64_t now;

    (void)state;
    leaf1_ecx = 1u << 24;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(tsc_now, 0); /* nothing to measure */
    assert_int_equal(page[0x320 / 4], 2u << 17 | ARCH_VECTOR_TIMER);
    lapic_timer_oneshot_ns(1000000);
    now = tsc_now;
    assert_in_range(deadline - now, 2000000, 2000010);
    lapic_timer_stop();
    assert_int_equal(deadline, 0);
}

static void nmi_pins(void **state)
{
    struct acpi_info info = {
        .ncpus = 2,
        .cpus = {{.apic_id = 0, .uid = 10}, {.apic_id = 3, .uid = 11}},
        .nnmis = 2,
        .nmis = {{.uid = 10, .lint = 0}, {.uid = 11, .lint = 1}},
    };

    (void)state;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(page[0x350 / 4], 1u << 16); /* another processor's */
    assert_int_equal(page[0x360 / 4], 4u << 8);
    info.nmis[0].uid = ACPI_UID_ALL;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(page[0x350 / 4], 4u << 8);
    /* Wherever the list has this processor. */
    info.cpus[0] = info.cpus[1];
    info.cpus[1].apic_id = 0;
    info.cpus[1].uid = 10;
    page[0x360 / 4] = 1u << 16;
    assert_int_equal(lapic_init(&info, TSC_HZ), 0);
    assert_int_equal(page[0x360 / 4], 4u << 8);
}

static void counter_stands(void **state)
{
    struct acpi_info info = {0};

    (void)state;
    counter_hz = 0;
    assert_int_equal(lapic_init(&info, TSC_HZ), -ENODEV);
}

/* Never short, and long by at most a few parts in a million and a tick. */
static void scale_rounds_up(void **state)
{
    static const uint64_t rates[] = {1000000, 62500000, 1000000000, 2893123456, 19999999999};
    static const uint64_t times[] = {0, 1, 999, 1000, 123456789, 1000000000, 3600000000000};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        struct lapic_scale scale = lapic_scale_make(rates[i], UINT64_MAX);

        for (size_t k = 0; k < ARRAY_SIZE(times); k++) {
            uint64_t exact = (uint64_t)((unsigned __int128)times[k] * rates[i] / 1000000000);
            uint64_t ticks = lapic_scale_ticks(&scale, times[k]);

            assert_true(ticks > exact);
            assert_true(ticks <= exact + exact / 1000000 * (1 + 62500000 / rates[i]) * 3 + 3 +
                                     times[k] * 256 / (1ULL << 32));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_apic, apic_make),
        cmocka_unit_test_setup(xapic_with_counter, apic_make),
        cmocka_unit_test_setup(apic_left_off, apic_make),
        cmocka_unit_test_setup(x2apic_with_counter, apic_make),
        cmocka_unit_test_setup(deadline_timer, apic_make),
        cmocka_unit_test_setup(nmi_pins, apic_make),
        cmocka_unit_test_setup(counter_stands, apic_make),
        cmocka_unit_test_setup(scale_rounds_up, apic_make),
    };

    return cmocka_run_group_tests_name("lapic", tests, NULL, NULL);
}
