/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_clocks_test.c - clocks against each other, on a machine whose time is made up
 */
#include "tests/host/plat_fake.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/core/clock.h"
#include "kernel/plat/clocks.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/rtc.h"

#define PM_PORT 0x608
#define PM_HZ   3579545u
#define HPET_AT 0xfed00000u
#define US      1000ULL
#define MS      1000000ULL
#define SECOND  1000000000ULL
#define RATE    62500000u

struct features features;

static struct {
    uint64_t now_ns;
    uint64_t read_ns;          /* what a look at the clock costs */
    uint64_t pm_ppm, hpet_ppm; /* of the right rate */
    uint64_t pm_lost_ns;       /* how long it stood still before the end */
    uint64_t date;             /* at time 0 */
    uint64_t date_stands_at_ns;
    uint64_t apic_hz[4]; /* of the next measurements */
    unsigned apic_looks;
    uint64_t apic_start;
} machine;

static uint32_t hpet_page[256];

uint64_t clock_monotonic_ns(void)
{
    return machine.now_ns += machine.read_ns;
}

uint64_t clock_tsc_hz(void)
{
    return 1000000000;
}

uint64_t rtc_read(const struct acpi_info *info)
{
    (void)info;
    return machine.date ? machine.date + MIN(machine.now_ns, machine.date_stands_at_ns) / SECOND
                        : 0;
}

uint64_t lapic_timer_measure(uint64_t tsc_hz, uint64_t *start_hz)
{
    assert_int_equal(tsc_hz, 1000000000);
    *start_hz = machine.apic_start;
    return machine.apic_hz[machine.apic_looks++ % 4];
}

static uint64_t counted(uint64_t ns, uint64_t hz, uint64_t ppm)
{
    return (uint64_t)((unsigned __int128)ns * hz * ppm / 1000000 / SECOND);
}

static uint32_t machine_in(uint16_t port, unsigned nbytes)
{
    assert_true(port == PM_PORT && nbytes == 4);
    return (uint32_t)counted(machine.now_ns - machine.pm_lost_ns, PM_HZ, machine.pm_ppm) |
           0xff000000;
}

static uint64_t tsc_of_1ghz(void)
{
    return machine.now_ns += machine.read_ns;
}

/* 100 MHz; the counter is stored as the page is mapped and before the end. */
static volatile void *map_mmio(uint64_t physical, size_t nbytes)
{
    assert_true(physical == HPET_AT && nbytes <= sizeof(hpet_page));
    hpet_page[1] = 10000000;
    return hpet_page;
}

static const struct acpi_info both = {.pm_timer_port = PM_PORT, .hpet_address = HPET_AT};
static struct clock_result results[CLOCKS_OTHER];

static void run_with_jump(const struct acpi_info *info, uint64_t ns, uint64_t lost_ns,
                          const char *skew)
{
    uint64_t took;

    machine.now_ns = 7 * MS;
    machine.apic_looks = 0;
    machine.pm_lost_ns = 0;
    hpet_page[0xf0 / 4] = (uint32_t)counted(machine.now_ns, 100000000, machine.hpet_ppm);
    clocks_begin(info, rtc_read(info));
    machine.now_ns = 7 * MS + ns;
    machine.pm_lost_ns = lost_ns;
    hpet_page[0xf0 / 4] = (uint32_t)counted(machine.now_ns, 100000000, machine.hpet_ppm);
    took = clocks_end(info, skew, results);
    assert_in_range(took, ns, ns + MS);
}

static void run(const struct acpi_info *info, uint64_t ns, const char *skew)
{
    run_with_jump(info, ns, 0, skew);
}

static void expect(enum clock_verdict pm, enum clock_verdict hpet, enum clock_verdict rtc,
                   enum clock_verdict apic)
{
    const enum clock_verdict expected[] = {pm, hpet, rtc, apic};

