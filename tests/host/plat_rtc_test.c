/* SPDX-License-Identifier: MIT */
/*
 * tests/host/plat_rtc_test.c - dates of the battery clock, against the C library
 */
#include "tests/host/plat_fake.h"

#include <time.h>

#include "kernel/plat/rtc.h"

#define BINARY_24 0x06
#define BCD_24    0x02
#define BCD_12    0x00
#define BINARY_12 0x04

static uint8_t number(unsigned value, uint8_t status_b)
{
    return (uint8_t)(status_b & 4 ? value : (value / 10) << 4 | value % 10);
}

static struct rtc_registers registers_of(time_t when, uint8_t status_b)
{
    struct tm tm;
    unsigned hour;
    uint8_t pm = 0;

    gmtime_r(&when, &tm);
    hour = (unsigned)tm.tm_hour;
    if (!(status_b & 2)) {
        pm = hour >= 12 ? 0x80 : 0;
        hour = hour % 12 ? hour % 12 : 12;
    }
    return (struct rtc_registers){
        .second = number((unsigned)tm.tm_sec, status_b),
        .minute = number((unsigned)tm.tm_min, status_b),
        .hour = (uint8_t)(number(hour, status_b) | pm),
        .day = number((unsigned)tm.tm_mday, status_b),
        .month = number((unsigned)tm.tm_mon + 1, status_b),
        .year = number((unsigned)tm.tm_year % 100, status_b),
        .century = number((unsigned)tm.tm_year / 100 + 19, status_b),
        .status_b = status_b,
    };
}

/* One reading every 11 hours, 7 minutes and 5 seconds of two centuries, in all four formats. */
static void agrees_with_the_library(void **state)
{
    static const uint8_t formats[] = {BINARY_24, BCD_24, BCD_12, BINARY_12};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
        for (time_t when = 1577836800; when < 7258118400; when += 40025) {
            struct rtc_registers registers = registers_of(when, formats[i]);

            if (rtc_decode(&registers) != (uint64_t)when)
                fail_msg("format %u, time %lld", formats[i], (long long)when);
        }
    }
}

static void century_missing(void **state)
{
    struct rtc_registers registers = registers_of(1795161600, BCD_24);

    (void)state;
    registers.century = 0;
    assert_int_equal(rtc_decode(&registers), 1795161600);
    registers.century = 0x47; /* the register is used for something else */
    assert_int_equal(rtc_decode(&registers), 1795161600);
}

static void impossible_dates(void **state)
{
    static const struct rtc_registers bad[] = {
        {.day = 0x31, .month = 2, .year = 0x26, .status_b = BCD_24},
        {.day = 0x29, .month = 2, .year = 0x27, .status_b = BCD_24}, /* no leap year */
        {.day = 0, .month = 2, .year = 0x26, .status_b = BCD_24},
        {.day = 1, .month = 0, .year = 0x26, .status_b = BCD_24},
        {.day = 1, .month = 0x13, .year = 0x26, .status_b = BCD_24},
        {.day = 1, .month = 1, .year = 0x26, .hour = 0x24, .status_b = BCD_24},
        {.day = 1, .month = 1, .year = 0x26, .minute = 0x60, .status_b = BCD_24},
        {.day = 1, .month = 1, .year = 0x26, .second = 0x5a, .status_b = BCD_24},
        {.day = 1, .month = 1, .year = 0x26, .hour = 0x00, .status_b = BCD_12},
        {.day = 1, .month = 1, .year = 0x26, .hour = 0x13, .status_b = BCD_12},
        {.day = 1, .month = 1, .year = 0x19, .status_b = BCD_24}, /* before this kernel */
        {.day = 0xff, .month = 0xff, .year = 0xff, .status_b = 0xff},
        {.status_b = BCD_24},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(rtc_decode(&bad[i]), 0);
}

static struct {
    uint8_t memory[128];
    uint8_t index;
    unsigned nupdating; /* how often status A still says that an update is going on */
    unsigned tear_at;   /* after so many reads the next second begins */
    unsigned nreads;
} cmos;

static void cmos_out(uint16_t port, unsigned nbytes, uint32_t value)
{
    assert_true(port == 0x70 && nbytes == 1 && value < 0x80);
    cmos.index = (uint8_t)value;
}

static uint32_t cmos_in(uint16_t port, unsigned nbytes)
{
    uint8_t value = cmos.memory[cmos.index];

    assert_true(port == 0x71 && nbytes == 1);
    if (cmos.index == 10)
        return cmos.nupdating && cmos.nupdating-- ? 0x80 : 0;
    if (cmos.tear_at && ++cmos.nreads == cmos.tear_at) {
        cmos.memory[0] = 0x00;
        cmos.memory[2] = 0x01;
    }
    return value;
}

/* 2026-11-21 10:00:59 in BCD, 24 hours. */
static int cmos_make(void **state)
{
    plat_fake_reset(state);
    memset(&cmos, 0, sizeof(cmos));
    cmos.memory[0] = 0x59;
    cmos.memory[4] = 0x10;
    cmos.memory[7] = 0x21;
    cmos.memory[8] = 0x11;
    cmos.memory[9] = 0x26;
    cmos.memory[11] = BCD_24;
    cmos.memory[0x32] = 0x20;
    plat_fake.in = cmos_in;
    plat_fake.out = cmos_out;
    return 0;
}

#define CMOS_TIME 1795255259u

static void reads_the_clock(void **state)
{
    struct acpi_info info = {.century = 0x32};

    (void)state;
    assert_int_equal(rtc_read(&info), CMOS_TIME);
    cmos.nupdating = 100;
    assert_int_equal(rtc_read(&info), CMOS_TIME);
    info.century = 200; /* not in the memory at all */
    assert_int_equal(rtc_read(&info), CMOS_TIME);
    info.no_rtc = true;
    assert_int_equal(rtc_read(&info), 0);
}

static void torn_reading_is_repeated(void **state)
{
    struct acpi_info info = {0};

    for (unsigned at = 1; at < 20; at++) {
        uint64_t time;

        cmos_make(state);
        cmos.tear_at = at;
        time = rtc_read(&info);
        assert_true(time == CMOS_TIME || time == CMOS_TIME + 1);
    }
}

static void clock_that_never_settles(void **state)
{
    struct acpi_info info = {0};

    (void)state;
    cmos.nupdating = UINT32_MAX;
    assert_int_equal(rtc_read(&info), 0);
    plat_fake.in = NULL; /* no clock: all ones */
    assert_int_equal(rtc_read(&info), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_library),
        cmocka_unit_test(century_missing),
        cmocka_unit_test(impossible_dates),
        cmocka_unit_test_setup(reads_the_clock, cmos_make),
        cmocka_unit_test_setup(torn_reading_is_repeated, cmos_make),
        cmocka_unit_test_setup(clock_that_never_settles, cmos_make),
    };

    return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
