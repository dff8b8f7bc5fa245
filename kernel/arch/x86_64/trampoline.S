/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/trampoline.S - how a processor other than the first gets from real mode to the kernel
 *
 * A start-up interrupt begins at CS = page >> 4, IP = 0. The code is copied to that page, below
 * 1 MiB, with a struct trampoline_data at its end. It goes to long mode in one step (Intel SDM
 * vol. 3, 9.8.5) on tables that map this page at its own address and the kernel half.
 *
 * A processor that was given up may get here late, when the data are another one's: what it is to
 * be is read once, as the pointer to its struct cpu, and used only if that has its APIC id. Else it
 * waits for the next INIT, before it has touched a stack.
 */
#include "kernel/offsets.h"

    .section .rodata
    .balign 16
    .globl trampoline_begin
trampoline_begin:
    .code16
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx /* EBX: physical address of this page */

    /* The descriptor table lies in this page; its address is not known before. */
    leal (trampoline_gdt - trampoline_begin)(%ebx), %eax
    movl %eax, trampoline_gdt_pointer + 2 - trampoline_begin
    leal (trampoline_long - trampoline_begin)(%ebx), %eax
    movl %eax, trampoline_far - trampoline_begin
    lgdtl trampoline_gdt_pointer - trampoline_begin

    movl $(TRAMPOLINE_CR4), %eax
    movl %eax, %cr4
    movl TRAMPOLINE_DATA + TRAMPOLINE_CR3, %eax
    movl %eax, %cr3
    /* Before EFER.NXE, which is a fault while NX is hidden. INIT leaves this register alone. */
    cmpl $0, TRAMPOLINE_DATA + TRAMPOLINE_INTEL
    je 1f
    movl $(MISC_ENABLE_MSR), %ecx
    rdmsr
    btrl $2, %edx
    jnc 1f
    wrmsr
    movl $1, TRAMPOLINE_DATA + TRAMPOLINE_NX_OFF
1:
    movl $(EFER_MSR), %ecx
    movl TRAMPOLINE_DATA + TRAMPOLINE_EFER, %eax
    xorl %edx, %edx
    wrmsr
    movl $(TRAMPOLINE_CR0), %eax
    movl %eax, %cr0
    ljmpl *(trampoline_far - trampoline_begin)

    .code64
trampoline_long:
    movl %ebx, %ebx
    movq TRAMPOLINE_DATA + TRAMPOLINE_ARGUMENT(%rbx), %rdi
    movq TRAMPOLINE_DATA + TRAMPOLINE_APIC_ID(%rbx), %rsi
    testq %rsi, %rsi
    jz trampoline_x2apic
    movl (%rsi), %eax
    shrl $24, %eax
    jmp trampoline_compare

    /* The mode of the first processor, which INIT may have ended: ids have 32 bits in it alone. */
trampoline_x2apic:
    movl $(APIC_BASE_MSR), %ecx
    rdmsr
    orl $(APIC_BASE_X2APIC_ON), %eax
    wrmsr
    movl $(X2APIC_ID_MSR), %ecx
    rdmsr

trampoline_compare:
    cmpl CPU_APIC_ID(%rdi), %eax
    jne trampoline_wait
    movq CPU_KERNEL_RSP(%rdi), %rsp
    movq TRAMPOLINE_DATA + TRAMPOLINE_ENTRY(%rbx), %rax
    xorl %ebp, %ebp
    pushq $0
    jmp *%rax

trampoline_wait:
    hlt
    jmp trampoline_wait

    .balign 8
trampoline_gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
trampoline_gdt_pointer:
    .word . - trampoline_gdt - 1
    .long 0
trampoline_far:
    .long 0
    .word 8
    .globl trampoline_end
trampoline_end:

    .section .note.GNU-stack, "", @progbits
