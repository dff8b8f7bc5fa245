/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/msr_safe.S - model-specific registers that may not exist, or not take the value
 *
 * traps.c continues a general protection fault of the instructions at arch_msr_read_try and
 * arch_msr_write_try at arch_msr_failed.
 */
    .text
/* bool arch_msr_read_safe(uint32_t msr, uint64_t *out_value) */
    .globl arch_msr_read_safe, arch_msr_read_try, arch_msr_failed
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
arch_msr_failed:
    xorl %eax, %eax
    ret
    .size arch_msr_read_safe, . - arch_msr_read_safe

/* bool arch_msr_write_safe(uint32_t msr, uint64_t value) */
    .globl arch_msr_write_safe, arch_msr_write_try
    .type arch_msr_write_safe, @function
arch_msr_write_safe:
    movl %edi, %ecx
    movl %esi, %eax
    movq %rsi, %rdx
    shrq $32, %rdx
arch_msr_write_try:
    wrmsr
    movl $1, %eax
    ret
    .size arch_msr_write_safe, . - arch_msr_write_safe

    .section .note.GNU-stack, "", @progbits
