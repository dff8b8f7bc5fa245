/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/firmware.h - tables that firmware leaves in memory: ACPI's and SMBIOS's entry points
 *
 * Owns:    the search through the configuration table and the checks of what it points to.
 * Used by: handover.c.
 * Rule:    tables are read, never changed. One with a wrong signature, length or checksum is as
 *          good as none, and the next older kind is tried.
 * Tests:   tests/host/loader_firmware_test.c
 */
#pragma once

#include "efi-loader/efi.h"
#include "kernel/lib/util.h"
#include "shared/bootinfo.h"

/* True if the bytes are a root pointer of ACPI 2.0 or later (revision 2) or of ACPI 1.0. */
bool firmware_rsdp_valid(const void *rsdp, unsigned min_revision);
bool firmware_smbios_valid(const void *entry); /* of either kind */

/* Physical addresses, 0 when there is none that is sound. */
uint64_t firmware_find_rsdp(const EFI_CONFIGURATION_TABLE *tables, size_t count);
uint64_t firmware_find_smbios(const EFI_CONFIGURATION_TABLE *tables, size_t count);

/* Writes "vendor revision" as UTF-8 with control characters left out; returns its length. */
size_t firmware_describe(const CHAR16 *vendor, uint32_t revision, char *text, size_t capacity);

/* The memory attributes table (UEFI 2.10, 4.6.4): what of runtime memory is not writable or not
 * executable. 0: there is none, or it is damaged or has more entries than that. */
uint32_t firmware_runtime_attributes(const EFI_CONFIGURATION_TABLE *tables, size_t count,
                                     struct bootinfo_range *out, uint32_t capacity);
