/* SPDX-License-Identifier: MIT */
/*
 * Tasks: made, started, given back.
 *
 * A task is made without others knowing it and gets the rest bit by bit (fork.c, fork_task.c,
 * usermode.c): descriptors, directories, credentials, a thread. What it never got is NULL, which
 * task_free relies on. Once its thread runs it holds a reference to its process and one to itself,
 * until the last switch away from its stack. A leader stays on the list of its process, as what is
 * asked of a process after its end (credentials, niceness, name) is in its leader; the others leave
 * the list at their end (exit.c).
 */
#include "kernel/proc/task.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

#define TIMER_SLACK_NS 50000 /* Linux's */

static struct slab_cache *task_cache, *fpu_cache;
uint64_t task_direct_calls = TASK_DIRECT_CALLS;

void task_init(void)
{
    task_cache = slab_cache_create("task", sizeof(struct task));
    /* Room to align the area to 64 bytes by hand. */
    fpu_cache = slab_cache_create("fpu", MIN(features.fpu_nbytes + 64u, 4096u));
}

int task_alloc(struct process *process, struct task **out_task)
{
    struct task *task = slab_zalloc(task_cache);

    if (!task)
        return -ENOMEM;
    task->fpu_object = slab_zalloc(fpu_cache); /* XSAVE leaves bytes out that programs get */
    if (!task->fpu_object) {
        slab_free(task_cache, task);
        return -ENOMEM;
    }
    task->refs = 1;
    task->process = process;
    task->direct_calls = task_direct_calls;
    task->inherited.mce_kill = LX_PR_MCE_KILL_DEFAULT;
    task->sig_stack.flags = LX_SS_DISABLE;
    list_init(&task->link);
    list_init(&task->pi_held);
    task->slack_ns = task->slack_start_ns = TIMER_SLACK_NS;
    *out_task = task;
    return 0;
}

static void task_free(struct task *task)
{
    if (task->files)
        fd_table_put(task->files);
    if (task->fs)
        fs_context_destroy(task->fs);
    ns_exit(task);
    if (task->fpu_object)
        slab_free(fpu_cache, task->fpu_object);
    /* Only a thread that never ran: one that did has given its stack back in task_ended. */
    if (task->thread.arch.stack_top)
        thread_destroy(&task->thread);
    identity_put(task->identity);
    slab_free(task_cache, task);
}

void task_put(struct task *task)
{
    if (__atomic_sub_fetch(&task->refs, 1, __ATOMIC_ACQ_REL) == 0)
        task_free(task);
}

/* The last switch away from a task: no processor is on its stack any more. */
static void task_ended(struct thread *thread)
{
    struct task *task = container_of(thread, struct task, thread);
    struct process *process = task->process;

    thread_destroy(thread); /* a zombie needs no stack */
    slab_free(fpu_cache, task->fpu_object);
    task->fpu_object = NULL;
    task_put(task);
    process_put(process);
}

void task_start(struct task *task)
{
    process_get(task->process); /* the thread's own, until task_ended */
    task_get(task);
    task->thread.ended = task_ended;
    sched_start(&task->thread);
}

void task_set_name(struct task *task, const char *path)
{
    const char *slash = strrchr(path, '/');

    /* Cut off at 15 bytes, as PR_SET_NAME does. */
    str_copy(task->name, sizeof(task->name), slash ? slash + 1 : path);
}
