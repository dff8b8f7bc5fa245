/* SPDX-License-Identifier: MIT */
/*
 * tests/user/lib/first.S - the very first instructions of a program
 *
 * The entry point of programs linked with `-e first_start`. It writes down the state in which the
 * kernel starts a program, changes nothing, and goes on to the libc's own _start.
 * Layout of the record: struct first_state in first.h.
 */
    .section .text
    .globl first_start
    .type first_start, @function
first_start:
    mov %rax, first_state(%rip)
    mov %rbx, first_state+8(%rip)
    mov %rcx, first_state+16(%rip)
    mov %rdx, first_state+24(%rip)
    mov %rsi, first_state+32(%rip)
    mov %rdi, first_state+40(%rip)
    mov %rbp, first_state+48(%rip)
    mov %rsp, first_state+56(%rip)
    mov %r8, first_state+64(%rip)
    mov %r9, first_state+72(%rip)
    mov %r10, first_state+80(%rip)
    mov %r11, first_state+88(%rip)
    mov %r12, first_state+96(%rip)
    mov %r13, first_state+104(%rip)
    mov %r14, first_state+112(%rip)
    mov %r15, first_state+120(%rip)
    pushfq
    popq first_state+128(%rip)
    mov %cs, first_state+136(%rip)
    mov %ss, first_state+138(%rip)
    mov %ds, first_state+140(%rip)
    mov %es, first_state+142(%rip)
    mov %fs, first_state+144(%rip)
    mov %gs, first_state+146(%rip)
    fxsave64 first_state+160(%rip)
    jmp _start

    .section .bss
    .balign 16
    .globl first_state
    .type first_state, @object
first_state:
    .skip 672
    .size first_state, 672

    .section .note.GNU-stack, "", @progbits
