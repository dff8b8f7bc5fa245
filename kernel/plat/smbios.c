/* SPDX-License-Identifier: MIT */
/*
 * Memory modules from the SMBIOS table.
 *
 * lib/smbios.c walks the table. One that is broken before its end says nothing at all.
 *
 * Twice, first for the arrays, since each module names the one that it is in: to look for that in
 * the table would take the square of its length.
 */
#include "kernel/plat/smbios.h"

#include "kernel/lib/smbios.h"
#include "kernel/mm/vmalloc.h"

#define ARRAY_USE         0x05
#define ARRAY_USE_SYSTEM  3
#define DEVICE_ARRAY      0x04
#define DEVICE_SIZE       0x0c
#define DEVICE_TYPE       0x12
#define DEVICE_MIN_LENGTH 0x15 /* of version 2.1 */
#define DEVICE_TECHNOLOGY 0x28

/* More arrays no machine has: such a table is taken for a broken one. */
#define ARRAYS_MAX 64

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

struct arrays {
    unsigned count;
    struct {
        uint16_t handle;
        bool is_system; /* for main memory */
    } array[ARRAYS_MAX];
};

/* False: there are too many. */
static COLD bool arrays_collect(const void *table, size_t nbytes, struct arrays *arrays)
{
    struct smbios_structure at = {0};

    arrays->count = 0;
    while (smbios_next(table, nbytes, &at)) {
        if (at.type != SMBIOS_ARRAY || at.length <= ARRAY_USE)
            continue;
        if (arrays->count == ARRAYS_MAX)
            return false;
        arrays->array[arrays->count].handle = at.handle;
        arrays->array[arrays->count++].is_system = at.bytes[ARRAY_USE] == ARRAY_USE_SYSTEM;
    }
    return true;
}

/* What the array with that handle is used for, the first of them; without one: main memory. */
static COLD bool array_is_system(const struct arrays *arrays, uint64_t handle)
{
    for (unsigned i = 0; i < arrays->count; i++)
        if (arrays->array[i].handle == handle)
            return arrays->array[i].is_system;
    return true;
}

/* Modules of main memory; an empty socket is none. */
static bool device_is_module(const struct smbios_structure *device)
{
    uint64_t type = smbios_number(device, DEVICE_TYPE, 1);
    uint64_t technology = smbios_number(device, DEVICE_TECHNOLOGY, 1);

    return device->type == SMBIOS_MODULE && device->length >= DEVICE_MIN_LENGTH &&
           smbios_number(device, DEVICE_SIZE, 2) && type != TYPE_VRAM &&
           !(type >= TYPE_ROM && type <= TYPE_EPROM) &&
           !(technology >= TECHNOLOGY_FIRST && technology <= TECHNOLOGY_LAST);
}

COLD void smbios_table_parse(const void *table, size_t nbytes, struct smbios_memory *memory)
{
    struct smbios_structure at = {0};
    struct arrays arrays;
    bool unknown = false;
    size_t end;

    *memory = (struct smbios_memory){.status = SMBIOS_BROKEN, .smallest = UINT64_MAX};
    if (!arrays_collect(table, nbytes, &arrays))
        return;
    while (smbios_next(table, nbytes, &at)) {
        uint64_t size = smbios_module_size(&at);

        if (!device_is_module(&at) ||
            !array_is_system(&arrays, smbios_number(&at, DEVICE_ARRAY, 2)))
            continue;
        memory->modules++;
        memory->installed += size;
        memory->smallest = MIN(memory->smallest, size);
        unknown |= !size;
    }
    end = at.bytes ? (size_t)at.offset + at.nbytes : 0;
    /* The length may end with the last structure, or in the middle of the mark of the end. */
    if (end < nbytes && at.type != SMBIOS_END && ((const uint8_t *)table)[end] != SMBIOS_END)
        return;
    memory->status = unknown ? SMBIOS_UNKNOWN : memory->modules ? SMBIOS_KNOWN : SMBIOS_SILENT;
}

COLD void smbios_init(uint64_t entry, bool (*is_direct)(uint64_t physical, size_t nbytes))
{
    struct smbios_entry found;
    const void *mapped;

    if (!entry || the_memory.status || (is_direct && !is_direct(entry, SMBIOS_ENTRY_MAX)))
        return;
    mapped = memremap(entry, SMBIOS_ENTRY_MAX);
    if (!mapped || smbios_parse_entry(mapped, SMBIOS_ENTRY_MAX, &found) ||
        (is_direct && !is_direct(found.table, found.nbytes)))
        return;
    mapped = memremap(found.table, found.nbytes);
    if (mapped)
        smbios_table_parse(mapped, found.nbytes, &the_memory);
}

bool smbios_memory_fits(const struct smbios_memory *memory, uint64_t map_bytes)
{
    return map_bytes + memory->smallest / 4 * 3 > memory->installed &&
           map_bytes <= memory->installed + memory->installed / 16;
}
