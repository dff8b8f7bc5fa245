/* SPDX-License-Identifier: MIT */
/*
 * The states of a page of a file, and waiting for one that is locked.
 *
 * LOCKED: set by page_init_stale, before the page is in its tree, or by page_trylock. The owner has
 *     the page to fill (or to write out), and alone clears it, by page_unlock, in any thread. The
 *     lock keeps no reader away from a page that is up to date.
 * STALE: set by page_init_stale alone, cleared by page_unlock with the bytes complete. So a page
 *     that is in its tree becomes up to date once, and is so for good: a reader that finds it
 *     without STALE need not look again. STALE without LOCKED means that filling it has failed: the
 *     waiters get -EIO, the next reader has it filled again.
 * DIRTY: set under the inode's mutex by a writer, or when the page is mapped writable; cleared when
 *     it is written out, with the page locked and before its bytes are read: a store that comes
 *     later sets it again.
 * UNWRITTEN: of what was a hole. Set before the page is in its tree, cleared for good by
 *     page_set_written: under the inode's mutex when bytes are written, and by a fault also without
 *     it, before the page is mapped. So a page that a program can store to is never taken for a
 *     hole, and never taken back by the call that made it.
 *
 * Readers, writers and faults wait for pages that are LOCKED and STALE, with a reference to the
 * frame and without any lock (page_wait): not that of the inode, which the filler takes to end its
 * work, and not that of the address space, in which others go on. Behind a wait everything is
 * looked up again, since the page may be the file's no more. The wait queues are few, and shared by
 * hash: a wake-up may be for another page.
 */
#include "kernel/fs/page_cache/page_state.h"

#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define QUEUES 16

static struct waitq queues[QUEUES];

void page_state_init(void)
{
    for (unsigned i = 0; i < QUEUES; i++)
        waitq_init(&queues[i]);
}

static struct waitq *page_queue(const struct frame *frame)
{
    return &queues[frame_number(frame) % QUEUES];
}

void page_init_stale(struct frame *frame)
{
    __atomic_store_n(&frame->page, PAGE_LOCKED | PAGE_STALE, __ATOMIC_RELAXED);
}

bool page_trylock(struct frame *frame)
{
    return !(__atomic_fetch_or(&frame->page, PAGE_LOCKED, __ATOMIC_ACQUIRE) & PAGE_LOCKED);
}

/* Both bits at once: a waiter that finds the page unlocked and stale knows that it failed. */
void page_unlock(struct frame *frame, bool up_to_date)
{
    uint16_t bits = PAGE_LOCKED | (up_to_date ? PAGE_STALE : 0);

    ASSERT(page_flags(frame) & PAGE_LOCKED);
    __atomic_fetch_and(&frame->page, (uint16_t)~bits, __ATOMIC_RELEASE);
    waitq_wake_all(page_queue(frame));
}

/* Entered first, then looked: page_unlock clears the bit and then takes the queue's lock. */
int page_wait(struct frame *frame)
{
    struct waitq *queue = page_queue(frame);
    struct waiter waiter;
    unsigned flags;
    int err = 0;

    do {
        waitq_enter(queue, &waiter);
        flags = page_flags(frame);
        if (flags & PAGE_LOCKED)
            err = waitq_sleep_killable(&waiter);
        waitq_leave(queue, &waiter);
    } while (!err && (flags & PAGE_LOCKED));
    if (!err && (flags & PAGE_STALE))
        err = -EIO;
    return err;
}

void page_set_dirty(struct frame *frame)
{
    /* Mostly it is dirty already: then its cache line is only read. */
    if (!(page_flags(frame) & PAGE_DIRTY))
        __atomic_fetch_or(&frame->page, PAGE_DIRTY, __ATOMIC_RELAXED);
}

void page_set_written(struct frame *frame)
{
    /* Mostly it is: then its cache line is only read. */
    if (unlikely(page_is_unwritten(frame)))
        __atomic_fetch_and(&frame->page, (uint16_t)~PAGE_UNWRITTEN, __ATOMIC_RELAXED);
}

bool page_clear_dirty(struct frame *frame)
{
    ASSERT(page_flags(frame) & PAGE_LOCKED);
    return __atomic_fetch_and(&frame->page, (uint16_t)~PAGE_DIRTY, __ATOMIC_ACQ_REL) & PAGE_DIRTY;
}
