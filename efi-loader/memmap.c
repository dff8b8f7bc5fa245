/* SPDX-License-Identifier: MIT */
/*
 * The firmware's memory map, as sorted and disjoint ranges of the kernel's types.
 *
 * Inputs are the firmware's descriptors and the loader's own allocations, in any order and
 * overlapping: maps with overlaps do occur, and our allocations always lie inside the firmware's
 * LoaderData. A sweep over the sorted inputs cuts them at every border; for each piece the
 * strictest type of all inputs that cover it wins. Neighbours that turn out equal are merged.
 *
 * An unknown type is reserved: memory that is not known to be free is never used. Nothing is
 * allocated, since the final map is processed after ExitBootServices.
 *
 * Types: UEFI 2.10 section 7.2.
 */
#include "efi-loader/memmap.h"
#include "efi-loader/efi.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* Nothing above what the direct map can show is of use, and 52 bits are all that x86-64 has. */
#define PHYS_LIMIT (1ULL << 52)
#define RAM_LIMIT  (DIRECT_END - DIRECT_BASE)

/* The higher, the stricter. Two firmware tables that disagree must not make us
 * use memory that has another owner. Our own allocations beat only what firmware calls free or the
 * loader's. */
static const uint8_t strictness[BOOTINFO_NTYPES] = {
    [BOOTINFO_FREE] = 1,         [BOOTINFO_BOOT_SERVICES] = 2, [BOOTINFO_LOADER] = 3,
    [BOOTINFO_KERNEL] = 4,       [BOOTINFO_TABLES] = 4,        [BOOTINFO_BLOCK] = 4,
    [BOOTINFO_ROOTFS] = 4,       [BOOTINFO_PLAN] = 4,          [BOOTINFO_KERNEL_FILE] = 4,
    [BOOTINFO_TRAMPOLINE] = 4,   [BOOTINFO_ACPI] = 5,          [BOOTINFO_NVS] = 6,
    [BOOTINFO_RUNTIME_DATA] = 7, [BOOTINFO_RUNTIME_CODE] = 8,  [BOOTINFO_MMIO] = 9,
    [BOOTINFO_RESERVED] = 10,    [BOOTINFO_UNUSABLE] = 11,     [BOOTINFO_BOOT_CODE] = 2,
};

void memmap_init(struct memmap *map, struct bootinfo_range *array, uint32_t capacity)
{
    map->in = array;
    map->count = 0;
    map->capacity = capacity;
}

/* Memory that cannot be cached, or that is meant for a special purpose, is not RAM to run programs
 * in. */
static bool is_plain_memory(uint64_t attributes)
{
    return (attributes & EFI_MEMORY_WB) && !(attributes & EFI_MEMORY_SP);
}

static uint32_t type_of_efi(uint32_t efi_type, uint64_t attributes)
{
    switch (efi_type) {
    case EfiLoaderCode:
    case EfiLoaderData:
        return BOOTINFO_LOADER;
    case EfiBootServicesCode:
        return is_plain_memory(attributes) ? BOOTINFO_BOOT_CODE : BOOTINFO_RESERVED;
    case EfiBootServicesData:
        return is_plain_memory(attributes) ? BOOTINFO_BOOT_SERVICES : BOOTINFO_RESERVED;
    case EfiConventionalMemory:
        return is_plain_memory(attributes) ? BOOTINFO_FREE : BOOTINFO_RESERVED;
    case EfiRuntimeServicesCode:
        return BOOTINFO_RUNTIME_CODE;
    case EfiRuntimeServicesData:
        return BOOTINFO_RUNTIME_DATA;
    case EfiUnusableMemory:
        return BOOTINFO_UNUSABLE;
    case EfiACPIReclaimMemory:
        return BOOTINFO_ACPI;
    case EfiACPIMemoryNVS:
        return BOOTINFO_NVS;
    case EfiMemoryMappedIO:
    case EfiMemoryMappedIOPortSpace:
        return BOOTINFO_MMIO;
    default:
        /* Also persistent and not yet accepted memory, and every type of tomorrow, of a vendor
         * or of an operating system's loader (0x70000000 and up). */
        return BOOTINFO_RESERVED;
    }
}

/* Cut at what 52 bits of physical address, and the direct map, can reach; what lies beyond is left
 * out without an error. */
int memmap_add(struct memmap *map, uint64_t base, uint64_t npages, uint32_t type,
               uint64_t attributes)
{
    if (base >= PHYS_LIMIT || npages == 0)
        return 0;
    npages = MIN(npages, PHYS_LIMIT >> PAGE_SHIFT);
    if (base & PAGE_MASK) {
        /* Firmware may not do that. Its meaning is unclear then: keep away from it. */
        base = ALIGN_DOWN(base, PAGE_SIZE);
        type = BOOTINFO_RESERVED;
        npages++;
    }
    npages = MIN(npages, (PHYS_LIMIT - base) >> PAGE_SHIFT);
    if (bootinfo_type_is_direct(type)) {
        if (base >= RAM_LIMIT)
            return 0;
        npages = MIN(npages, (RAM_LIMIT - base) >> PAGE_SHIFT);
    }
    if (map->count == map->capacity)
        return -ENOSPC;
    map->in[map->count++] = (struct bootinfo_range){
        .base = base, .npages = npages, .type = type, .attributes = attributes};
    return 0;
}

