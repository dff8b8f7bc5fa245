/* SPDX-License-Identifier: MIT */
/*
 * Dispatch of exceptions and interrupts, from the entry code to the rooms above.
 *
 * Exceptions of ring 3 go to hook_user_fault with interrupts on. An exception of the kernel is
 * lawful in one place: an instruction of usercopy.S that is in the fixup table, on a user
 * address. It is either resolved (hook_kernel_fault pages the memory in) or continued at the fixup,
 * which makes the copy short. One more is: msr_safe.S. An exception of the firmware's, in a runtime
 * service, ends that service. Everything else ends in hook_fatal.
 */
#include "kernel/arch/x86_64/traps.h"
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/efi_call.h"
#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/uaccess.h"
#include "kernel/arch/x86_64/vectors.h"
#include "shared/addrmap.h"

uint64_t arch_fixup_find(uint64_t rip)
{
    for (const struct fixup *f = arch_fixups_begin; f < arch_fixups_end; f++)
        if (f->instruction == rip)
            return f->target;
    return 0;
}

/* An exception while the kernel runs: legitimate only in user copies, and at a register that may
 * not exist. */
static void trap_in_kernel(struct trap_frame *frame, uint64_t cr2)
{
    uint64_t target = arch_fixup_find(frame->rip);
    bool page_fault = frame->vector == VECTOR_PAGE_FAULT;
    bool copies = !features.smap || (frame->rflags & RFLAGS_AC); /* else it would fault for ever */

    if (frame->vector == VECTOR_PROTECTION &&
        (frame->rip == (uint64_t)arch_msr_read_try || frame->rip == (uint64_t)arch_msr_write_try)) {
        frame->rip = (uint64_t)arch_msr_failed;
        return;
    }
    if (!target || !page_fault || cr2 >= USER_END || !copies) {
        if (efi_call_abandon(frame))
            return;
        hook_fatal(frame, cr2);
    }
    if (frame->rflags & RFLAGS_IF)
        irq_enable();
    /* With faults disabled a lock is held that the fault handler would need: the copy is cut short
     * instead. */
    if (cpu_self()->thread->faults_disabled || !hook_kernel_fault(frame, cr2))
        frame->rip = target;
}

void arch_trap(struct trap_frame *frame)
{
    uint64_t cr2;

    if (frame->vector == VECTOR_GATE80 && trap_frame_from_user(frame)) {
        frame->error = frame->rax; /* the call number, as SYSCALL's entry leaves it */
        irq_enable();
        hook_syscall(frame);
        return;
    }
    if (frame->vector >= VECTOR_FIRST_INTERRUPT) {
        hook_irq((unsigned)frame->vector);
        efi_call_expire(frame);
        return;
    }
    /* Read before interrupts come on: a nested page fault would overwrite it. */
    cr2 = cr2_read();
    if (!trap_frame_from_user(frame)) {
        trap_in_kernel(frame, cr2);
        return;
    }
    irq_enable();
    hook_user_fault(frame, cr2);
}

/* Read before interrupts come on, when another thread may run here, and cleared: the processor only
 * sets its bits. */
static COLD uint64_t debug_status_take(void)
{
    uint64_t dr6;

    __asm__ volatile("movq %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("movq %0, %%dr6" : : "r"(DR6_INITIAL));
    return dr6;
}

COLD void arch_trap_debug(struct trap_frame *frame)
{
    const uint64_t dr6 = debug_status_take();

    irq_enable();
    hook_user_fault(frame, dr6);
}

/* A program's watchpoint, met by the kernel in its memory, by the firmware at such an address, or
 * before SYSCALL or INT3 and put off by MOV SS. As on Linux it is passed over, whatever DR6 says,
 * for some hosts of virtual machines lose its bits: RF, lest one on an instruction comes again. */
static COLD void debug_in_kernel(struct trap_frame *frame)
{
    frame->rflags |= RFLAGS_RF;
    /* A step that has come in with SYSCALL is not one of the kernel's. */
    frame->rflags &= ~RFLAGS_TF;
    /* The second for one instruction (idt.c). */
    if (frame->rip == (uint64_t)arch_trap_stubs + VECTOR_DEBUG * ENTRY_STUB_SIZE) {
        if (frame->rsp != (uint64_t)&frame->rip)
            return; /* the first is yet to read its status */
        /* On the IST stack it has overwritten the frame of the first, which came from ring 3: where
         * the program was is lost, and it ends, by a jump to where no page is. */
        frame->rip = USER_END;
        frame->rsp = 0; /* not the address of this stack */
        frame->cs = SELECTOR_USER_CS;
        frame->ss = SELECTOR_USER_DS;
        frame->rflags = RFLAGS_IF | RFLAGS_FIXED;
    }
    (void)debug_status_take();
}

/* On an IST stack: no lock may be taken and nothing may fault here. */
void arch_trap_paranoid(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_DEBUG) {
        debug_in_kernel(frame);
        return;
    }
    if (frame->vector == VECTOR_MACHINE_CHECK)
        hook_machine_check(frame);
    if (frame->vector == VECTOR_DOUBLE_FAULT && efi_call_abandon(frame))
        return;
    if (frame->vector != VECTOR_NMI)
        hook_fatal(frame, cr2_read());
    hook_nmi(frame);
    efi_call_expire(frame);
}
