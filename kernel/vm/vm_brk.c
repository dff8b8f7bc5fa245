/* SPDX-License-Identifier: MIT */
/* The heap that brk(2) moves. */
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/mman.h"

void vm_brk_init(struct vm_space *space, uint64_t start)
{
    space->brk_start = start;
    space->brk = start;
}

/* The area of the heap between two page-aligned ends grows or shrinks. */
static int brk_move(struct vm_space *space, uint64_t old_end, uint64_t new_end)
{
    struct vm_request request = {
        .address = old_end,
        .nbytes = new_end - old_end,
        .prot = LX_PROT_READ | LX_PROT_WRITE,
        .may_write = true,
        .fixed = true,
        .no_replace = true,
    };
    uint64_t ignored;

    if (new_end < old_end)
        return vm_unmap(space, new_end, old_end - new_end);
    if (new_end == old_end)
        return 0;
    return vm_map(space, &request, &ignored);
}

uint64_t vm_brk(struct vm_space *space, uint64_t address)
{
    uint64_t old_end = ALIGN_UP(space->brk, PAGE_SIZE);

    /* One page stays free above the heap, as a guard before the next mapping. */
    if (address >= space->brk_start && address < space->map_top &&
        address - space->brk_start <= space->brk_limit &&
        brk_move(space, old_end, ALIGN_UP(address, PAGE_SIZE)) == 0)
        space->brk = address;
    return space->brk;
}
