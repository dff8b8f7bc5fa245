/* SPDX-License-Identifier: MIT */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

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

/* A page of our own with the contents of the present one. */
static int copy_page(struct vm_space *space, const struct vm_area *area, uint64_t va,
                     uint64_t *entry)
{
    struct frame *copy = pmm_alloc(0, PMM_PLAIN);

    if (!copy)
        return -ENOMEM;
    memcpy(frame_address(copy), paging_table(*entry), PAGE_SIZE);
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
            *entry |= PTE_WRITE;
        vm_tlb_flush(space, va);
        return 0;
    }
    return copy_page(space, area, va, entry);
}

static int fault_anonymous(struct vm_space *space, const struct vm_area *area, uint64_t va,
                           uint64_t *entry)
{
    struct frame *frame = pmm_alloc(0, PMM_ZERO);

    if (!frame)
        return -ENOMEM;
    entry_set(space, va, entry, frame,
              rights_of(area) | (area->prot & LX_PROT_WRITE ? PTE_WRITE : 0));
    return 0;
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
    entry_set(space, va, entry, frame,
              rights_of(area) | (area->shared && (area->prot & LX_PROT_WRITE) ? PTE_WRITE : 0));
    if (write && !area->shared)
        return copy_page(space, area, va, entry);
    return 0;
}

/* force: the kernel writes whatever the protection of a private area says. */
static int fault_locked(struct vm_space *space, uint64_t va, enum vm_access access, bool force)
{
    static const uint32_t needed[] = {
        [VM_READ] = LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC, /* x86 cannot keep reads out */
        [VM_WRITE] = LX_PROT_WRITE,
        [VM_EXEC] = LX_PROT_EXEC,
    };
    const struct vm_area *area = vm_area_find(space, va);
    uint64_t *entry;

    va = ALIGN_DOWN(va, PAGE_SIZE);
    if (!area || area->start > va)
        return -EFAULT;
    if (!(area->prot & needed[access]) && !force)
        return -EACCES;
    entry = vm_entry_make(space, va);
    if (!entry)
        return -ENOMEM;
    if (vm_entry_has_frame(*entry)) {
        if (access == VM_WRITE && !(*entry & PTE_WRITE))
            return fault_present_write(space, area, va, entry);
        vm_tlb_flush(space, va); /* somebody resolved it already */
        return 0;
    }
    if (area->pager)
        return fault_file(space, area, va, entry, access == VM_WRITE);
    return fault_anonymous(space, area, va, entry);
}

int vm_fault(struct vm_space *space, uint64_t va, enum vm_access access)
{
    int err;

    if (va >= USER_END)
        return -EFAULT;
    mutex_lock(&space->lock);
    err = fault_locked(space, va, access, false);
    mutex_unlock(&space->lock);
    return err;
}

static int poke_page(struct vm_space *space, uint64_t va, const void *src, size_t nbytes)
{
    int err;
    char *bytes;

    mutex_lock(&space->lock);
    err = fault_locked(space, va, VM_WRITE, true);
    if (!err) {
        bytes = (char *)paging_table(*vm_entry_find(space, va)) + (va & PAGE_MASK);
        if (src)
            memcpy(bytes, src, nbytes);
        else
            memset(bytes, 0, nbytes);
    }
    mutex_unlock(&space->lock);
    return err;
}

int vm_poke(struct vm_space *space, uint64_t va, const void *src, size_t nbytes)
{
    while (nbytes) {
        size_t piece = MIN(nbytes, PAGE_SIZE - (va & PAGE_MASK));
        int err = va < USER_END ? poke_page(space, va, src, piece) : -EFAULT;

        if (err)
            return err;
        va += piece;
        src = src ? (const char *)src + piece : NULL;
        nbytes -= piece;
    }
    return 0;
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
