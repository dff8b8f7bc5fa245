/* SPDX-License-Identifier: MIT */
/*
 * Kernel threads: creation, the boot thread, release of the stack.
 *
 * A struct thread is memory of its owner (a task, an idle thread), never allocated here. It starts
 * out BLOCKED, with a stack of its own and a frame that calls its function; sched_start wakes it
 * for the first time. thread_destroy comes last, from the stack of another thread: by then
 * sched_switch_finish has seen it DEAD, or it never ran.
 */
#include "kernel/sched/thread.h"

#include "kernel/lib/string.h"
#include "kernel/mm/vmalloc.h"
#include "shared/linux/errno.h"

static struct thread boot_thread;
static uint64_t kernel_cr3;

/* The caller's memory is zero, which is right for all that is not set here: no space, no mutexes,
 * niceness 0. */
static void thread_init_fields(struct thread *thread)
{
    thread->arch.cr3 = kernel_cr3;
    memset(&thread->affinity, 0xff, sizeof(thread->affinity));
    thread->slice_ns = THREAD_SLICE_NS;
    thread->vruntime_factor = 1ULL << 32;
    list_init(&thread->mutex_link);
}

void thread_init_boot(uint64_t cr3)
{
    kernel_cr3 = cr3;
    thread_init_fields(&boot_thread);
    boot_thread.affinity = cpumask_of(0); /* what it checks is this processor's */
    cpu_self()->thread = &boot_thread.arch;
}

/* The boot thread starts on the stack that the loader chose, before there is memory to replace it.
 * The caller has changed RSP. */
void thread_set_boot_stack(uint64_t top)
{
    boot_thread.arch.stack_top = top;
    cpu_set_kernel_stack(cpu_self(), top);
}

/* On a processor that starts up, the code that runs already becomes its idle thread. */
void thread_adopt(struct thread *thread)
{
    struct cpu *cpu = cpu_self();

    thread_init_fields(thread);
    thread->cpu = cpu->index;
    thread->arch.stack_top = cpu->kernel_rsp;
    cpu->thread = &thread->arch;
}

void thread_init_record(struct thread *thread)
{
    thread_init_fields(thread);
    thread->state = THREAD_BLOCKED;
}

int thread_create(struct thread *thread, void (*function)(void *argument), void *argument)
{
    void *top = kstack_create();

    if (!top)
        return -ENOMEM;
    thread_init_fields(thread);
    thread->cpu = cpu_self()->index;
    thread->state = THREAD_BLOCKED;
    thread->arch.stack_top = (uint64_t)top;
    arch_thread_prepare(&thread->arch, function, argument);
    return 0;
}

void thread_destroy(struct thread *thread)
{
    ASSERT(thread != thread_current());
    kstack_destroy((void *)thread->arch.stack_top);
    thread->arch.stack_top = 0;
}
