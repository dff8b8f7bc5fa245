/* SPDX-License-Identifier: MIT */
/*
 * The heap that brk(2) moves. The break and the area below it change together, under one holding
 * of the lock: processes that share their memory may call this at once.
 */
#include "kernel/lib/assert.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* While the space is built: no other process knows it. */
void vm_brk_init(struct vm_space *space, uint64_t start)
{
    space->brk_start = start;
    space->brk = start;
}

static int brk_grow_locked(struct vm_space *space, uint64_t old_end, uint64_t new_end,
                           uint64_t lock_limit)
{
    const struct vm_area *next = vm_area_find(space, old_end);
    struct vm_request request = {
        .address = old_end,
        .prot = LX_PROT_READ | LX_PROT_WRITE,
        .may_write = true,
        .fixed = true,
        .no_replace = true,
        .locked = __atomic_load_n(&space->lock_future, __ATOMIC_RELAXED) != VM_LOCK_NONE,
        .lock_limit = lock_limit,
    };
    uint64_t ignored;

    ASSERT(mutex_is_held(&space->lock));
    /* One page stays free above the heap, as a guard before the next mapping. */
    if (next && vm_area_low(next) < new_end + PAGE_SIZE)
        return -ENOMEM;
    return vm_map_locked(space, &request, new_end - old_end, NULL, &ignored);
}

/* The area of the heap grows or shrinks to the page that holds the last byte below `address`. */
static int brk_move_locked(struct vm_space *space, uint64_t address, uint64_t lock_limit)
{
    uint64_t old_end = ALIGN_UP(space->brk, PAGE_SIZE), new_end = ALIGN_UP(address, PAGE_SIZE);

    ASSERT(mutex_is_held(&space->lock));
    if (address < space->brk_start || address >= space->map_top ||
        address - space->brk_start > __atomic_load_n(&space->brk_limit, __ATOMIC_RELAXED))
        return -ENOMEM;
    if (new_end < old_end)
        return vm_unmap_locked(space, new_end, old_end - new_end);
    return new_end > old_end ? brk_grow_locked(space, old_end, new_end, lock_limit) : 0;
}

/* Never fails: where the break cannot be moved the answer is where it is, which is also how a
 * program asks for it (address 0). */
uint64_t vm_brk(struct vm_space *space, uint64_t address, uint64_t lock_limit)
{
    uint64_t now, before;

    mutex_lock(&space->lock);
    before = ALIGN_UP(space->brk, PAGE_SIZE);
    if (brk_move_locked(space, address, lock_limit) == 0)
        space->brk = address;
    now = space->brk;
    mutex_unlock(&space->lock);
    if (unlikely(__atomic_load_n(&space->lock_future, __ATOMIC_RELAXED) == VM_LOCK_POPULATE) &&
        now > before && vm_populate(space, before, now - before, VM_POPULATE_ANY))
        return now; /* the rest when it is touched */
    return now;
}
