/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork and clone: a copy is made, then published in one step.
 *
 * The order is that of fork_process, at the end, and of the functions above it: copy what is copied
 * without others seeing it (descriptors, directories, signals), make the thread, publish, copy
 * memory and registers, start. Publishing comes before the memory, which takes long: a signal to
 * the group that falls into the copy is pending for both then, and need not undo a finished copy. A
 * signal that came before makes publishing fail with nothing done; the call starts anew once it was
 * acted on. What was sent to the group since the copy of the mask and is blocked comes to the child
 * by group_sent: each fork compares with the count of its own begin. After publishing only memory
 * and the number of CLONE_PIDFD can fail: the child is unlinked as if it had never been, and a
 * parent that waits for it by CLONE_PARENT is woken.
 *
 * vfork's parent waits for vfork_done, which exec and exit set once the memory is the parent's
 * again; a signal that kills the parent ends that wait, others are acted on after it.
 */
#include "kernel/proc/fork_internal.h"

#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/proc/futex/rseq.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/signal/signal_share.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/sched.h"

/* --- what nothing else sees --- */

static void signals_copy(struct task *self, struct process *child)
{
    struct process *process = self->process;

    spin_lock(&process->lock);
    /* What is sent to the group from here on is noted, and given to the child by child_publish. */
    child->group_count = __atomic_load_n(&process->group_count, __ATOMIC_RELAXED);
    signal_copy_actions_locked(process, child);
    spin_unlock(&process->lock);
    child->leader->sig_stack = self->sig_stack;
    child->leader->sig_mask = self->sig_mask;
}

int fork_context_copy(struct task *self, struct task *child, const struct fork_request *request)
{
    int err = 0;

    identity_get(self->identity);
    child->identity = self->identity;
    child->inherited = self->inherited;
    if (request->share_files) {
        fd_table_get(self->files);
        child->files = self->files;
    } else {
        err = fd_table_dup(self->files, &child->files);
    }
    if (!err)
        err = fs_context_fork(self->fs, request->share_fs, &child->fs);
    return err ? err : ns_fork(self, child, request->new_spaces);
}

/* What others may set in the parent at any time is read under its lock, the rest changes by the
 * caller's own hand alone. */
static void process_fields_copy(struct process *parent, struct process *child)
{
    spin_lock(&parent->lock); /* prlimit */
    memcpy(child->limits, parent->limits, sizeof(child->limits));
    spin_unlock(&parent->lock);
    child->oom_adjust = __atomic_load_n(&parent->oom_adjust, __ATOMIC_RELAXED);
    child->oom_adjust_min = __atomic_load_n(&parent->oom_adjust_min, __ATOMIC_RELAXED);
    child->core_filter = __atomic_load_n(&parent->core_filter, __ATOMIC_RELAXED);
    child->no_huge_pages = __atomic_load_n(&parent->no_huge_pages, __ATOMIC_RELAXED);
    child->layout = parent->layout;
    if (parent->exe) {
        file_get(parent->exe);
        child->exe = parent->exe;
    }
}

/* All but thread and memory. Nothing else knows the child before child_publish. */
static int child_copy(struct task *self, const struct fork_request *request,
                      struct process **out_child)
{
    struct process *child;
    int err = process_alloc(&child);

    if (err)
        return err;
    signals_copy(self, child);
    err = fork_context_copy(self, child->leader, request);
    if (err) {
        process_free(child);
        return err;
    }
    process_fields_copy(self->process, child);
    memcpy(child->leader->name, self->name, sizeof(self->name));
    *out_child = child;
    return 0;
}

int fork_tracee_prepare(const struct task *self, const struct fork_request *request,
                        struct tracee **out_tracee)
{
    *out_tracee = NULL;
    return request->trace_never
               ? 0
               : ptrace_fork_prepare(self, request->trace_event, request->trace_always, out_tracee);
}

/* --- the thread --- */

