/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/inventory.h - what only the firmware's drivers know about the machine
 *
 * Owns:    the text in JSON: disks and their health, network cards, panels, TPM, Secure Boot.
 * Used by: main.c; report.c puts the text into the report, the kernel makes it a file.
 * Rule:    nothing that the firmware answers, or does not, keeps the kernel from being started.
 *          inventory=off: nothing is asked.
 * Format:  one object, a device a line; README.md of this directory names its members.
 * Tests:   tests/host/loader_inventory_test.c, tests/quirk, tests/system/test_inventory.py
 */
#pragma once

#include "efi-loader/efi.h"
#include "efi-loader/memory.h"

#define INVENTORY_CAPACITY 16384

struct inventory {
    const char *text; /* NULL: none */
    size_t nbytes;
    bool hung;   /* a driver did not come back: nothing is written through it any more */
    bool raised; /* and the level is TPL_CALLBACK (ask.h): to be lowered before boot services end */
    struct bootinfo_extent archive; /* for the kernel: shared/bootinfo.h */
};

void inventory_take(EFI_SYSTEM_TABLE *st, struct memory *memory,
                    const struct bootinfo_cpu_state *state, const char *cmdline,
                    struct inventory *out);
