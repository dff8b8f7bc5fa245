/* SPDX-License-Identifier: MIT */
/*
 * plat/rtc.h - the battery clock of a PC, read once
 *
 * Rule:    the clock is taken to run in UTC.
 * Context: start-up. Waits at most a few ms, only while the clock is changing the second.
 * Tests:   tests/host/plat_rtc_test.c
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

/* Registers as read from CMOS memory. */
struct rtc_registers {
    uint8_t second, minute, hour, day, month, year;
    uint8_t century;  /* 0: the machine keeps none */
    uint8_t status_b; /* says BCD or binary, 12 or 24 hours */
};

/* Seconds since 1970-01-01 UTC, or 0 if there is no clock or it says nothing plausible. */
uint64_t rtc_read(const struct acpi_info *info);

/* The pure half: 0 for a date that does not exist or lies before 2020 or after 2199. */
uint64_t rtc_decode(const struct rtc_registers *registers);
