/* SPDX-License-Identifier: MIT */
/* Signals. */
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define SET_NBYTES 8

#define ACTION_FLAGS                                                                               \
    (LX_SA_NOCLDSTOP | LX_SA_NOCLDWAIT | LX_SA_SIGINFO | LX_SA_RESTORER | LX_SA_ONSTACK |          \
     LX_SA_RESTART | LX_SA_NODEFER | LX_SA_RESETHAND)

/* Remembered and given back; unknown flag bits are dropped, as Linux does. */
int64_t sys_rt_sigaction(struct task *self, int number, struct uptr action, struct uptr old,
                         size_t set_nbytes)
{
    struct lx_sigaction wanted, before;
    int err;

    if (set_nbytes != SET_NBYTES)
        return -EINVAL;
    if (action.va) {
        err = vm_user_read(&wanted, action, sizeof(wanted));
        if (err)
            return err;
    }
    if (!signal_valid(number) || (action.va && (number == LX_SIGKILL || number == LX_SIGSTOP)))
        return -EINVAL;
    before = self->process->actions[number - 1];
    if (action.va) {
        wanted.flags &= ACTION_FLAGS;
        wanted.mask &= ~(SIGNAL_BIT(LX_SIGKILL) | SIGNAL_BIT(LX_SIGSTOP));
        self->process->actions[number - 1] = wanted;
        signal_drop_ignored(self, number);
    }
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}

int64_t sys_rt_sigprocmask(struct task *self, int how, struct uptr set, struct uptr old,
                           size_t set_nbytes)
{
    uint64_t before = self->sig_mask;
    uint64_t mask;
    int err;

    if (set_nbytes != SET_NBYTES)
        return -EINVAL;
    if (set.va) {
        err = vm_user_read(&mask, set, sizeof(mask));
        if (err)
            return err;
        if (how == LX_SIG_BLOCK)
            mask |= before;
        else if (how == LX_SIG_UNBLOCK)
            mask = before & ~mask;
        else if (how != LX_SIG_SETMASK)
            return -EINVAL;
        signal_set_mask(self, mask);
    }
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}

int64_t sys_rt_sigpending(struct task *self, struct uptr set, size_t set_nbytes)
{
    uint64_t pending = signal_pending(self) & self->sig_mask;

    if (set_nbytes > SET_NBYTES)
        return -EINVAL;
    return vm_user_write(set, &pending, set_nbytes);
}

static int64_t wait_for_signal(void)
{
    struct waitq nobody;
    int err;

    waitq_init(&nobody);
    do
        err = waitq_wait(&nobody, NULL, 0);
    while (err != -EINTR);
    return err;
}

int64_t sys_pause(struct task *self)
{
    (void)self;
    return wait_for_signal();
}

int64_t sys_rt_sigsuspend(struct task *self, struct uptr set, size_t set_nbytes)
{
    uint64_t mask;
    int err;

    if (set_nbytes != SET_NBYTES)
        return -EINVAL;
    err = vm_user_read(&mask, set, sizeof(mask));
    if (err)
        return err;
    signal_set_mask(self, mask); /* no handler runs, so nothing comes back to restore it */
    return wait_for_signal();
}

/* Remembered; used once handlers run. */
int64_t sys_sigaltstack(struct task *self, struct uptr stack, struct uptr old)
{
    struct lx_stack before = self->process->sig_stack;
    struct lx_stack wanted;
    int err;

    if (stack.va) {
        err = vm_user_read(&wanted, stack, sizeof(wanted));
        if (err)
            return err;
        if ((uint32_t)wanted.flags & ~(LX_SS_AUTODISARM | LX_SS_DISABLE | LX_SS_ONSTACK) ||
            ((uint32_t)wanted.flags & ~LX_SS_AUTODISARM) == (LX_SS_DISABLE | LX_SS_ONSTACK))
            return -EINVAL;
        if ((wanted.flags & LX_SS_DISABLE))
            wanted.sp = wanted.size = 0;
        else if (wanted.size < LX_MINSIGSTKSZ)
            return -ENOMEM;
        wanted.flags &= (int)(LX_SS_AUTODISARM | LX_SS_DISABLE);
        self->process->sig_stack = wanted;
    }
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}

static int64_t send_to_self(struct task *self, int number, bool process_wide)
{
    if (number < 0 || number > LX_NSIG)
        return -EINVAL;
    if (!number)
        return 0;
    if (process_wide)
        signal_send_process(self->process, number);
    else
        signal_send_task(self, number);
    return 0;
}

/* This process is the only one there is: its own number, its group, and "everyone I may signal",
 * which on Linux leaves out the sender. */
int64_t sys_kill(struct task *self, int pid, int number)
{
    const struct process *process = self->process;

    if (number < 0 || number > LX_NSIG)
        return -EINVAL;
    if (pid == process->pid || pid == 0 || (pid < -1 && -pid == process->group))
        return send_to_self(self, number, true);
    return -ESRCH;
}

int64_t sys_tkill(struct task *self, int tid, int number)
{
    if (tid <= 0)
        return -EINVAL;
    return tid == self->tid ? send_to_self(self, number, false)
                            : (number < 0 || number > LX_NSIG ? -EINVAL : -ESRCH);
}

int64_t sys_tgkill(struct task *self, int tgid, int tid, int number)
{
    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    return tid == self->tid && tgid == self->process->pid
               ? send_to_self(self, number, false)
               : (number < 0 || number > LX_NSIG ? -EINVAL : -ESRCH);
}
