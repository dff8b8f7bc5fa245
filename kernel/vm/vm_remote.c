/* SPDX-License-Identifier: MIT */
/*
 * Memory of programs by way of the direct map: of another process (/proc, ptrace), of one that is
 * being built (exec), and words that are changed at once (futex). The page is brought in and
 * accessed under one holding of vm_space.lock; its entry keeps the rights that the area gives.
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_table.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

/* The entry stays without PTE_WRITE where the area may not be written: only the kernel may, here.
 */
static int page_write_remote(struct vm_space *space, uint64_t va, void *src, size_t nbytes)
{
    int err;
    char *bytes;

    mutex_lock(&space->lock);
    err = vm_fault_locked(space, va, VM_WRITE, VM_FAULT_FORCE);
    if (!err) {
        /* The fault has made the entry, and the lock keeps it: the frame cannot change before the
         * copy. */
        bytes = (char *)paging_table(*vm_entry_find(space, va)) + (va & PAGE_MASK);
        if (src)
            memcpy(bytes, src, nbytes);
        else
            memset(bytes, 0, nbytes);
    }
    mutex_unlock(&space->lock);
    return err;
}

/* For debuggers, which read what is mapped at all and write through a private mapping's protection;
 * for others, which need the rights that the area gives (LX_PROT_*). */
static int page_debug(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes, bool write,
                      uint32_t needed)
{
    const struct vm_area *area;
    char *page;
    int err = -EFAULT;

    mutex_lock(&space->lock);
    area = vm_area_find(space, va);
    if (area && area->start <= va && (area->prot & needed) == needed)
        err = vm_fault_locked(space, va, write ? VM_WRITE : VM_READ, VM_FAULT_FORCE);
    if (!err) {
        page = (char *)paging_table(*vm_entry_find(space, va)) + (va & PAGE_MASK);
        if (write)
            memcpy(page, bytes, nbytes);
        else
            memcpy(bytes, page, nbytes);
    }
    mutex_unlock(&space->lock);
    return err;
}

static int page_debug_read(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes)
{
    return page_debug(space, va, bytes, nbytes, false, 0);
}

static int page_debug_write(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes)
{
    return page_debug(space, va, bytes, nbytes, true, 0);
}

static int page_peer_read(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes)
{
    return page_debug(space, va, bytes, nbytes, false, LX_PROT_READ);
}

static int page_peer_write(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes)
{
    return page_debug(space, va, bytes, nbytes, true, LX_PROT_WRITE);
}

/* Page by page, with the wait for one of a file; `bytes` may be NULL. */
static int pages_access(struct vm_space *space, uint64_t va, char *bytes, size_t nbytes,
                        int (*access)(struct vm_space *space, uint64_t va, void *bytes,
                                      size_t nbytes))
{
    while (nbytes) {
        size_t piece = MIN(nbytes, PAGE_SIZE - (va & PAGE_MASK));
        int err = va < USER_END ? access(space, va, bytes, piece) : -EFAULT;

        if (err == -EAGAIN) {
            err = vm_page_await(space, va);
            if (!err)
                continue;
        }
        if (err)
            return err;
        va += piece;
        bytes = bytes ? bytes + piece : NULL;
        nbytes -= piece;
        sched_preempt_point();
    }
    return 0;
}

/* Without waiting for memory: exec gives up with -ENOMEM, and its new space goes. */
int vm_write_remote(struct vm_space *space, uint64_t va, const void *src, size_t nbytes)
{
    return pages_access(space, va, (char *)(uintptr_t)src, nbytes, page_write_remote);
}

int vm_debug_read(struct vm_space *space, uint64_t va, void *dst, size_t nbytes)
{
    return pages_access(space, va, dst, nbytes, page_debug_read);
}

int vm_debug_write(struct vm_space *space, uint64_t va, void *src, size_t nbytes)
{
    return pages_access(space, va, src, nbytes, page_debug_write);
}

int vm_peer_copy(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes, bool write)
{
    return pages_access(space, va, bytes, nbytes, write ? page_peer_write : page_peer_read);
}

/* Memory of the program's own that it may read itself: files are left out, since a page of one may
 * be long in coming, and what the program may not read is not shown to others. */
static bool page_read_remote(struct vm_space *space, uint64_t va, void *dst, size_t nbytes)
{
    const struct vm_area *area;
    bool done;

    mutex_lock(&space->lock);
    area = vm_area_find(space, va);
    done = area && area->start <= va && !area->pager && (area->prot & LX_PROT_READ) &&
           vm_fault_locked(space, va, VM_READ, VM_FAULT_EXACT) == 0;
    if (done)
        memcpy(dst, (char *)paging_table(*vm_entry_find(space, va)) + (va & PAGE_MASK), nbytes);
    mutex_unlock(&space->lock);
    return done;
}

/* Page by page: areas may change between two of them, as they may while a program reads. */
size_t vm_read_remote(struct vm_space *space, uint64_t va, void *dst, size_t nbytes)
{
    size_t done = 0;

    while (done < nbytes && va + done < USER_END) {
        size_t piece = MIN(nbytes - done, PAGE_SIZE - ((va + done) & PAGE_MASK));

        if (!page_read_remote(space, va + done, (char *)dst + done, piece))
            break;
        done += piece;
        sched_preempt_point();
    }
    return done;
}

/* The page was there a moment ago; it may have gone, or become read-only, before the lock. */
static int remote_exchange_locked(struct vm_space *space, uint64_t va, uint32_t old, uint32_t new,
                                  uint32_t *seen)
{
    char *page;
    int err;

    ASSERT(mutex_is_held(&space->lock));
    err = vm_fault_locked(space, va, VM_WRITE, VM_FAULT_EXACT);
    if (err)
        return err == -ENOMEM || err == -EAGAIN ? err : -EFAULT;
    page = (char *)paging_table(*vm_entry_find(space, va));
    /* Atomic towards programs too: they write the same frame without any lock. */
    *seen = old;
    __atomic_compare_exchange_n((uint32_t *)(page + (va & PAGE_MASK)), seen, new, false,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return 0;
}

/* The kernel's address of the page is used under the lock: no copy-on-write can put another frame
 * in its place meanwhile. */
int vm_exchange(struct vm_space *space, uint64_t va, uint32_t old, uint32_t new, uint32_t *seen)
{
    int err;

    if (va >= USER_END || !IS_ALIGNED(va, sizeof(uint32_t)))
        return -EFAULT;
    do {
        /* Brought in first, by the way that may wait, for memory or for the page. */
        err = vm_fault(space, va, VM_WRITE);
        if (err)
            return err == -ENOMEM ? err : -EFAULT;
        mutex_lock(&space->lock);
        err = remote_exchange_locked(space, va, old, new, seen);
        mutex_unlock(&space->lock);
    } while (err == -EAGAIN);
    return err;
}

/* Shared memory by object and offset, so that processes that map it at different addresses meet;
 * all else by space and address. A page that is copied on a store later keeps its key. */
int vm_key_get(struct vm_space *space, uint64_t va, bool shared, struct vm_key *out)
{
    const struct vm_area *area;
    int err = 0;

    *out = (struct vm_key){.object = space, .offset = va};
    if (va >= USER_END)
        return -EFAULT;
    /* Private futexes need no area: two threads of one space mean the same by an address. */
    if (!shared)
        return 0;
    mutex_lock(&space->lock);
    area = vm_area_find(space, va);
    if (!area || area->start > va || !area->prot) {
        err = -EFAULT;
    } else if (area->shared) {
        /* The object's reference keeps its address from being that of another one meanwhile. */
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
