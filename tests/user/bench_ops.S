/* SPDX-License-Identifier: MIT */
/*
 * tests/user/bench_ops.S - the measured loops of bench.c
 *
 * uint64_t bench_X(uint64_t rounds): ticks for rounds * UNROLL operations. Each loop has a twin in
 * which the measured instruction is missing and everything else is the same.
 */
    .set SYS_getppid, 110
    .set UNROLL, 100

    .macro STAMP reg
    lfence
    rdtsc
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, \reg
    .endm

    /* RBX counts, R12 holds the start; the call leaves both alone. */
    .macro BENCH name, operation:vararg
    .globl \name
    .type \name, @function
\name:
    push %rbx
    push %r12
    mov %rdi, %rbx
    STAMP %r12
1:
    .rept UNROLL
    mov $SYS_getppid, %eax
    \operation
    .endr
    dec %rbx
    jnz 1b
    STAMP %rax
    sub %r12, %rax
    pop %r12
    pop %rbx
    ret
    .size \name, . - \name
    .endm

    .section .text
    BENCH bench_getppid, syscall
    BENCH bench_getppid_loop

    /* uint64_t bench_stamp(void) */
    .globl bench_stamp
    .type bench_stamp, @function
bench_stamp:
    STAMP %rax
    ret
    .size bench_stamp, . - bench_stamp

    .section .note.GNU-stack, "", @progbits
