/* SPDX-License-Identifier: MIT */
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

/* Neighbours that a fault on a file's page brings in: the aligned block of pages around it. */
#define AROUND_PAGES 16

/* At most so many pages follow one that a program touches after those before it. */
#define AHEAD_PAGES  8
#define PLENTY_SHIFT 4 /* and only while more than this share of memory is free */

/* Frames that programs leave to the kernel, so that it can end one of them. */
#define RESERVE_FRAMES 64

static const struct vm_oom_ops *oom_ops;

void vm_set_oom_ops(const struct vm_oom_ops *ops)
{
    oom_ops = ops;
}

static struct frame *frame_alloc(enum pmm_flags flags)
{
    return likely(pmm_free_count() > RESERVE_FRAMES) ? pmm_alloc(0, flags) : NULL;
}

static uint64_t rights_of(const struct vm_area *area)
{
    return PTE_PRESENT | PTE_USER | (area->prot & LX_PROT_EXEC ? 0 : PTE_NX);
}

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

/* A page of our own with the contents of that one. */
static int copy_page(struct vm_space *space, const struct vm_area *area, uint64_t va,
                     const struct frame *from, uint64_t *entry)
{
    struct frame *copy = frame_alloc(PMM_PLAIN);

    if (!copy)
        return -ENOMEM;
    memcpy(frame_address(copy), frame_address(from), PAGE_SIZE);
    entry_set(space, va, entry, copy,
              rights_of(area) | (area->prot & LX_PROT_WRITE ? PTE_WRITE : 0));
    return 0;
}

/* Whether nobody but this entry holds the frame: then it may be written in place. */
static bool is_ours_alone(uint64_t entry)
{
    const struct frame *frame = frame_from_physical(entry & PTE_ADDRESS);

    return frame->state != FRAME_PINNED && __atomic_load_n(&frame->refs, __ATOMIC_ACQUIRE) == 1;
}

/* A store to a present, read-only page of a private area. */
static int fault_present_write(struct vm_space *space, const struct vm_area *area, uint64_t va,
                               uint64_t *entry)
{
    if (area->shared || is_ours_alone(*entry)) {
        if (area->prot & LX_PROT_WRITE)
            *entry = (*entry | PTE_WRITE) & ~PTE_SHOWN;
        vm_tlb_flush_local(space, va);
        return 0;
    }
    return copy_page(space, area, va, frame_from_physical(*entry & PTE_ADDRESS), entry);
}

/* A program that has touched the pages before this one, in order, will touch those behind it: as
 * many as it has, up to a bound, come with one fault. */
static void map_ahead(struct vm_space *space, const struct vm_area *area, uint64_t va,
                      uint64_t *entry, uint64_t bits)
{
    uint64_t before = MIN((va - area->start) >> PAGE_SHIFT, paging_index(va, 1));
    uint64_t behind =
        MIN(((area->end - va) >> PAGE_SHIFT) - 1, PAGING_ENTRIES - 1 - paging_index(va, 1));
    uint64_t most = MIN(MIN(before, behind), AHEAD_PAGES), run = 0;

    while (run < most && vm_entry_has_frame(*(entry - run - 1)))
        run++;
    if (!run || pmm_free_count() < pmm_total_count() >> PLENTY_SHIFT)
        return;
    for (uint64_t i = 1; i <= run && !vm_entry_has_frame(entry[i]); i++) {
        struct frame *frame = frame_alloc(PMM_ZERO);

        if (!frame)
            return;
        entry[i] = frame_physical(frame) | bits;
        space->resident_pages++;
    }
}

static int fault_anonymous(struct vm_space *space, const struct vm_area *area, uint64_t va,
                           uint64_t *entry, unsigned how)
{
    uint64_t bits = rights_of(area) | (area->prot & LX_PROT_WRITE ? PTE_WRITE : 0);
    struct frame *frame = frame_alloc(PMM_ZERO);

    if (!frame)
        return -ENOMEM;
    entry_set(space, va, entry, frame, bits);
    if (how & VM_FAULT_AHEAD)
        map_ahead(space, area, va, entry, bits);
    return 0;
}

