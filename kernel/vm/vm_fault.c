/* SPDX-License-Identifier: MIT */
/*
 * Page faults: demand-zero pages, pages of files, copy-on-write, stacks that grow.
 *
 * A fault finds the area, asks whether it allows the access, and makes the entry what the area
 * says: under vm_space.lock from the lookup to the store, so that unmapping, protecting and the
 * reverse map see it wholly or not at all. The pager takes locks of its own below (INODE).
 *
 * An entry may hold a frame of the area's own, or, in a private area, the file's (PTE_FILE, never
 * writable). A store to a frame that others hold too copies it; one that this entry alone holds
 * becomes writable in place. The count decides that without a lock: it can only be raised by fork
 * of this space, which needs the lock, or by another holder, of which there is none.
 *
 * Two processors may fault on one page: the second finds the entry as it should be, and its TLB
 * had the old one. A file that is cut while a fault is under way: the pager refuses pages behind
 * the new end, and a page that it gave before is unmapped by the reverse map, which waits for the
 * lock (vm_rmap.c).
 *
 * Without memory the lock is given up, something is ended (oom_ops), and the fault begins anew. So
 * it does where a page of a file is on its way from where the file is kept: the wait is without the
 * lock, for other faults and calls of the same space go on meanwhile, and with a reference to the
 * file alone, since its area may go. What the areas are by then, the next round finds out.
 */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* At most so many pages follow one that a program touches after those before it. */
#define AHEAD_PAGES  8
#define PLENTY_SHIFT 4 /* and only while more than this share of memory is free */

static const struct vm_oom_ops *oom_ops;

void vm_set_oom_ops(const struct vm_oom_ops *ops)
{
    oom_ops = ops;
}

/* What every entry of the area has, whichever way its page came: without any right it is not
 * present, also when the kernel itself brings the page in. */
static uint64_t rights_of(const struct vm_area *area)
{
    return (area->prot ? PTE_PRESENT : PTE_PROTNONE) | PTE_USER |
           (area->prot & LX_PROT_EXEC ? 0 : PTE_NX);
}

/* The same for a page of the area's own, or of a shared file. */
static uint64_t rights_with_write(const struct vm_area *area)
{
    return rights_of(area) | (area->prot & LX_PROT_WRITE ? PTE_WRITE : 0);
}

/* The entry's former frame is let go only behind the flush: another processor may still read it. */
static void entry_set(struct vm_space *space, uint64_t va, uint64_t *entry, struct frame *frame,
                      uint64_t bits)
{
    bool had = vm_entry_has_frame(*entry);
    struct frame *old = had ? frame_from_physical(*entry & PTE_ADDRESS) : NULL;

    *entry = frame_physical(frame) | bits;
    if (!had) {
        space->resident_pages++;
        return;
    }
    vm_tlb_flush(space, va);
    frame_put(old);
}

/* A page of the area's own with the contents of that one. */
static int copy_page(struct vm_space *space, const struct vm_area *area, uint64_t va,
                     const struct frame *from, uint64_t *entry)
{
    struct frame *copy = vm_frame_alloc(PMM_PLAIN);

    if (!copy)
        return -ENOMEM;
    memcpy(frame_address(copy), frame_address(from), PAGE_SIZE);
    entry_set(space, va, entry, copy, rights_with_write(area));
    return 0;
}

/* Whether this entry is the only holder of the frame: then it may be written in place. */
static bool is_ours_alone(uint64_t entry)
{
    const struct frame *frame = frame_from_physical(entry & PTE_ADDRESS);

    return frame->state != FRAME_PINNED && __atomic_load_n(&frame->refs, __ATOMIC_ACQUIRE) == 1;
}

/* A store to a page that is there but not writable: a private one, or one whose protection changed.
 */
static int fault_present_write(struct vm_space *space, const struct vm_area *area, uint64_t va,
                               uint64_t *entry)
{
    if (area->shared || is_ours_alone(*entry)) {
        *entry = (*entry & ~PTE_FILE) | (area->prot & LX_PROT_WRITE ? PTE_WRITE : 0);
        vm_tlb_flush_local(space, va);
        return 0;
    }
    return copy_page(space, area, va, frame_from_physical(*entry & PTE_ADDRESS), entry);
}

/* Zeroed frames behind each other, as many as 2^*order or, when memory is in pieces, one. */
static struct frame *ahead_block_alloc(unsigned *order)
{
    struct frame *block = pmm_alloc(*order, PMM_ZERO);

