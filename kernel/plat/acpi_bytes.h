/* SPDX-License-Identifier: MIT */
/*
 * plat/acpi_bytes.h - little-endian numbers at any alignment, for the ACPI parsers
 *
 * Context: any; pure. acpi_getN: the caller has checked the bounds; acpi_fieldN checks itself.
 */
#pragma once

#include "kernel/plat/acpi_parse.h"

static inline uint16_t acpi_get16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static inline uint32_t acpi_get32(const uint8_t *bytes)
{
    return acpi_get16(bytes) | (uint32_t)acpi_get16(bytes + 2) << 16;
}

static inline uint64_t acpi_get64(const uint8_t *bytes)
{
    return acpi_get32(bytes) | (uint64_t)acpi_get32(bytes + 4) << 32;
}

/* A field of nbytes (1, 2, 4, 8) of a table; tables of older revisions end early, and what they
 * do not have reads as zero. */
static inline uint64_t acpi_field(const void *table, uint32_t length, uint32_t offset,
                                  unsigned nbytes)
{
    const uint8_t *at = (const uint8_t *)table + offset;

    if (offset > length || nbytes > length - offset)
        return 0;
    switch (nbytes) {
    case 1:
        return at[0];
    case 2:
        return acpi_get16(at);
    case 4:
        return acpi_get32(at);
    default:
        return acpi_get64(at);
    }
}

/* A generic address structure. */
static inline struct acpi_register acpi_get_register(const void *table, uint32_t length,
                                                     uint32_t offset)
{
    return (struct acpi_register){
        .space = (uint8_t)acpi_field(table, length, offset, 1),
        .width = (uint8_t)acpi_field(table, length, offset + 1, 1),
        .address = acpi_field(table, length, offset + 4, 8),
    };
}
