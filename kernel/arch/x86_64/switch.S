/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/switch.S - from one kernel stack to another
 */
#include "kernel/offsets.h"

    .text
/* void arch_stack_switch(uint64_t *save_rsp, uint64_t load_rsp) */
    .globl arch_stack_switch
    .type arch_stack_switch, @function
arch_stack_switch:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size arch_stack_switch, . - arch_stack_switch

/* Where a new thread begins: R12 = function, R13 = its argument. */
    .globl arch_thread_first
    .type arch_thread_first, @function
arch_thread_first:
    movq %r13, %rdi
    xorl %ebp, %ebp
    call *%r12
    ud2
    .size arch_thread_first, . - arch_thread_first

/* void arch_run_on_stack(uint64_t top, void (*function)(void *), void *argument) */
    .globl arch_run_on_stack
    .type arch_run_on_stack, @function
arch_run_on_stack:
    movq %rdi, %rsp
    movq %rdx, %rdi
    xorl %ebp, %ebp
    call *%rsi
    ud2
    .size arch_run_on_stack, . - arch_run_on_stack

/* void arch_selectors_save(struct arch_thread *thread) */
    .globl arch_selectors_save
    .type arch_selectors_save, @function
arch_selectors_save:
    movw %ds, THREAD_DS(%rdi)
    movw %es, THREAD_ES(%rdi)
    movw %fs, THREAD_FS(%rdi)
    movw %gs, THREAD_GS(%rdi)
    ret
    .size arch_selectors_save, . - arch_selectors_save

/* void arch_selectors_load(const struct arch_thread *thread)
 * SS is a null selector after an interrupt from ring 3, the kernel's own otherwise: made equal.
 * Loading GS sets the active GS base from the descriptor: do that to ring 3's base, between two
 * swaps, so that the kernel's own never changes. Selectors were loaded by ring 3 before, so they
 * are valid here. */
    .globl arch_selectors_load
    .type arch_selectors_load, @function
arch_selectors_load:
    movl $KERNEL_DS, %eax
    movl %eax, %ss
    movzwl THREAD_DS(%rdi), %eax
    movzwl THREAD_ES(%rdi), %ecx
    movzwl THREAD_FS(%rdi), %edx
    movl %eax, %ds
    movl %ecx, %es
    movl %edx, %fs
    movzwl THREAD_GS(%rdi), %eax
    swapgs
    movl %eax, %gs
    swapgs
    ret
    .size arch_selectors_load, . - arch_selectors_load

    .section .note.GNU-stack, "", @progbits
