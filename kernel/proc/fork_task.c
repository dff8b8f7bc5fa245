/* SPDX-License-Identifier: MIT */
/*
 * clone with CLONE_THREAD: another task of the caller's process.
 *
 * Memory and actions are the process's, so there is nothing to copy that takes long: the task is
 * complete before anything else knows it, and publishing it comes last of what can fail. That is
 * refused, and the call starts anew, when the caller has signals to act on, when the process ends
 * or is killed, while a task of it executes, and while it is to stop: a walk over all tasks
 * in slices afterwards (process_notify_others) finds all of them. A tracee that goes on while its
 * process is stopped adds one that knows of the stop from the beginning.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/proc/fork_internal.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* Nothing else knows the task. */
static int task_fill(struct task *self, struct task *task, const struct fork_request *request)
{
    struct process *process = self->process;
    int err = fork_context_copy(self, task, request);

    if (!err)
        err = fork_thread_create(self, task, request);
    if (!err)
        err = sem_fork(self, task, request->share_undo);
    if (err)
        return err;
    memcpy(task->name, self->name, sizeof(self->name));
    task->sig_mask = self->sig_mask;
    task->started_ns = clock_monotonic_ns();
    /* It sets its alarm on its first way to ring 3. */
    if (process->limits[LX_RLIMIT_CPU].current != LX_RLIM_INFINITY || process->timers.cpu)
        arch_thread_add_work(&task->thread.arch, TIF_CPU_TIME);
    vm_space_get(self->thread.space);
    task->thread.space = self->thread.space;
    task->thread.arch.cr3 = self->thread.space->root;
    task->thread.arch.cr3_users = &self->thread.space->cpus;
    fork_registers_copy(self, task, request);
    return 0;
}

static int task_publish(const struct task *self, struct task *task, struct pid *pid,
                        struct tracee **tracee)
{
    struct process *process = self->process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = -ERESTARTNOINTR;

    spin_lock(&process->lock);
    if (!fork_must_wait_locked(self) && !process->ending && !process->exec_task &&
        (!process->sig_stopped || self->stop_passed))
        err = process_add_task_locked(process, task, pid);
    if (!err && process->sig_stopped) {
        task->stop_round = process->stop_round;
        arch_thread_add_work(&task->thread.arch, TIF_SIGNAL);
    }
    spin_unlock(&process->lock);
    if (!err) {
        seccomp_fork(self, task);
        ptrace_fork_locked(self, task, tracee);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* CLONE_VFORK: until the new one has ended; exec of it ends the caller. Drops a reference. */
static void task_await_end(struct process *process, struct task *task)
{
    int err = 0;

    while (!err && __atomic_load_n(&task->vfork_waited, __ATOMIC_ACQUIRE)) {
        struct waiter waiter;

        waitq_enter(&process->child_wait, &waiter);
        if (__atomic_load_n(&task->vfork_waited, __ATOMIC_ACQUIRE))
            err = signal_wait_killable(&waiter);
        waitq_leave(&process->child_wait, &waiter);
    }
    task_put(task);
}

int64_t fork_task(struct task *self, const struct fork_request *request)
{
    struct pid *pid = pid_alloc();
    struct tracee *tracee;
    struct task *task;
    int err, tid;

    if (!pid)
        return -ENOMEM;
    err = fork_tracee_prepare(self, request, &tracee);
    if (err)
        goto discard_pid;
    err = task_alloc(self->process, &task);
    if (err)
        goto free_tracee;
    err = task_fill(self, task, request);
    if (err)
        goto put_task;
    if (!self->process->threaded) /* the only task, so nothing else looks at it now */
        self->process->threaded = true;
    err = task_publish(self, task, pid, &tracee);
    if (err)
        goto put_space;
    tid = task->tid;
    if (request->parent_tid.va && vm_user_write(request->parent_tid, &tid, sizeof(tid)))
        err = 0; /* as on Linux: too late to fail */
    if (request->wait_release) {
        task_get(task);
        task->vfork_waited = true;
    }
    task_start(task);
    ptrace_tracee_free(tracee);
    if (unlikely(self->ptrace) && !request->trace_never)
        ptrace_event(self, request->trace_event, (uint64_t)tid);
    if (request->wait_release) {
        task_await_end(self->process, task);
        if (unlikely(self->ptrace))
            ptrace_event(self, LX_PTRACE_EVENT_VFORK_DONE, (uint64_t)tid);
    }
    return tid;

put_space:
    sem_exit(task); /* others share it, so nothing is undone */
    vm_space_put(task->thread.space);
put_task:
    task_put(task);
free_tracee:
    ptrace_tracee_free(tracee);
discard_pid:
    pid_discard(pid);
    return err;
}