/* The first code of the child's thread: CLONE_CHILD_SETTID writes to the child's own memory. */
static void child_start(void *argument)
{
    struct task *self = argument;

    sched_first();
    if (self->set_tid.va && vm_user_write(self->set_tid, &self->tid, sizeof(self->tid)))
        self->set_tid.va = 0; /* as on Linux, the failure is not reported */
    arch_enter_user(arch_thread_frame(&self->thread.arch));
}

/* With SCHED_RESET_ON_FORK a child is no better than others. */
static void policy_inherit(struct thread *child, const struct thread *parent)
{
    child->policy = parent->policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK;
    child->nice = parent->nice;
    child->slice_ns = parent->slice_ns;
    child->vruntime_factor = parent->vruntime_factor;
    child->rt_own = child->prio = parent->rt_own; /* not what is lent to the parent */
    if (child->rt_own)
        arch_thread_add_work(&child->arch, TIF_CPU_TIME);
    if (child->policy == parent->policy)
        return;
    if (parent->rt_own) {
        child->policy = LX_SCHED_NORMAL;
        child->rt_own = child->prio = 0;
    }
    if (parent->rt_own || parent->nice < 0)
        sched_set_nice(child, 0, child->policy == LX_SCHED_IDLE);
}

int fork_thread_create(struct task *self, struct task *child, const struct fork_request *request)
{
    int err = thread_create(&child->thread, child_start, child);

    if (err)
        return err;
    child->thread.task = child;
    sched_affinity_online(&self->thread, &child->thread.affinity);
    policy_inherit(&child->thread, &self->thread);
    child->slack_ns = child->slack_start_ns = self->slack_ns;
    child->ioprio = self->ioprio;
    child->set_tid = request->child_tid_set;
    child->clear_tid = request->child_tid_clear;
    return 0;
}

/* All that the thread needs but memory and registers, which come when the child is published. */
static int thread_prepare(struct task *self, struct process *child,
                          const struct fork_request *request)
{
    struct task *task = child->leader;
    int err = fork_thread_create(self, task, request);

    if (err)
        return err;
    child->exit_signal = request->same_parent ? self->process->exit_signal : request->exit_signal;
    child->parent_program =
        request->same_parent ? self->process->parent_program : self->process->generation;
    /* The child's own clock starts at 0; it sets its alarm on its first way to ring 3. */
    if (child->limits[LX_RLIMIT_CPU].current != LX_RLIM_INFINITY)
        arch_thread_add_work(&task->thread.arch, TIF_CPU_TIME);
    if (request->share_memory && !request->wait_release) /* two would run on one stack */
        task->sig_stack = (struct lx_stack){.flags = LX_SS_DISABLE};
    if (request->clear_handlers)
        signal_clear_handlers(child);
    if (!request->share_memory) /* the registered area is in the copy, too */
        rseq_inherit(task, self);
    return 0;
}

/* --- publication, and what comes behind it --- */

bool fork_must_wait_locked(const struct task *self)
{
    ASSERT(process_is_held(self->process));
    return (__atomic_load_n(&self->thread.arch.work, __ATOMIC_ACQUIRE) & (TIF_SIGNAL | TIF_KILL)) ||
           process_is_killed(self->process);
}

/* -ERESTARTNOINTR: the caller has signals to act on first. A signal to a group thus reaches both of
 * them, or the parent before there is a child. What the parent has blocked waits for both if it
 * came to the group during the fork. */
