/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_tsc_test.c - the rate of the TSC, on a machine whose time is made up
 *
 * The machine has one clock in picoseconds; every access to a timer and every TSC read moves it.
 */
#include "tests/host/plat_fake.h"

#include "kernel/plat/tsc_measure.h"
#include "kernel/plat/tsc_rate.h"

#define PM_PORT 0x608
#define PM_HZ   3579545u
#define PIT_HZ  1193182u

static struct {
    uint64_t now_ps;
    uint64_t tsc_hz;
    uint64_t pm_hz;       /* what the PM timer really counts with */
    uint64_t port_ps;     /* what one port access costs */
    uint64_t tsc_ps;      /* what reading the TSC costs */
    uint64_t pm_start;    /* count at time 0 */
    uint64_t stall_every; /* every so many port reads something else takes stall_ps */
    uint64_t stall_ps;
    uint64_t nreads;
    uint64_t freeze_at_ps, freeze_ps; /* from then on for so long the TSC stands still */
    uint64_t jitter_ps;               /* each port read takes up to so much longer */
    bool pm_stands, pit_there, pit_latched_low;
    uint16_t pit_latch;
} machine;

static uint64_t ticks_at(uint64_t hz)
{
    return (uint64_t)((unsigned __int128)machine.now_ps * hz / 1000000000000u);
}

static uint64_t machine_tsc(void)
{
    uint64_t frozen_ps = 0;

    machine.now_ps += machine.tsc_ps;
    if (machine.now_ps > machine.freeze_at_ps)
        frozen_ps = MIN(machine.now_ps - machine.freeze_at_ps, machine.freeze_ps);
    return ticks_at(machine.tsc_hz) -
           (uint64_t)((unsigned __int128)frozen_ps * machine.tsc_hz / 1000000000000u);
}

static uint32_t pit_data(void)
{
    machine.pit_latched_low = !machine.pit_latched_low;
    return machine.pit_latched_low ? machine.pit_latch & 0xff : machine.pit_latch >> 8;
}

static uint32_t machine_in(uint16_t port, unsigned nbytes)
{
    uint64_t count;

    (void)nbytes;
    machine.now_ps += machine.port_ps / 2;
    count = machine.pm_start + ticks_at(machine.pm_hz);
    machine.now_ps += machine.port_ps / 2;
    if (machine.jitter_ps)
        machine.now_ps += ++machine.nreads * 2654435761u % 1000 * (machine.jitter_ps / 1000);
    if (machine.stall_every && ++machine.nreads % machine.stall_every == 0)
        machine.now_ps += machine.stall_ps;
    if (port == PM_PORT)
        return machine.pm_stands ? 0x123456 : (uint32_t)count & 0xffffff;
    if (port == 0x42 && machine.pit_there)
        return pit_data();
    return UINT32_MAX;
}

static void machine_out(uint16_t port, unsigned nbytes, uint32_t value)
{
    (void)nbytes;
    machine.now_ps += machine.port_ps;
    if (port == 0x43 && value == 0x80) {
        machine.pit_latch = (uint16_t)(0xffff - ticks_at(PIT_HZ));
        machine.pit_latched_low = false;
    }
}

static struct cpuid_result leaves[0x17];
static bool hypervisor;
static uint32_t hypervisor_khz;

static struct cpuid_result machine_cpuid(uint32_t leaf)
{
    struct cpuid_result result = {0};

    if (leaf == 1)
        result.ecx = hypervisor ? 1u << 31 : 0;
    else if (leaf < ARRAY_SIZE(leaves))
        result = leaves[leaf];
    else if (leaf == 0x40000000)
        result.eax = hypervisor_khz ? 0x40000010 : 0x40000001;
    else if (leaf == 0x40000010)
        result.eax = hypervisor_khz;
    return result;
}

static int machine_make(void **state)
{
    plat_fake_reset(state);
    memset(&machine, 0, sizeof(machine));
    memset(leaves, 0, sizeof(leaves));
    hypervisor = false;
    hypervisor_khz = 0;
    machine.tsc_hz = 2893000000;
    machine.pm_hz = PM_HZ;
    machine.freeze_at_ps = UINT64_MAX;
    machine.port_ps = 800000;
    machine.tsc_ps = 10000;
    plat_fake.in = machine_in;
    plat_fake.out = machine_out;
    plat_fake.tsc = machine_tsc;
    plat_fake.cpuid = machine_cpuid;
    return 0;
}

static void assert_near(uint64_t hz, uint64_t expected, uint64_t ppm)
{
    uint64_t slack = expected / 1000000 * ppm;

    assert_in_range(hz, expected - slack, expected + slack);
}

