/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/boot.S - the first instructions of the kernel, and its descriptor tables
 *
 * State at entry: shared/bootinfo.h. RDI = address of the hand-over block, no usable stack.
 */
#include "kernel/offsets.h"

    .section .text.boot, "ax"
    .globl kernel_entry
    .type kernel_entry, @function
kernel_entry:
    leaq arch_boot_stack_top(%rip), %rsp
    xorl %ebp, %ebp
    call kernel_main
    ud2
    .size kernel_entry, . - kernel_entry

    .text
/* void arch_gdt_load(const uint64_t *gdt, uint64_t limit) */
    .globl arch_gdt_load
    .type arch_gdt_load, @function
arch_gdt_load:
    pushq %rdi
    subq $8, %rsp
    movw %si, 6(%rsp)
    lgdt 6(%rsp)
    addq $16, %rsp
    movl $KERNEL_DS, %eax
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl $TSS_SELECTOR, %eax
    ltr %ax
    popq %rax
    pushq $KERNEL_CS
    pushq %rax
    lretq
    .size arch_gdt_load, . - arch_gdt_load

    .bss
    .balign 4096
    .skip 16384
    .globl arch_boot_stack_top
arch_boot_stack_top:

    .section .note.GNU-stack, "", @progbits