static int child_publish(const struct task *self, struct process *child,
                         const struct fork_request *request, struct tracee **tracee)
{
    /* Looked at under the tree lock, under which groups are signalled: what comes later finds the
     * child. */
    struct process *parent = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = -ERESTARTNOINTR;

    if (!fork_must_wait_locked(self)) {
        /* In the same hold of the lock as the group: a terminal that is released in between is not
         * inherited. */
        child->terminal_grant = parent->terminal_grant;
        err = request->share_handlers ? signal_share_locked(parent, child) : 0;
        if (!err)
            err =
                process_link_locked(request->same_parent ? parent->parent : parent, child, parent);
    }
    /* Without an entry the signal has no sender's number; only the blocked ones are left to
     * give, others made the fork start anew. */
    if (!err) {
        seccomp_fork(self, child->leader);
        ptrace_fork_locked(self, child->leader, tracee);
        child->sig_queue.set =
            signal_group_since_locked(parent, child->group_count, child->leader->sig_mask);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
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

void fork_registers_copy(const struct task *self, struct task *child,
                         const struct fork_request *request)
{
    struct trap_frame *frame = arch_thread_frame(&child->thread.arch);

    *frame = *arch_thread_frame(&self->thread.arch);
    frame->rax = 0;
    if (self->trace_flag) /* of its maker's tracer */
        frame->rflags &= ~RFLAGS_TF;
    if (request->stack)
        frame->rsp = request->stack;
    child->thread.arch.fpu = (void *)ALIGN_UP((uint64_t)child->fpu_object, 64);
    fpu_save_fresh(child->thread.arch.fpu);
    child->thread.arch.fs_base = request->set_tls ? request->tls : msr_read(MSR_FS_BASE);
    child->thread.arch.gs_base = msr_read(MSR_KERNEL_GS_BASE);
    child->thread.arch.no_tsc = self->thread.arch.no_tsc;
    arch_thread_copy_selectors(&child->thread.arch);
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

/* What the child has got behind its publication, if something failed then. */
static void memory_drop(struct task *child)
{
    struct vm_space *space;

    sem_exit(child); /* others share it, so nothing is undone */
    seccomp_release(child);
    spin_lock(&child->process->lock);
    space = child->thread.space;
    child->thread.space = NULL;
    spin_unlock(&child->process->lock);
    if (space)
        vm_space_put(space);
}

/* Publishes the child, and whatever can fail behind that. */
static int child_complete(struct task *self, struct process *child,
                          const struct fork_request *request, const struct pidfd_new *pidfd,
                          struct tracee **tracee)
{
    int err = child_publish(self, child, request, tracee);

    if (!err)
        err = memory_copy(self, child->leader, request->share_memory);
    if (!err)
        err = sem_fork(self, child->leader, request->share_undo);
    /* Behind the copy: a child with memory of its own does not see the number. */
    if (!err && request->make_pidfd)
        err = vm_user_write(request->pidfd, &pidfd->fd, sizeof(pidfd->fd));
    if (err)
        memory_drop(child->leader);
    return err;
}

int64_t fork_process(struct task *self, const struct fork_request *request)
{
    struct pidfd_new pidfd = {.fd = -1};
    struct process *child;
    struct tracee *tracee;
    int err, pid;

    err = fork_tracee_prepare(self, request, &tracee);
    if (err)
        return err;
    err = child_copy(self, request, &child);
    if (err) {
        ptrace_tracee_free(tracee);
        return err;
    }
    err = thread_prepare(self, child, request);
    if (!err && request->make_pidfd)
        err = pidfd_reserve(self, child, &pidfd);
    if (!err)
        err = child_complete(self, child, request, &pidfd, &tracee);
    ptrace_tracee_free(tracee);
    if (err) {
        if (pidfd.fd >= 0)
            pidfd_cancel(self, &pidfd);
        process_abandon(child);
        return err;
    }
    if (pidfd.fd >= 0)
        pidfd_fill(self, &pidfd);
    fork_registers_copy(self, child->leader, request);
    pid = child->pid;
    if (request->parent_tid.va && vm_user_write(request->parent_tid, &pid, sizeof(pid)))
        err = 0; /* as on Linux: too late to fail */
    if (request->wait_release)
        process_get(child);
    task_start(child->leader);
    if (unlikely(self->ptrace) && !request->trace_never)
        ptrace_event(self, request->trace_event, (uint64_t)pid);
    if (request->wait_release) {
        wait_for_release(child);
        process_put(child);
        if (unlikely(self->ptrace))
            ptrace_event(self, LX_PTRACE_EVENT_VFORK_DONE, (uint64_t)pid);
    }
    return pid;
}
