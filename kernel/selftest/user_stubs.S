/* SPDX-License-Identifier: MIT */
/*
 * selftest/user_stubs.S - tiny programs for the checks: position-independent code for ring 3
 *
 * Each lies between NAME_begin and NAME_end; user_stub.c wraps it into an ELF file.
 */
#define NR_getpid     39
#define NR_exit       60
#define NR_arch_prctl 158
#define ARCH_SET_GS   0x1001
#define ARCH_SET_FS   0x1002

    .section .rodata
    .macro USER_STUB name
    .balign 16
    .globl user_stub_\name\()_begin
user_stub_\name\()_begin:
    .endm
    .macro USER_STUB_END name
    .globl user_stub_\name\()_end
user_stub_\name\()_end:
    .endm

/* Leaves everything it can behind: selectors, bases, flags, registers. Exit status 7. */
USER_STUB litter
    movl $NR_arch_prctl, %eax
    movl $ARCH_SET_GS, %edi
    movabsq $0x123456789000, %rsi
    syscall
    movl $NR_arch_prctl, %eax
    movl $ARCH_SET_FS, %edi
    movabsq $0x234567890000, %rsi
    syscall
    movl $0x2b, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    pushq $0x244ed7 /* ID, AC, NT, OF, DF, IF, SF, ZF, AF, PF, CF: all but TF and IOPL */
    popfq
    movq $-1, %rbx
    movq %rbx, %rbp
    movq %rbx, %r12
    movq %rbx, %r13
    movq %rbx, %r14
    movq %rbx, %r15
    movl $7, %edi
    movl $NR_exit, %eax
    syscall
USER_STUB_END litter

/* The test gate: same numbers and registers as SYSCALL; RCX and R11 are kept. Exit status 8. */
USER_STUB gate80
    movabsq $0x1111111111111111, %rcx
    movabsq $0x2222222222222222, %r11
    movl $NR_getpid, %eax
    syscall
    movq %rax, %r8
    movabsq $0x1111111111111111, %rcx
    movabsq $0x2222222222222222, %r11
    movl $NR_getpid, %eax
    int $0x80
    movl $1, %edi
    cmpq %rax, %r8
    jne 1f
    movabsq $0x1111111111111111, %rax
    movl $2, %edi
    cmpq %rax, %rcx
    jne 1f
    addq %rax, %rax
    movl $3, %edi
    cmpq %rax, %r11
    jne 1f
    movl $8, %edi
1:  movl $NR_exit, %eax
    int $0x80
USER_STUB_END gate80

/* One exception each. */
USER_STUB divide
    xorl %edx, %edx
    movl $1, %eax
    xorl %ecx, %ecx
    divl %ecx
USER_STUB_END divide

USER_STUB single_step
    pushfq
    orq $0x100, (%rsp)
    popfq
    nop
    nop
USER_STUB_END single_step

USER_STUB breakpoint
    int3
USER_STUB_END breakpoint

USER_STUB overflow
    int $4
USER_STUB_END overflow

USER_STUB invalid
    ud2
USER_STUB_END invalid

USER_STUB privileged
    hlt
USER_STUB_END privileged

USER_STUB gate_shut
    movl $NR_getpid, %eax
    int $0x80
USER_STUB_END gate_shut

USER_STUB soft_page_fault
    int $14
USER_STUB_END soft_page_fault

USER_STUB soft_nmi
    int $2
USER_STUB_END soft_nmi

USER_STUB soft_timer
    int $0xf0
USER_STUB_END soft_timer

USER_STUB noncanonical
    movabsq $0x8000000000000000, %rax
    movq (%rax), %rax
USER_STUB_END noncanonical

USER_STUB stack_noncanonical
    movabsq $0x8000000000000000, %rsp
    pushq %rax
USER_STUB_END stack_noncanonical

USER_STUB null_read
    xorl %eax, %eax
    movq (%rax), %rax
USER_STUB_END null_read

USER_STUB kernel_read
    movabsq $0xffffffff80000000, %rax
    movq (%rax), %rax
USER_STUB_END kernel_read

USER_STUB kernel_jump
    movabsq $0xffffffff80000000, %rax
    jmp *%rax
USER_STUB_END kernel_jump

USER_STUB text_write
    leaq 0(%rip), %rax
    movq %rax, (%rax)
USER_STUB_END text_write

USER_STUB stack_execute
    movw $0xfeeb, -64(%rsp)
    leaq -64(%rsp), %rax
    jmp *%rax
USER_STUB_END stack_execute

USER_STUB alignment
    pushfq
    orq $0x40000, (%rsp)
    popfq
    movl 1(%rsp), %eax
    ud2
USER_STUB_END alignment

USER_STUB sse_fault
    subq $8, %rsp
    movl $0x1f00, (%rsp)
    ldmxcsr (%rsp)
    xorps %xmm0, %xmm0
    xorps %xmm1, %xmm1
    divss %xmm0, %xmm1
    ud2
USER_STUB_END sse_fault

USER_STUB x87_fault
    pushq $0x340
    fldcw (%rsp)
    fldz
    fld1
    fdivp
    fwait
USER_STUB_END x87_fault

USER_STUB user_segment
    movl $0x10, %eax
    movl %eax, %ds
USER_STUB_END user_segment

    .section .note.GNU-stack, "", @progbits
