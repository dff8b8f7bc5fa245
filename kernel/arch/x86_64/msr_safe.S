/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/msr_safe.S - reading a model-specific register that may not exist
 *
 * traps.c continues a general protection fault of the one instruction at arch_msr_read_try at
 * arch_msr_read_failed.
 */
    .text
/* bool arch_msr_read_safe(uint32_t msr, uint64_t *out_value) */
    .globl arch_msr_read_safe, arch_msr_read_try, arch_msr_read_failed
    .type arch_msr_read_safe, @function
arch_msr_read_safe:
    movl %edi, %ecx
arch_msr_read_try:
    rdmsr
    shlq $32, %rdx
    orq %rdx, %rax
    movq %rax, (%rsi)
    movl $1, %eax
    ret
arch_msr_read_failed:
    xorl %eax, %eax
    ret
    .size arch_msr_read_safe, . - arch_msr_read_safe

    .section .note.GNU-stack, "", @progbits
