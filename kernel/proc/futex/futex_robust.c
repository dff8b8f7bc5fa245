/* SPDX-License-Identifier: MIT */
/*
 * Robust futexes and clear_child_tid: what a task leaves in its memory.
 *
 * A task keeps a list of the locks that it holds in its own memory (set_robust_list(2)). When it
 * leaves the memory with some of them held, each word gets FUTEX_OWNER_DIED and one waiter is
 * woken. Last, clear_tid becomes 0 for a task that waits for the end of this one. The list is the
 * program's and may be wrong in any way: every step reads user memory and has a bound.
 */
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/futex.h"

#define LIST_MAX 2048 /* as Linux: a list that is a ring by mistake */
#define IS_PI    1ULL /* lowest bit of an entry's address: a lock of another protocol */

/* True: it was this task's; its next owner is told, and one waiter woken. `pending`: the task was
 * about to take or release it, and may have died between the store and the wake-up. */
static bool owner_died(struct task *self, uint64_t va, bool is_pi, bool pending)
{
    uint32_t word, seen;

    if (!IS_ALIGNED(va, sizeof(word)) || vm_user_read(&word, (struct uptr){va}, sizeof(word)))
        return false;
    for (;;) {
        /* Released already, but perhaps not woken: a waiter is woken to be sure, the word stays. */
        if (pending && !is_pi && !word)
            break;
        if ((word & LX_FUTEX_TID_MASK) != (uint32_t)self->tid)
            return true;
        /* An atomic exchange on user memory: other tasks change the word at the same time. */
        if (vm_exchange(self->thread.space, va, word,
                        (word & LX_FUTEX_WAITERS) | LX_FUTEX_OWNER_DIED, &seen))
            return false;
        if (seen == word)
            break;
        word = seen;
    }
    if (!is_pi && (!word || (word & LX_FUTEX_WAITERS)))
        futex_wake_user(self, (struct uptr){va});
    return true;
}

static void list_leave(struct task *self)
{
    struct lx_robust_list_head head;
    uint64_t entry, next, at = self->robust_list.va;

    /* Not looked at twice, whatever happens below: exec comes here as well as exit. */
    self->robust_list.va = 0;
    if (!at || vm_user_read(&head, (struct uptr){at}, sizeof(head)))
        return;
    entry = head.list;
    for (unsigned i = 0; i < LIST_MAX && (entry & ~IS_PI) != at; i++, entry = next) {
        uint64_t node = entry & ~IS_PI;
        /* The next entry is read before this one is handled, as its new owner may change the
         * list. */
        bool readable = vm_user_read(&next, (struct uptr){node}, sizeof(next)) == 0;

        if (entry != head.list_op_pending &&
            !owner_died(self, node + (uint64_t)head.futex_offset, entry & IS_PI, false))
            return;
        if (!readable)
            return;
    }
    if (head.list_op_pending)
        (void)owner_died(self, (head.list_op_pending & ~IS_PI) + (uint64_t)head.futex_offset,
                         head.list_op_pending & IS_PI, true);
}

/* As on Linux, the failure to write the word is not reported. */
void futex_leave_memory(struct task *self)
{
    struct uptr word = self->clear_tid;
    const int zero = 0;

    list_leave(self);
    futex_pi_drop(self, self->exiting);
    self->clear_tid.va = 0;
    if (word.va && vm_space_is_shared(self->thread.space) &&
        vm_user_write(word, &zero, sizeof(zero)) == 0)
        futex_wake_user(self, word);
}
