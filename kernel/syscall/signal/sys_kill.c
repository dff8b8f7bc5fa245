/* SPDX-License-Identifier: MIT */
/*
 * Signals as their sender sees them: kill, tkill, tgkill, rt_sigqueueinfo, pidfd_send_signal.
 *
 * The receivers are found and signalled under process_tree_lock, which keeps them, their
 * credentials and their groups as they are between the check of rights and the sending. Calls on
 * many processes visit them by a walk that gives the lock up in between; a child that a visited
 * member is forking at that moment gets the signal, too (signal_note_group_locked).
 *
 * A program that signals itself, which raise(3) and abort(3) do, takes a way without the tree lock:
 * it may always, and exists. SIGCONT is excepted, as it has effects on the whole process that need
 * the lock.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/proc/procfs/procfs.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* The real uid, as siginfo(2) has it. */
static struct lx_siginfo kill_info_of(const struct task *self, int number, int code)
{
    return (struct lx_siginfo){
        .signo = number,
        .code = code,
        .sender = {.pid = self->process->pid, .uid = self->fs->cred.uid},
    };
}

/* Number 0 only asks. */
static int kill_send_locked(struct task *self, struct process *process, struct task *task,
                            const struct lx_siginfo *info, bool must_queue)
{
    ASSERT(spin_is_held(&process_tree_lock));
    if (info->signo < 0 || info->signo > LX_NSIG)
        return -EINVAL;
    if (!signal_may_send_locked(self, process, info->signo))
        return -EPERM;
    /* Only a question whether the process exists and may be signalled. */
    if (!info->signo)
        return 0;
    return signal_send_info_locked(process, task, info, must_queue);
}

/* To one of many. */
static int send_member_locked(struct task *self, struct process *process,
                              const struct lx_siginfo *info)
{
    int err = kill_send_locked(self, process, NULL, info, false);

    ASSERT(spin_is_held(&process_tree_lock));
    if (!err)
        signal_note_group_locked(process, info->signo);
    return err;
}

/* 0 when one member could be signalled. */
static int send_group_locked(struct task *self, struct pid *group, const struct lx_siginfo *info,
                             uint64_t *flags)
{
    struct process_walk walk;
    struct process *member;
    int result = -ESRCH;

    ASSERT(spin_is_held(&process_tree_lock));
    process_walk_group_locked(&walk, group);
    while ((member = process_walk_next_locked(&walk, flags)) != NULL) {
        int err = send_member_locked(self, member, info);

        if (!err || result == -ESRCH)
            result = err;
    }
    process_walk_end_locked(&walk);
    return result;
}

/* Everyone but init and the sender. As on Linux, having no right to any is no error. */
static int send_all_locked(struct task *self, const struct lx_siginfo *info, uint64_t *flags)
{
    struct process_walk walk;
    struct process *process;
    int result = -ESRCH;

    ASSERT(spin_is_held(&process_tree_lock));
    process_walk_all_locked(&walk);
    while ((process = process_walk_next_locked(&walk, flags)) != NULL) {
        if (process != &process_init_process && process != self->process) {
            int err = send_member_locked(self, process, info);

            if (err != -EPERM || result == -ESRCH)
                result = err == -EPERM ? 0 : err;
        }
    }
    process_walk_end_locked(&walk);
    return result;
}

/* As kill(2): a process, the caller's group, everything, another group. The last number has no
 * negation. */
static int kill_locked(struct task *self, int pid, const struct lx_siginfo *info, uint64_t *flags)
{
    struct process *process;
    struct pid *group;

    ASSERT(spin_is_held(&process_tree_lock));
    if (pid > 0) {
        process = process_of_task_locked(pid);
        return process ? kill_send_locked(self, process, NULL, info, false) : -ESRCH;
    }
    if (pid == -1)
        return send_all_locked(self, info, flags);
    group = pid ? process_group_find_locked(-pid) : self->process->group_pid;
    return group ? send_group_locked(self, group, info, flags) : -ESRCH;
}

/* Programs signal themselves often (raise, abort), and may always: the tree is not needed. */
static bool is_simple(int number)
{
    return signal_valid(number) && number != LX_SIGCONT;
}

