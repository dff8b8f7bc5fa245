/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/smbios.h - what the machine says of itself: maker, model, serial number, memory
 * modules
 *
 * Used by: report_head.c.
 * Rule:    tables are read, never changed, and nothing outside of them is read.
 * Source:  SMBIOS 3.6, sections 5.2 and 6.1.
 * Tests:   tests/host/loader_smbios_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct smbios {
    const unsigned char *at, *end; /* the structures */
};

struct smbios_structure {
    const unsigned char *bytes; /* NULL: there is none */
    unsigned length;            /* without the strings */
    const unsigned char *end;   /* of the strings */
};

enum smbios_type {
    SMBIOS_FIRMWARE = 0,
    SMBIOS_MACHINE = 1,
    SMBIOS_BOARD = 2,
    SMBIOS_MEMORY_MODULE = 17,
    SMBIOS_END = 127,
};

/* entry: an entry point of either kind that has been checked; 0: the tables are empty. */
struct smbios smbios_open(uint64_t entry);

/* The next structure of a type, from where tables->at points. */
struct smbios_structure smbios_next(struct smbios *tables, enum smbios_type type);

/* A field of 1, 2 or 4 bytes; 0 where the structure is shorter. */
uint32_t smbios_field(const struct smbios_structure *structure, unsigned offset, unsigned width);

/* The string whose number stands in the field: without blanks at its end and control characters;
 * "" if there is none. Cut to size. */
void smbios_string(const struct smbios_structure *structure, unsigned offset, char *out,
                   size_t size);