/* The file's pages around va that are there already: a program that starts, or reads on, would
 * fault on them one by one. */
static void map_around(struct vm_space *space, const struct vm_area *area, uint64_t va,
                       uint64_t *entry)
{
    uint64_t block = AROUND_PAGES * PAGE_SIZE;
    uint64_t low = MAX(ALIGN_DOWN(va, block), area->start);
    uint64_t high = MIN(ALIGN_DOWN(va, block) + block, area->end);
    struct frame *frames[AROUND_PAGES];
    unsigned count = (unsigned)((high - low) >> PAGE_SHIFT);

    area->pager->ops->pages_find(
        area->pager, area->page_index + ((low - area->start) >> PAGE_SHIFT), count, frames);
    entry -= (va - low) >> PAGE_SHIFT; /* a block lies within one table */
    for (unsigned i = 0; i < count; i++, entry++) {
        if (!frames[i])
            continue;
        if (vm_entry_has_frame(*entry)) {
            frame_put(frames[i]);
            continue;
        }
        *entry = frame_physical(frames[i]) | rights_of(area) | PTE_SHOWN;
        space->resident_pages++;
    }
}

static int fault_file(struct vm_space *space, const struct vm_area *area, uint64_t va,
                      uint64_t *entry, bool write)
{
    uint64_t index = area->page_index + ((va - area->start) >> PAGE_SHIFT);
    struct frame *frame;
    int err = area->pager->ops->page_get(area->pager, index, area->shared, &frame);

    if (err)
        return err;
    /* Shared areas get the file's own frame, so that later stores by anyone are seen. */
    if (area->shared) {
        entry_set(space, va, entry, frame,
                  rights_of(area) | (area->prot & LX_PROT_WRITE ? PTE_WRITE : 0));
        return 0;
    }
    if (write) {
        err = copy_page(space, area, va, frame, entry);
        frame_put(frame);
        return err;
    }
    entry_set(space, va, entry, frame, rights_of(area) | PTE_SHOWN);
    if (area->pager->ops->pages_find)
        map_around(space, area, va, entry);
    return 0;
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

    va = ALIGN_DOWN(va, PAGE_SIZE);
    area = area_for(space, va);
    if (!area)
        return -EFAULT;
    if (!(area->prot & needed[access]) && !(how & VM_FAULT_FORCE))
        return -EACCES;
    entry = vm_entry_make(space, va);
    if (!entry)
        return -ENOMEM;
    if (vm_entry_has_frame(*entry)) {
        if (access == VM_WRITE && !(*entry & PTE_WRITE))
            return fault_present_write(space, area, va, entry);
        vm_tlb_flush_local(space, va); /* somebody resolved it already */
        return 0;
    }
    if (area->pager)
        return fault_file(space, area, va, entry, access == VM_WRITE);
    return fault_anonymous(space, area, va, entry, how);
}

static int fault(struct vm_space *space, uint64_t va, enum vm_access access, unsigned how)
{
    int err;

    if (va >= USER_END)
        return -EFAULT;
    do {
        mutex_lock(&space->lock);
        err = vm_fault_locked(space, va, access, how);
        mutex_unlock(&space->lock);
    } while (unlikely(err == -ENOMEM) && oom_ops && oom_ops->wait());
    return err;
}

int vm_fault(struct vm_space *space, uint64_t va, enum vm_access access)
{
    thread_current()->faults++;
    return fault(space, va, access, VM_FAULT_AHEAD);
}

int vm_fault_exact(struct vm_space *space, uint64_t va, enum vm_access access)
{
    return fault(space, va, access, VM_FAULT_EXACT);
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
        arch_thread_add_work(&self->arch, ARCH_WORK_KILL);
    return err == 0;
}
