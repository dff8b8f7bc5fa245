/* SPDX-License-Identifier: MIT */
/*
 * Boot return: the harness's programs, run and waited for.
 *
 * The boot thread makes a process by hand (no fork: there is no program yet), starts its thread,
 * waits for it as init, then kills and reaps what it has left behind and puts the mount points
 * back. Every wait has a bound: the program's own limit (process.limit kills it), and behind that a
 * timer that panics when a killed program does not end.
 *
 * Before the first instruction of ring 3, program_enter checks what the processor would go by: CR3
 * and the kernel stack of RSP0. A wrong one is installed anew a few times; the self-test injects
 * both errors.
 */
#include "kernel/proc/usermode.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/core/panic.h"
#include "kernel/core/timer.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/tables.h"
#include "kernel/proc/exec/exec.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define ENTRY_TRIES    3
#define END_TIMEOUT_NS 180000000000ULL /* for a killed program to be gone */

static unsigned injected_faults;
static uint64_t first_entry_tsc;

void usermode_inject_entry_faults(unsigned n)
{
    injected_faults = n;
}

uint64_t usermode_first_entry_tsc(void)
{
    return first_entry_tsc;
}

/* Ring 3 is entered only on the program's own tables and with a kernel stack to come back to. */
static bool entry_ready(const struct task *self)
{
    const struct cpu *cpu = cpu_self();

    return cr3_read() == self->thread.arch.cr3 && self->thread.space->root == cr3_read() &&
           cpu->kernel_rsp == self->thread.arch.stack_top &&
           cpu->tss.rsp0[0] == (uint32_t)cpu->kernel_rsp &&
           cpu->tss.rsp0[1] == (uint32_t)(cpu->kernel_rsp >> 32);
}

/* For the checks: the step that installs address space (odd tries) or stack went wrong. */
static void fault_inject(void)
{
    if (!injected_faults)
        return;
    if (injected_faults-- & 1)
        cr3_write(tables_kernel_root());
    else
        cpu_set_kernel_stack(cpu_self(), cpu_self()->kernel_rsp - PAGE_SIZE);
}

/* The first code of a new task's thread. */
static void program_enter(void *argument)
{
    struct task *self = argument;

    sched_first();
    fault_inject();
    for (unsigned tries = 0; !entry_ready(self); tries++) {
        if (tries == ENTRY_TRIES) {
            klog("task %d: address space or kernel stack is not installed: not entered", self->tid);
            process_exit(self, PROCESS_SIGNALED, LX_SIGKILL);
        }
        cr3_write(self->thread.arch.cr3);
        cpu_set_kernel_stack(cpu_self(), self->thread.arch.stack_top);
        fault_inject();
    }
    if (!first_entry_tsc)
        first_entry_tsc = tsc_read();
    arch_enter_user(arch_thread_frame(&self->thread.arch));
}

/* The table takes over the reference that is taken here; on failure it is still the caller's. */
static int stdio_install(struct process *process, const struct exec_request *request)
{
    for (int fd = 0; fd < 3; fd++) {
        struct file *file = request->stdio[fd];
        int err;

        if (!file)
            continue;
        file_get(file);
        err = fd_replace(process->leader->files, fd, file, false);
        if (err < 0) {
            file_put(file);
            return err;
        }
    }
    return 0;
}

