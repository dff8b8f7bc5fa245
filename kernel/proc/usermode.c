/* SPDX-License-Identifier: MIT */
#include "kernel/proc/usermode.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/core/panic.h"
#include "kernel/core/timer.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/open.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/tables.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define ENTRY_TRIES 3
#define PATIENCE_NS 180000000000ULL /* for who was killed to be gone */

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
static void task_start(void *argument)
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

static int stdio_install(struct process *process, const struct exec_request *request)
{
    for (int fd = 0; fd < 3; fd++) {
        struct file *file = request->stdio[fd];
        int err;

        if (!file)
            continue;
        file_get(file);
        err = fd_replace(process->task->files, fd, file, false);
        if (err < 0) {
            file_put(file);
            return err;
        }
    }
    return 0;
}

/* Everything that can fail. On success the task's thread is ready to run. */
static int prepare(struct process *process, struct exec_request *request)
{
    struct task *task = process->task;
    struct exec_strings strings = {request->path, request->argv, request->envp, false, false};
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
    err = thread_create(&task->thread, task_start, task);
    if (err) {
        vm_space_put(program.space);
        return err;
    }
    task->thread.task = task;
    task->thread.space = program.space;
    task->thread.arch.cr3 = program.space->root;
    task->thread.arch.cr3_users = &program.space->cpus;
    task->thread.arch.fpu = (void *)ALIGN_UP((uint64_t)task->fpu_object, 64);
    fpu_area_init(task->thread.arch.fpu);
    exec_frame_init(arch_thread_frame(&task->thread.arch), &program);
    process_set_name(process, request->path);
    return 0;
}

/* Everything that the program left behind ends with it. */
static void others_kill(void)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (p != &process_init_process)
            signal_send_process(p, LX_SIGKILL);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static void others_reap(void)
{
    const struct process_wait any = {.pid = -1, .exited = true};
    struct process_change change;

    others_kill(); /* none is missed: who is to die makes no child */
    while (process_wait(&process_init_process, &any, &change) == 0)
        ;
    /* The last of them may still be on its way off its stack. */
    while (process_live_count())
        sched_yield_cpu();
}

/* Whoever waits here would wait for ever, and nobody be told. */
static void overdue(struct timer *timer)
{
    (void)timer;
    panic("a program that was killed does not end");
}

int usermode_run(struct exec_request *request, struct wait_status *status)
{
    struct process_wait which = {.exited = true};
    struct process_change change;
    struct process *process;
    uint64_t start = clock_monotonic_ns();
    struct timer patience;
    int err;

    timer_init(&patience, overdue);
    request->reason = NULL;
    err = process_create(&process_init_process, &process);
    if (err)
        return err;
    err = prepare(process, request);
    if (err) {
        process_abandon(process);
        return err;
    }
    if (request->has_terminal)
        terminal_give(process, request->stdio[0]);
    process_set_limit(process, request->limit_ns ? start + request->limit_ns : 0);
    if (request->limit_ns)
        timer_start(&patience, start + request->limit_ns + PATIENCE_NS);
    which.pid = process->pid;
    process_start(process);
    err = process_wait(&process_init_process, &which, &change);
    status->end = change.end;
    status->code = change.code;
    status->time_ns = clock_monotonic_ns() - start;
    timer_start(&patience, clock_monotonic_ns() + PATIENCE_NS);
    others_reap();
    mount_reset();
    timer_stop(&patience);
    return err;
}
