/* SPDX-License-Identifier: MIT */
/*
 * plat/acpi.h - finding the ACPI tables in memory
 *
 * Owns:    the one struct acpi_info of the machine, constant after acpi_init.
 * Used by: plat (timers, local APIC, power), main.
 * Context: acpi_init once at start-up, after the kernel windows work; acpi_info from anywhere.
 * Fails:   never: what is missing or broken is logged and stays zero.
 * Tests:   tests/host/plat_acpi_test.c
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

/* rsdp: physical address, 0 if the firmware gave none. */
void acpi_init(uint64_t rsdp);

/* Never NULL; .found: there were tables. */
const struct acpi_info *acpi_info(void);

/* The tables as the firmware left them, in the order of the root table: the number index, from 0
 * on; its length, or 0 when there are no more. The DSDT and the FACS, to which the FADT leads, come
 * right behind it. */
MUST_CHECK size_t acpi_table(unsigned index, const uint8_t **out_bytes);
