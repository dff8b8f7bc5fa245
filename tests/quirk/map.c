/* SPDX-License-Identifier: MIT */
/* Memory maps that this firmware does not give: rewritten before the loader sees them. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"
#include "kernel/lib/util.h"

#define MAP_MAX     1024
#define SIZE_USUAL  48
#define SIZE_LARGE  256
#define MANY        600 /* descriptors */
#define MIB_PAGES   256
#define PERSISTENT  14
#define UNACCEPTED  15
#define OUTGROWN    400 /* more than the loader has room for */
#define CLAIMED_MIB 32

/* As the firmware gives it, in descriptors of the size of the structure. */
static EFI_MEMORY_DESCRIPTOR the_list[MAP_MAX];
static size_t the_count;
static size_t the_size = SIZE_USUAL; /* of a descriptor, as the loader sees it */
static void (*the_rewrite)(void);
static EFI_GET_MEMORY_MAP the_next_map; /* the patch below this one, which counts calls */

static void add(UINT32 type, UINT64 base, UINT64 npages, UINT64 attributes)
{
    if (the_count < MAP_MAX)
        the_list[the_count++] = (EFI_MEMORY_DESCRIPTOR){
            .Type = type, .PhysicalStart = base, .NumberOfPages = npages, .Attribute = attributes};
}

static EFI_MEMORY_DESCRIPTOR *largest_free(void)
{
    EFI_MEMORY_DESCRIPTOR *largest = &the_list[0];

    for (size_t i = 0; i < the_count; i++) {
        if (the_list[i].Type == EfiConventionalMemory &&
            (largest->Type != EfiConventionalMemory ||
             the_list[i].NumberOfPages > largest->NumberOfPages))
            largest = &the_list[i];
    }
    return largest;
}

/* The lower half of the largest free range, cut off from it. */
static EFI_MEMORY_DESCRIPTOR half_of_largest(void)
{
    EFI_MEMORY_DESCRIPTOR *whole = largest_free(), half = *whole;

    half.NumberOfPages /= 2;
    whole->PhysicalStart += half.NumberOfPages * EFI_PAGE_SIZE;
    whole->NumberOfPages -= half.NumberOfPages;
    return half;
}

static bool map_fetch(UINTN *key, UINT32 *version)
{
    static unsigned char raw[MAP_MAX * 64];
    UINTN nbytes = sizeof(raw), size;

    if (EFI_ERROR(the_next_map(&nbytes, (EFI_MEMORY_DESCRIPTOR *)raw, key, &size, version)))
        return false;
    the_count = MIN(nbytes / size, MAP_MAX);
    for (size_t i = 0; i < the_count; i++)
        memcpy(&the_list[i], raw + i * size, sizeof(the_list[i]));
    the_rewrite();
    return true;
}

static EFI_STATUS EFIAPI rewritten_map(UINTN *nbytes, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                       UINTN *desc_size, UINT32 *version)
{
    UINTN capacity = *nbytes;

    if (!quirk_is_loader(__builtin_return_address(0)))
        return the_next_map(nbytes, map, key, desc_size, version);
    if (!map_fetch(key, version))
        return EFI_DEVICE_ERROR;
    *nbytes = the_count * the_size;
    *desc_size = the_size;
    if (!map || capacity < *nbytes)
        return EFI_BUFFER_TOO_SMALL;
    memset(map, 0xee, *nbytes);
    for (size_t i = 0; i < the_count; i++)
        memcpy((char *)map + i * the_size, &the_list[i], sizeof(the_list[i]));
    return EFI_SUCCESS;
}

static void rewrite(void (*how)(void))
{
    the_rewrite = how;
    the_next_map = the_quirk.bs->GetMemoryMap;
    the_quirk.bs->GetMemoryMap = rewritten_map;
}

/* Free by its type, and needed by runtime services by its attribute. */
static void make_runtime(void)
{
    EFI_MEMORY_DESCRIPTOR half = half_of_largest();

    add(half.Type, half.PhysicalStart, half.NumberOfPages, half.Attribute | EFI_MEMORY_RUNTIME);
}