/* Everything that can fail. On success the task's thread is ready to run. */
static int program_prepare(struct process *process, struct exec_request *request)
{
    struct task *task = process->leader;
    struct exec_strings strings = {request->path, request->argv, request->envp,
                                   false,         false,         false};
    struct exec_program program = {0};
    struct file *file;
    int err = stdio_install(process, request);

    if (!err)
        err = fs_open_exec(task->fs, request->path, &file);
    if (!err) {
        err = exec_load(file, task->fs, &strings, &program);
        file_put(file);
        request->reason = program.reason;
    }
    if (err)
        return err;
    process->exe = program.file;
    process->layout = program.layout;
    process->has_execed = true;
    /* Last of what can fail: by its stack process_free sees whether there is a thread to
     * destroy. */
    err = thread_create(&task->thread, program_enter, task);
    if (err) {
        vm_space_put(program.space);
        return err;
    }
    task->thread.task = task;
    task->thread.space = program.space;
    task->thread.arch.cr3 = program.space->root;
    task->thread.arch.cr3_users = &program.space->cpus;
    /* XSAVE areas are aligned to 64 bytes (Intel SDM vol. 1, 13.4), which a slab does not
     * promise. */
    task->thread.arch.fpu = (void *)ALIGN_UP((uint64_t)task->fpu_object, 64);
    fpu_area_init(task->thread.arch.fpu);
    exec_frame_init(arch_thread_frame(&task->thread.arch), &program);
    task_set_name(task, request->path);
    return 0;
}

/* Everything that the program left behind ends with it. At its limit all of that goes at once: real
 * time programs that never sleep may keep the processors from the one that is to end first. */
void usermode_kill_all(void)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process_walk walk;
    struct process *process;

    process_walk_all_locked(&walk);
    while ((process = process_walk_next_locked(&walk, &flags)) != NULL) {
        /* Not only descendants: what was inherited by init has to go as well. */
        if (process != &process_init_process)
            signal_send_process(process, LX_SIGKILL);
    }
    process_walk_end_locked(&walk);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* The second program starts on an empty machine, as the first one did. */
static void others_reap(void)
{
    const struct process_wait any = {.pid = -1, .exited = true};
    struct process_change change;

    usermode_kill_all(); /* none is missed: a process that is to die makes no child */
    /* Init never has signals pending, so the only failure is -ECHILD: none is left. */
    while (process_wait(&process_init_process, &any, &change) == 0)
        ;
    /* The last of them may still be on its way off its stack. */
    while (process_live_count())
        sched_yield_cpu();
}

/* The harness would wait for ever, without a report: better a panic that says why. */
static void overdue(struct timer *timer)
{
    (void)timer;
    panic("a program that was killed does not end");
}

/* With a reference, so that usermode_expire finds a process and not the place where one was. */
static struct process *running; /* [t] process_tree_lock */

static void running_set(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *before = running;

    running = process;
    if (process)
        process_get(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (before)
        process_put(before);
}

void usermode_expire(void)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    if (running)
        process_expire(running);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

int usermode_run(struct exec_request *request, struct wait_status *status)
{
    struct process_wait which = {.exited = true};
    struct process_change change;
    struct process *process;
    uint64_t start = clock_monotonic_ns();
    struct timer end_timeout;
    int err;

    timer_init(&end_timeout, overdue);
    /* Outputs are set on every path: the caller prints the reason. */
    request->reason = NULL;
    err = process_create(&process_init_process, request->uid, &process);
    if (err)
        return err;
    err = program_prepare(process, request);
    if (err) {
        process_abandon(process);
        return err;
    }
    if (request->has_terminal)
        terminal_acquire(process, request->stdio[0]);
    /* Before the thread runs: its end stops the timer, which must not be started after that. */
    process_set_limit(process, request->limit_ns ? start + request->limit_ns : 0);
    if (request->limit_ns)
        timer_start(&end_timeout, start + request->limit_ns + END_TIMEOUT_NS);
    which.pid = process->pid;
    running_set(process);
    task_start(process->leader);
    /* reaped_by_init keeps this one a zombie until here, other orphans vanish by themselves. */
    err = process_wait(&process_init_process, &which, &change);
    status->end = change.end;
    status->code = change.code;
    status->time_ns = clock_monotonic_ns() - start;
    running_set(NULL);
    /* From here on all that is left has been killed: no limit of a program applies. */
    timer_start(&end_timeout, clock_monotonic_ns() + END_TIMEOUT_NS);
    others_reap();
    deferred_flush(); /* it may hold the last of what uses a mount */
    mount_reset();
    timer_stop(&end_timeout);
    return err;
}
