/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_space.h"

#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define STACK_RESERVE (64ULL << 20) /* left free below the top for the stack and its guard */

static struct slab_cache *space_cache;

void vm_init(void)
{
    vm_area_init();
    space_cache = slab_cache_create("vm_space", sizeof(struct vm_space));
}

int vm_space_create(struct vm_space **out_space)
{
    struct vm_space *space = slab_zalloc(space_cache);
    int err;

    if (!space)
        return -ENOMEM;
    mutex_init(&space->lock, MUTEX_VM);
    space->limit_pages = UINT64_MAX;
    space->brk_limit = UINT64_MAX;
    space->map_top = USER_END - STACK_RESERVE;
    err = vm_table_create(space);
    if (err) {
        slab_free(space_cache, space);
        return err;
    }
    *out_space = space;
    return 0;
}

void vm_space_destroy(struct vm_space *space)
{
    struct vm_gather gather;
    struct rb_node *node;

    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    vm_table_clear(&gather, 0, USER_END + PAGE_SIZE);
    vm_gather_flush(&gather);
    while ((node = rb_first(&space->areas)) != NULL)
        vm_area_remove(space, rb_entry(node, struct vm_area, node));
    mutex_unlock(&space->lock);
    ASSERT(space->resident_pages == 0);
    vm_table_destroy(space);
    slab_free(space_cache, space);
}

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

    if (address >= space->brk_start && address < space->map_top &&
        address - space->brk_start <= space->brk_limit &&
        brk_move(space, old_end, ALIGN_UP(address, PAGE_SIZE)) == 0)
        space->brk = address;
    return space->brk;
}
