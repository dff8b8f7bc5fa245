/* SPDX-License-Identifier: MIT */
/*
 * top_page [ANY] - a SYSCALL as the very last instruction of user space
 *
 * Without an argument that call is exit_group(5). With one it is getpid, whose return address
 * 0x00007ffffffff000 is the first that belongs to nobody: the fetch there must end the program
 * with SIGSEGV. A kernel that let the page above be mapped would meet a non-canonical RIP in
 * SYSRET, which faults in ring 0 on Intel processors.
 *
 * No libc and no stack: the stack may well lie in that page, which is replaced.
 */
    .set SYS_mmap, 9
    .set SYS_mprotect, 10
    .set SYS_getpid, 39
    .set SYS_exit_group, 231
    .set TOP_PAGE, 0x7fffffffe000
    .set PAGE, 4096

    .section .text
    .globl _start
_start:
    mov (%rsp), %rbx          /* argc */
    movabs $TOP_PAGE, %rbp

    mov $SYS_mmap, %eax
    mov %rbp, %rdi
    mov $PAGE, %esi
    mov $3, %edx              /* read, write */
    mov $0x32, %r10d          /* private, anonymous, fixed */
    mov $-1, %r8
    xor %r9d, %r9d
    syscall
    mov $1, %edi
    cmp %rbp, %rax
    jne fail

    lea code(%rip), %rsi
    lea PAGE - code_size(%rbp), %rdi
    mov $code_size, %ecx
    rep movsb

    mov $SYS_mprotect, %eax
    mov %rbp, %rdi
    mov $PAGE, %esi
    mov $5, %edx              /* read, execute */
    syscall
    mov $2, %edi
    test %rax, %rax
    jnz fail

    mov $SYS_getpid, %eax
    mov $SYS_exit_group, %ecx
    cmp $1, %rbx
    cmove %ecx, %eax
    mov $5, %edi
    lea PAGE - code_size(%rbp), %rcx
    jmp *%rcx
fail:
    mov $SYS_exit_group, %eax
    syscall

code:
    nop
    syscall
    .set code_size, . - code

    .section .note.GNU-stack, "", @progbits
