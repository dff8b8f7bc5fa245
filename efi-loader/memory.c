/* SPDX-License-Identifier: MIT */
/*
 * Pages from the firmware, each with the type that the kernel will know it by.
 *
 * Every allocation is recorded: the list is given back as a whole when something is refused, and
 * becomes ranges of the hand-over block otherwise. Its length is fixed, and larger than the number
 * of allocations that the loader makes.
 */
#include "efi-loader/memory.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* AllocateMaxAddress takes the highest address that the last byte may have (UEFI 2.10 section 7.2).
 */
#define BELOW_4_GIB 0xffffffffULL
#define BELOW_1_MIB 0xfffffULL
/* One for the code and its data, one for the temporary top-level page table (plat/smp.c). */
#define TRAMPOLINE_PAGES 2

void memory_init(struct memory *memory, EFI_BOOT_SERVICES *bs)
{
    *memory = (struct memory){.bs = bs};
}

/* The firmware chooses the address, from the limit downwards. */
static int take_below(struct memory *memory, uint64_t npages, uint64_t limit,
                      enum bootinfo_type type, uint64_t *base)
{
    EFI_PHYSICAL_ADDRESS address = limit;

    if (memory->count == MEMORY_MAX_CLAIMS)
        return -ENOMEM;
    if (EFI_ERROR(memory->bs->AllocatePages(AllocateMaxAddress, EfiLoaderData, npages, &address)))
        return -ENOMEM;
    memory->claims[memory->count++] =
        (struct memory_claim){.base = address, .npages = npages, .type = type};
    *base = address;
    return 0;
}

int memory_take(struct memory *memory, uint64_t nbytes, enum bootinfo_type type, uint64_t *base)
{
    if (nbytes == 0 || nbytes > BELOW_4_GIB)
        return -ENOMEM;
    return take_below(memory, ALIGN_UP(nbytes, PAGE_SIZE) >> PAGE_SHIFT, BELOW_4_GIB, type, base);
}

int memory_take_trampoline(struct memory *memory, uint64_t *base)
{
    uint64_t address;
    int err = take_below(memory, TRAMPOLINE_PAGES, BELOW_1_MIB, BOOTINFO_TRAMPOLINE, &address);

    if (err)
        return err;
    if (address == 0) {
        /* In bootinfo 0 means "none", and the real-mode vectors are better left alone. */
        memory->bs->FreePages(address, TRAMPOLINE_PAGES);
        memory->count--;
        return -ENOMEM;
    }
    *base = address;
    return 0;
}

/* Last taken, first freed. Failures change nothing: the loader ends anyway. */
void memory_give_back(struct memory *memory)
{
    while (memory->count) {
        const struct memory_claim *claim = &memory->claims[--memory->count];

        memory->bs->FreePages(claim->base, claim->npages);
    }
}

int memory_add_claims(const struct memory *memory, struct memmap *map)
{
    int err = 0;

    for (unsigned i = 0; i < memory->count && !err; i++) {
        const struct memory_claim *claim = &memory->claims[i];

        err = memmap_add(map, claim->base, claim->npages, claim->type, 0);
    }
    return err;
}