    if (!block && *order > 0) {
        *order = 0;
        block = pmm_alloc(0, PMM_ZERO);
    }
    if (block)
        pmm_split(block, *order);
    return block;
}

/* A program that has touched the pages before this one, in order, will touch those behind it: as
 * many as it has, up to a bound and to a power of two, come with one fault and one allocation. */
static void map_ahead(struct vm_space *space, const struct vm_area *area, uint64_t va,
                      uint64_t *entry, uint64_t bits)
{
    uint64_t before = MIN((va - area->start) >> PAGE_SHIFT, paging_index(va, 1));
    uint64_t behind =
        MIN(((area->end - va) >> PAGE_SHIFT) - 1, PAGING_ENTRIES - 1 - paging_index(va, 1));
    uint64_t most = MIN(MIN(before, behind), AHEAD_PAGES), run = 0;
    struct frame *block;
    unsigned order;

    while (run < most && vm_entry_has_frame(*(entry - run - 1)) &&
           !vm_entry_has_frame(entry[run + 1]))
        run++;
    if (!run || !pmm_has_more_than(pmm_total_count() >> PLENTY_SHIFT))
        return;
    order = 31 - (unsigned)__builtin_clz((unsigned)run);
    block = ahead_block_alloc(&order);
    if (!block)
        return;
    run = 1ULL << order;
    for (uint64_t i = 0; i < run; i++)
        entry[i + 1] = (frame_physical(block) + (i << PAGE_SHIFT)) | bits;
    space->resident_pages += run;
}

/* Reading, too, gets a page of its own: there is no page of zeroes that all share. */
static int fault_anonymous(struct vm_space *space, const struct vm_area *area, uint64_t va,
                           uint64_t *entry, unsigned how)
{
    uint64_t bits = rights_with_write(area);
    struct frame *frame = vm_frame_alloc(PMM_ZERO);

    if (!frame)
        return -ENOMEM;
    entry_set(space, va, entry, frame, bits);
    if (how & VM_FAULT_AHEAD)
        map_ahead(space, area, va, entry, bits);
    return 0;
}

/* The aligned block of pages around va that lies in the area and so in one table: a program that
 * starts, or reads on, would fault on them one by one. */
static void range_around(const struct vm_area *area, uint64_t va, struct vm_page_range *range)
{
    uint64_t block = VM_RANGE_PAGES * PAGE_SIZE;
    uint64_t low = MAX(ALIGN_DOWN(va, block), area->start);
    uint64_t high = MIN(ALIGN_DOWN(va, block) + block, area->end);

    range->index = area->page_index + ((low - area->start) >> PAGE_SHIFT);
    range->count = (unsigned)((high - low) >> PAGE_SHIFT);
    range->needed = (unsigned)((va - low) >> PAGE_SHIFT);
}

/* Shared areas get the file's own frames, so that later stores by any process are seen. */
static int fault_file(struct vm_space *space, const struct vm_area *area, uint64_t va,
                      uint64_t *entry)
{
    uint64_t bits = area->shared ? rights_with_write(area) : rights_of(area) | PTE_FILE;
    struct vm_page_range range = {.write = area->shared};
    int err;

    range_around(area, va, &range);
    err = area->pager->ops->map_range(area->pager, &range);
    if (err)
        return err;
    entry -= range.needed;
    for (unsigned i = 0; i < range.count; i++, entry++) {
        if (!range.frames[i])
            continue;
        if (vm_entry_has_frame(*entry)) {
            frame_put(range.frames[i]);
            continue;
        }
        *entry = frame_physical(range.frames[i]) | bits;
        space->resident_pages++;
    }
    return 0;
}

/* A store to a page of a private area that is not there: a copy, and no neighbours. */
static int fault_file_copy(struct vm_space *space, const struct vm_area *area, uint64_t va,
                           uint64_t *entry)
{
    struct vm_page_range range = {
        .index = area->page_index + ((va - area->start) >> PAGE_SHIFT),
        .count = 1,
    };
    int err = area->pager->ops->map_range(area->pager, &range);

    if (err)
        return err;
    err = copy_page(space, area, va, range.frames[0], entry);
    frame_put(range.frames[0]);
    return err;
}

/* The area below which va lies becomes larger, if it is a stack that may: as Linux, down to
 * RLIMIT_STACK, and not within VM_STACK_GAP of what can be accessed below. */
