/* SPDX-License-Identifier: MIT */
/*
 * The life of an address space: creation, fork, the choice of an OOM victim, the end.
 *
 * References are held by tasks that run in the space and, for a moment, by readers of /proc, the
 * reverse map and the search for memory. The last one destroys it: a task in its own thread, all
 * others by deferred work, for the space is none of theirs (vm_space_put_later). No processor may
 * be on its tables then, so a task leaves them first (vm_space_leave). Lists that
 * lead to a space hold no reference: whatever finds one there uses vm_space_get_unless_dead.
 *
 * Fork copies under the locks of parent and child. Private pages that may be written lose
 * PTE_WRITE in the parent, their frames are counted for both, and the first store on either side
 * copies (vm_fault.c). The parent's TLBs are flushed at the end, before the locks are given up:
 * until then another thread of the parent may still store into a page that the child has, which is
 * as if it had stored before the fork; the child does not run yet. The child's lock is held too
 * because its areas are in the reverse map from the first on: a truncation that finds them there
 * has to wait until their entries are copied. Shared pages of files are not copied, faults bring
 * them back.
 *
 * The end clears pages area by area, in ascending order: a table goes as soon as no area is left
 * in it, so that no empty stretch is ever searched.
 */
#include "kernel/vm/vm_space.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_shared.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* Left free below the top for the stack and its guard: as Linux, at least 128 MiB. An endless
 * stack must still leave room for programs and mappings. */
#define STACK_RESERVE_MIN (128ULL << 20)
#define STACK_RESERVE_MAX (16ULL << 40)

static struct slab_cache *space_cache;

/* All spaces, for picking the largest. The lock is a leaf. */
static struct {
    struct spinlock lock;
    struct list spaces;
} vm_space_list = {.lock = SPINLOCK_INIT(SPIN_SPACE), .spaces = LIST_INIT(vm_space_list.spaces)};

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
    space->data_limit = like->data_limit;
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
    space->data_limit = UINT64_MAX;
    space->stack_limit = VM_STACK_DEFAULT;
    limits_copy(space, thread_current()->space ? thread_current()->space : space);
    err = vm_table_create(space);
    if (err) {
        slab_free(space_cache, space);
        return err;
    }
    /* From here on it can be found. It has no pages yet, so it is not chosen. */
    spin_lock(&vm_space_list.lock);
    list_push_back(&vm_space_list.spaces, &space->all);
    spin_unlock(&vm_space_list.lock);
    *out_space = space;
    return 0;
}

/* What its end would give back, about: pages, tables, and the kernel's memory for its areas. */
uint64_t vm_space_weight(const struct vm_space *space)
{
    return space->resident_pages + space->table_frames +
           space->areas_count * sizeof(struct vm_area) / PAGE_SIZE;
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
        vm_table_clear(gather, area->start, area->end); /* with a preemption point */
    }
}

static void space_destroy(struct vm_space *space)
{
    struct vm_gather gather;

    mutex_lock(&space->lock);
    vm_gather_init(&gather, space);
    areas_clear(space, &gather);
    if (space->table_frames) /* tables where areas were once */
        vm_table_clear(&gather, 0, USER_END + PAGE_SIZE);
    vm_gather_flush(&gather);
    vm_area_remove_all(space);
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

/* Zero is final: nothing makes one of it again. */
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
    cpumask_set(&space->cpus, cpu_self()->index);
}

void vm_space_leave(struct vm_space *space)
{
    cpumask_clear(&space->cpus, cpu_self()->index);
}

static uint64_t pages_ending; /* atomic: in address spaces that are being destroyed */

/* Sequentially consistent, as is what makes the space disappear after it: a processor that no
 * longer finds the space finds this. */
uint64_t vm_space_end_begin(const struct vm_space *space)
{
    uint64_t npages = vm_space_weight(space);

    __atomic_fetch_add(&pages_ending, npages, __ATOMIC_SEQ_CST);
    return npages;
}

/* The pages are free by now, or others keep them. */
static void end_finish(uint64_t npages)
{
    __atomic_fetch_sub(&pages_ending, npages, __ATOMIC_RELEASE);
}

static bool space_put_only(struct vm_space *space)
{
    return __atomic_fetch_sub(&space->refs, 1, __ATOMIC_ACQ_REL) == 1;
}

/* The destruction of a large space gives way to other threads, so it can be seen half done: until
 * its end all that the space had counts as on its way back. */
void vm_space_end(struct vm_space *space, uint64_t npages)
{
    if (space_put_only(space))
        space_destroy(space);
    end_finish(npages);
}

void vm_space_put(struct vm_space *space)
{
    vm_space_end(space, vm_space_end_begin(space));
}

static void space_end_deferred(struct deferred *item)
{
    struct vm_space *space = container_of(item, struct vm_space, ending);
    uint64_t npages = space->ending_pages;

    space_destroy(space);
    end_finish(npages);
}

/* A truncation or a reader of /proc would otherwise free the memory of a program that has ended
 * meanwhile, gigabytes perhaps, and put its files, all in the middle of something else. */
void vm_space_put_later(struct vm_space *space)
{
    uint64_t npages = vm_space_end_begin(space);

    if (!space_put_only(space)) {
        end_finish(npages);
        return;
    }
    space->ending_pages = npages;
    deferred_init(&space->ending, space_end_deferred);
    deferred_queue(&space->ending);
}

uint64_t vm_pages_ending(void)
{
    return __atomic_load_n(&pages_ending, __ATOMIC_ACQUIRE);
}

/* Pages that a fault brings back by itself are not worth a copy of their entries. */
static bool area_is_copied(const struct vm_area *area)
{
    return !area->wipe_on_fork && !(area->shared && area->pager);
}

/* Areas are added in ascending order, each with its pages. An error leaves a child that can end. */
static int areas_copy(const struct vm_space *parent, struct vm_space *child)
{
    struct vm_area *last = NULL;
    int err = 0;

    for (struct rb_node *node = rb_first(&parent->areas); node && !err; node = rb_next(node)) {
        const struct vm_area *area = rb_entry(node, struct vm_area, node);
        struct vm_area model = *area;

        if (area->dont_fork)
            continue;
        model.locked = false; /* mlock(2): locks are not inherited */
        err = vm_area_append(child, &model, &last);
        if (!err && area_is_copied(area))
            err = vm_table_copy(child, parent, area);
        if (vm_kill_pending())
            err = -EINTR; /* the parent is to die: there is no use in a child */
        sched_preempt_point();
    }
    vm_area_append_finish(child);
    return err;
}

int vm_space_dup(struct vm_space *parent, struct vm_space **out_space)
{
    struct vm_space *child;
    int err = vm_space_create(&child);

    if (err)
        return err;
    /* The child too: it can be found by the reverse map from its first area on. */
    mutex_lock_pair(&parent->lock, &child->lock);
    limits_copy(child, parent);
    child->map_top = parent->map_top;
    child->membarrier = __atomic_load_n(&parent->membarrier, __ATOMIC_RELAXED);
    child->undumpable = __atomic_load_n(&parent->undumpable, __ATOMIC_RELAXED);
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
