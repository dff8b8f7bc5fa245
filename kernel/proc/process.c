/* SPDX-License-Identifier: MIT */
#include "kernel/proc/process.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/clock.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/tables.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"

#define PID_FIRST 2 /* 1 is the harness */
#define PID_MAX   32768

static struct slab_cache *process_cache, *task_cache, *fpu_cache;
static int last_pid = PID_FIRST - 1;

void process_init(void)
{
    process_cache = slab_cache_create("process", sizeof(struct process));
    task_cache = slab_cache_create("task", sizeof(struct task));
    /* Objects sit behind a header; room to align the area to 64 bytes by hand. */
    fpu_cache = slab_cache_create("fpu", MIN(features.fpu_nbytes + 64u, 4096u));
}

static void limits_init(struct process *process)
{
    for (unsigned i = 0; i < LX_RLIM_NLIMITS; i++)
        process->limits[i] = (struct lx_rlimit){LX_RLIM_INFINITY, LX_RLIM_INFINITY};
    process->limits[LX_RLIMIT_STACK].current = 8u << 20;
    process->limits[LX_RLIMIT_CORE].current = 0;
    process->limits[LX_RLIMIT_NOFILE] = (struct lx_rlimit){FD_LIMIT_DEFAULT, FD_LIMIT_MAX};
    process->limits[LX_RLIMIT_MEMLOCK] = (struct lx_rlimit){8u << 20, 8u << 20};
    process->limits[LX_RLIMIT_NICE] = (struct lx_rlimit){0, 0};
    process->limits[LX_RLIMIT_RTPRIO] = (struct lx_rlimit){0, 0};
    process->limits[LX_RLIMIT_MSGQUEUE] = (struct lx_rlimit){819200, 819200};
}

static void limit_expired(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, limit);

    __atomic_store_n(&process->limit_reached, 1, __ATOMIC_RELEASE);
    arch_thread_add_work(&process->task->thread.arch, ARCH_WORK_KILL);
}

static void task_free(struct task *task)
{
    if (task->files)
        fd_table_put(task->files);
    if (task->fs)
        fs_context_destroy(task->fs);
    if (task->fpu_object)
        slab_free(fpu_cache, task->fpu_object);
    slab_free(task_cache, task);
}

static int task_create(struct process *process, struct task **out_task)
{
    struct task *task = slab_zalloc(task_cache);
    int err = -ENOMEM;

    if (!task)
        return err;
    task->process = process;
    task->tid = process->pid;
    task->fpu_object = slab_alloc(fpu_cache);
    if (task->fpu_object)
        err = fd_table_create(&task->files);
    if (!err)
        err = fs_context_create(&task->fs);
    if (err) {
        task_free(task);
        return err;
    }
    *out_task = task;
    return 0;
}

int process_create(struct process **out_process)
{
    struct process *process = slab_zalloc(process_cache);
    int err;

    if (!process)
        return -ENOMEM;
    last_pid = last_pid + 1 < PID_MAX ? last_pid + 1 : PID_FIRST;
    process->pid = last_pid;
    process->parent_pid = 1;
    process->group = process->pid;
    process->session = process->pid;
    process->started_ns = clock_monotonic_ns();
    process->sig_stack.flags = LX_SS_DISABLE;
    timer_init(&process->limit, limit_expired);
    limits_init(process);
    err = task_create(process, &process->task);
    if (err) {
        slab_free(process_cache, process);
        return err;
    }
    *out_process = process;
    return 0;
}

void process_destroy(struct process *process)
{
    timer_stop(&process->limit);
    if (process->exe)
        file_put(process->exe);
    if (process->task->thread.arch.stack_top)
        thread_destroy(&process->task->thread);
    task_free(process->task);
    slab_free(process_cache, process);
}

uint64_t process_live_count(void)
{
    return slab_objects(process_cache);
}

void process_set_limit(struct process *process, uint64_t deadline_ns)
{
    if (deadline_ns)
        timer_start(&process->limit, deadline_ns);
}

void process_exit(struct task *self, enum process_end end, int code)
{
    struct process *process = self->process;
    struct vm_space *space = self->thread.space;

    process->end = end;
    process->end_code = code;
    timer_stop(&process->limit);
    fd_table_put(self->files);
    self->files = NULL;
    fs_context_destroy(self->fs);
    self->fs = NULL;

    /* Off the program's tables before they are freed; the kernel half is the same in both. */
    irq_disable();
    self->thread.space = NULL;
    self->thread.arch.cr3 = tables_kernel_root();
    cr3_write(self->thread.arch.cr3);
    irq_enable();
    vm_space_destroy(space);
    thread_exit();
}
