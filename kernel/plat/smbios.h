/* SPDX-License-Identifier: MIT */
/*
 * plat/smbios.h - what the firmware says is installed: memory modules
 *
 * Owns:    the sum of the memory devices in the SMBIOS table (lib/smbios.h reads it).
 * Used by: main, which has it read; the self-test, whose result `memory-installed` comes from here.
 * Rule:    an answer that is not known is no answer: one module of unknown size makes the sum
 *          unknown. Modules that are no main memory (flash, video, non-volatile) are left out.
 * Context: start-up; constant from then on.
 * Source:  DMTF DSP0134 (SMBIOS 3.6), sections 7.17 (type 16), 7.18 (type 17).
 * Tests:   tests/host/plat_smbios_test.c, tests/system/test_memory_installed.py
 */
#pragma once

#include "kernel/lib/util.h"

enum smbios_status {
    SMBIOS_NONE = 0, /* no entry point, or one that cannot be read */
    SMBIOS_BROKEN,   /* a structure reaches beyond the table */
    SMBIOS_SILENT,   /* no module of main memory is listed */
    SMBIOS_UNKNOWN,  /* a module whose size is not told */
    SMBIOS_KNOWN,
};

struct smbios_memory {
    enum smbios_status status;
    unsigned modules;
    uint64_t installed, smallest; /* bytes: of all modules, of the smallest of them */
};

/* At most two calls: the first before any memory is given out, since the table may lie in memory
 * that the firmware has left; the second once other memory can be mapped. `is_direct` says whether
 * memory is in the direct map; NULL: no matter. */
void smbios_init(uint64_t entry, bool (*is_direct)(uint64_t physical, size_t nbytes));
const struct smbios_memory *smbios_memory(void);

/* The pure half. */
void smbios_table_parse(const void *table, size_t nbytes, struct smbios_memory *memory);

/* Whether a memory map with so many bytes fits. Firmware, graphics and management keep some for
 * themselves: less than three quarters of the smallest module. A map has no more than is installed,
 * but for a sixteenth. Only for SMBIOS_KNOWN. */
bool smbios_memory_fits(const struct smbios_memory *memory, uint64_t map_bytes);
