/* SPDX-License-Identifier: MIT */
/*
 * Context switch, besides the kernel stack: FPU state, selectors, FS and GS base, CR3.
 *
 * A kernel thread has no FPU area and keeps the tables of the thread before it. cr3_users is the
 * set of CPUs that use an address space: it is what a TLB shootdown has to reach.
 */
#include "kernel/arch/x86_64/thread.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"

/* What ring 3 has in registers that the kernel leaves alone while it runs for that thread. */
static void user_state_save(struct arch_thread *thread)
{
    fpu_save(thread->fpu);
    thread->fs_base = msr_read(MSR_FS_BASE);
    thread->gs_base = msr_read(MSR_KERNEL_GS_BASE);
    arch_selectors_save(thread);
}

/* Selectors before bases: loading a selector overwrites the base. */
static void user_state_load(const struct arch_thread *thread)
{
    arch_selectors_load(thread);
    msr_write(MSR_FS_BASE, thread->fs_base);
    msr_write(MSR_KERNEL_GS_BASE, thread->gs_base);
    if (thread->fpu)
        fpu_restore(thread->fpu);
}

/* A processor that changes the new tables from now on sends its shootdowns here; changes of the old
 * ones need none any more. */
static void space_switch(const struct cpu *cpu, struct arch_thread *from, struct arch_thread *to)
{
    /* Set before CR3 is loaded and cleared after it was replaced, with full barriers: a CPU that
     * changes the tables sees the bit, or this CPU loads CR3 after the change and walks the new
     * tables. */
    if (to->cr3_users)
        cpumask_set(to->cr3_users, cpu->index);
    cr3_write(to->cr3);
    if (from->cr3_users && from->cr3_users != to->cr3_users)
        cpumask_clear(from->cr3_users, cpu->index);
}

/* Interrupts off. */
static void tsc_forbid(bool forbid)
{
    uint64_t cr4 = cr4_read() & ~(uint64_t)CR4_TSD;

    cr4_write(forbid ? cr4 | CR4_TSD : cr4);
}

void arch_thread_forbid_tsc(struct arch_thread *thread, bool forbid)
{
    irq_disable();
    thread->rare = (thread->rare & ~ARCH_RARE_NO_TSC) | (forbid ? ARCH_RARE_NO_TSC : 0);
    tsc_forbid(forbid);
    irq_enable();
}

#define DR_WRITE(number, value) __asm__ volatile("movq %0, %%dr" #number : : "r"(value))

/* All off before addresses change: none is on at another's address. Interrupts off. */
static COLD void debug_load(const struct arch_thread *thread)
{
    DR_WRITE(7, DR7_INITIAL);
    if (!(thread->rare & ARCH_RARE_DEBUG))
        return;
    DR_WRITE(0, thread->debug.address[0]);
    DR_WRITE(1, thread->debug.address[1]);
    DR_WRITE(2, thread->debug.address[2]);
    DR_WRITE(3, thread->debug.address[3]);
    DR_WRITE(7, thread->debug.dr7);
}

COLD void arch_thread_end_debug(struct arch_thread *thread)
{
    irq_disable();
    thread->rare &= ~ARCH_RARE_DEBUG;
    thread->debug = (struct arch_debug){0};
    debug_load(thread);
    irq_enable();
}

/* One of the two has something rare. */
static COLD void rare_switch(const struct arch_thread *from, const struct arch_thread *to)
{
    if ((to->rare ^ from->rare) & ARCH_RARE_NO_TSC)
        tsc_forbid(to->rare & ARCH_RARE_NO_TSC);
    if ((to->rare | from->rare) & ARCH_RARE_DEBUG)
        debug_load(to);
}

/* Interrupts off. The state of `from` is saved before `to` is announced as current: an interrupt
 * could otherwise run with one thread's frame and another's registers. */
void arch_thread_switch(struct arch_thread *from, struct arch_thread *to)
{
    struct cpu *cpu = cpu_self();

    if (from->fpu)
        user_state_save(from);
    if (to->cr3 != from->cr3)
        space_switch(cpu, from, to);
    if (unlikely(to->rare | from->rare))
        rare_switch(from, to);
    /* The two lines belong together: an entry from ring 3 uses kernel_rsp, an exception RSP0. */
    cpu->thread = to;
    cpu_set_kernel_stack(cpu, to->stack_top);
    if (from->fpu || to->fpu)
        user_state_load(to);
    arch_stack_switch(&from->rsp, to->rsp);
}

void arch_thread_prepare(struct arch_thread *thread, void (*function)(void *argument),
                         void *argument)
{
    /* What arch_stack_switch pops: r15 r14 r13 r12 rbp rbx, return address. The space of a trap
     * frame above stays free for arch_thread_frame. */
    uint64_t *stack = (uint64_t *)arch_thread_frame(thread) - 7;

    stack[0] = 0;
    stack[1] = 0;
    stack[2] = (uint64_t)argument;
    stack[3] = (uint64_t)function;
    stack[4] = 0;
    stack[5] = 0;
    stack[6] = (uint64_t)arch_thread_first;
    thread->rsp = (uint64_t)stack;
}

struct trap_frame *arch_thread_frame(const struct arch_thread *thread)
{
    return (struct trap_frame *)(thread->stack_top - sizeof(struct trap_frame));
}

void arch_thread_copy_selectors(struct arch_thread *thread)
{
    arch_selectors_save(thread);
}

void arch_thread_load_selectors(const struct arch_thread *thread)
{
    arch_selectors_load(thread);
}
