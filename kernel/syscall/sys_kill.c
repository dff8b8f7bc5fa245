/* SPDX-License-Identifier: MIT */
/* Signals as their sender sees them. */
#include "kernel/fs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

static struct lx_siginfo info_of(const struct task *self, int number, int code)
{
    return (struct lx_siginfo){
        .signo = number,
        .code = code,
        .sender = {.pid = self->process->pid, .uid = self->fs->cred.uid},
    };
}

/* Number 0 only asks. */
static int send_locked(struct task *self, struct process *process, struct task *task,
                       const struct lx_siginfo *info, bool must_queue)
{
    if (info->signo < 0 || info->signo > LX_NSIG)
        return -EINVAL;
    if (!signal_may_send_locked(self, process, info->signo))
        return -EPERM;
    if (!info->signo)
        return 0;
    return signal_send_info_locked(process, task, info, must_queue);
}

/* To one of many. */
static int send_member_locked(struct task *self, struct process *process,
                              const struct lx_siginfo *info)
{
    int err = send_locked(self, process, NULL, info, false);

    if (!err)
        signal_note_group_locked(process, info->signo);
    return err;
}

/* 0 when one member could be signalled. */
static int send_group_locked(struct task *self, int group, const struct lx_siginfo *info)
{
    int result = -ESRCH;

    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        int err;

        if (p->group != group)
            continue;
        err = send_member_locked(self, p, info);
        if (!err || result == -ESRCH)
            result = err;
    }
    return result;
}

/* Everyone but init and the sender. As on Linux, having no right to any is no error. */
static int send_all_locked(struct task *self, const struct lx_siginfo *info)
{
    int result = 0;
    bool any = false;

    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        int err;

        if (p == &process_init_process || p == self->process)
            continue;
        any = true;
        err = send_member_locked(self, p, info);
        if (err != -EPERM)
            result = err;
    }
    return any ? result : -ESRCH;
}

static int kill_locked(struct task *self, int pid, const struct lx_siginfo *info)
{
    struct process *process;

    if (pid > 0) {
        process = process_find_locked(pid);
        return process ? send_locked(self, process, NULL, info, false) : -ESRCH;
    }
    if (pid == -1)
        return send_all_locked(self, info);
    return send_group_locked(self, pid ? -pid : self->process->group, info);
}

/* Programs signal themselves often (raise, abort), and may always: the tree is not needed. */
static bool is_simple(int number)
{
    return signal_valid(number) && number != LX_SIGCONT;
}

int64_t sys_kill(struct task *self, int pid, int number)
{
    struct lx_siginfo info = info_of(self, number, LX_SI_USER);
    uint64_t flags;
    int err;

    if (pid == self->process->pid && is_simple(number))
        return signal_send_self(self, false, &info, false);

    if (pid == INT32_MIN)
        return -ESRCH;
    flags = spin_lock_irqsave(&process_tree_lock);
    err = kill_locked(self, pid, &info);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* A task by its number; tgid 0: of whatever process. A process has one task, with its number. */
static int tkill(struct task *self, int tgid, int tid, const struct lx_siginfo *info,
                 bool must_queue)
{
    struct process *process;
    uint64_t flags;
    int err = -ESRCH;

    if (tid == self->tid && (!tgid || tgid == self->process->pid) && is_simple(info->signo))
        return signal_send_self(self, true, info, must_queue);
    flags = spin_lock_irqsave(&process_tree_lock);
    process = process_find_locked(tid);
    if (process && (!tgid || tgid == process->pid))
        err = send_locked(self, process, process->task, info, must_queue);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

int64_t sys_tkill(struct task *self, int tid, int number)
{
    struct lx_siginfo info = info_of(self, number, LX_SI_TKILL);

    return tid <= 0 ? -EINVAL : tkill(self, 0, tid, &info, number >= LX_SIGRTMIN);
}

int64_t sys_tgkill(struct task *self, int tgid, int tid, int number)
{
    struct lx_siginfo info = info_of(self, number, LX_SI_TKILL);

    return tgid <= 0 || tid <= 0 ? -EINVAL : tkill(self, tgid, tid, &info, number >= LX_SIGRTMIN);
}

/* Programs may not claim to be the kernel, or kill, unless they speak to themselves. */
static int info_read(const struct task *self, int pid, int number, struct uptr user_info,
                     struct lx_siginfo *info)
{
    int err = vm_user_read(info, user_info, sizeof(*info));

    if (err)
        return err;
    info->signo = number;
    if ((info->code >= 0 || info->code == LX_SI_TKILL) && pid != self->process->pid)
        return -EPERM;
    return 0;
}

int64_t sys_rt_sigqueueinfo(struct task *self, int pid, int number, struct uptr user_info)
{
    struct lx_siginfo info;
    struct process *process;
    uint64_t flags;
    int err = info_read(self, pid, number, user_info, &info);

    if (err)
        return err;
    flags = spin_lock_irqsave(&process_tree_lock);
    process = pid > 0 ? process_find_locked(pid) : NULL;
    err = process ? send_locked(self, process, NULL, &info, true) : -ESRCH;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

int64_t sys_rt_tgsigqueueinfo(struct task *self, int tgid, int tid, int number,
                              struct uptr user_info)
{
    struct lx_siginfo info;
    int err = info_read(self, tid, number, user_info, &info);

    if (err != -EFAULT && (tgid <= 0 || tid <= 0))
        return -EINVAL;
    return err ? err : tkill(self, tgid, tid, &info, true);
}
