/* SPDX-License-Identifier: MIT */
/*
 * Sending signals: to a task, a process, a group, a parent.
 *
 * A sender holds process.lock of the receiver while it decides: SIGKILL is only a flag (TIF_KILL),
 * all others are queued unless they are ignored and not blocked. Then the receiver's flag
 * TIF_SIGNAL is brought up to date (signal_recheck) and its sleep is ended or its processor
 * interrupted (sched_notify).
 *
 * SIGCONT changes what the tree shows, so its senders hold process_tree_lock, too, and report the
 * continuation before they drop it. Signals to a group go out in a walk, which gives the lock up
 * between slices; a member that forks meanwhile passes on what it got by group_sent (fork.c).
 *
 * Of the tasks of a process no more than RECEIVERS_LOOKED are looked at under the locks. Where none
 * of these takes a signal, deferred work goes through all of them in slices (signal_retarget).
 */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/proc/signal/signal_poll.h"
#include "kernel/sched/sched.h"
#include "shared/linux/auxv.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

#define RECEIVERS_LOOKED 128 /* tasks, with interrupts off */

/* SIGCHLD that is ignored by default is not queued, yet children have to be waited for: that
 * differs from an explicit SIG_IGN (signal_children_unwanted). */
bool signal_is_ignored(const struct process *process, int number)
{
    uint64_t handler = process->actions[number - 1].handler;

    return handler == LX_SIG_IGN ||
           (handler == LX_SIG_DFL && (SIGNAL_BIT(number) & SIGNAL_DEFAULT_IGNORE));
}

/* process.lock held: the receiver pays. */
struct signal_charge signal_charge_of(const struct process *process)
{
    return (struct signal_charge){process->leader->identity,
                                  process->limits[LX_RLIMIT_SIGPENDING].current};
}

/* Whether the task lets one of the set in, or waits for it. */
static inline bool is_taken(const struct task *task, uint64_t set)
{
    return !task->exiting && (set & (~task->sig_mask | task->sig_wait));
}

/* process.lock held: the reference that is given back here is not the last. */
static COLD void retarget_later(struct process *process)
{
    process_get(process);
    if (!deferred_queue(&process->retarget))
        process_put(process);
}

/* Which task acts on a signal to the process: the first that takes it, better one that has no other
 * to act on. If all have blocked it the leader, as good as any: the one that lets it in first takes
 * it. */
static NOINLINE struct task *receiver_among(struct process *process, uint64_t bit)
{
    struct task *found = NULL, *self = thread_current()->task;
    unsigned looks = 0;

    process_each_task (task, process) {
        if (looks++ == RECEIVERS_LOOKED) {
            if (!found && self && self->process == process && is_taken(self, bit))
                found = self;
            if (!found)
                retarget_later(process);
            break;
        }
        if (!is_taken(task, bit))
            continue;
        if (!(__atomic_load_n(&task->thread.arch.work, __ATOMIC_RELAXED) & TIF_SIGNAL))
            return task;
        if (!found)
            found = task;
    }
    return found ? found : process->leader;
}

static inline struct task *signal_receiver(struct process *process, int number)
{
    /* Nearly always the first: the walk is for programs with threads. */
    if (likely(is_taken(process->leader, SIGNAL_BIT(number))))
        return process->leader;
    return receiver_among(process, SIGNAL_BIT(number));
}

/* The task is told to look; one that sends to itself is awake and does so on its way to ring 3. */
static inline void receiver_notify(struct task *task)
{
    if (unlikely(task->exiting)) /* all others have it blocked */
        return;
    signal_recheck(task);
    if (__atomic_load_n(&task->thread.arch.work, __ATOMIC_ACQUIRE) & TIF_SIGNAL &&
        task != task_current())
        sched_notify(&task->thread);
}

/* What of the set is left for others. */
static uint64_t receiver_try(struct task *task, uint64_t set)
{
    if (!is_taken(task, set))
        return set;
    receiver_notify(task);
    return set & task->sig_mask & ~task->sig_wait;
}

void signal_retarget_locked(struct process *process, uint64_t set)
{
    unsigned looks = 0;

    ASSERT(spin_is_held(&process->lock));
    set &= process->sig_queue.set;
    for (struct task *task = process_next_task(process, NULL); task && set;
         task = process_next_task(process, task)) {
        if (looks++ == RECEIVERS_LOOKED) {
            retarget_later(process);
            return;
        }
        set = receiver_try(task, set);
    }
}

/* A signal that comes meanwhile queues the work anew; one that is taken meanwhile ends the sleep of
 * a task that finds nothing. */
