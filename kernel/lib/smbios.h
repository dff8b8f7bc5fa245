/* SPDX-License-Identifier: MIT */
/*
 * lib/smbios.h - what the firmware says about the machine: SMBIOS tables
 *
 * Owns:    the decoding of the entry point, of structures and their strings. No mapping, no I/O.
 * Rule:    every byte is doubtful: no length is followed out of the table, a structure that does
 *          not fit ends the walk.
 * Source:  DMTF DSP0134, SMBIOS 3.6, chapters 5 and 6.
 * Context: any; pure.
 * Fails:   -EINVAL for an entry point that is none, or that has no table; the output keeps what it
 *          had.
 * Used by: plat and dev/sysfs of the kernel, the loader's report, and rootfs/usr/src/check.
 * Tests:   tests/host/smbios_test.c
 */
#pragma once

#include "kernel/lib/util.h"

#define SMBIOS_ENTRY_MAX 32u        /* bytes of an entry point, at most */
#define SMBIOS_TABLE_MAX (1u << 20) /* a table that is said to be larger is cut */

struct smbios_entry {
    uint64_t table;    /* physical address */
    uint32_t nbytes;   /* of the table; version 3 gives an upper bound */
    uint16_t version;  /* 0x0208: 2.8 */
    uint8_t own_bytes; /* of the entry point itself */
};

/* Of the entry point, nbytes can be read. */
MUST_CHECK int smbios_parse_entry(const void *entry, size_t nbytes, struct smbios_entry *out);

enum smbios_type {
    SMBIOS_FIRMWARE = 0,
    SMBIOS_MACHINE = 1,
    SMBIOS_BOARD = 2,
    SMBIOS_ARRAY = 16,
    SMBIOS_MODULE = 17,
    SMBIOS_ARRAY_MAPPED = 19,
    SMBIOS_MODULE_MAPPED = 20,
    SMBIOS_END = 127,
};

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

/* Of a field of nbytes; 0 where the structure ends before it does. */
uint64_t smbios_number(const struct smbios_structure *structure, unsigned offset, unsigned nbytes);

/* The string whose number is the field at that offset; "" where there is none. */
const char *smbios_text(const struct smbios_structure *structure, unsigned offset);

/* Bytes of a SMBIOS_MODULE; 0: the socket is empty, or the size is not told. */
uint64_t smbios_module_size(const struct smbios_structure *module);
