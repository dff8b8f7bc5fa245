/* SPDX-License-Identifier: MIT */
/*
 * The date, from the real-time clock in CMOS memory.
 *
 * Registers: MC146818 data sheet (Motorola).
 */
#include "kernel/plat/rtc.h"

#include "kernel/arch/x86_64/io.h"

#define CMOS_INDEX 0x70
#define CMOS_DATA  0x71

enum cmos_register {
    CMOS_SECOND = 0,
    CMOS_MINUTE = 2,
    CMOS_HOUR = 4,
    CMOS_DAY = 7,
    CMOS_MONTH = 8,
    CMOS_YEAR = 9,
    CMOS_STATUS_A = 10,
    CMOS_STATUS_B = 11,
};

#define STATUS_A_UPDATING 0x80
#define STATUS_B_BINARY   0x04
#define STATUS_B_24_HOURS 0x02
#define HOUR_PM           0x80

/* An update takes 2 ms, a read of CMOS memory about one microsecond. */
#define UPDATE_POLLS 20000u
#define READ_TRIES   4

#define YEAR_MIN 2020u
#define YEAR_MAX 2199u

/* Bit 7 of the index masks NMIs: it stays 0. No lock, since only start-up reads here. */
static uint8_t cmos_read(uint8_t index)
{
    io_out8(CMOS_INDEX, index);
    return io_in8(CMOS_DATA);
}

/* During an update the registers are inconsistent; the flag is set for at least 244 us before one.
 */
static bool update_wait(void)
{
    for (unsigned i = 0; i < UPDATE_POLLS; i++) {
        if (!(cmos_read(CMOS_STATUS_A) & STATUS_A_UPDATING))
            return true;
    }
    return false;
}

/* Status B holds the format of the others: read with them, so that a change shows. */
static struct rtc_registers registers_read(uint8_t century)
{
    return (struct rtc_registers){
        .second = cmos_read(CMOS_SECOND),
        .minute = cmos_read(CMOS_MINUTE),
        .hour = cmos_read(CMOS_HOUR),
        .day = cmos_read(CMOS_DAY),
        .month = cmos_read(CMOS_MONTH),
        .year = cmos_read(CMOS_YEAR),
        .century = century ? cmos_read(century) : 0,
        .status_b = cmos_read(CMOS_STATUS_B),
    };
}

/* Leaves 0xff, which no field can be, for what is not a BCD number. */
static NOINLINE unsigned number_decode(uint8_t value, bool binary)
{
    if (binary)
        return value;
    if ((value & 0x0f) > 9 || (value >> 4) > 9)
        return 0xff;
    return (value >> 4) * 10u + (value & 0x0f);
}

/* In 12-hour mode midnight and noon are 12, and the highest bit says which half of the day. */
static unsigned hour_decode(uint8_t value, bool binary, bool full_day)
{
    unsigned hour;

    if (full_day)
        return number_decode(value, binary);
    hour = number_decode(value & (uint8_t)~HOUR_PM, binary);
    if (hour < 1 || hour > 12)
        return 0xff;
    return hour % 12 + (value & HOUR_PM ? 12 : 0);
}

static bool leap_year(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* month is 1 to 12. */
static unsigned days_of_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && leap_year(year));
}

/* A loop over the years: it runs once, and is easier to check than a formula. */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    uint64_t days = day - 1;

    for (unsigned y = 1970; y < year; y++)
        days += leap_year(y) ? 366 : 365;
    for (unsigned m = 1; m < month; m++)
        days += days_of_month(year, m);
    return days;
}

/* 0 for anything that is no date between the years above: the caller then has no wall clock. */
COLD uint64_t rtc_decode(const struct rtc_registers *registers)
{
    /* Both formats are in use: PCs have BCD, some emulators binary. */
    bool binary = registers->status_b & STATUS_B_BINARY;
    unsigned second = number_decode(registers->second, binary);
    unsigned minute = number_decode(registers->minute, binary);
    unsigned hour = hour_decode(registers->hour, binary, registers->status_b & STATUS_B_24_HOURS);
    unsigned day = number_decode(registers->day, binary);
    unsigned month = number_decode(registers->month, binary);
    unsigned year = number_decode(registers->year, binary);
    unsigned century = number_decode(registers->century, binary);

    if (year > 99)
        return 0;
    /* A century register that is absent, or used for something else, is left alone. */
    year += century == 20 || century == 21 ? century * 100 : 2000;
    if (year < YEAR_MIN || year > YEAR_MAX || month < 1 || month > 12)
        return 0;
    if (day < 1 || day > days_of_month(year, month))
        return 0;
    if (hour > 23 || minute > 59 || second > 59)
        return 0;
    return ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

static bool registers_equal(const struct rtc_registers *one, const struct rtc_registers *other)
{
    return one->second == other->second && one->minute == other->minute &&
           one->hour == other->hour && one->day == other->day && one->month == other->month &&
           one->year == other->year && one->century == other->century &&
           one->status_b == other->status_b;
}

/* 0 without a clock or a date: the caller's time then begins in 1970. */
uint64_t rtc_read(const struct acpi_info *info)
{
    /* CMOS memory has 128 bytes; an index beyond that is a firmware error. */
    uint8_t century = info->century < 128 ? info->century : 0;

    /* Reads of absent ports would give 0xff for every field, after the whole wait. */
    if (info->no_rtc)
        return 0;
    /* Two readings that agree were not torn by an update that began between the wait and them. */
    for (unsigned i = 0; i < READ_TRIES; i++) {
        struct rtc_registers first, second;

        /* A flag that never clears: there is no clock behind these ports. */
        if (!update_wait())
            return 0;
        first = registers_read(century);
        if (!update_wait())
            return 0;
        second = registers_read(century);
        if (registers_equal(&first, &second))
            return rtc_decode(&second);
    }
    return 0;
}
