/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_space.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_shared.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* Left free below the top for the stack and its guard: as Linux, at least 128 MiB. An endless
 * stack must still leave room for programs and mappings. */
#define STACK_RESERVE_MIN (128ULL << 20)
#define STACK_RESERVE_MAX (16ULL << 40)
#define PICK_AGAIN_NS     1000000000ULL

static struct slab_cache *space_cache;

/* All spaces, for picking the largest. The lock is a leaf. */
static struct {
    struct spinlock lock;
    struct list spaces;
} vm_space_list = {.lock = SPINLOCK_INIT(SPIN_FDTABLE), .spaces = LIST_INIT(vm_space_list.spaces)};

void vm_init(void)
{
    vm_area_init();
    vm_shared_init();
    space_cache = slab_cache_create("vm_space", sizeof(struct vm_space));
}

/* Limits, and what follows from them for the layout. */
static void limits_copy(struct vm_space *space, const struct vm_space *like)
{
    uint64_t reserve = like->stack_limit;

    if (reserve < STACK_RESERVE_MAX)
        reserve += 2 * VM_STACK_GAP;
    reserve = MIN(MAX(reserve, STACK_RESERVE_MIN), STACK_RESERVE_MAX);
    space->limit_pages = like->limit_pages;
    space->brk_limit = like->brk_limit;
    space->stack_limit = like->stack_limit;
    space->map_top = USER_END - ALIGN_UP(reserve, PAGE_SIZE);
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
    space->stack_limit = VM_STACK_DEFAULT;
    limits_copy(space, thread_current()->space ? thread_current()->space : space);
    err = vm_table_create(space);
    if (err) {
        slab_free(space_cache, space);
        return err;
    }
    spin_lock(&vm_space_list.lock);
    list_push_back(&vm_space_list.spaces, &space->all);
    spin_unlock(&vm_space_list.lock);
    *out_space = space;
    return 0;
}

/* Whether its pages are about to come back: it ends, or was picked just now. */
static bool is_going(const struct vm_space *space, uint64_t now_ns)
{
    return !__atomic_load_n(&space->refs, __ATOMIC_RELAXED) ||
           (space->chosen_ns && now_ns - space->chosen_ns < PICK_AGAIN_NS);
}

static uint64_t weight(const struct vm_space *space)
{
    return space->resident_pages + space->table_frames;
}

struct vm_space *vm_space_pick(uint64_t now_ns)
{
    struct vm_space *found = NULL;
    bool wait = false;

    spin_lock(&vm_space_list.lock);
    list_for_each (node, &vm_space_list.spaces) {
        struct vm_space *space = list_entry(node, struct vm_space, all);

        if (!space->resident_pages)
            continue;
        if (is_going(space, now_ns))
            wait = true;
        else if (!found || weight(space) > weight(found))
            found = space;
    }
    if (wait || (found && !vm_space_get_unless_dead(found)))
        found = NULL;
    if (found)
        found->chosen_ns = now_ns;
    spin_unlock(&vm_space_list.lock);
    return found;
}

/* Only where areas are: to look through every entry of every table takes longer than all else. */
static void areas_clear(struct vm_space *space, struct vm_gather *gather)
{
    struct rb_node *node = rb_first(&space->areas);

    while (node) {
        const struct vm_area *area = rb_entry(node, struct vm_area, node);

        node = rb_next(node);
        gather->next_area =
            node ? rb_entry(node, struct vm_area, node)->start : USER_END + PAGE_SIZE;
        vm_table_clear(gather, area->start, area->end);
    }
}

static void space_destroy(struct vm_space *space)
{
    struct vm_gather gather;
    struct rb_node *node;

    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    areas_clear(space, &gather);
    if (space->table_frames) /* tables where areas were once */
        vm_table_clear(&gather, 0, USER_END + PAGE_SIZE);
    vm_gather_flush(&gather);
    while ((node = rb_first(&space->areas)) != NULL)
        vm_area_remove(space, rb_entry(node, struct vm_area, node));
    mutex_unlock(&space->lock);
    ASSERT(space->resident_pages == 0 && space->mapped_pages == 0 && space->data_pages == 0);
    spin_lock(&vm_space_list.lock);
    list_remove(&space->all);
    spin_unlock(&vm_space_list.lock);
    vm_table_destroy(space);
    slab_free(space_cache, space);
}

void vm_space_get(struct vm_space *space)
{
    __atomic_fetch_add(&space->refs, 1, __ATOMIC_RELAXED);
}

bool vm_space_get_unless_dead(struct vm_space *space)
{
    uint32_t refs = __atomic_load_n(&space->refs, __ATOMIC_RELAXED);

    while (refs)
        if (__atomic_compare_exchange_n(&space->refs, &refs, refs + 1, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
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

/* Pages that a fault brings back by itself are not worth a copy of their entries. */
static bool area_is_copied(const struct vm_area *area)
{
    return !area->wipe_on_fork && !(area->shared && area->pager);
}

static int areas_copy(const struct vm_space *parent, struct vm_space *child)
{
    int err = 0;

    for (struct rb_node *node = rb_first(&parent->areas); node && !err; node = rb_next(node)) {
        const struct vm_area *area = rb_entry(node, struct vm_area, node);

        if (area->dont_fork)
            continue;
        err = vm_area_add(child, area);
        if (!err && area_is_copied(area))
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
    /* The child too: who shortens a file finds it by the first area that it gets. */
    mutex_lock_pair(&parent->lock, &child->lock);
    limits_copy(child, parent);
    child->map_top = parent->map_top;
    child->brk_start = parent->brk_start;
    child->brk = parent->brk;
    err = areas_copy(parent, child);
    vm_tlb_flush_all(parent); /* pages that could be written cannot now */
    mutex_unlock_pair(&parent->lock, &child->lock);
    if (err) {
        vm_space_put(child);
        return err;
    }
    *out_space = child;
    return 0;
}