COLD void signal_retarget(struct deferred *item)
{
    struct process *process = container_of(item, struct process, retarget);
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    uint64_t set = __atomic_load_n(&process->sig_queue.set, __ATOMIC_ACQUIRE);
    struct task *task = NULL;
    unsigned steps = 0;

    while (set && (task = process_walk_task_locked(process, task, &steps, &flags)) != NULL) {
        spin_lock(&process->lock);
        set = receiver_try(task, set & process->sig_queue.set);
        spin_unlock(&process->lock);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    process_put(process);
}

/* Whether a queued signal costs no memory and is gone again before the receiver runs or anything
 * else looks: the sender is the receiver, and lets it in. Such a signal is not charged: two counts
 * that all processes of the user share stay out of it. Only those that no limit keeps out. */
static inline bool is_passing(const struct task *task, const struct lx_siginfo *info)
{
    return task == task_current() && info->signo < LX_SIGRTMIN && info->code >= 0 &&
           !(task->sig_mask & SIGNAL_BIT(info->signo));
}

/* process.lock held. task: it alone is meant; NULL: the process. entry: a timer's, or NULL. */
static inline int signal_add(struct process *process, struct task *task,
                             const struct lx_siginfo *info, struct signal_entry *entry,
                             bool must_queue)
{
    struct signal_queue *queue = task ? &task->sig_queue : &process->sig_queue;
    bool to_process = !task;
    struct signal_charge charge;
    int number = info->signo;
    uint64_t waiting;
    int err = 0;

    ASSERT(spin_is_held_inline(&process->lock));
    /* Neither blocked nor caught nor waited for: no queue has it, and the mask plays no part. */
    if (number == LX_SIGKILL) {
        process_kill_locked(process);
        return 0;
    }
    if (!task)
        task = signal_receiver(process, number);
    /* Before the signal may be dropped: SIGCONT continues a process even if it ignores the
     * signal. */
    signal_stop_prepare(process, number);
    /* A blocked signal stays pending even if ignored: its action may change before it is let in. */
    if (signal_is_ignored(process, number) && !(task->sig_mask & SIGNAL_BIT(number)) &&
        !task->ptrace) /* a tracer sees the ignored ones, too */
        return 0;
    if (!to_process)
        process->task_signals |= SIGNAL_BIT(number);
    waiting = queue->set;
    if (entry) {
        signal_queue_add_entry(queue, entry);
    } else {
        bool passing = is_passing(task, info);

        if (!passing)
            charge = signal_charge_of(process);
        err = signal_queue_add(queue, info, passing ? NULL : &charge, must_queue);
        if (err)
            return err;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* see signal_set_mask */
    /* A standard signal that waits already is none more. */
    if (unlikely(process->signal_poll) &&
        (number >= LX_SIGRTMIN || !(waiting & SIGNAL_BIT(number))))
        signal_poll_wake(process->signal_poll);
    /* Masks change without the lock: now one that blocks the signal sees it, and passes it on. */
    if (unlikely(process->threaded && to_process))
        task = signal_receiver(process, number);
    receiver_notify(task);
    return 0;
}

/* The kernel's harness takes no signals, and neither does what has ended. Not inline: size counts
 * here. */
static NOINLINE int send_info(struct process *process, struct task *task,
                              const struct lx_siginfo *info, bool must_queue)
{
    int err = 0;

    if (!process->leader)
        return 0;
    spin_lock_inline(&process->lock);
    /* The queues were emptied when sig_exiting was set, under this lock: nothing may be added
     * since. */
    if (!process->sig_exiting && !(task && task->exiting))
        err = signal_add(process, task, info, NULL, must_queue);
    spin_unlock_inline(&process->lock);
    return err;
}

bool signal_send_entry_locked(struct process *process, struct task *task,
                              struct signal_entry *entry)
{
    bool queued;
    int err = 0;

    ASSERT(process_tree_is_held());
    spin_lock(&process->lock);
    if (!process->sig_exiting && !(task && task->exiting))
        err = signal_add(process, task, &entry->info, entry, false);
    queued = entry->queued;
    spin_unlock(&process->lock);
    ASSERT(!err);
    /* A timer may have any signal, this one included. */
    if (entry->info.signo == LX_SIGCONT)
        signal_continue_report_locked(process);
    return queued;
}

/* Without must_queue nothing fails. */
static void send_plain(struct process *process, struct task *task, int number)
{
    struct lx_siginfo info = {.signo = number, .code = LX_SI_KERNEL};
    int err;

    ASSERT(number != LX_SIGCONT);
    err = send_info(process, task, &info, false);
    ASSERT(!err);
}

void signal_send_process(struct process *process, int number)
{
    send_plain(process, NULL, number);
}

void signal_send_task(struct task *task, int number)
{
    send_plain(task->process, task, number);
}

int signal_send_info_locked(struct process *process, struct task *task,
                            const struct lx_siginfo *info, bool must_queue)
{
    int err = send_info(process, task, info, must_queue);

    ASSERT(process_tree_is_held());
    if (info->signo == LX_SIGCONT)
        signal_continue_report_locked(process);
    return err;
}

/* Own signals need no tree, but for SIGCONT, which comes by signal_send_info_locked. */
int signal_send_self(struct task *self, bool to_task, const struct lx_siginfo *info,
                     bool must_queue)
{
    ASSERT(info->signo != LX_SIGCONT);
    return send_info(self->process, to_task ? self : NULL, info, must_queue);
}

void signal_note_group_locked(struct process *process, int number)
{
    ASSERT(process_tree_is_held());
    if (number)
        __atomic_store_n(&process->group_sent[number - 1],
                         __atomic_add_fetch(&process->group_count, 1, __ATOMIC_RELAXED),
                         __ATOMIC_RELAXED);
}

uint64_t signal_group_since_locked(const struct process *process, uint32_t count, uint64_t set)
{
    uint64_t found = 0;

    ASSERT(process_tree_is_held());
    if (__atomic_load_n(&process->group_count, __ATOMIC_RELAXED) == count) /* nearly always */
        return 0;
    for (; set; set &= set - 1) {
        unsigned i = (unsigned)__builtin_ctzll(set);
        uint32_t sent = __atomic_load_n(&process->group_sent[i], __ATOMIC_RELAXED);

        if ((int32_t)(sent - count) > 0)
            found |= 1ULL << i;
    }
    return found;
}

static void group_signal_locked(struct pid *group, int number, uint64_t *flags)
{
    const struct lx_siginfo info = {.signo = number, .code = LX_SI_KERNEL};
    struct process_walk walk;
    struct process *member;

    ASSERT(process_tree_is_held());
    process_walk_group_locked(&walk, group);
    while ((member = process_walk_next_locked(&walk, flags)) != NULL) {
        int err = signal_send_info_locked(member, NULL, &info, false);

        ASSERT(!err);
        /* In the same hold of the tree lock as the signal: a fork publishes its child before both
         * or after both. */
        signal_note_group_locked(member, number);
    }
    process_walk_end_locked(&walk);
}

void signal_send_group(struct pid *group, int number)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    group_signal_locked(group, number, &flags);
    pid_put_locked(group);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

void signal_hang_up_group(struct pid *group)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    group_signal_locked(group, LX_SIGHUP, &flags);
    /* Stopped members cannot act on SIGHUP before they continue (POSIX: orphaned process
     * groups). */
    group_signal_locked(group, LX_SIGCONT, &flags);
    pid_put_locked(group);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

void signal_force_info(struct task *self, const struct lx_siginfo *info)
{
    struct process *process = self->process;
    struct lx_sigaction *action = &process->actions[info->signo - 1];
    uint64_t bit = SIGNAL_BIT(info->signo);
    struct signal_charge charge;
    int err;

    if (info->signo == LX_SIGKILL) {
        arch_thread_add_work(&self->thread.arch, TIF_KILL);
        return;
    }
    spin_lock(&process->lock);
    /* As on Linux (force_sig_info): a fault that the program will not hear of would happen again
     * and again, so it ends the program. */
    if (action->handler == LX_SIG_IGN || (self->sig_mask & bit))
        action->handler = LX_SIG_DFL;
    self->sig_mask &= ~bit;
    charge = signal_charge_of(process);
    err = signal_queue_add(&self->sig_queue, info, &charge, false);
    signal_recheck(self);
    spin_unlock(&process->lock);
    ASSERT(!err);
}

void signal_force(struct task *self, int number)
{
    signal_force_info(self, &(struct lx_siginfo){.signo = number, .code = LX_SI_KERNEL});
}

bool signal_may_send_locked(const struct task *sender, struct process *process, int number)
{
    const struct credentials *from = &sender->fs->cred;
    struct credentials to;

    ASSERT(process_tree_is_held());
    /* kill(2): the real or effective user of the sender against the real or saved user of the
     * receiver; within a session SIGCONT is always allowed, for shells. */
    if (process == sender->process || credentials_capable(from, LX_CAP_KILL))
        return true;
    if (!process->leader)
        return false; /* the harness is root's */
    to = identity_of_locked(process);
    if (from->euid == to.uid || from->euid == to.suid || from->uid == to.uid ||
        from->uid == to.suid)
        return true;
    return number == LX_SIGCONT && process->session == sender->process->session;
}

/* si_utime and si_stime count in ticks of sysconf(_SC_CLK_TCK): sigaction(2). */
static int64_t ticks_of(uint64_t ns)
{
    return (int64_t)(ns / (1000000000ULL / LX_CLOCK_TICKS));
}

void signal_send_child_locked(struct process *parent, struct process *child, int number)
{
    struct lx_siginfo info = {
        .signo = number,
        .code = child->end == PROCESS_EXITED ? LX_CLD_EXITED
                : child->core_dumped         ? LX_CLD_DUMPED
                                             : LX_CLD_KILLED,
        .child = {.pid = child->pid,
                  .uid = identity_of_locked(child).uid,
                  .status = child->end == PROCESS_LIMIT ? LX_SIGKILL : child->end_code,
                  .utime = ticks_of(child->usage.user_ns),
                  .stime = ticks_of(child->usage.system_ns)},
    };
    int err = signal_send_info_locked(parent, NULL, &info, false);

    ASSERT(process_tree_is_held());
    ASSERT(!err);
}

bool signal_children_unwanted(struct process *parent)
{
    /* Read without process.lock by a child that ends: a parent that changes it at that moment has
     * no order to rely on. */
    const struct lx_sigaction *action = &parent->actions[LX_SIGCHLD - 1];

    return parent != &process_init_process &&
           (action->handler == LX_SIG_IGN || (action->flags & LX_SA_NOCLDWAIT));
}