int memmap_add_firmware(struct memmap *map, const void *descriptors, size_t nbytes,
                        size_t desc_size)
{
    const unsigned char *bytes = descriptors;

    if (desc_size < sizeof(EFI_MEMORY_DESCRIPTOR) || desc_size > 4096)
        return -EINVAL;
    for (size_t at = 0; at + desc_size <= nbytes; at += desc_size) {
        EFI_MEMORY_DESCRIPTOR desc;

        /* Copied, because with an odd descriptor size nothing is aligned. */
        memcpy(&desc, bytes + at, sizeof(desc));
        int err = memmap_add(map, desc.PhysicalStart, desc.NumberOfPages,
                             type_of_efi(desc.Type, desc.Attribute), desc.Attribute);
        if (err)
            return err;
    }
    return 0;
}

/* Insertion sort: firmware returns maps that are sorted, or nearly. */
static void sort_by_base(struct bootinfo_range *ranges, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct bootinfo_range moving = ranges[i];
        uint32_t j = i;

        for (; j > 0 && ranges[j - 1].base > moving.base; j--)
            ranges[j] = ranges[j - 1];
        ranges[j] = moving;
    }
}

static uint64_t end_of(const struct bootinfo_range *range)
{
    return range->base + (range->npages << PAGE_SHIFT);
}

/* What the inputs [first, past) together say about the address `at`, and up to where they say so.
 * False when none of them covers it. */
static bool resolve_at(const struct memmap *map, uint32_t first, uint32_t past, uint64_t at,
                       struct bootinfo_range *resolved, uint64_t *until)
{
    bool covered = false;
    uint64_t common = ~0ULL, runtime = 0;

    for (uint32_t i = first; i < past; i++) {
        const struct bootinfo_range *range = &map->in[i];

        if (end_of(range) <= at)
            continue;
        *until = MIN(*until, end_of(range));
        if (!covered || strictness[range->type] > strictness[resolved->type])
            resolved->type = range->type;
        /* Our own allocations carry no attributes: those of the memory below count. */
        if (range->attributes)
            common &= range->attributes;
        runtime |= range->attributes & EFI_MEMORY_RUNTIME;
        covered = true;
    }
    resolved->attributes = (common == ~0ULL ? 0 : common) | runtime;
    /* UEFI 2.10 section 7.2: the attribute says who needs the memory, whatever its type. */
    if (runtime && strictness[resolved->type] <= strictness[BOOTINFO_LOADER])
        resolved->type = BOOTINFO_RUNTIME_DATA;
    return covered;
}

/* Merges with the range before it where both are equal. */
static int append(struct bootinfo_range *out, uint32_t capacity, uint32_t *count,
                  const struct bootinfo_range *range)
{
    struct bootinfo_range *last = *count ? &out[*count - 1] : NULL;

    if (last && end_of(last) == range->base && last->type == range->type &&
        last->attributes == range->attributes) {
        last->npages += range->npages;
        return 0;
    }
    if (*count == capacity)
        return -ENOSPC;
    out[(*count)++] = *range;
    return 0;
}

int memmap_finish(struct memmap *map, struct bootinfo_range *out, uint32_t capacity,
                  uint32_t *out_count)
{
    uint32_t first = 0; /* inputs below it end at or before `at` */
    uint32_t past = 0;  /* inputs from it on begin after `at` */
    uint32_t count = 0;
    uint64_t at = 0;

    sort_by_base(map->in, map->count);
    while (first < map->count) {
        struct bootinfo_range resolved = {.base = at};
        uint64_t until = ~0ULL;

        while (past < map->count && map->in[past].base <= at)
            past++;
        if (past < map->count)
            until = map->in[past].base;
        if (resolve_at(map, first, past, at, &resolved, &until)) {
            resolved.npages = (until - at) >> PAGE_SHIFT;
            int err = append(out, capacity, &count, &resolved);
            if (err)
                return err;
        }
        at = until;
        while (first < past && end_of(&map->in[first]) <= at)
            first++;
        if (first == past && past == map->count)
            break;
    }
    *out_count = count;
    return 0;
}

bool memmap_next_direct(const struct bootinfo_range *ranges, uint32_t count, uint32_t *index,
                        struct bootinfo_extent *out)
{
    uint32_t i = *index;

    while (i < count && !bootinfo_type_is_direct(ranges[i].type))
        i++;
    if (i == count)
        return false;
    out->base = ranges[i].base;
    out->size = 0;
    for (; i < count && bootinfo_type_is_direct(ranges[i].type) &&
           ranges[i].base == out->base + out->size;
         i++)
        out->size += ranges[i].npages << PAGE_SHIFT;
    *index = i;
    return true;
}

/* For messages and tests. */
uint64_t memmap_total(const struct bootinfo_range *ranges, uint32_t count, uint32_t type_mask)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        if ((type_mask >> ranges[i].type) & 1)
            sum += ranges[i].npages << PAGE_SHIFT;
    }
    return sum;
}
