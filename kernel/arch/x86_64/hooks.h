/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/hooks.h - what entry code calls in the rooms above
 *
 * A seam: declared here, defined above: hook_syscall in syscall, hook_user_fault and
 * hook_exit_to_user in proc, hook_kernel_fault in vm, hook_irq in core/irq.c, hook_fatal
 * and hook_nmi in core/panic.c, hook_machine_check in plat/mca.c.
 */
#pragma once

#include "kernel/lib/util.h"

struct trap_frame;

/* A SYSCALL or an open test gate. Interrupts on. Result goes to frame->rax. */
void hook_syscall(struct trap_frame *frame);

/* An exception in ring 3; cr2 is the address of a page fault, DR6 of a debug exception.
 * Interrupts on. On return the frame
 * is resumed (after pending work). */
void hook_user_fault(struct trap_frame *frame, uint64_t cr2);

/* A page fault of the kernel on a user address, in user-copy code with faults enabled. True: the
 * page is there now, try again; false: use the fix-up. Interrupts as they were. */
bool hook_kernel_fault(const struct trap_frame *frame, uint64_t cr2);

/* A device interrupt. Interrupts off. */
void hook_irq(unsigned vector);

/* Work is pending (struct arch_thread.work). Interrupts on. Called until none is left. */
void hook_exit_to_user(struct trap_frame *frame);

/* The frame's RIP is not in user space: make its task get SIGSEGV. Interrupts on. */
void hook_bad_return(struct trap_frame *frame);

/* On an IST stack: no locks, no faults. */
void hook_nmi(const struct trap_frame *frame);

/* A machine check, on an IST stack, wherever it came. */
NORETURN void hook_machine_check(const struct trap_frame *frame);

/* An exception in the kernel that nothing explains. */
NORETURN void hook_fatal(const struct trap_frame *frame, uint64_t cr2);
