/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/regs_ops.S - registers filled with known values while something else happens
 *
 * Promises of the system call ABI: only RAX, RCX and R11 change; RCX holds the address behind the
 * instruction, R11 the flags. An interrupt changes nothing at all. Prototypes in regs_ops.h.
 */
    .section .rodata
    .balign 32
vectors: /* 16 registers of 32 bytes; the first 16 bytes of each are for SSE */
    .set value, 0x10
    .rept 512
    .byte value & 0xff
    .set value, value * 5 + 7 & 0xffff
    .endr
canaries:
    .set value, 0x1111
    .rept 16
    .quad 0x0123456789ab0000 + value
    .set value, value + 0x1111 & 0xffff
    .endr

    .set C_RBX, 0
    .set C_RBP, 8
    .set C_RDI, 16
    .set C_RSI, 24
    .set C_RDX, 32
    .set C_R8, 40
    .set C_R9, 48
    .set C_R10, 56
    .set C_R12, 64
    .set C_R13, 72
    .set C_R14, 80
    .set C_R15, 88
    .set C_RAX, 96
    .set C_R11, 104

    .macro SAVE
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    .endm
    .macro RESTORE
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    .endm
    .macro FILL
    mov canaries+C_RBX(%rip), %rbx
    mov canaries+C_RBP(%rip), %rbp
    mov canaries+C_RDI(%rip), %rdi
    mov canaries+C_RSI(%rip), %rsi
    mov canaries+C_RDX(%rip), %rdx
    mov canaries+C_R8(%rip), %r8
    mov canaries+C_R9(%rip), %r9
    mov canaries+C_R10(%rip), %r10
    mov canaries+C_R12(%rip), %r12
    mov canaries+C_R13(%rip), %r13
    mov canaries+C_R14(%rip), %r14
    mov canaries+C_R15(%rip), %r15
    .endm
    .macro COMPARE where, reg, code
    cmp canaries+\where(%rip), \reg
    mov $\code, %eax
    jne 9f
    .endm
    /* Leaves the number of the first register that differs in EAX and goes to 9. */
    .macro COMPARE_ALL
    COMPARE C_RBX, %rbx, 3
    COMPARE C_RBP, %rbp, 5
    COMPARE C_RDI, %rdi, 7
    COMPARE C_RSI, %rsi, 6
    COMPARE C_RDX, %rdx, 2
    COMPARE C_R8, %r8, 8
    COMPARE C_R9, %r9, 9
    COMPARE C_R10, %r10, 10
    COMPARE C_R12, %r12, 12
    COMPARE C_R13, %r13, 13
    COMPARE C_R14, %r14, 14
    COMPARE C_R15, %r15, 15
    .endm

    .section .text

/* int regs_call(long number, long rounds): 0, or the number of a register that was changed;
 * 1 for RCX, 11 for R11, 100 when the result changed from round to round. */
    .globl regs_call
    .type regs_call, @function
regs_call:
    SAVE
    push %rsi             /* rounds left: 8(%rsp) */
    push %rdi             /* number: (%rsp) */
    mov %rdi, %rax
    syscall
    push %rax             /* the result: (%rsp), number 8, rounds 16 */
1:
    FILL
    mov 8(%rsp), %rax
    pushfq
    pop %r11
    push %r11             /* flags before: (%rsp), all above 8 further */
    syscall
2:
    cmp %rax, 8(%rsp)
    mov $100, %eax
    jne 8f
    lea 2b(%rip), %rax
    cmp %rax, %rcx
    mov $1, %eax
    jne 8f
    pop %rcx
    xor %r11, %rcx
    and $~0x8d5, %ecx     /* but for the arithmetic flags */
    mov $11, %eax
    jne 9f
    COMPARE_ALL
    decq 16(%rsp)
    jnz 1b
    xor %eax, %eax
    jmp 9f
8:  pop %rcx
9:  add $24, %rsp
    RESTORE
    ret

/* int regs_spin(long rounds): the same, in ring 3 all the while, for interrupts to happen. */
    .globl regs_spin
    .type regs_spin, @function
regs_spin:
    SAVE
    mov %rdi, %rcx
    FILL
    mov canaries+C_RAX(%rip), %rax
    mov canaries+C_R11(%rip), %r11
    stc
1:  dec %rcx              /* leaves CF alone */
    jnz 1b
    mov $101, %ecx
    jnc 8f
    xor %ecx, %ecx
    cmp canaries+C_RAX(%rip), %rax
    mov $16, %eax
    jne 9f
    COMPARE C_R11, %r11, 11
    COMPARE_ALL
    xor %eax, %eax
    jmp 9f
8:  mov %ecx, %eax
9:  RESTORE
    ret

/* void vectors_fill_sse(void), vectors_store_sse(void *), and the same for AVX. */
    .globl vectors_fill_sse, vectors_store_sse, vectors_fill_avx, vectors_store_avx
    .type vectors_fill_sse, @function
    .type vectors_store_sse, @function
    .type vectors_fill_avx, @function
    .type vectors_store_avx, @function
    .macro EACH instruction, load, step, kind
    .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    .if \load
    \instruction vectors+32*\n(%rip), %\kind\n
    .else
    \instruction %\kind\n, 32*\n(%rdi)
    .endif
    .endr
    .endm
vectors_fill_sse:
    EACH movups, 1, 32, xmm
    ret
vectors_store_sse:
    EACH movups, 0, 32, xmm
    ret
vectors_fill_avx:
    EACH vmovups, 1, 32, ymm
    ret
vectors_store_avx:
    EACH vmovups, 0, 32, ymm
    ret

/* const unsigned char vectors_wanted[512] */
    .globl vectors_wanted
    .set vectors_wanted, vectors

/* long call_with_flags(uint64_t flags, uint64_t *after, long number, long a, long b, long c) */
    .globl call_with_flags
    .type call_with_flags, @function
call_with_flags:
    push %rbx
    mov %rsi, %rbx
    mov %rdx, %rax        /* number */
    mov %r9, %rdx         /* c */
    mov %r8, %rsi         /* b */
    pushfq
    or %rdi, (%rsp)
    mov %rcx, %rdi        /* a */
    popfq
    syscall
    pushfq
    pop %rcx
    pushfq
    andq $~0x244400, (%rsp) /* ID, AC, NT, DF off again */
    popfq
    mov %rcx, (%rbx)
    pop %rbx
    ret

/* void touch_with_flags(uint64_t flags, char *page): page faults while the flags are set */
    .globl touch_with_flags
    .type touch_with_flags, @function
touch_with_flags:
    pushfq
    or %rdi, (%rsp)
    popfq
    movb $1, (%rsi)
    pushfq
    andq $~0x244400, (%rsp)
    popfq
    ret

/* long call_with_stack(uint64_t rsp, long number)
 * long spin_with_stack(uint64_t rsp, long rounds) */
    .globl call_with_stack
    .type call_with_stack, @function
call_with_stack:
    mov %rsp, %r8
    mov %rdi, %rsp
    mov %rsi, %rax
    syscall
    cmp %rdi, %rsp
    mov %r8, %rsp
    je 1f
    ud2
1:  ret
    .globl spin_with_stack
    .type spin_with_stack, @function
spin_with_stack:
    mov %rsp, %r8
    mov %rdi, %rsp
1:  dec %rsi
    jnz 1b
    cmp %rdi, %rsp
    mov %r8, %rsp
    je 2f
    ud2
2:  mov $0, %eax
    ret

    .section .note.GNU-stack, "", @progbits