int64_t sys_kill(struct task *self, int pid, int number)
{
    struct lx_siginfo info = kill_info_of(self, number, LX_SI_USER);
    uint64_t flags;
    int err;

    if (pid == self->process->pid && is_simple(number))
        return signal_send_self(self, false, &info, false);

    if (pid == INT32_MIN)
        return -ESRCH;
    flags = spin_lock_irqsave(&process_tree_lock);
    err = kill_locked(self, pid, &info, &flags);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* A task by its number; tgid 0: of whatever process. */
static int tkill(struct task *self, int tgid, int tid, const struct lx_siginfo *info,
                 bool must_queue)
{
    struct task *task;
    uint64_t flags;
    int err = -ESRCH;

    if (tid == self->tid && (!tgid || tgid == self->process->pid) && is_simple(info->signo))
        return signal_send_self(self, true, info, must_queue);
    flags = spin_lock_irqsave(&process_tree_lock);
    task = task_find_locked(tid);
    if (task && (!tgid || tgid == task->process->pid))
        err = kill_send_locked(self, task->process, task, info, must_queue);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* Real-time signals that cannot be queued are -EAGAIN; the standard ones are pending all the same.
 */
int64_t sys_tkill(struct task *self, int tid, int number)
{
    struct lx_siginfo info = kill_info_of(self, number, LX_SI_TKILL);

    return tid <= 0 ? -EINVAL : tkill(self, 0, tid, &info, number >= LX_SIGRTMIN);
}

int64_t sys_tgkill(struct task *self, int tgid, int tid, int number)
{
    struct lx_siginfo info = kill_info_of(self, number, LX_SI_TKILL);

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

/* must_queue: the caller's value would be lost otherwise. */
int64_t sys_rt_sigqueueinfo(struct task *self, int pid, int number, struct uptr user_info)
{
    struct lx_siginfo info;
    struct process *process;
    uint64_t flags;
    int err = info_read(self, pid, number, user_info, &info);

    if (err)
        return err;
    flags = spin_lock_irqsave(&process_tree_lock);
    process = pid > 0 ? process_of_task_locked(pid) : NULL;
    err = process ? kill_send_locked(self, process, NULL, &info, true) : -ESRCH;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

int64_t sys_rt_tgsigqueueinfo(struct task *self, int tgid, int tid, int number,
                              struct uptr user_info)
{
    struct lx_siginfo info;
    int err = info_read(self, tid, number, user_info, &info);

    /* A bad pointer wins over bad numbers, but nothing else does. */
    if (err != -EFAULT && (tgid <= 0 || tid <= 0))
        return -EINVAL;
    return err ? err : tkill(self, tgid, tid, &info, true);
}

/* A descriptor of a process is one of its own kind, or one of its directory in /proc. */
static struct process *pidfd_process_locked(const struct file *file)
{
    const struct pidfd *pidfd = pidfd_of(file);

    ASSERT(spin_is_held(&process_tree_lock));
    return pidfd ? pidfd->process : procfs_process_of_locked(file);
}

/* user_info NULL: as kill(2) would send it. */
static int pidfd_send(struct task *self, const struct file *file, int number, struct uptr user_info)
{
    struct lx_siginfo info = kill_info_of(self, number, LX_SI_USER);
    struct process *process;
    uint64_t flags;
    int err = 0;

    if (!pidfd_of(file) && !procfs_is_process(file))
        return -EBADF;
    if (user_info.va)
        err = vm_user_read(&info, user_info, sizeof(info));
    if (!err && info.signo != number)
        err = -EINVAL;
    if (err)
        return err;
    flags = spin_lock_irqsave(&process_tree_lock);
    process = pidfd_process_locked(file);
    /* What only one that speaks to itself may claim is for the leader: so it is on Linux. */
    if (user_info.va && (info.code >= 0 || info.code == LX_SI_TKILL) &&
        (process != self->process || self != process->leader))
        err = -EPERM;
    else
        err = process ? kill_send_locked(self, process, NULL, &info, user_info.va != 0) : -ESRCH;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

int64_t sys_pidfd_send_signal(struct task *self, int pidfd, int number, struct uptr user_info,
                              unsigned flags)
{
    struct fd_ref ref;
    int err;

    if (flags)
        return -EINVAL;
    ref = fd_find(self->files, pidfd);
    err = ref.file ? pidfd_send(self, ref.file, number, user_info) : -EBADF;
    fd_ref_put(ref);
    return err;
}
