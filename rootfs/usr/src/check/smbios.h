/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/smbios.h - the firmware's description of the machine, as sysfs has it
 *
 * Owns:    the table, read once. It is walked by the kernel's lib/smbios.h.
 * Used by: check found, and check memory to name a module.
 * Tests:   tests/system/test_checks.py, with tables of its own
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/smbios.h"

/* The table, from that file or, where it is NULL, from sysfs. False: there is none. */
bool smbios_load(const char *path);
/* The structure behind *item; false at the end. Begin with zeroes. */
bool smbios_item_next(struct smbios_structure *item);
/* The modules that hold that physical address, in words. */
void smbios_module_text(uint64_t physical, char *text, size_t size);
