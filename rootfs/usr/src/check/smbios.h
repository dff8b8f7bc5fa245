/* SPDX-License-Identifier: MIT */
/*
 * rootfs/usr/src/check/smbios.h - the firmware's description of the machine, as sysfs has it
 *
 * Owns:    the table, read once. Nothing outside it is read, whatever it contains.
 * Used by: check found, and check memory to name a module.
 * Tests:   tests/system/test_checks.py, with tables of its own
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum smbios_type {
    SMBIOS_FIRMWARE = 0,
    SMBIOS_SYSTEM = 1,
    SMBIOS_BOARD = 2,
    SMBIOS_MODULE = 17,
    SMBIOS_ARRAY_MAPPED = 19,
    SMBIOS_MODULE_MAPPED = 20,
    SMBIOS_END = 127,
};

struct smbios_item {
    uint8_t type, length;
    uint16_t handle;
    const uint8_t *bytes; /* `length` of them */
    const char *strings, *end;
};

/* The table, from that file or, where it is NULL, from sysfs. False: there is none. */
bool smbios_load(const char *path);
/* The structure at *at, which moves behind it; false at the end. Begin with 0. */
bool smbios_next(size_t *at, struct smbios_item *item);
/* The string whose number stands at that offset; "" where there is none. */
const char *smbios_string(const struct smbios_item *item, unsigned offset);
/* A number of nbytes at that offset; 0 outside of the structure. */
uint64_t smbios_number(const struct smbios_item *item, unsigned offset, unsigned nbytes);
/* Bytes of a memory module; 0: the socket is empty. */
uint64_t smbios_module_size(const struct smbios_item *module);
/* The modules that hold that physical address, in words. */
void smbios_module_text(uint64_t physical, char *text, size_t size);