    for (unsigned i = 0; i < CLOCKS_OTHER; i++) {
        if (results[i].verdict != expected[i])
            print_message("%s: off by %lld us\n", results[i].name, (long long)results[i].off_us);
        assert_int_equal(results[i].verdict, expected[i]);
    }
}

static int machine_make(void **state)
{
    plat_fake_reset(state);
    memset(&machine, 0, sizeof(machine));
    features = (struct features){.nx = true};
    machine.read_ns = 200;
    machine.pm_ppm = machine.hpet_ppm = 1000000;
    machine.date = 1700000000;
    machine.date_stands_at_ns = UINT64_MAX;
    machine.apic_start = RATE;
    for (unsigned i = 0; i < 4; i++)
        machine.apic_hz[i] = RATE + 1000 * i;
    plat_fake.in = machine_in;
    plat_fake.tsc = tsc_of_1ghz;
    plat_fake.map_mmio = map_mmio;
    return 0;
}

#define NOT CLOCK_NOT_COMPARED
#define YES CLOCK_AGREES
#define OFF CLOCK_DIFFERS

/* A plan of a millisecond, of seconds, of minutes: each clock as long as it can tell something. The
 * PM timer wraps every 4.7 s, the HPET every 43 s. */
static void test_good_machine(void **state)
{
    (void)state;
    run(&both, MS, "");
    expect(YES, YES, NOT, YES);
    run(&both, 5 * SECOND, "");
    expect(YES, YES, YES, YES);
    assert_int_equal(hpet_page[4] & 1, 1); /* it was made to count */
    run(&both, 60 * SECOND, "");
    expect(NOT, YES, YES, YES);
    run(&both, 1000 * SECOND, "");
    expect(NOT, NOT, YES, YES);
    run(&both, 10000 * SECOND, "");
    expect(NOT, NOT, YES, YES);
}

static void test_nothing_there(void **state)
{
    const struct acpi_info none = {.found = true};

    (void)state;
    machine.date = machine.apic_start = 0;
    run(&none, 5 * SECOND, "");
    expect(NOT, NOT, NOT, NOT);
}

/* Two per cent, either way. */
static void test_rates(void **state)
{
    (void)state;
    machine.pm_ppm = 1019000;
    machine.hpet_ppm = 981000;
    run(&both, SECOND, "");
    expect(YES, YES, NOT, YES);
    assert_in_range(results[0].off_us, 18500, 19500);
    assert_in_range(-results[1].off_us, 18500, 19500);
    machine.pm_ppm = 1021000;
    run(&both, SECOND, "");
    expect(OFF, YES, NOT, YES);
    machine.pm_ppm = 1000000;
    machine.hpet_ppm = 979000;
    run(&both, SECOND, "");
    expect(YES, OFF, NOT, YES);
    machine.hpet_ppm = 0; /* it stands still */
    run(&both, SECOND, "");
    expect(YES, OFF, NOT, YES);
    machine.pm_ppm = 1041667; /* 25 MHz where 24 are meant */
    machine.hpet_ppm = 1000000;
    run(&both, 10 * SECOND, "");
    expect(OFF, YES, YES, YES);
}

/* A virtual machine that was stopped: the counter lags from then on, at its rate. On metal that is
 * a fault, and so is another rate, or a counter that stands still, anywhere. */
static void test_jumps(void **state)
{
    (void)state;
    run_with_jump(&both, 4 * SECOND, 112 * MS, "");
    expect(OFF, YES, YES, YES);
    features.hypervisor = true;
    run_with_jump(&both, 4 * SECOND, 112 * MS, "");
    expect(CLOCK_JUMPED, YES, YES, YES);
    assert_in_range(-results[0].off_us, 111900, 112100);
    run_with_jump(&both, 4 * SECOND, 112 * MS, "pm-timer");
    expect(OFF, YES, YES, YES);
    machine.pm_ppm = 1025000;
    machine.hpet_ppm = 0;
    run(&both, 4 * SECOND, "");
    expect(OFF, OFF, YES, YES);
}

