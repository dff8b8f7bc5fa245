/* SPDX-License-Identifier: MIT */
/*
 * The way from 5-level paging to 4 levels.
 *
 * CR4.LA57 cannot change in long mode (Intel SDM volume 3, section 4.1.1): paging has to be off for
 * a moment, which only 32-bit code below 4 GiB can live through, and the loader may lie higher. So
 * jump.S runs a copy of that part in a page taken there, on tables made here: of 4 levels, with a
 * fifth above them whose first entry leads to the same. Firmware's tables need not allow the page
 * to be executed, since they are no longer in use when the processor gets there.
 */
#include "efi-loader/bridge.h"
#include "efi-loader/cpu.h"
#include "efi-loader/paging.h"
#include "kernel/lib/string.h"
#include "shared/addrmap.h"

#define PTE_PRESENT_WRITE_ACCESSED 0x23u

/* One allocation: code, data with the stack, the upper root, then the frames of the lower tables.
 */
enum { BRIDGE_CODE, BRIDGE_DATA, BRIDGE_UPPER, BRIDGE_LOWER };

#define BRIDGE_PAGES (BRIDGE_LOWER + PAGING_BRIDGE_FRAMES)

int bridge_build(struct memory *memory, uint64_t *out_bridge)
{
    struct bootinfo_extent jump = cpu_jump_extent();
    uint64_t base;
    int err = memory_take(memory, BRIDGE_PAGES * PAGE_SIZE, BOOTINFO_LOADER, &base);
    if (err)
        return err;

    unsigned char *pages = (unsigned char *)(uintptr_t)base;
    struct cpu_bridge *bridge = (struct cpu_bridge *)(pages + BRIDGE_DATA * PAGE_SIZE);
    uint64_t *upper = (uint64_t *)(pages + BRIDGE_UPPER * PAGE_SIZE);
    struct paging paging = {
        .pool = pages + BRIDGE_LOWER * PAGE_SIZE,
        .pool_base = base + BRIDGE_LOWER * PAGE_SIZE,
        .nframes = PAGING_BRIDGE_FRAMES,
    };

    memset(pages, 0, BRIDGE_LOWER * PAGE_SIZE);
    memcpy(pages, bridge_start, (size_t)(bridge_end - bridge_start));
    err = paging_build_bridge(&paging, base, base + BRIDGE_DATA * PAGE_SIZE, &jump);
    if (err)
        return err;
    upper[0] = paging.pool_base | PTE_PRESENT_WRITE_ACCESSED;
    *bridge = (struct cpu_bridge){
        .upper_root = base + BRIDGE_UPPER * PAGE_SIZE,
        .lower_root = paging.pool_base,
        .code = base,
        .data = base + BRIDGE_DATA * PAGE_SIZE,
    };
    *out_bridge = bridge->data;
    return 0;
}
