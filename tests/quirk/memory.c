/* SPDX-License-Identifier: MIT */
/* Firmware with an unusual memory map, and firmware that gives memory only on its own terms. */
#include "tests/quirk/quirk.h"

#include "kernel/lib/string.h"
#include "kernel/lib/util.h"

#define MAP_CAPACITY (32 * 1024)
#define ODD_SIZE     56
#define VENDOR_TYPE  0x70000001
#define FOUR_GIB     (1ULL << 32)
#define ONE_MIB      (1ULL << 20)
#define LOW_MARK     0x4c4f574d00000000ULL

static unsigned char the_map[MAP_CAPACITY]; /* as the firmware gives it */

static EFI_GET_MEMORY_MAP the_next_map; /* the patch below this one, which counts calls */

static void put(void *to, const EFI_MEMORY_DESCRIPTOR *desc)
{
    memset(to, 0xee, ODD_SIZE);
    memcpy(to, desc, sizeof(*desc));
}

/* Descriptors of 56 bytes, in reverse order, and three more that no one should trip over: one of no
 * pages, one of a vendor's type, one that claims a page that another calls free. */
static size_t write_odd_map(unsigned char *to, size_t nbytes, size_t desc_size)
{
    enum { EXTRA = 3 };
    EFI_MEMORY_DESCRIPTOR desc,
        extra[EXTRA] = {
            {.Type = EfiConventionalMemory, .PhysicalStart = 0x5000, .Attribute = EFI_MEMORY_WB},
            {.Type = VENDOR_TYPE,
             .PhysicalStart = 0xfd00000000,
             .NumberOfPages = 16,
             .Attribute = EFI_MEMORY_WB},
            {.Type = EfiReservedMemoryType, .NumberOfPages = 1, .Attribute = EFI_MEMORY_WB}};
    size_t n = nbytes / desc_size;

    for (size_t i = 0; i < n; i++) {
        memcpy(&desc, the_map + (n - 1 - i) * desc_size, sizeof(desc));
        put(to + i * ODD_SIZE, &desc);
        if (desc.Type == EfiConventionalMemory && desc.NumberOfPages > 2)
            extra[2].PhysicalStart = desc.PhysicalStart + EFI_PAGE_SIZE;
    }
    for (size_t i = 0; i < EXTRA; i++)
        put(to + (n + i) * ODD_SIZE, &extra[i]);
    return (n + EXTRA) * ODD_SIZE;
}

static EFI_STATUS EFIAPI odd_memory_map(UINTN *nbytes, EFI_MEMORY_DESCRIPTOR *map, UINTN *key,
                                        UINTN *desc_size, UINT32 *version)
{
    UINTN capacity = *nbytes, real_size = sizeof(the_map), needed;

    if (!quirk_is_loader(__builtin_return_address(0)))
        return the_next_map(nbytes, map, key, desc_size, version);
    EFI_STATUS status =
        the_next_map(&real_size, (EFI_MEMORY_DESCRIPTOR *)the_map, key, desc_size, version);
    if (EFI_ERROR(status))
        return status;
    needed = (real_size / *desc_size + 3) * ODD_SIZE;
    *nbytes = needed;
    if (map && capacity >= needed)
        *nbytes = write_odd_map((unsigned char *)map, real_size, *desc_size);
    *desc_size = ODD_SIZE;
    return map && capacity >= needed ? EFI_SUCCESS : EFI_BUFFER_TOO_SMALL;
}

static void descriptor_size(void)
{
    the_next_map = the_quirk.bs->GetMemoryMap;
    the_quirk.bs->GetMemoryMap = odd_memory_map;
}

static bool is_loader_type(EFI_MEMORY_TYPE type)
{
    return type == EfiLoaderCode || type == EfiLoaderData;
}

static EFI_STATUS EFIAPI strict_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN npages,
                                      EFI_PHYSICAL_ADDRESS *address)
{
    if (quirk_is_loader(__builtin_return_address(0)) && !is_loader_type(type)) {
        quirk_fault("pages of a type that is not the loader's");
        return EFI_INVALID_PARAMETER;
    }
    return the_quirk.real.AllocatePages(how, type, npages, address);
}

