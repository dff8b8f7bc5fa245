/* SPDX-License-Identifier: MIT */
/*
 * Signals about files: which process gets them, and how they come to be sent.
 *
 * A file that becomes ready says so under locks that come behind those of signals, perhaps in an
 * interrupt. So nothing is sent there: the hook notes the events in the file's record, puts that
 * into a list and asks for it to be looked at, twice. The task whose call it was looks on its way
 * to ring 3 (TIF_FILE), which makes the signal as prompt as Linux's: a program that writes to its
 * own pipe has it when write returns. And deferred work does, for a call that sleeps first and for
 * interrupts. Whichever comes first sends all that is in the list; the other one waits for it, by
 * owner_lock.
 *
 * The list has no lock: records are pushed one by one and taken all at once. A record is marked
 * while it is in there; the mark goes before its events are taken.
 *
 * A record comes with the first need of it and goes with its file: hook first, then, with
 * owner_lock, out of the list, for which the list is sent. So with that lock held the file of each
 * record in the list is there, and its operations can be asked.
 *
 * An owner is a number (struct pid), referenced, so that it is not given to another process
 * meanwhile. Rights are those of the task that set it: its real and effective user then, against
 * the receiver's real and saved user now.
 */
#include "kernel/proc/signal/file_owner.h"

#include "kernel/core/irq.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"

/* I constant   m owner_lock   a atomic */
struct file_record {
    struct file_owner base; /* file->owner */
    struct file *file;      /* [I] not counted: it takes the record along */
    struct pid *pid;        /* [m] referenced; NULL: none */
    enum file_owner_kind kind;
    uint32_t uid, euid;       /* [m] of the task that set it */
    int signal;               /* [m] 0: SIGIO */
    int fd, watch_fd;         /* [m] as which O_ASYNC was set, and a lease or F_NOTIFY */
    bool hooked;              /* [m] */
    uint32_t events;          /* [a] that have not been told */
    uint32_t queued;          /* [a] in the list */
    struct file_record *next; /* there */
    struct poll_hook hook;
    struct poll_waiter waiter; /* [m] while O_ASYNC is set */
};

static struct mutex owner_lock = MUTEX_INIT(MUTEX_FILE_OWNER);
static struct file_record *list; /* atomic */

static struct file_record *owner_record_of(const struct file *file)
{
    struct file_owner *owner = __atomic_load_n(&file->owner, __ATOMIC_ACQUIRE);

    return owner ? container_of(owner, struct file_record, base) : NULL;
}

/* --- sending --- */

/* What a signal says of an event: its code, and the events of poll that are meant. */
static const struct {
    uint32_t event;
    int code, band;
} reasons[] = {
    {LX_POLLIN, LX_POLL_IN, LX_POLLIN | LX_POLLRDNORM},
    {LX_POLLOUT, LX_POLL_OUT, LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND},
    {LX_POLLMSG, LX_POLL_MSG, LX_POLLIN | LX_POLLRDNORM | LX_POLLMSG},
    {LX_POLLERR, LX_POLL_ERR, LX_POLLERR},
    {LX_POLLHUP, LX_POLL_HUP, LX_POLLHUP | LX_POLLERR},
};

/* Signals that have codes of their own. */
#define OWN_CODES                                                                                  \
    (SIGNAL_BIT(LX_SIGILL) | SIGNAL_BIT(LX_SIGFPE) | SIGNAL_BIT(LX_SIGSEGV) |                      \
     SIGNAL_BIT(LX_SIGBUS) | SIGNAL_BIT(LX_SIGTRAP) | SIGNAL_BIT(LX_SIGCHLD) |                     \
     SIGNAL_BIT(LX_SIGSYS))

/* One that finds no room becomes a plain SIGIO. */
static void tell_process_locked(const struct file_record *record, struct process *process,
                                struct task *task, const struct lx_siginfo *info)
{
    static const struct lx_siginfo plain = {.signo = LX_SIGIO, .code = LX_SI_KERNEL};
    struct credentials to = identity_of_locked(process);
    int err = -EAGAIN;

    ASSERT(process_tree_is_held());
    if (record->euid && record->euid != to.suid && record->euid != to.uid &&
        record->uid != to.suid && record->uid != to.uid)
        return;
    if (info->signo)
        err = signal_send_info_locked(process, task, info, info->signo != LX_SIGURG);
    if (err)
        err = signal_send_info_locked(process, task, &plain, false);
    ASSERT(!err);
}

static void tell_group_locked(const struct file_record *record, const struct lx_siginfo *info,
                              uint64_t *flags)
{
    struct process_walk walk;
    struct process *member;

    ASSERT(process_tree_is_held());
    process_walk_group_locked(&walk, record->pid);
    while ((member = process_walk_next_locked(&walk, flags)) != NULL) {
        tell_process_locked(record, member, NULL, info);
        signal_note_group_locked(member, info->signo ? info->signo : LX_SIGIO);
    }
    process_walk_end_locked(&walk);
}