static void runtime_attribute(void)
{
    rewrite(make_runtime);
}

static void make_unknown(void)
{
    static const UINT32 types[] = {PERSISTENT, UNACCEPTED, 16,        0x6fffffff,
                                   0x70000000, 0x80000000, 0xffffffff};
    EFI_MEMORY_DESCRIPTOR half = half_of_largest();
    UINT64 piece = half.NumberOfPages / ARRAY_SIZE(types);

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        add(types[i], half.PhysicalStart + i * piece * EFI_PAGE_SIZE, piece, half.Attribute);
}

static void unknown_types(void)
{
    rewrite(make_unknown);
}

/* Neighbours differ in their attributes, so that they cannot be merged. */
static void make_many(void)
{
    EFI_MEMORY_DESCRIPTOR half = half_of_largest();
    UINT64 n = MANY - the_count, piece = half.NumberOfPages / n;

    for (UINT64 i = 0; i < n; i++)
        add(half.Type, half.PhysicalStart + i * piece * EFI_PAGE_SIZE, piece,
            half.Attribute ^ (i & 1 ? EFI_MEMORY_WT : 0));
}

static void map_600(void)
{
    rewrite(make_many);
}

/* In an order that has nothing to do with the addresses. */
static void make_disorder(void)
{
    for (size_t i = 0; i < the_count; i++) {
        size_t other = (i * 7919 + 13) % the_count;
        EFI_MEMORY_DESCRIPTOR moving = the_list[i];

        the_list[i] = the_list[other];
        the_list[other] = moving;
    }
}

static void descriptor_large(void)
{
    the_size = SIZE_LARGE;
    rewrite(make_disorder);
}

/* All free memory twice, once more as boot services', and a part of it with an owner. */
static void make_overlaps(void)
{
    EFI_MEMORY_DESCRIPTOR largest = *largest_free();
    size_t n = the_count;

    for (size_t i = 0; i < n; i++) {
        if (the_list[i].Type != EfiConventionalMemory)
            continue;
        add(EfiConventionalMemory, the_list[i].PhysicalStart, the_list[i].NumberOfPages,
            the_list[i].Attribute);
        add(EfiBootServicesData, the_list[i].PhysicalStart, the_list[i].NumberOfPages / 2,
            the_list[i].Attribute);
    }
    add(EfiReservedMemoryType, largest.PhysicalStart, CLAIMED_MIB * MIB_PAGES, largest.Attribute);
}

static void map_overlap(void)
{
    rewrite(make_overlaps);
}

/* A free range that begins and ends within pages. */
static void make_unaligned(void)
{
    EFI_MEMORY_DESCRIPTOR half = half_of_largest();

    add(half.Type, half.PhysicalStart + 0x800, half.NumberOfPages - 1, half.Attribute);
}

static void map_unaligned(void)
{
    rewrite(make_unaligned);
}

/* From the second look with a buffer on, which comes after an attempt that failed. */
static void make_outgrow(void)
{
    static unsigned looks;

    if (looks++ < 3)
        return;
    EFI_MEMORY_DESCRIPTOR half = half_of_largest();
    for (UINT64 i = 0; i < OUTGROWN; i++)
        add(half.Type, half.PhysicalStart + i * EFI_PAGE_SIZE, 1, half.Attribute);
}

static void map_outgrows(void)
{
    rewrite(make_outgrow);
    quirk_fail_exits(1);
}

const struct quirk_entry quirk_map_entries[] = {
    {"runtime-attribute", runtime_attribute},
    {"unknown-types", unknown_types},
    {"map-600", map_600},
    {"descriptor-large", descriptor_large},
    {"map-overlap", map_overlap},
    {"map-unaligned", map_unaligned},
    {"map-outgrows", map_outgrows},
    {NULL, NULL},
};
