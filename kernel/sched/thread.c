/* SPDX-License-Identifier: MIT */
#include "kernel/sched/thread.h"

#include "kernel/lib/string.h"
#include "kernel/mm/window.h"
#include "shared/linux/errno.h"

static struct thread boot_thread;
static uint64_t kernel_cr3;

static void init(struct thread *thread)
{
    memset(thread, 0, sizeof(*thread));
    thread->arch.cr3 = kernel_cr3;
    thread->affinity = UINT64_MAX;
    thread->slice_ns = THREAD_SLICE_NS;
    list_init(&thread->link);
    list_init(&thread->mutex_link);
}

void thread_init_boot(uint64_t cr3)
{
    kernel_cr3 = cr3;
    init(&boot_thread);
    boot_thread.affinity = 1; /* what it checks is this processor's */
    cpu_self()->thread = &boot_thread.arch;
}

void thread_set_boot_stack(uint64_t top)
{
    boot_thread.arch.stack_top = top;
    cpu_set_kernel_stack(cpu_self(), top);
}

void thread_adopt(struct thread *thread)
{
    struct cpu *cpu = cpu_self();

    init(thread);
    thread->cpu = cpu->index;
    thread->arch.stack_top = cpu->kernel_rsp;
    cpu->thread = &thread->arch;
}

int thread_create(struct thread *thread, void (*function)(void *argument), void *argument)
{
    void *top = window_stack_create();

    if (!top)
        return -ENOMEM;
    init(thread);
    thread->cpu = cpu_self()->index;
    thread->state = THREAD_BLOCKED;
    thread->arch.stack_top = (uint64_t)top;
    arch_thread_prepare(&thread->arch, function, argument);
    return 0;
}

void thread_destroy(struct thread *thread)
{
    ASSERT(thread != thread_current());
    window_stack_destroy((void *)thread->arch.stack_top);
    thread->arch.stack_top = 0;
}
