/* SPDX-License-Identifier: MIT */
/*
 * /bin/minimal - the smallest program worth running
 *
 * Prints one line and exits with 0. It needs two system calls, no libc, no stack and no data
 * segment, so when it fails the fault is in the way into ring 3 or out of it, nowhere else.
 * The kernel runs it twice on every boot, before anything else.
 *
 * Build: gcc -nostdlib -static -s -Wl,-n,-z,noseparate-code,--build-id=none minimal.S
 * The result is one read-and-execute segment of a few hundred bytes.
 */
    .set SYS_write, 1
    .set SYS_exit_group, 231
    .set STDOUT, 1

    .section .text
    .globl _start
    .type _start, @function
_start:
    mov $SYS_write, %eax
    mov $STDOUT, %edi
    lea message(%rip), %rsi
    mov $message_end - message, %edx
    syscall
    /* A kernel that loses output must not look healthy: the count decides the exit code. */
    xor %edi, %edi
    cmp $message_end - message, %rax
    setne %dil
    mov $SYS_exit_group, %eax
    syscall
    ud2
    .size _start, . - _start

message:
    .ascii "MINIMAL_TEST_PASS\n"
message_end:

    .section .note.GNU-stack, "", @progbits
