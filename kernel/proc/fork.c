/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork and clone: a copy is made, then published in one step.
 *
 * The order is: copy what is copied without others seeing it (descriptors, directories, signals),
 * make the thread, publish, copy the memory, start. Publishing comes before the memory, which takes
 * long: a signal to the group that falls into the copy is pending for both then, and need not undo
 * a finished copy. A signal that came before makes publishing fail with nothing done; the call
 * starts anew once it was acted on. What was sent to the group since the copy of the mask and is
 * blocked comes to the child by group_signals. After publishing only memory can fail: the child is
 * unlinked as if it had never been, and a parent that waits for it by CLONE_PARENT is woken.
 *
 * vfork's parent waits for vfork_done, which exec and exit set once the memory is the parent's
 * again; a signal that kills the parent ends that wait, others are acted on after it.
 */
#include "kernel/proc/fork.h"

#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/futex/rseq.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/sched.h"

/* The first code of the child's thread: CLONE_CHILD_SETTID writes to the child's own memory. */
static void child_start(void *argument)
{
    struct task *self = argument;

    sched_first();
    if (self->set_tid.va && vm_user_write(self->set_tid, &self->tid, sizeof(self->tid)))
        self->set_tid.va = 0; /* as on Linux, the failure is not reported */
    arch_enter_user(arch_thread_frame(&self->thread.arch));
}

/* Registers, FPU and segment bases as the parent has them now. */
static void registers_copy(const struct task *self, struct task *child,
                           const struct fork_request *request)
{
    struct trap_frame *frame = arch_thread_frame(&child->thread.arch);

    *frame = *arch_thread_frame(&self->thread.arch);
    frame->rax = 0;
    if (request->stack)
        frame->rsp = request->stack;
    child->thread.arch.fpu = (void *)ALIGN_UP((uint64_t)child->fpu_object, 64);
    fpu_save_fresh(child->thread.arch.fpu);
    child->thread.arch.fs_base = request->set_tls ? request->tls : msr_read(MSR_FS_BASE);
    child->thread.arch.gs_base = msr_read(MSR_KERNEL_GS_BASE);
    arch_thread_copy_selectors(&child->thread.arch);
}

static int memory_copy(const struct task *self, struct task *child, bool share)
{
    struct vm_space *space = self->thread.space;
    int err = 0;

    if (share)
        vm_space_get(space);
    else
        err = vm_space_dup(space, &space);
    if (err)
        return err;
    spin_lock(&child->process->lock); /* it is in the tree: others may have set its limits since */
    child->thread.space = space;
    if (!share)
        process_limits_apply_locked(child->process);
    spin_unlock(&child->process->lock);
    child->thread.arch.cr3 = space->root;
    child->thread.arch.cr3_users = &space->cpus;
    return 0;
}

/* With SCHED_RESET_ON_FORK a child is no better than others. */
static void policy_inherit(struct thread *child, const struct thread *parent)
{
    child->policy = parent->policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK;
    child->nice = parent->nice;
    child->slice_ns = parent->slice_ns;
    child->vruntime_factor = parent->vruntime_factor;
    if (child->policy != parent->policy && parent->nice < 0)
        sched_set_nice(child, 0, child->policy == LX_SCHED_IDLE);
}

static int child_prepare(struct task *self, struct process *child,
                         const struct fork_request *request)
{
    struct task *task = child->task;
    int err = thread_create(&task->thread, child_start, task);

    if (err)
        return err;
    task->thread.task = task;
    task->thread.affinity = self->thread.affinity;
    policy_inherit(&task->thread, &self->thread);
    child->exit_signal = request->same_parent ? self->process->exit_signal : request->exit_signal;
    /* The child's own clock starts at 0; it sets its alarm on its first way to ring 3. */
    if (child->limits[LX_RLIMIT_CPU].current != LX_RLIM_INFINITY)
        arch_thread_add_work(&task->thread.arch, TIF_CPU_TIME);
    if (request->share_memory && !request->wait_release) /* two would run on one stack */
        task->sig_stack = (struct lx_stack){.flags = LX_SS_DISABLE};
    task->set_tid = request->child_tid_set;
    task->clear_tid = request->child_tid_clear;
    if (request->clear_handlers)
        signal_clear_handlers(child);
    if (!request->share_memory) /* the registered area is in the copy, too */
        rseq_inherit(task, self);
    err = process_publish(self->process, child, request->same_parent);
    if (!err)
        err = memory_copy(self, task, request->share_memory);
    if (!err)
        registers_copy(self, task, request);
    return err;
}

/* Only a fatal signal ends the wait early; the child then goes on by itself. */
static void wait_for_release(struct process *child)
{
    while (!__atomic_load_n(&child->vfork_done, __ATOMIC_ACQUIRE)) {
        struct waiter waiter;

        waitq_enter(&child->release_wait, &waiter);
        if (!__atomic_load_n(&child->vfork_done, __ATOMIC_ACQUIRE) &&
            signal_wait_killable(&waiter)) {
            waitq_leave(&child->release_wait, &waiter);
            return;
        }
        waitq_leave(&child->release_wait, &waiter);
    }
}

int64_t fork_process(struct task *self, const struct fork_request *request)
{
    struct process *child;
    int err, pid;

    err = process_copy(self, request->share_files, request->share_fs, &child);
    if (err)
        return err;
    err = child_prepare(self, child, request);
    if (!err && request->parent_tid.va &&
        vm_user_write(request->parent_tid, &child->pid, sizeof(child->pid)))
        err = 0; /* as on Linux: too late to fail */
    if (err) {
        process_abandon(child);
        return err;
    }
    pid = child->pid;
    if (request->wait_release)
        process_get(child);
    process_start(child);
    if (request->wait_release) {
        wait_for_release(child);
        process_put(child);
    }
    return pid;
}
