/* SPDX-License-Identifier: MIT */
#include "kernel/sched/thread.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/lib/string.h"
#include "kernel/mm/window.h"
#include "shared/linux/errno.h"

static struct thread boot_thread;
static uint64_t kernel_cr3;

void thread_init_boot(uint64_t cr3)
{
    kernel_cr3 = cr3;
    boot_thread.arch.cr3 = cr3;
    cpu_self()->thread = &boot_thread.arch;
}

void thread_set_boot_stack(uint64_t top)
{
    boot_thread.arch.stack_top = top;
    cpu_set_kernel_stack(cpu_self(), top);
}

int thread_create(struct thread *thread, void (*function)(void *argument), void *argument)
{
    void *top = window_stack_create();

    if (!top)
        return -ENOMEM;
    memset(thread, 0, sizeof(*thread));
    thread->arch.stack_top = (uint64_t)top;
    thread->arch.cr3 = kernel_cr3;
    arch_thread_prepare(&thread->arch, function, argument);
    return 0;
}

void thread_destroy(struct thread *thread)
{
    ASSERT(thread != thread_current());
    window_stack_destroy((void *)thread->arch.stack_top);
    thread->arch.stack_top = 0;
}

void thread_run(struct thread *thread)
{
    struct thread *self = thread_current();
    uint64_t flags = irq_save();

    thread->return_to = self;
    arch_thread_switch(&self->arch, &thread->arch);
    irq_restore(flags);
}

void thread_exit(void)
{
    struct thread *self = thread_current();

    irq_disable();
    for (unsigned rank = 0; rank < MUTEX_RANKS; rank++)
        ASSERT(self->mutexes[rank] == 0);
    arch_thread_switch(&self->arch, &self->return_to->arch);
    ASSERT(!"an ended thread ran again");
    __builtin_unreachable();
}
