/* SPDX-License-Identifier: MIT */
/*
 * selftest/probe.S - see probe.h
 */
    .text
    .globl probe_selectors_read
    .type probe_selectors_read, @function
probe_selectors_read:
    movw %cs, 0(%rdi)
    movw %ds, 2(%rdi)
    movw %es, 4(%rdi)
    movw %fs, 6(%rdi)
    movw %gs, 8(%rdi)
    movw %ss, 10(%rdi)
    ret
    .size probe_selectors_read, . - probe_selectors_read

    .globl probe_break_frame
    .type probe_break_frame, @function
probe_break_frame:
    movq $-16, %rbp
    ud2
    .size probe_break_frame, . - probe_break_frame

    .macro CHECK register, value, bit
    movabsq $\value, %rcx
    cmpq %rcx, %\register
    je .Lsame\@
    orq $\bit, %rax
.Lsame\@:
    .endm

    .globl probe_call
    .type probe_call, @function
probe_call:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    movq %rdi, %rax
    movq %rsi, %rdi
    movabsq $0x1bb1000000000001, %rbx
    movabsq $0x1bb2000000000002, %rbp
    movabsq $0x1bb3000000000003, %r12
    movabsq $0x1bb4000000000004, %r13
    movabsq $0x1bb5000000000005, %r14
    movabsq $0x1bb6000000000006, %r15
    call *%rax
    xorl %eax, %eax
    CHECK rbx, 0x1bb1000000000001, 1
    CHECK rbp, 0x1bb2000000000002, 2
    CHECK r12, 0x1bb3000000000003, 4
    CHECK r13, 0x1bb4000000000004, 8
    CHECK r14, 0x1bb5000000000005, 16
    CHECK r15, 0x1bb6000000000006, 32
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
    .size probe_call, . - probe_call

/* bool probe_lar(uint16_t selector, uint32_t *rights) */
    .globl probe_lar
    .type probe_lar, @function
probe_lar:
    movzwl %di, %edi
    larl %edi, %ecx
    sete %al
    movzbl %al, %eax
    movl %ecx, (%rsi)
    ret
    .size probe_lar, . - probe_lar

    .globl probe_verr
    .type probe_verr, @function
probe_verr:
    verr %di
    sete %al
    movzbl %al, %eax
    ret
    .size probe_verr, . - probe_verr

    .globl probe_verw
    .type probe_verw, @function
probe_verw:
    verw %di
    sete %al
    movzbl %al, %eax
    ret
    .size probe_verw, . - probe_verw

    .section .note.GNU-stack, "", @progbits