/* Reads that take long, as those that a hypervisor steps in for, say that much less. */
static void test_slow_reads(void **state)
{
    (void)state;
    machine.read_ns = 50 * US;
    machine.pm_ppm = 1050000;
    run(&both, MS, "");
    expect(YES, YES, NOT, YES);
    machine.read_ns = 200;
    run(&both, MS, "");
    expect(OFF, YES, NOT, YES);
}

static void test_date(void **state)
{
    (void)state;
    machine.date_stands_at_ns = 0;
    run(&both, SECOND, "");
    expect(YES, YES, NOT, YES);
    run(&both, 3 * SECOND, "");
    expect(YES, YES, OFF, YES);
    machine.date_stands_at_ns = 9 * SECOND;
    run(&both, 10 * SECOND, "");
    expect(YES, YES, YES, YES);
    run(&both, 13 * SECOND, "");
    expect(YES, YES, OFF, YES);
}

/* On a machine of metal that is a fault, a virtual one may have been stopped. */
static void test_date_of_virtual_machine(void **state)
{
    int64_t off = 0;

    (void)state;
    assert_int_equal(clocks_compare_dates(100, 112, 10 * SECOND, false, &off), OFF);
    assert_int_equal(off, 2000000);
    assert_int_equal(clocks_compare_dates(100, 112, 10 * SECOND, true, &off), NOT);
    assert_int_equal(clocks_compare_dates(100, 111, 10 * SECOND, true, &off), YES);
    assert_int_equal(clocks_compare_dates(100, 99, 10 * SECOND, true, &off), NOT);
    assert_int_equal(clocks_compare_dates(100, 99, 10 * SECOND, false, &off), OFF);
    assert_int_equal(clocks_compare_dates(0, 112, 10 * SECOND, false, &off), NOT);
    assert_int_equal(clocks_compare_dates(100, 0, 10 * SECOND, false, &off), NOT);
}

static void test_apic_timer(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        machine.apic_hz[i] = RATE + RATE / 25; /* 4 % */
    run(&both, 3 * SECOND, "");
    expect(YES, YES, YES, YES);
    assert_in_range(results[3].off_us, 39990, 40000);
    for (unsigned i = 0; i < 4; i++)
        machine.apic_hz[i] = RATE - RATE / 16;
    run(&both, 3 * SECOND, "");
    expect(YES, YES, YES, OFF);
    machine.apic_hz[3] = RATE; /* the host was busy before */
    run(&both, 3 * SECOND, "");
    expect(YES, YES, YES, YES);
    for (unsigned i = 0; i < 4; i++)
        machine.apic_hz[i] = 0;
    run(&both, 3 * SECOND, "");
    expect(YES, YES, YES, OFF);
}

/* Each word of the option makes that clock differ, and no other. */
static void test_skew(void **state)
{
    static const char *const words[] = {"pm-timer", "hpet", "rtc", "apic-timer"};

    (void)state;
    for (unsigned i = 0; i < CLOCKS_OTHER; i++) {
        run(&both, 3 * SECOND, words[i]);
        expect(i == 0 ? OFF : YES, i == 1 ? OFF : YES, i == 2 ? OFF : YES, i == 3 ? OFF : YES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_good_machine, machine_make),
        cmocka_unit_test_setup(test_nothing_there, machine_make),
        cmocka_unit_test_setup(test_rates, machine_make),
        cmocka_unit_test_setup(test_jumps, machine_make),
        cmocka_unit_test_setup(test_slow_reads, machine_make),
        cmocka_unit_test_setup(test_date, machine_make),
        cmocka_unit_test_setup(test_date_of_virtual_machine, machine_make),
        cmocka_unit_test_setup(test_apic_timer, machine_make),
        cmocka_unit_test_setup(test_skew, machine_make),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