static const char *calibrate(const struct acpi_info *info, uint64_t *hz)
{
    const char *source = NULL;

    *hz = tsc_calibrate(info, &source);
    return source;
}

static void wrap(void **state)
{
    (void)state;
    assert_int_equal(tsc_elapsed(5, 9, 24), 4);
    assert_int_equal(tsc_elapsed(0xfffffe, 1, 24), 3);
    assert_int_equal(tsc_elapsed(0xffffffff, 0, 32), 1);
    assert_int_equal(tsc_elapsed(0xfff0, 0x0010, 16), 0x20);
    assert_int_equal(tsc_elapsed(7, 7, 24), 0);
}

static void pm_timer_accuracy(void **state)
{
    static const uint64_t rates[] = {1000000000, 1800000000, 2893000000, 5700000000};
    static const uint64_t costs[] = {20000, 150000, 800000, 2500000}; /* emulators to real ports */
    struct acpi_info info = {.pm_timer_port = PM_PORT};

    for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
        for (size_t k = 0; k < ARRAY_SIZE(costs); k++) {
            uint64_t hz;

            machine_make(state);
            machine.tsc_hz = rates[i];
            machine.port_ps = costs[k];
            machine.pm_start = i * 77;
            assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
            assert_near(hz, rates[i], 1000);
            assert_true(machine.now_ps < 1000000000); /* 1 ms at most */
        }
    }
}

static void pm_timer_wraps_in_the_middle(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    (void)state;
    machine.pm_start = 0xffffff - 900;
    assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
    assert_near(hz, machine.tsc_hz, 1000);
}

/* Now and then a read takes 30 us longer, as when firmware or a hypervisor steps in. */
static void pm_timer_interrupted(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    for (uint64_t every = 3; every < 40; every++) {
        machine_make(state);
        machine.stall_every = every;
        machine.stall_ps = 30000000;
        assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
        assert_near(hz, machine.tsc_hz, 2000);
    }
}

/* Once the TSC stands still for a while, or is behind on another processor of the host: whenever
 * that is and however long, the rate is right: what is lost in a way that two rounds share it, and
 * agree, is one per cent at most. */
static void tsc_loses_time(void **state)
{
    static const uint64_t lost[] = {5000000, 50000000, 190000000, 600000000, 5000000000};
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
        for (uint64_t at = 0; at < 800000000; at += 7000000) {
            machine_make(state);
            machine.freeze_at_ps = at;
            machine.freeze_ps = lost[i];
            assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
            assert_near(hz, machine.tsc_hz, 10000);
        }
    }
}

/* A machine that is stopped with all of its clocks. */
static void machine_is_stopped(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    for (uint64_t every = 30; every < 300; every += 7) {
        machine_make(state);
        machine.stall_every = every;
        machine.stall_ps = 1500000000;
        assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
        assert_near(hz, machine.tsc_hz, 3000);
    }
}

/* Each access takes another time: no two rounds are alike, and the rate is about right. */
static void host_is_never_quiet(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    for (uint64_t jitter = 10000000; jitter < 500000000; jitter += 9000000) {
        machine_make(state);
        machine.jitter_ps = jitter;
        assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
        assert_near(hz, machine.tsc_hz, 100000);
    }
}

/* The timer that was asked first runs at another rate than it should: the second one agrees with
 * what the processor says, and is believed. Where none agrees the first one stays. */
static void another_timer_decides(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    (void)state;
    machine.pit_there = true;
    machine.pm_hz = PM_HZ * 4;
    assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
    leaves[0].eax = 0x16;
    leaves[0x16].eax = 2900;
    assert_string_equal(calibrate(&info, &hz), "PIT");
    assert_near(hz, machine.tsc_hz, 3000);
    leaves[0x16].eax = 1000;
    assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
    machine.pm_hz = PM_HZ;
    assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
    assert_near(hz, machine.tsc_hz, 1000);
}

static void pm_timer_stands(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    (void)state;
    machine.pm_stands = true;
    machine.pit_there = true;
    assert_string_equal(calibrate(&info, &hz), "PIT");
    assert_near(hz, machine.tsc_hz, 3000);
    leaves[0].eax = 0x16;
    leaves[0x16].eax = 2900;
    assert_string_equal(calibrate(&info, &hz), "CPUID 16h");
    assert_int_equal(hz, 2900000000);
}

