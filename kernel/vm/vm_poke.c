/* SPDX-License-Identifier: MIT */
/* Memory of programs by way of the direct map: building them, and words that are changed at once.
 */
#include "kernel/lib/string.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"

static int poke_page(struct vm_space *space, uint64_t va, const void *src, size_t nbytes)
{
    int err;
    char *bytes;

    mutex_lock(&space->lock);
    err = vm_fault_locked(space, va, VM_WRITE, VM_FAULT_FORCE);
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

static int peek_page(struct vm_space *space, uint64_t va, void *dst, size_t nbytes)
{
    int err;

    mutex_lock(&space->lock);
    err = vm_fault_locked(space, va, VM_READ, VM_FAULT_FORCE);
    if (!err)
        memcpy(dst, (char *)paging_table(*vm_entry_find(space, va)) + (va & PAGE_MASK), nbytes);
    mutex_unlock(&space->lock);
    return err;
}

int vm_peek(struct vm_space *space, uint64_t va, void *dst, size_t nbytes)
{
    for (char *to = dst; nbytes;) {
        size_t piece = MIN(nbytes, PAGE_SIZE - (va & PAGE_MASK));
        int err = va < USER_END ? peek_page(space, va, to, piece) : -EFAULT;

        if (err)
            return err;
        va += piece;
        to += piece;
        nbytes -= piece;
    }
    return 0;
}

static int exchange_locked(struct vm_space *space, uint64_t va, uint32_t old, uint32_t new,
                           uint32_t *seen)
{
    int err = vm_fault_locked(space, va, VM_WRITE, VM_FAULT_EXACT);
    char *page;

    if (err)
        return err == -ENOMEM ? err : -EFAULT;
    page = (char *)paging_table(*vm_entry_find(space, va));
    *seen = old;
    __atomic_compare_exchange_n((uint32_t *)(page + (va & PAGE_MASK)), seen, new, false,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return 0;
}

int vm_exchange(struct vm_space *space, uint64_t va, uint32_t old, uint32_t new, uint32_t *seen)
{
    int err;

    if (va >= USER_END || !IS_ALIGNED(va, sizeof(uint32_t)))
        return -EFAULT;
    /* Brought in first, by the way that may wait for memory. */
    err = vm_fault(space, va, VM_WRITE);
    if (err)
        return err == -ENOMEM ? err : -EFAULT;
    mutex_lock(&space->lock);
    err = exchange_locked(space, va, old, new, seen);
    mutex_unlock(&space->lock);
    return err;
}

int vm_key_get(struct vm_space *space, uint64_t va, bool shared, struct vm_key *out)
{
    const struct vm_area *area;
    int err = 0;

    *out = (struct vm_key){.object = space, .offset = va};
    if (va >= USER_END)
        return -EFAULT;
    if (!shared)
        return 0;
    mutex_lock(&space->lock);
    area = vm_area_find(space, va);
    if (!area || area->start > va || !area->prot) {
        err = -EFAULT;
    } else if (area->shared) {
        out->pager = area->pager;
        out->pager->ops->get(out->pager, NULL);
        out->object = out->pager;
        out->offset = (area->page_index << PAGE_SHIFT) + (va - area->start);
    }
    mutex_unlock(&space->lock);
    return err;
}

void vm_key_put(struct vm_key *key)
{
    if (key->pager)
        key->pager->ops->put(key->pager, NULL);
    key->pager = NULL;
}