static EFI_STATUS EFIAPI strict_pool(EFI_MEMORY_TYPE type, UINTN nbytes, void **out)
{
    if (quirk_is_loader(__builtin_return_address(0)) && !is_loader_type(type)) {
        quirk_fault("pool of a type that is not the loader's");
        return EFI_INVALID_PARAMETER;
    }
    return the_quirk.real.AllocatePool(type, nbytes, out);
}

static void allocation_types(void)
{
    the_quirk.bs->AllocatePages = strict_pages;
    the_quirk.bs->AllocatePool = strict_pool;
}

/* Gives memory above 4 GiB to whoever does not insist. */
static EFI_STATUS EFIAPI high_pages(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN npages,
                                    EFI_PHYSICAL_ADDRESS *address)
{
    bool insists = how == AllocateAddress || (how == AllocateMaxAddress && *address < FOUR_GIB);

    if (!quirk_is_loader(__builtin_return_address(0)) || insists)
        return the_quirk.real.AllocatePages(how, type, npages, address);
    for (EFI_PHYSICAL_ADDRESS at = FOUR_GIB; at < 3 * FOUR_GIB; at += 1 << 20) {
        *address = at;
        if (!EFI_ERROR(the_quirk.real.AllocatePages(AllocateAddress, type, npages, address)))
            return EFI_SUCCESS;
    }
    quirk_fault("this quirk needs a machine with more than 4 GiB");
    return EFI_OUT_OF_RESOURCES;
}

static void high_memory(void)
{
    the_quirk.bs->AllocatePages = high_pages;
    quirk_limit_reads();
}

/* Everything below 1 MiB belongs to somebody. */
static EFI_STATUS EFIAPI high_only(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, UINTN npages,
                                   EFI_PHYSICAL_ADDRESS *address)
{
    if (quirk_is_loader(__builtin_return_address(0)) && how == AllocateMaxAddress &&
        *address < ONE_MIB)
        return EFI_NOT_FOUND;
    return the_quirk.real.AllocatePages(how, type, npages, address);
}

static void low_memory_full(void)
{
    the_quirk.bs->AllocatePages = high_only;
}

static void tell_pages(unsigned npages)
{
    char text[] = "0x000 pages are marked";

    for (unsigned i = 0; i < 3; i++)
        text[4 - i] = "0123456789abcdef"[npages >> 4 * i & 15];
    quirk_tell(text);
}

/* The free pages below 1 MiB, each with its own address in every word of it. */
static void mark_low(void)
{
    unsigned npages = 0;
    UINTN nbytes = sizeof(the_map), key, desc_size;
    UINT32 version;

    if (EFI_ERROR(the_quirk.real.GetMemoryMap(&nbytes, (EFI_MEMORY_DESCRIPTOR *)the_map, &key,
                                              &desc_size, &version)))
        quirk_fault("the memory map is larger than the quirk's buffer");
    for (size_t at = 0; at + desc_size <= nbytes; at += desc_size) {
        const EFI_MEMORY_DESCRIPTOR *desc = (const EFI_MEMORY_DESCRIPTOR *)(the_map + at);
        uint64_t end = MIN(desc->PhysicalStart + desc->NumberOfPages * EFI_PAGE_SIZE, ONE_MIB);

        if (desc->Type != EfiConventionalMemory)
            continue;
        /* Not the first page: a null pointer of C. */
        for (uint64_t pa = MAX(desc->PhysicalStart, EFI_PAGE_SIZE); pa < end; pa += 8) {
            *(volatile uint64_t *)pa = LOW_MARK | pa;
            npages += pa % EFI_PAGE_SIZE == 0;
        }
    }
    tell_pages(npages);
}

static void low_memory_marked(void)
{
    quirk_before_exit(mark_low);
}

const struct quirk_entry quirk_memory_entries[] = {
    {"descriptor-size", descriptor_size},
    {"allocation-types", allocation_types},
    {"high-memory", high_memory},
    {"low-memory-full", low_memory_full},
    {"low-memory-marked", low_memory_marked},
    {NULL, NULL},
};