static void send_owner_locked(const struct file_record *record, const struct lx_siginfo *info)
{
    struct pid *pid = record->pid;
    uint64_t flags;

    ASSERT(mutex_is_held(&owner_lock));
    if (!pid)
        return;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (record->kind == FILE_OWNER_GROUP)
        tell_group_locked(record, info, &flags);
    else if (pid->process)
        tell_process_locked(record, pid->process,
                            record->kind == FILE_OWNER_TASK ? pid->process->leader : NULL, info);
    else if (pid->task && record->kind == FILE_OWNER_TASK)
        tell_process_locked(record, pid->task->process, pid->task, info);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static void tell_owner_locked(const struct file_record *record, unsigned reason, int fd)
{
    struct lx_siginfo info = {.signo = record->signal, .code = reasons[reason].code};

    ASSERT(mutex_is_held(&owner_lock));
    if (info.signo && (SIGNAL_BIT(info.signo) & OWN_CODES))
        info.code = LX_SI_SIGIO;
    info.poll.band = reasons[reason].band;
    info.poll.fd = fd;
    send_owner_locked(record, &info);
}

static void record_tell_locked(struct file_record *record)
{
    uint32_t events = __atomic_exchange_n(&record->events, 0, __ATOMIC_SEQ_CST);
    struct file *file = record->file;
    uint32_t told = events & LX_POLLMSG;

    ASSERT(mutex_is_held(&owner_lock));
    if (record->hooked)
        told |= file->ops->async(file, events & ~(uint32_t)LX_POLLMSG);
    for (unsigned i = 0; i < ARRAY_SIZE(reasons); i++)
        if (told & reasons[i].event)
            tell_owner_locked(record, i,
                              reasons[i].event == LX_POLLMSG ? record->watch_fd : record->fd);
}

/* In the order of arrival. */
static void list_tell_locked(void)
{
    struct file_record *taken = __atomic_exchange_n(&list, NULL, __ATOMIC_SEQ_CST), *first = NULL;

    ASSERT(mutex_is_held(&owner_lock));
    while (taken) {
        struct file_record *next = taken->next;

        taken->next = first;
        first = taken;
        taken = next;
    }
    while (first) {
        struct file_record *next = first->next;

        __atomic_exchange_n(&first->queued, 0, __ATOMIC_SEQ_CST);
        record_tell_locked(first);
        first = next;
        sched_preempt_point();
    }
}

void file_owner_flush(void)
{
    mutex_lock(&owner_lock);
    list_tell_locked();
    mutex_unlock(&owner_lock);
}

static void flush_work(struct deferred *item)
{
    (void)item;
    file_owner_flush();
}

/* Any context, whatever locks are held. */
static void record_queue(struct file_record *record, uint32_t events)
{
    static struct deferred work = DEFERRED_INIT(flush_work);
    struct file_record *first = __atomic_load_n(&list, __ATOMIC_RELAXED);
    struct thread *self = thread_current();

    __atomic_fetch_or(&record->events, events, __ATOMIC_SEQ_CST);
    if (!__atomic_exchange_n(&record->queued, 1, __ATOMIC_SEQ_CST)) {
        do
            record->next = first;
        while (!__atomic_compare_exchange_n(&list, &first, record, false, __ATOMIC_SEQ_CST,
                                            __ATOMIC_RELAXED));
    }
    if (self->task && !irq_in_handler())
        arch_thread_add_work(&self->arch, TIF_FILE);
    deferred_queue(&work);
}

static bool record_wake(struct poll_hook *hook, uint32_t events, struct poll_chain *chain)
{
    (void)chain;
    record_queue(container_of(hook, struct file_record, hook), events & ~(uint32_t)LX_POLLMSG);
    return false;
}

/* Urgent data is told of at once, with or without O_ASYNC: a receiver that comes to it later finds
 * the signal pending, and does not pass over it. */
static void owner_report(struct file *file, uint32_t events)
{
    static const struct lx_siginfo urgent = {.signo = LX_SIGURG, .code = LX_SI_KERNEL};

    if (events != LX_POLLPRI) {
        record_queue(owner_record_of(file), events);
        return;
    }
    mutex_lock(&owner_lock);
    send_owner_locked(owner_record_of(file), &urgent);
    mutex_unlock(&owner_lock);
}

/* --- the record --- */

/* The reference to `pid` becomes the record's. */
static void record_set_locked(struct file_record *record, struct pid *pid)
{
    struct pid *before = record->pid;
    uint64_t flags;

    ASSERT(mutex_is_held(&owner_lock));
    record->pid = pid;
    if (!before)
        return;
    flags = spin_lock_irqsave(&process_tree_lock);
    pid_put_locked(before);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static void record_unhook_locked(struct file_record *record)
{
    ASSERT(mutex_is_held(&owner_lock));
    if (record->hooked)
        poll_hook_remove(&record->hook);
    record->hooked = false;
}

static void owner_gone(struct file *file)
{
    struct file_record *record = owner_record_of(file);

    mutex_lock(&owner_lock);
    record_unhook_locked(record);
    if (record->queued)
        list_tell_locked();
    record_set_locked(record, NULL);
    mutex_unlock(&owner_lock);
    kfree(record);
}

/* NULL: no memory. */
static struct file_record *record_get(struct file *file)
{
    struct file_record *record = owner_record_of(file);
    struct file_owner *other = NULL;

    if (record)
        return record;
    record = kzalloc(sizeof(*record));
    if (!record)
        return NULL;
    record->base.gone = owner_gone;
    record->base.report = owner_report;
    record->base.clear = file_owner_clear;
    record->file = file;
    if (!__atomic_compare_exchange_n(&file->owner, &other, &record->base, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        kfree(record); /* another task has been faster */
    return owner_record_of(file);
}

int file_owner_set(struct file *file, enum file_owner_kind kind, int number, bool force)
{
    struct file_record *record = record_get(file);
    struct pid *pid = NULL;
    uint64_t flags;

    if (!record)
        return -ENOMEM;
    if (number) {
        flags = spin_lock_irqsave(&process_tree_lock);
        pid = pid_find_locked(number);
        if (pid)
            pid_get_locked(pid);
        spin_unlock_irqrestore(&process_tree_lock, flags);
        if (!pid)
            return -ESRCH;
    }
    mutex_lock(&owner_lock);
    if (force || !record->pid) {
        record_set_locked(record, pid);
        record->kind = kind;
        record->uid = task_current()->fs->cred.uid;
        record->euid = task_current()->fs->cred.euid;
        pid = NULL;
    }
    mutex_unlock(&owner_lock);
    if (pid) {
        flags = spin_lock_irqsave(&process_tree_lock);
        pid_put_locked(pid);
        spin_unlock_irqrestore(&process_tree_lock, flags);
    }
    return 0;
}

/* A number whose process or group has gone is none. */
static bool is_there_locked(const struct file_record *record)
{
    const struct pid *pid = record->pid;

    ASSERT(process_tree_is_held());
    if (record->kind == FILE_OWNER_GROUP)
        return pid->group.count > 0;
    return pid->process || (pid->task && record->kind == FILE_OWNER_TASK);
}

int file_owner_get(struct file *file, enum file_owner_kind *out_kind)
{
    struct file_record *record = owner_record_of(file);
    uint64_t flags;
    int number = 0;

    *out_kind = FILE_OWNER_TASK;
    if (!record)
        return 0;
    mutex_lock(&owner_lock);
    *out_kind = record->kind;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (record->pid && is_there_locked(record))
        number = record->pid->number;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    mutex_unlock(&owner_lock);
    return number;
}

void file_owner_users(struct file *file, uint32_t out_users[2])
{
    struct file_record *record = owner_record_of(file);

    out_users[0] = out_users[1] = 0;
    if (!record)
        return;
    mutex_lock(&owner_lock);
    out_users[0] = record->uid;
    out_users[1] = record->euid;
    mutex_unlock(&owner_lock);
}

int file_owner_set_signal(struct file *file, int number)
{
    struct file_record *record = record_get(file);

    if (!record)
        return -ENOMEM;
    mutex_lock(&owner_lock);
    record->signal = number;
    mutex_unlock(&owner_lock);
    return 0;
}

int file_owner_signal(struct file *file)
{
    const struct file_record *record = owner_record_of(file);

    return record ? __atomic_load_n(&record->signal, __ATOMIC_RELAXED) : 0;
}

void file_owner_clear(struct file *file)
{
    struct file_record *record = owner_record_of(file);

    if (!record)
        return;
    mutex_lock(&owner_lock);
    record_set_locked(record, NULL);
    record->signal = 0;
    mutex_unlock(&owner_lock);
}

/* Every kind of file that has O_ASYNC has one head. */
static void record_hook_add(struct poll_waiter *waiter, struct poll_head *head)
{
    struct file_record *record = container_of(waiter, struct file_record, waiter);

    ASSERT(head && !record->hooked);
    record->hook.exclusive = false;
    record->hooked = true;
    poll_hook_add(&record->hook, head, record_wake);
}

int file_owner_async(struct file *file, int fd, bool on)
{
    struct file_record *record;

    if (!file->ops->async)
        return 0;
    record = record_get(file);
    if (!record)
        return -ENOMEM;
    mutex_lock(&owner_lock);
    if (on && !record->hooked) {
        record->fd = fd;
        record->waiter = (struct poll_waiter){.add = record_hook_add, .outlasts_call = true};
        (void)file->ops->poll(file, &record->waiter);
        __atomic_fetch_or(&file->flags, LX_O_ASYNC, __ATOMIC_RELAXED);
    } else if (!on && record->hooked) { /* the flag of open stays, as on Linux */
        record_unhook_locked(record);
        __atomic_fetch_and(&file->flags, ~LX_O_ASYNC, __ATOMIC_RELAXED);
    }
    mutex_unlock(&owner_lock);
    return 0;
}

int file_owner_watch(struct file *file, int fd)
{
    int err = file_owner_set(file, FILE_OWNER_PROCESS, task_current()->process->pid, false);
    struct file_record *record = owner_record_of(file);

    if (err)
        return err;
    mutex_lock(&owner_lock);
    record->watch_fd = fd;
    mutex_unlock(&owner_lock);
    return 0;
}
