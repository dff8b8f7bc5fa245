/* SPDX-License-Identifier: MIT */
/*
 * lib/smbios.h - what the firmware says about the machine: SMBIOS tables
 *
 * Owns:    the decoding of the entry point, of structures and their strings. No mapping, no I/O.
 * Rule:    every byte is doubtful: no length is followed out of the table, a structure that does
 *          not fit ends the walk.
 * Source:  DMTF DSP0134, SMBIOS 3.6, chapters 5 and 6.
 * Context: any; pure.
 * Fails:   -EINVAL for an entry point that is none; the output keeps what it had.
 * Tests:   tests/host/smbios_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define SMBIOS_ENTRY_MAX 32u /* bytes of an entry point, at most */

struct smbios_entry {
    uint64_t table;    /* physical address */
    uint32_t nbytes;   /* of the table; version 3 gives an upper bound */
    uint16_t version;  /* 0x0208: 2.8 */
    uint8_t own_bytes; /* of the entry point itself */
};

/* Of the entry point, nbytes can be read. */
MUST_CHECK int smbios_parse_entry(const void *entry, size_t nbytes, struct smbios_entry *out);

#define SMBIOS_END 127 /* type of the last structure */

struct smbios_structure {
    const uint8_t *bytes; /* type, length, handle, fields; then the strings */
    uint32_t offset;      /* in the table */
    uint32_t nbytes;      /* with the strings and the two NULs behind them */
    uint16_t handle;
    uint8_t type, length; /* without the strings */
};

/* The structure behind the one in *at, or the first when at->bytes is NULL. False: none, and *at is
 * as it was. */
MUST_CHECK bool smbios_next(const void *table, size_t nbytes, struct smbios_structure *at);

/* String number n, from 1 on; "" for 0 and for one that is not there. */
const char *smbios_string(const struct smbios_structure *structure, unsigned n);
