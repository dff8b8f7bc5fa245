/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/efi_call.S - onto the firmware's page table, into a service, and back
 *
 * Contract: uint64_t efi_call_enter(struct efi_call *): System V ABI outside, Microsoft's inside
 *           (UEFI 2.10 section 2.3.4.2). That one preserves everything this one does.
 * Rule:     from efi_call_enter to efi_call_end a fault counts as the firmware's: its tables are
 *           followed here, where they are mapped.
 */
#include "kernel/offsets.h"

    .text
    .globl efi_call_enter
    .type efi_call_enter, @function
efi_call_enter:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rdi, %rbx
    movq %cr3, %rax
    movq %rax, EFI_CALL_KERNEL_CR3(%rbx)
    movq %rsp, EFI_CALL_KERNEL_RSP(%rbx)
    /* Room for five arguments, of which four are in registers, and 16 bytes of alignment, which the
     * kernel's own stack need not have. */
    subq $40, %rsp
    andq $-16, %rsp
    movq EFI_CALL_CR3(%rbx), %rax
    movq %rax, %cr3
    movq EFI_CALL_SYSTEM_TABLE(%rbx), %rax
    movq EFI_RUNTIME_SERVICES(%rax), %rax
    addq EFI_CALL_SERVICE(%rbx), %rax
    movq EFI_CALL_ARGUMENTS + 32(%rbx), %rcx
    movq %rcx, 32(%rsp)
    movq EFI_CALL_ARGUMENTS(%rbx), %rcx
    movq EFI_CALL_ARGUMENTS + 8(%rbx), %rdx
    movq EFI_CALL_ARGUMENTS + 16(%rbx), %r8
    movq EFI_CALL_ARGUMENTS + 24(%rbx), %r9
    call *(%rax)
    /* RBX holds the call by the convention, or because efi_call_abandon has put it there. */
    .globl efi_call_leave
efi_call_leave:
    cld
    movq EFI_CALL_KERNEL_CR3(%rbx), %rcx
    movq %rcx, %cr3
    movq EFI_CALL_KERNEL_RSP(%rbx), %rsp
    .globl efi_call_end
efi_call_end:
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size efi_call_enter, . - efi_call_enter

    .section .note.GNU-stack, "", @progbits