static bool grow_down(struct vm_space *space, struct vm_area *area, uint64_t va)
{
    const struct vm_area *prev = vm_area_prev(area);
    uint64_t more = (area->start - va) >> PAGE_SHIFT;

    if (!area->grows_down || va < USER_BASE ||
        area->end - va > __atomic_load_n(&space->stack_limit, __ATOMIC_RELAXED))
        return false;
    if (prev && prev->prot && !prev->grows_down && va - prev->end < VM_STACK_GAP)
        return false;
    if (!vm_limits_allow(space, more, 0))
        return false;
    vm_area_resize(space, area, va, area->end);
    return true;
}

/* The area of an access, a stack that can reach down to it included. */
static struct vm_area *area_for(struct vm_space *space, uint64_t va)
{
    struct vm_area *area = vm_area_find(space, va);

    if (!area || (area->start > va && !grow_down(space, area, va)))
        return NULL;
    return area;
}

int vm_fault_locked(struct vm_space *space, uint64_t va, enum vm_access access, unsigned how)
{
    static const uint32_t needed[] = {
        [VM_READ] = LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC, /* x86 cannot keep reads out */
        [VM_WRITE] = LX_PROT_WRITE,
        [VM_EXEC] = LX_PROT_EXEC,
    };
    const struct vm_area *area;
    uint64_t *entry;

    ASSERT(mutex_is_held(&space->lock));
    va = ALIGN_DOWN(va, PAGE_SIZE);
    area = area_for(space, va);
    if (!area)
        return -EFAULT;
    if (!(area->prot & needed[access]) &&
        (!(how & VM_FAULT_FORCE) || (area->shared && access != VM_READ)))
        return -EACCES;
    entry = vm_entry_make(space, va);
    if (!entry)
        return -ENOMEM;
    if (vm_entry_has_frame(*entry)) {
        if (access == VM_WRITE && !(*entry & PTE_WRITE))
            return fault_present_write(space, area, va, entry);
        vm_tlb_flush_local(space, va); /* another processor was first */
        return 0;
    }
    if (area->pager)
        return access == VM_WRITE && !area->shared ? fault_file_copy(space, area, va, entry)
                                                   : fault_file(space, area, va, entry);
    return fault_anonymous(space, area, va, entry, how);
}

int vm_page_await(struct vm_space *space, uint64_t va)
{
    struct vm_pager *pager = NULL;
    struct dentry *name = NULL;
    const struct vm_area *area;
    uint64_t index = 0;
    int err;

    mutex_lock(&space->lock);
    area = vm_area_find(space, va);
    if (area && area->start <= va && area->pager && area->pager->ops->await) {
        pager = area->pager;
        name = area->name;
        pager->ops->get(pager, name);
        index = area->page_index + ((va - area->start) >> PAGE_SHIFT);
    }
    mutex_unlock(&space->lock);
    if (!pager)
        return 0; /* another area is there by now, or none */
    err = pager->ops->await(pager, index);
    pager->ops->put(pager, name);
    return err == -EIO ? -ENXIO : err; /* SIGBUS, as behind the end of the file */
}

/* Whether the fault begins anew; else *err is what it ends with. */
static NOINLINE bool fault_again(struct vm_space *space, uint64_t va, int *err)
{
    if (*err == -ENOMEM)
        return oom_ops && oom_ops->wait();
    if (*err != -EAGAIN)
        return false;
    *err = vm_page_await(space, va);
    return !*err;
}

static int fault_resolve(struct vm_space *space, uint64_t va, enum vm_access access, unsigned how)
{
    int err;

    if (va >= USER_END)
        return -EFAULT;
    do {
        mutex_lock(&space->lock);
        err = vm_fault_locked(space, va, access, how);
        mutex_unlock(&space->lock);
    } while (unlikely(err) && fault_again(space, va, &err));
    return err;
}

int vm_fault(struct vm_space *space, uint64_t va, enum vm_access access)
{
    thread_current()->faults++;
    return fault_resolve(space, va, access, VM_FAULT_AHEAD);
}

/* Not counted as a fault of the thread: the kernel brings pages in for it. */
int vm_fault_exact(struct vm_space *space, uint64_t va, enum vm_access access)
{
    return fault_resolve(space, va, access, VM_FAULT_EXACT);
}

bool hook_kernel_fault(const struct trap_frame *frame, uint64_t cr2)
{
    struct thread *self = thread_current();
    int err;

    if (!self->space)
        return false;
    err = vm_fault(self->space, cr2, frame->error & FAULT_WRITE ? VM_WRITE : VM_READ);
    /* Without memory the program ends when it next returns to ring 3: Linux would kill it too. */
    if (err == -ENOMEM)
        arch_thread_add_work(&self->arch, TIF_KILL);
    return err == 0;
}
