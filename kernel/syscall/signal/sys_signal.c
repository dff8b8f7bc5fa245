/* SPDX-License-Identifier: MIT */
/*
 * Signals as their receiver sees them: handlers, masks, waiting, the alternate stack.
 *
 * The mask belongs to the task and is changed by it alone; signal_set_mask stores the new
 * one before it looks for pending signals, so none that it lets in is overlooked. A call that
 * replaces the mask for its duration (sigsuspend) leaves it to the return to ring 3 to restore it,
 * after the handler's frame has been built with the temporary mask in force.
 *
 * Waiting for a signal is sleeping on a queue that has no waker: every sleep ends with -ERESTARTSYS
 * when a signal is pending that is not blocked.
 */
#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/clock.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/sigframe.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/dispatch.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

#define SET_NBYTES 8
#define NS_PER_S   1000000000LL

/* Honoured: all flags of sigaction(2). */
int64_t sys_rt_sigaction(struct task *self, int number, struct uptr action, struct uptr old,
                         size_t set_nbytes)
{
    return set_nbytes == SET_NBYTES ? signal_set_action(self, number, action, old) : -EINVAL;
}

/* Signals that cannot be blocked are taken out by signal_set_mask. The new set is read before the
 * old is written: both may be the same memory. */
int64_t sys_rt_sigprocmask(struct task *self, int how, struct uptr set, struct uptr old,
                           size_t set_nbytes)
{
    uint64_t before = self->sig_mask;
    uint64_t mask;
    int err;

    if (set_nbytes != SET_NBYTES)
        return -EINVAL;
    if (set.va) {
        err = vm_user_read_words(&mask, set, 1);
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

/* A shorter set than 8 bytes is allowed here, unlike in the other calls (kernel/signal.c of Linux).
 */
int64_t sys_rt_sigpending(struct task *self, struct uptr set, size_t set_nbytes)
{
    uint64_t pending;

    if (set_nbytes > SET_NBYTES)
        return -EINVAL;
    pending = signal_pending(self) & self->sig_mask;
    return vm_user_write(set, &pending, set_nbytes);
}

/* The frame that the handler's return left at RSP. RAX is the program's own again. */
int64_t sys_rt_sigreturn(struct task *self)
{
    struct trap_frame *frame = arch_thread_frame(&self->thread.arch);

    /* The frame cannot be read, or is none: the program cannot go on. */
    if (sigframe_pop(self, frame)) {
        trap_frame_set_full(frame);
        signal_force(self, LX_SIGSEGV);
    }
    return (int64_t)frame->rax;
}

/* What the kernel makes of a call whose sleep a signal has interrupted: it goes on, with its own
 * arguments, until the time that it was to end at. Programs that make it themselves have nothing to
 * go on with. */
int64_t sys_restart_syscall(struct task *self)
{
    struct trap_frame *frame = arch_thread_frame(&self->thread.arch);
    int64_t result = -EINTR;

    if (self->restart_number)
        result = dispatch_make(self, frame, self->restart_number);
    if (!restart_is_code(result))
        self->restart_number = 0;
    return result;
}

/* Wake-ups without a signal happen and mean nothing. */
static int64_t wait_for_signal(void)
{
    struct waitq unused; /* has no waker: only a signal ends the wait */
    int err;

    waitq_init(&unused);
    do
        err = waitq_wait(&unused, NULL, 0);
    while (err != -ERESTARTSYS);
    return -ERESTARTNOHAND;
}

int64_t sys_pause(struct task *self)
{
    (void)self;
    return wait_for_signal();
}

int64_t sys_rt_sigsuspend(struct task *self, struct uptr set, size_t set_nbytes)
{
    uint64_t saved = self->sig_mask;
    uint64_t mask;
    int err;

    if (set_nbytes != SET_NBYTES)
        return -EINVAL;
    err = vm_user_read(&mask, set, sizeof(mask));
    if (err)
        return err;
    signal_set_mask(self, mask);
    err = (int)wait_for_signal();
    signal_restore_mask_later(self, saved);
    return err;
}

/* The state is that of the caller's RSP: while it is on the stack, the stack cannot be changed
 * (EPERM). */
int64_t sys_sigaltstack(struct task *self, struct uptr stack, struct uptr old)
{
    uint64_t rsp = arch_thread_frame(&self->thread.arch)->rsp;
    struct lx_stack before = self->sig_stack;
    struct lx_stack wanted;
    int err;

    before.flags &= (int32_t)LX_SS_AUTODISARM;
    if (!before.size)
        before.flags |= LX_SS_DISABLE;
    else if (sigframe_on_stack(&self->sig_stack, rsp))
        before.flags |= LX_SS_ONSTACK;
    if (stack.va) {
        err = vm_user_read(&wanted, stack, sizeof(wanted));
        if (!err)
            err = sigframe_set_stack(self, &wanted, rsp);
        if (err)
            return err;
    }
    return old.va ? vm_user_write(old, &before, sizeof(before)) : 0;
}

/* A time that does not fit is no deadline that anyone will see. */
static int sigwait_deadline_read(struct uptr timeout, uint64_t *deadline_ns)
{
    struct lx_timespec time;
    uint64_t now = clock_monotonic_ns();
    int err = vm_user_read(&time, timeout, sizeof(time));

    if (err)
        return err;
    if (time.sec < 0 || time.nsec < 0 || time.nsec >= NS_PER_S)
        return -EINVAL;
    *deadline_ns = INT64_MAX;
    if ((uint64_t)time.sec < (INT64_MAX - now) / NS_PER_S - 1)
        *deadline_ns = now + (uint64_t)(time.sec * NS_PER_S + time.nsec);
    return 0;
}

/* The whole siginfo is written, with zeroes behind the fields in use: the program's buffer has 128
 * bytes. */
int64_t sys_rt_sigtimedwait(struct task *self, struct uptr user_set, struct uptr user_info,
                            struct uptr timeout, size_t set_nbytes)
{
    char bytes[LX_SIGINFO_NBYTES] = {0};
    uint64_t deadline_ns = 0;
    struct lx_siginfo info;
    uint64_t set;
    int number;
    int err;

    if (set_nbytes != SET_NBYTES)
        return -EINVAL;
    err = vm_user_read(&set, user_set, sizeof(set));
    if (!err && timeout.va)
        err = sigwait_deadline_read(timeout, &deadline_ns);
    if (err)
        return err;
    number = signal_wait_for(self, set & ~SIGNAL_UNBLOCKABLE, deadline_ns, &info);
    if (number == -ERESTARTSYS) /* never started anew: signal(7) */
        return -EINTR;
    if (number <= 0 || !user_info.va)
        return number;
    memcpy(bytes, &info, sizeof(info));
    err = vm_user_write(user_info, bytes, sizeof(bytes));
    return err ? err : number;
}
