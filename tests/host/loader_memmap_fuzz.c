/* SPDX-License-Identifier: MIT */
/* Any bytes as a memory map: the ranges are sorted, disjoint and of known types; every page of a
 * descriptor is in them; page tables can be built of them within the bound. */
#include <stdlib.h>
#include <string.h>

#include "efi-loader/efi.h"
#include "efi-loader/memmap.h"
#include "efi-loader/paging.h"
#include "shared/addrmap.h"

#define MAX_DESCRIPTORS 64
#define MAX_FRAMES      4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_ranges(const struct bootinfo_range *ranges, uint32_t count)
{
    uint64_t end = 0;

    for (uint32_t i = 0; i < count; i++) {
        require(ranges[i].type < BOOTINFO_NTYPES && ranges[i].reserved == 0);
        require(ranges[i].npages > 0 && ranges[i].base % PAGE_SIZE == 0);
        require(ranges[i].base >= end);
        end = ranges[i].base + ranges[i].npages * PAGE_SIZE;
        require(end > ranges[i].base && end <= 1ULL << 52);
    }
}

static void check_covered(const uint8_t *data, size_t size, size_t desc_size,
                          const struct bootinfo_range *ranges, uint32_t count)
{
    for (size_t at = 0; at + desc_size <= size; at += desc_size) {
        EFI_MEMORY_DESCRIPTOR desc;
        bool found = false;

        memcpy(&desc, data + at, sizeof(desc));
        if (desc.NumberOfPages == 0 || desc.PhysicalStart >= DIRECT_END - DIRECT_BASE)
            continue;
        for (uint32_t i = 0; i < count; i++)
            found |= desc.PhysicalStart - ranges[i].base < ranges[i].npages * PAGE_SIZE;
        require(found);
    }
}

static void check_tables(const struct bootinfo_range *ranges, uint32_t count)
{
    const struct paging_segment text = {IMAGE_BASE, 0x200000, 0x3000, PAGING_EXECUTE};
    const struct paging_plan plan = {
        ranges, count, &text, 1, {0x5000, 0x1000}, {0xc0000000, 0x7e9000}};
    struct paging tables = {.gib_pages = true, .nframes = paging_bound(&plan, true)};

    if (memmap_total(ranges, count, BOOTINFO_DIRECT_TYPES) > 1ULL << 40 ||
        tables.nframes > MAX_FRAMES)
        return;
    tables.pool = malloc(tables.nframes * PAGE_SIZE);
    require(paging_build(&tables, &plan) == 0);
    require(tables.used <= tables.nframes);
    free(tables.pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bootinfo_range in[MAX_DESCRIPTORS], out[MEMMAP_OUT_CAPACITY(MAX_DESCRIPTORS)];
    struct memmap map;
    uint32_t count;

    if (size < 1)
        return 0;
    size_t desc_size = 32 + data[0] % 64;
    data++;
    size--;
    memmap_init(&map, in, MAX_DESCRIPTORS);
    if (memmap_add_firmware(&map, data, size, desc_size))
        return 0;
    /* What comes out always has room in what the header promises to be enough. */
    require(memmap_finish(&map, out, MEMMAP_OUT_CAPACITY(map.count), &count) == 0);
    check_ranges(out, count);
    check_covered(data, size, desc_size, out, count);
    check_tables(out, count);
    return 0;
}
