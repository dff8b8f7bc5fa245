/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_space.h"

#include "kernel/arch/x86_64/cpu.h"
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
    space->refs = 1;
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

static void space_destroy(struct vm_space *space)
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

void vm_space_get(struct vm_space *space)
{
    __atomic_fetch_add(&space->refs, 1, __ATOMIC_RELAXED);
}

void vm_space_enter(struct vm_space *space)
{
    __atomic_fetch_or(&space->cpus, 1ULL << cpu_self()->index, __ATOMIC_SEQ_CST);
}

void vm_space_leave(struct vm_space *space)
{
    __atomic_fetch_and(&space->cpus, ~(1ULL << cpu_self()->index), __ATOMIC_SEQ_CST);
}

void vm_space_put(struct vm_space *space)
{
    if (__atomic_fetch_sub(&space->refs, 1, __ATOMIC_ACQ_REL) == 1)
        space_destroy(space);
}

static int areas_copy(const struct vm_space *parent, struct vm_space *child)
{
    int err = 0;

    for (struct rb_node *node = rb_first(&parent->areas); node && !err; node = rb_next(node)) {
        const struct vm_area *area = rb_entry(node, struct vm_area, node);

        err = vm_area_add(child, area);
        if (!err)
            err = vm_table_copy(child, parent, area);
    }
    return err;
}

int vm_space_dup(struct vm_space *parent, struct vm_space **out_space)
{
    struct vm_space *child;
    int err = vm_space_create(&child);

    if (err)
        return err;
    mutex_lock(&parent->lock);
    child->limit_pages = parent->limit_pages;
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    child->brk_limit = parent->brk_limit;
    child->mapped_pages = parent->mapped_pages;
    err = areas_copy(parent, child);
    vm_tlb_flush_all(parent); /* pages that could be written cannot now */
    mutex_unlock(&parent->lock);
    if (err) {
        vm_space_put(child);
        return err;
    }
    *out_space = child;
    return 0;
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

    /* One page stays free above the heap, as a guard before the next mapping. */
    if (address >= space->brk_start && address < space->map_top &&
        address - space->brk_start <= space->brk_limit &&
        brk_move(space, old_end, ALIGN_UP(address, PAGE_SIZE)) == 0)
        space->brk = address;
    return space->brk;
}
