/* SPDX-License-Identifier: MIT */
/*
 * Memory modules from the SMBIOS table.
 *
 * The table is a row of structures without a checksum: each has a length of its own, then strings
 * up to an empty one. Firmware is known to give lengths that are wrong, so every step is bounded by
 * the table, and a table that is broken before its end says nothing at all.
 */
#include "kernel/plat/smbios.h"

#include "kernel/lib/string.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi_bytes.h"

#define ENTRY_SIZE     31 /* of 2.x, the larger one; the loader has checked the sums */
#define TABLE_MAX_SIZE (1u << 20)

enum smbios_type {
    TYPE_ARRAY = 16,
    TYPE_DEVICE = 17,
    TYPE_END = 127,
};

#define HEADER_SIZE 4

#define ARRAY_USE         0x05
#define ARRAY_USE_SYSTEM  3
#define DEVICE_ARRAY      0x04
#define DEVICE_SIZE       0x0c
#define DEVICE_TYPE       0x12
#define DEVICE_MIN_LENGTH 0x15 /* of version 2.1 */
#define DEVICE_EXTENDED   0x1c
#define DEVICE_TECHNOLOGY 0x28

#define SIZE_UNKNOWN  0xffff
#define SIZE_EXTENDED 0x7fff
#define SIZE_KIB      0x8000

#define TYPE_VRAM        5
#define TYPE_ROM         8
#define TYPE_EPROM       12
#define TECHNOLOGY_FIRST 4 /* NVDIMM-N, -F, -P, Optane: what is after is main memory's again */
#define TECHNOLOGY_LAST  7

static struct smbios_memory the_memory;

const struct smbios_memory *smbios_memory(void)
{
    return &the_memory;
}

COLD bool smbios_entry_parse(const void *entry, uint64_t *table, size_t *nbytes)
{
    const uint8_t *bytes = entry;

    if (!memcmp(bytes, "_SM3_", 5)) {
        *nbytes = acpi_get32(bytes + 12);
        *table = acpi_get64(bytes + 16);
    } else if (!memcmp(bytes, "_SM_", 4)) {
        *nbytes = acpi_get16(bytes + 22);
        *table = acpi_get32(bytes + 24);
    } else {
        return false;
    }
    *nbytes = MIN(*nbytes, (size_t)TABLE_MAX_SIZE); /* of 3.x it is an upper bound */
    return *table && *nbytes;
}

/* The structure at `at` with its strings; 0: it does not end within the table. */
static size_t structure_size(const uint8_t *table, size_t nbytes, size_t at)
{
    size_t end;

    if (nbytes - at < HEADER_SIZE || table[at + 1] < HEADER_SIZE)
        return 0;
    for (end = at + table[at + 1]; end + 1 < nbytes; end++)
        if (!table[end] && !table[end + 1])
            return end + 2 - at;
    return 0;
}

/* What the array with that handle is used for; without one: main memory. */
static bool array_is_system(const uint8_t *table, size_t nbytes, uint16_t handle)
{
    size_t size;

    for (size_t at = 0; (size = structure_size(table, nbytes, at)) != 0; at += size)
        if (table[at] == TYPE_ARRAY && acpi_get16(table + at + 2) == handle &&
            table[at + 1] > ARRAY_USE)
            return table[at + ARRAY_USE] == ARRAY_USE_SYSTEM;
    return true;
}

/* Modules of main memory; an empty socket is none. */
static bool device_is_module(const uint8_t *device)
{
    unsigned type, technology = 0;

    if (device[1] < DEVICE_MIN_LENGTH || !acpi_get16(device + DEVICE_SIZE))
        return false;
    type = device[DEVICE_TYPE];
    if (device[1] > DEVICE_TECHNOLOGY)
        technology = device[DEVICE_TECHNOLOGY];
    return type != TYPE_VRAM && !(type >= TYPE_ROM && type <= TYPE_EPROM) &&
           !(technology >= TECHNOLOGY_FIRST && technology <= TECHNOLOGY_LAST);
}

/* Bytes; 0: not known. */
static uint64_t device_bytes(const uint8_t *device)
{
    uint64_t size = acpi_get16(device + DEVICE_SIZE);

    if (size == SIZE_UNKNOWN)
        return 0;
    if (size == SIZE_EXTENDED)
        return device[1] < DEVICE_EXTENDED + 4
                   ? 0
                   : (acpi_get32(device + DEVICE_EXTENDED) & 0x7fffffffULL) << 20;
    return size & SIZE_KIB ? (size & ~(uint64_t)SIZE_KIB) << 10 : size << 20;
}

COLD void smbios_table_parse(const void *table, size_t nbytes, struct smbios_memory *memory)
{
    const uint8_t *bytes = table;
    bool unknown = false;
    size_t at = 0, size;

    *memory = (struct smbios_memory){.status = SMBIOS_BROKEN, .smallest = UINT64_MAX};
    while (at < nbytes && bytes[at] != TYPE_END) {
        const uint8_t *device = bytes + at;

        size = structure_size(bytes, nbytes, at);
        if (!size)
            return;
        at += size;
        if (device[0] != TYPE_DEVICE || !device_is_module(device) ||
            !array_is_system(bytes, nbytes, acpi_get16(device + DEVICE_ARRAY)))
            continue;
        memory->modules++;
        memory->installed += device_bytes(device);
        memory->smallest = MIN(memory->smallest, device_bytes(device));
        unknown |= !device_bytes(device);
    }
    memory->status = unknown ? SMBIOS_UNKNOWN : memory->modules ? SMBIOS_KNOWN : SMBIOS_SILENT;
}

COLD void smbios_init(uint64_t entry, bool (*is_direct)(uint64_t physical, size_t nbytes))
{
    const void *mapped;
    uint64_t table;
    size_t nbytes;

    if (!entry || the_memory.status || (is_direct && !is_direct(entry, ENTRY_SIZE)))
        return;
    mapped = memremap(entry, ENTRY_SIZE);
    if (!mapped || !smbios_entry_parse(mapped, &table, &nbytes) ||
        (is_direct && !is_direct(table, nbytes)))
        return;
    mapped = memremap(table, nbytes);
    if (mapped)
        smbios_table_parse(mapped, nbytes, &the_memory);
}

bool smbios_memory_fits(const struct smbios_memory *memory, uint64_t map_bytes)
{
    return map_bytes + memory->smallest / 4 * 3 > memory->installed &&
           map_bytes <= memory->installed + memory->installed / 16;
}
