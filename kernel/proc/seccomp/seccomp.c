/* SPDX-License-Identifier: MIT */
/*
 * Filters of tasks: set, shared, inherited, given back.
 *
 * A filter is complete and checked before it is seen. Tasks of one process set filters one after
 * the other (process.sets_filters); meanwhile the chains of its tasks grow by fork alone, which
 * copies a chain that is there. TSYNC therefore goes twice over the threads in slices: first each
 * must have a chain that the caller's begins with (or none), then each gets the caller's. A thread
 * that is made meanwhile has its maker's, in the same hold of the tree lock in which it comes to
 * the end of the list: the walk meets it. Whether a filter is in the caller's chain is seen by its
 * place there, for chains may be long. Other processes are not held up, however long the walks are.
 *
 * The old filter of a thread is in the new chain, so its reference is not the last one; nothing is
 * freed under the lock. Chains are freed one by one, with pauses.
 */
#include "kernel/proc/seccomp/seccomp.h"

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/bpf.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"

#define PATH_INSNS_MAX 32768 /* of all filters of a task, with */
#define FILTER_PENALTY 4     /* so many more for each that was there */
#define BYTES_SHARE    25    /* of memory, a part is for the filters of a user */

#define FLAGS                                                                                      \
    (LX_SECCOMP_FILTER_FLAG_TSYNC | LX_SECCOMP_FILTER_FLAG_LOG |                                   \
     LX_SECCOMP_FILTER_FLAG_SPEC_ALLOW | LX_SECCOMP_FILTER_FLAG_NEW_LISTENER |                     \
     LX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

/* ---- one filter ---- */

/* What is charged for it. */
static size_t filter_nbytes(const struct seccomp_filter *filter)
{
    return sizeof(*filter) + filter->count * sizeof(filter->insns[0]) +
           (filter->notify ? SECCOMP_NOTIFY_NBYTES : 0);
}

/* It was never seen by others, or no task has it any more; what is behind it stays. */
static COLD void filter_free(struct seccomp_filter *filter)
{
    if (filter->user)
        user_charge_add(filter->user, CHARGE_FILTER_BYTES, -(int64_t)filter_nbytes(filter));
    user_charge_put(filter->user);
    if (filter->notify)
        seccomp_notify_orphan(filter->notify);
    kfree(filter);
}

/* No lock held, where it may be the last. */
static COLD void filter_put(struct seccomp_filter *filter)
{
    while (filter && __atomic_sub_fetch(&filter->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        struct seccomp_filter *previous = filter->previous;

        filter_free(filter);
        filter = previous;
        sched_preempt_point();
    }
}

/* With the charge even on failure: filter_free takes it back. */
static COLD int filter_charge(struct seccomp_filter *filter, uint32_t uid)
{
    const int64_t most = (int64_t)(pmm_total_count() * PAGE_SIZE / BYTES_SHARE);

    filter->user = user_charge_get(uid);
    if (!filter->user)
        return -ENOMEM;
    return user_charge_add(filter->user, CHARGE_FILTER_BYTES, (int64_t)filter_nbytes(filter)) > most
               ? -ENOMEM
               : 0;
}

/* Copied once, then checked: what the program does to its own memory comes too late. */
static COLD int filter_fill(struct seccomp_filter *filter, struct uptr insns)
{
    uint16_t *scratch;
    int err;

    if (!insns.va) /* another error than of other bad addresses, as on Linux */
        return -EINVAL;
    err = vm_user_read(filter->insns, insns, filter->count * sizeof(filter->insns[0]));
    if (err)
        return err;
    scratch = kmalloc(filter->count * sizeof(*scratch));
    if (!scratch)
        return -ENOMEM;
    if (!bpf_check(filter->insns, filter->count, scratch))
        err = -EINVAL;
    kfree(scratch);
    return err;
}

/* The order of the errors is Linux's. */
static COLD int filter_create(const struct task *self, uint32_t flags, struct uptr at,
                              struct seccomp_filter **out_filter)
{
    const struct credentials *cred = &self->fs->cred;
    struct lx_sock_fprog program;
    struct seccomp_filter *filter;
    int err = vm_user_read(&program, at, sizeof(program));

    if (err)
        return err;
    if (!program.len || program.len > BPF_INSNS_MAX)
        return -EINVAL;
    if (!self->inherited.no_new_privs && !credentials_capable(cred, LX_CAP_SYS_ADMIN))
        return -EACCES;
    filter = kzalloc(sizeof(*filter) + program.len * sizeof(filter->insns[0]));
    if (!filter)
        return -ENOMEM;
    filter->refs = 1;
    filter->count = program.len;
    filter->log = flags & LX_SECCOMP_FILTER_FLAG_LOG;
    if (flags & LX_SECCOMP_FILTER_FLAG_NEW_LISTENER) {
        filter->notify = seccomp_notify_create();
        err = filter->notify ? 0 : -ENOMEM;
    }
    if (!err)
        err = filter_charge(filter, cred->uid);
    if (!err)
        err = filter_fill(filter, (struct uptr){program.filter});
    if (err)
        filter_free(filter);
    else
        *out_filter = filter;
    return err;
}

/* ---- tasks ---- */

/* NULL: no filter, but the mode. Takes over the reference. */
static COLD void task_set_locked(struct task *task, struct seccomp_filter *filter, unsigned count,
                                 uint8_t mode)
{
    ASSERT(process_tree_is_held());
    __atomic_store_n(&task->seccomp, filter, __ATOMIC_RELEASE);
    task->seccomp_count = count;
    __atomic_store_n(&task->seccomp_mode, mode, __ATOMIC_RELEASE);
    ptrace_watch_locked(task);
}

/* For a child of the caller's, and for its other threads. */
COLD void seccomp_inherit_locked(const struct task *self, struct task *child)
{
    ASSERT(process_tree_is_held());
    if (self->seccomp)
        __atomic_fetch_add(&self->seccomp->refs, 1, __ATOMIC_RELAXED);
    /* By another thread's TSYNC, maybe since the rest was copied. */
    child->inherited.no_new_privs |= self->inherited.no_new_privs;
    task_set_locked(child, self->seccomp, self->seccomp_count, self->seccomp_mode);
}

COLD void seccomp_release(struct task *task)
{
    struct seccomp_filter *filter = task->seccomp;

    task->seccomp = NULL;
    filter_put(filter);
}

/* In any task of the process. -EINTR: the caller is to die. */
static COLD int setting_begin(struct process *process)
{
    struct waiter waiter;
    bool busy;
    int err = 0;

    do {
        waitq_enter(&process->child_wait, &waiter);
        busy = __atomic_exchange_n(&process->sets_filters, true, __ATOMIC_SEQ_CST);
        if (busy)
            err = waitq_sleep_killable(&waiter);
        waitq_leave(&process->child_wait, &waiter);
    } while (busy && !err);
    return err;
}

static COLD void setting_end(struct process *process)
{
    __atomic_store_n(&process->sets_filters, false, __ATOMIC_SEQ_CST);
    waitq_wake_all(&process->child_wait);
}

/* No filter can be there, and none comes: a filter needs a call that is not allowed any more. */
COLD int64_t seccomp_set_strict(struct task *self)
{
    int64_t err = setting_begin(self->process);
    uint64_t flags;

    if (err)
        return err;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (self->seccomp_mode == LX_SECCOMP_MODE_FILTER)
        err = -EINVAL;
    else
        task_set_locked(self, NULL, 0, LX_SECCOMP_MODE_STRICT);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    setting_end(self->process);
    if (!err)
        arch_thread_forbid_tsc(&self->thread.arch, true);
    return err;
}

/* ---- filters for all threads ---- */

/* -ENOMEM: with the new one the caller's chain is too long; -EBUSY: it has a supervisor, and there
 * can be but one. */
static COLD int chain_check(const struct task *self, const struct seccomp_filter *new)
{
    unsigned count = new->count;

    for (const struct seccomp_filter *at = self->seccomp; at; at = at->previous) {
        if (new->notify && at->notify && !seccomp_notify_is_closed(at->notify))
            return -EBUSY;
        count += at->count + FILTER_PENALTY;
    }
    return count > PATH_INSNS_MAX ? -ENOMEM : 0;
}

/* What the thread has is where it must be in the caller's chain, the oldest of which is the first.
 * No filter is in two places. */
static COLD bool is_behind(const struct task *self, const struct task *task,
                           const struct seccomp_filter *const *chain)
{
    if (!task->seccomp)
        return task->seccomp_mode == LX_SECCOMP_MODE_DISABLED;
    return task->seccomp_count <= self->seccomp_count &&
           task->seccomp == chain[task->seccomp_count - 1];
}

/* With the caller's chain: 0, or the number of the first thread that is not behind. Without it all
 * are, and get what the caller has. */
static COLD int threads_walk(struct task *self, const struct seccomp_filter *const *chain)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct task *task = NULL;
    unsigned steps = 0;
    int tid = 0;

    while ((task = process_walk_task_locked(self->process, task, &steps, &flags)) != NULL) {
        struct seccomp_filter *old = task->seccomp;

        /* One that is on its way out makes no more calls. */
        if (task == self || task->exiting)
            continue;
        if (chain && !is_behind(self, task, chain)) {
            tid = task->tid;
            break;
        }
        if (chain || old == self->seccomp)
            continue;
        seccomp_inherit_locked(self, task);
        if (old) /* which the new chain has */
            __atomic_fetch_sub(&old->refs, 1, __ATOMIC_RELEASE);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return tid;
}

/* As threads_walk. -ENOMEM. */
static COLD int threads_check(struct task *self)
{
    unsigned i = self->seccomp_count;
    const struct seccomp_filter **chain = kmalloc((i + 1) * sizeof(*chain)), *at = self->seccomp;
    int tid;

    if (!chain)
        return -ENOMEM;
    for (; at; at = at->previous)
        chain[--i] = at;
    tid = threads_walk(self, chain);
    kfree(chain);
    return tid;
}

/* The mode is looked at anew here, for another thread may have set one meanwhile. Nothing fails
 * once the filter is the caller's. */
static COLD int64_t filter_attach(struct task *self, struct seccomp_filter *filter, uint32_t how)
{
    uint64_t flags;
    int err;

    if (self->seccomp_mode == LX_SECCOMP_MODE_STRICT)
        return -EINVAL;
    err = chain_check(self, filter);
    if (!err && (how & LX_SECCOMP_FILTER_FLAG_TSYNC))
        err = threads_check(self);
    if (err > 0 && (how & LX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
        err = -ESRCH;
    if (err)
        return err;
    filter->previous = self->seccomp; /* with its reference */
    flags = spin_lock_irqsave(&process_tree_lock);
    task_set_locked(self, filter, self->seccomp_count + 1, LX_SECCOMP_MODE_FILTER);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (how & LX_SECCOMP_FILTER_FLAG_TSYNC)
        threads_walk(self, NULL);
    return 0;
}

/* Both, or neither. */
static COLD int listener_reserve(const struct task *self, struct seccomp_notify *notify,
                                 struct file **out_file)
{
    int err, fd = fd_reserve(self->files, 0, true);

    if (fd < 0)
        return fd;
    err = seccomp_notify_file(self, notify, out_file);
    if (err)
        fd_unreserve(self->files, fd);
    return err ? err : fd;
}

/* Honoured: TSYNC, TSYNC_ESRCH, NEW_LISTENER, LOG; SPEC_ALLOW, for nothing is restricted here. With
 * both of the first and the third a number alone would not say whose it is. */
COLD int64_t seccomp_set_filter(struct task *self, uint32_t flags, struct uptr program)
{
    const uint32_t both = LX_SECCOMP_FILTER_FLAG_TSYNC | LX_SECCOMP_FILTER_FLAG_NEW_LISTENER;
    struct seccomp_filter *filter = NULL; /* which gcc 14 asks for */
    struct file *file = NULL;
    int64_t result;
    int fd = 0;

    if (flags & ~FLAGS || ((flags & both) == both && !(flags & LX_SECCOMP_FILTER_FLAG_TSYNC_ESRCH)))
        return -EINVAL;
    result = filter_create(self, flags, program, &filter);
    if (result)
        return result;
    if (filter->notify)
        fd = listener_reserve(self, filter->notify, &file);
    result = fd < 0 ? fd : setting_begin(self->process);
    if (!result) {
        result = filter_attach(self, filter, flags);
        setting_end(self->process);
    }
    if (result)
        filter_free(filter);
    if (!file)
        return result;
    if (!result) {
        fd_fill(self->files, fd, file);
        return fd;
    }
    fd_unreserve(self->files, fd);
    file_put(file);
    return result;
}

/* The chain begins with the newest: from there as far as there are newer ones. Its length belongs
 * to it: another thread of the task's may put filters before it at any time. */
COLD int seccomp_find(const struct task *task, uint64_t index,
                      const struct seccomp_filter **out_filter)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    const struct seccomp_filter *filter = task->seccomp;
    unsigned count = task->seccomp_count;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (!filter)
        return -EINVAL;
    if (index >= count)
        return -ENOENT;
    while (--count > index)
        filter = filter->previous;
    *out_filter = filter;
    return 0;
}