/* A TSC that stands still must not hang the machine, nor give a number. */
static void tsc_stands(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    (void)state;
    machine.tsc_hz = 0;
    assert_string_equal(calibrate(&info, &hz), "guess");
    assert_true(hz != 0);
    assert_true(plat_fake_logged("a guess"));
}

static uint32_t hpet_memory[256];

static volatile void *hpet_map(uint64_t physical, size_t nbytes)
{
    assert_true(physical == 0xfed00000 && nbytes <= sizeof(hpet_memory));
    return hpet_memory;
}

/* The counter moves as time does: with each look at the TSC. */
static uint64_t hpet_tsc(void)
{
    uint64_t tsc = machine_tsc();

    machine.now_ps += 300000;
    hpet_memory[0xf0 / 4] =
        hpet_memory[0x10 / 4] & 1 ? 0xfffff000u + (uint32_t)ticks_at(100000000) : 0;
    return tsc;
}

static void hpet_used(void **state)
{
    struct acpi_info info = {.hpet_address = 0xfed00000};
    uint64_t hz;

    (void)state;
    memset(hpet_memory, 0, sizeof(hpet_memory));
    plat_fake.map_mmio = hpet_map;
    plat_fake.tsc = hpet_tsc;
    hpet_memory[1] = 10000000; /* 10 ns */
    assert_string_equal(calibrate(&info, &hz), "HPET");
    assert_near(hz, machine.tsc_hz, 3000);
    assert_int_equal(plat_fake.last_cache, WINDOW_UNCACHED);

    hpet_memory[1] = 0; /* a period that cannot be */
    assert_string_equal(calibrate(&info, &hz), "guess");
    hpet_memory[1] = 100000001;
    assert_string_equal(calibrate(&info, &hz), "guess");
}

static void leaf15_forms(void **state)
{
    (void)state;
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){2, 158, 38400000, 0}) == 3033600000);
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){0, 0, 0, 0}) == 0);
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){2, 0, 24000000, 0}) == 0);
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){2, 216, 0, 0}) == 0);
    /* The crystal is not told: 2592 MHz on a 24 MHz crystal is sold as 2600. */
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){2, 216, 0, 2600}) == 2592000000);
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){2, 168, 0, 2100}) == 2100000000);
    /* No usual crystal fits. */
    assert_true(tsc_from_leaf15(&(struct tsc_leaves){2, 100, 0, 2600}) == 0);
}

static void order_of_sources(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    (void)state;
    leaves[0].eax = 0x16;
    leaves[0x15] = (struct cpuid_result){.eax = 2, .ebx = 240, .ecx = 24000000};
    leaves[0x16].eax = 2900;
    assert_string_equal(calibrate(&info, &hz), "CPUID 15h");
    assert_int_equal(hz, 2880000000);
    assert_int_equal(machine.now_ps, 0); /* nothing was waited for */
    assert_true(plat_fake_logged("CPUID 16h says 6944 ppm more"));

    hypervisor = true; /* which passes on the leaf of the machine below */
    assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
    hypervisor_khz = 2893000;
    assert_string_equal(calibrate(&info, &hz), "hypervisor leaf");
    assert_true(hz == 2893000000);
}

static void implausible_rate_is_passed_over(void **state)
{
    struct acpi_info info = {.pm_timer_port = PM_PORT};
    uint64_t hz;

    (void)state;
    leaves[0].eax = 0x16;
    leaves[0x15] = (struct cpuid_result){.eax = 1, .ebx = 1, .ecx = 1000};
    leaves[0x16].eax = 0xffff;
    assert_string_equal(calibrate(&info, &hz), "ACPI PM timer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(wrap, machine_make),
        cmocka_unit_test_setup(pm_timer_accuracy, machine_make),
        cmocka_unit_test_setup(pm_timer_wraps_in_the_middle, machine_make),
        cmocka_unit_test_setup(pm_timer_interrupted, machine_make),
        cmocka_unit_test_setup(tsc_loses_time, machine_make),
        cmocka_unit_test_setup(machine_is_stopped, machine_make),
        cmocka_unit_test_setup(host_is_never_quiet, machine_make),
        cmocka_unit_test_setup(another_timer_decides, machine_make),
        cmocka_unit_test_setup(pm_timer_stands, machine_make),
        cmocka_unit_test_setup(tsc_stands, machine_make),
        cmocka_unit_test_setup(hpet_used, machine_make),
        cmocka_unit_test_setup(leaf15_forms, machine_make),
        cmocka_unit_test_setup(order_of_sources, machine_make),
        cmocka_unit_test_setup(implausible_rate_is_passed_over, machine_make),
    };

    return cmocka_run_group_tests_name("tsc", tests, NULL, NULL);
}
