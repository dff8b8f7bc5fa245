/* SPDX-License-Identifier: MIT */
/* Signals on their way to a process. */
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/signal_inside.h"
#include "kernel/sched/sched.h"
#include "shared/linux/auxv.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

bool signal_is_ignored(const struct process *process, int number)
{
    uint64_t handler = process->actions[number - 1].handler;

    return handler == LX_SIG_IGN ||
           (handler == LX_SIG_DFL && (SIGNAL_BIT(number) & SIGNAL_DEFAULT_IGNORE));
}

/* What the kernel itself has to say, and timers (one signal each), is not counted. */
static uint64_t limit_of(const struct process *process, const struct lx_siginfo *info,
                         bool must_queue)
{
    if (info->code > 0 || (info->code == LX_SI_TIMER && !must_queue))
        return UINT64_MAX;
    return process->limits[LX_RLIMIT_SIGPENDING].current;
}

/* process.lock held. task is the one to wake: the process has no other. */
static int send(struct process *process, struct task *task, struct signal_queue *queue,
                const struct lx_siginfo *info, bool must_queue)
{
    int number = info->signo;
    int err;

    if (number == LX_SIGKILL) {
        arch_thread_add_work(&task->thread.arch, ARCH_WORK_KILL);
        sched_notify(&task->thread);
        return 0;
    }
    signal_stop_prepare(process, number);
    /* A blocked signal stays pending even if ignored: its action may change before it is let in. */
    if (signal_is_ignored(process, number) && !(task->sig_mask & SIGNAL_BIT(number)))
        return 0;
    err = signal_queue_add(queue, info, limit_of(process, info, must_queue), must_queue);
    if (err)
        return err;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* see signal_set_mask */
    signal_recheck(task);
    if (__atomic_load_n(&task->thread.arch.work, __ATOMIC_ACQUIRE) & ARCH_WORK_SIGNAL &&
        task != task_current())
        sched_notify(&task->thread);
    return 0;
}

/* The kernel's harness takes no signals, and neither does who has ended. */
static int send_info(struct process *process, struct task *task, const struct lx_siginfo *info,
                     bool must_queue)
{
    int err = 0;

    if (!process->task)
        return 0;
    spin_lock(&process->lock);
    if (!process->sig_exiting)
        err = send(process, process->task, task ? &task->sig_queue : &process->sig_queue, info,
                   must_queue);
    spin_unlock(&process->lock);
    return err;
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

    if (info->signo == LX_SIGCONT)
        signal_continue_report_locked(process);
    return err;
}

int signal_send_self(struct task *self, bool to_task, const struct lx_siginfo *info,
                     bool must_queue)
{
    ASSERT(info->signo != LX_SIGCONT);
    return send_info(self->process, to_task ? self : NULL, info, must_queue);
}

void signal_note_group_locked(struct process *process, int number)
{
    if (number)
        __atomic_fetch_or(&process->group_signals, SIGNAL_BIT(number), __ATOMIC_RELAXED);
}

void signal_send_group_locked(int group, int number)
{
    struct lx_siginfo info = {.signo = number, .code = LX_SI_KERNEL};

    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        if (p->group == group) {
            int err = signal_send_info_locked(p, NULL, &info, false);

            ASSERT(!err);
            signal_note_group_locked(p, number);
        }
    }
}

void signal_send_group(int group, int number)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    signal_send_group_locked(group, number);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

void signal_force_info(struct task *self, const struct lx_siginfo *info)
{
    struct process *process = self->process;
    struct lx_sigaction *action = &process->actions[info->signo - 1];
    uint64_t bit = SIGNAL_BIT(info->signo);
    int err;

    if (info->signo == LX_SIGKILL) {
        arch_thread_add_work(&self->thread.arch, ARCH_WORK_KILL);
        return;
    }
    spin_lock(&process->lock);
    if (action->handler == LX_SIG_IGN || (self->sig_mask & bit))
        action->handler = LX_SIG_DFL;
    self->sig_mask &= ~bit;
    err = signal_queue_add(&self->sig_queue, info, UINT64_MAX, false);
    signal_recheck(self);
    spin_unlock(&process->lock);
    ASSERT(!err);
}

void signal_force(struct task *self, int number)
{
    signal_force_info(self, &(struct lx_siginfo){.signo = number, .code = LX_SI_KERNEL});
}

bool signal_may_send_locked(const struct task *sender, const struct process *process, int number)
{
    const struct credentials *from = &sender->fs->cred;
    uint32_t uid, suid;

    if (process == sender->process || from->euid == 0)
        return true;
    if (!process->task)
        return false; /* the harness is root's */
    if (process->sig_exiting) {
        uid = process->exit_uid;
        suid = process->exit_suid;
    } else {
        uid = process->task->fs->cred.uid;
        suid = process->task->fs->cred.suid;
    }
    if (from->euid == uid || from->euid == suid || from->uid == uid || from->uid == suid)
        return true;
    return number == LX_SIGCONT && process->session == sender->process->session;
}

static int64_t ticks_of(uint64_t ns)
{
    return (int64_t)(ns / (1000000000ULL / LX_CLOCK_TICKS));
}

void signal_send_child_locked(struct process *parent, const struct process *child)
{
    struct lx_siginfo info = {
        .signo = child->exit_signal,
        .code = child->end == PROCESS_EXITED ? LX_CLD_EXITED : LX_CLD_KILLED,
        .child = {.pid = child->pid,
                  .uid = child->exit_uid,
                  .status = child->end == PROCESS_LIMIT ? LX_SIGKILL : child->end_code,
                  .utime = ticks_of(child->usage.user_ns),
                  .stime = ticks_of(child->usage.system_ns)},
    };
    int err = signal_send_info_locked(parent, NULL, &info, false);

    ASSERT(!err);
}

bool signal_children_unwanted(struct process *parent)
{
    const struct lx_sigaction *action = &parent->actions[LX_SIGCHLD - 1];

    return parent != &process_init_process &&
           (action->handler == LX_SIG_IGN || (action->flags & LX_SA_NOCLDWAIT));
}
