/* SPDX-License-Identifier: MIT */
#include "kernel/proc/threads.h"

#include "kernel/lib/klog.h"
#include "kernel/lib/symtab.h"
#include "kernel/mm/window.h"
#include "kernel/proc/process.h"
#include "shared/addrmap.h"

#define FRAMES_MAX 16

/* What arch_stack_switch left on a sleeping thread's stack, in words from its stack pointer. */
#define SAVED_RBP    4
#define SAVED_RETURN 6

static const void *symbols_file;
static size_t symbols_nbytes;

void threads_set_symbols(const void *file, size_t nbytes)
{
    symbols_file = file;
    symbols_nbytes = nbytes;
}

static void print_address(uint64_t address)
{
    uint64_t offset = 0;
    const char *name = NULL;

    if (symbols_file && address >= IMAGE_BASE)
        name = symtab_find(symbols_file, symbols_nbytes, address - 1, &offset);
    klog("    from %016llx %s+0x%llx", (unsigned long long)address, name ? name : "?",
         (unsigned long long)offset + 1);
}

static bool on_stack(const struct thread *thread, uint64_t address)
{
    uint64_t top = thread->arch.stack_top;

    return IS_ALIGNED(address, 8) && address >= top - KERNEL_STACK_SIZE && address + 64 <= top;
}

static void print_backtrace(const struct thread *thread)
{
    const uint64_t *saved = (const uint64_t *)thread->arch.rsp;
    uint64_t rbp;

    if (!on_stack(thread, thread->arch.rsp))
        return;
    print_address(saved[SAVED_RETURN]);
    rbp = saved[SAVED_RBP];
    for (unsigned i = 0; i < FRAMES_MAX && on_stack(thread, rbp); i++) {
        const uint64_t *frame = (const uint64_t *)rbp;

        if (frame[1] < IMAGE_BASE)
            return;
        print_address(frame[1]);
        if (frame[0] <= rbp)
            return;
        rbp = frame[0];
    }
}

static const char *state_of(const struct process *process)
{
    if (process->zombie)
        return "ended, not waited for";
    if (process->stopped)
        return "stopped";
    if (process->task->thread.state == THREAD_BLOCKED)
        return process->task->thread.interruptible ? "sleeps" : "sleeps, uninterruptibly";
    return "runs, or waits for a processor";
}

void threads_print(void)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    unsigned count = 0;

    klog("threads:");
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        if (p == &process_init_process)
            continue;
        count++;
        klog("  %d %s: %s; parent %d, group %d, session %d, processor %u", p->pid, p->name,
             state_of(p), p->parent_pid, p->group, p->session, p->task->thread.cpu);
        if (!p->zombie && p->task->thread.state == THREAD_BLOCKED)
            print_backtrace(&p->task->thread);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    klog("threads: %u of programs", count);
}
