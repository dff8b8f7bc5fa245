/* SPDX-License-Identifier: MIT */
/* Registers set and read around a signal that a program sends itself. */
#include <sys/syscall.h>

    .macro VECTORS instruction, base, step, store
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .if \store
    \instruction \base\n, 80 + \step * \n(%r11)
    .else
    \instruction 80 + \step * \n(%r11), \base\n
    .endif
    .endr
    .endm

    .text
/* uint64_t frame_signal_self(pid, sig, before, after, avx) */
    .globl frame_signal_self
frame_signal_self:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    pushq %rcx
    pushq %r8
    movq %rdx, %r11
    testl %r8d, %r8d
    jz 1f
    VECTORS vmovups, %ymm, 32, 0
    jmp 2f
1:  VECTORS movups, %xmm, 16, 0
2:  leaq -128(%rsp), %rax
3:  movb $0x5a, (%rax)
    incq %rax
    cmpq %rsp, %rax
    jb 3b
    movq 0(%r11), %rbx
    movq 8(%r11), %rbp
    movq 16(%r11), %r8
    movq 24(%r11), %r9
    movq 32(%r11), %r10
    movq 40(%r11), %r12
    movq 48(%r11), %r13
    movq 56(%r11), %r14
    movq 64(%r11), %r15
    movq 72(%r11), %rdx
    movl $SYS_kill, %eax
    syscall
    movq 8(%rsp), %r11
    movq %rbx, 0(%r11)
    movq %rbp, 8(%r11)
    movq %r8, 16(%r11)
    movq %r9, 24(%r11)
    movq %r10, 32(%r11)
    movq %r12, 40(%r11)
    movq %r13, 48(%r11)
    movq %r14, 56(%r11)
    movq %r15, 64(%r11)
    movq %rdx, 72(%r11)
    cmpl $0, (%rsp)
    je 4f
    VECTORS vmovups, %ymm, 32, 1
    jmp 5f
4:  VECTORS movups, %xmm, 16, 1
5:  leaq -128(%rsp), %rsi
    leaq 592(%r11), %rdi
    movl $128, %ecx
    rep movsb
    movq %rsp, %rax
    popq %r8
    popq %rcx
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret

    .globl frame_handler
frame_handler:
    movq %rsp, frame_entry_rsp(%rip)
    movq $-1, %rbx /* C would keep these: only the frame can bring them back */
    movq %rbx, %rbp
    movq %rbx, %r12
    movq %rbx, %r13
    movq %rbx, %r14
    movq %rbx, %r15
    jmp frame_handler_c

    .globl frame_has_avx
frame_has_avx:
    pushq %rbx
    movl $1, %eax
    xorl %ecx, %ecx
    cpuid
    xorl %eax, %eax
    andl $0x18000000, %ecx
    cmpl $0x18000000, %ecx
    jne 1f
    xorl %ecx, %ecx
    xgetbv
    andl $6, %eax
    cmpl $6, %eax
    sete %al
    movzbl %al, %eax
1:  popq %rbx
    ret

    .globl frame_spoil
frame_spoil:
    subq $8, %rsp
    call frame_has_avx
    testl %eax, %eax
    jz 1f
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    vxorps %ymm\n, %ymm\n, %ymm\n
    .endr
1:  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    pcmpeqd %xmm\n, %xmm\n
    .endr
    fld1
    fldpi
    movl $0x9f80, (%rsp)
    ldmxcsr (%rsp)
    addq $8, %rsp
    ret

    .bss
    .globl frame_entry_rsp
    .balign 8
frame_entry_rsp:
    .quad 0

    .section .note.GNU-stack, "", @progbits
