/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/fault_ops.S - one function for each instruction that must not be survived
 *
 * Called by fault.c with RDI = an address, where one is needed. None of them may return; the
 * caller treats a return as a failed test. RBX, RBP and the stack are free to be ruined.
 */
    .set SYS_getpid, 39

    .macro OP name
    .globl op_\name
    .type op_\name, @function
op_\name:
    .endm

    .section .text

/* Vector 0, #DE. */
OP divide_by_zero
    xor %edx, %edx
    mov $1, %eax
    xor %ecx, %ecx
    div %ecx
    ret
OP divide_overflow
    mov $0x8000000000000000, %rax
    cqo
    mov $-1, %rcx
    idiv %rcx
    ret

/* Vector 1, #DB. */
OP icebp
    .byte 0xf1
    ret
OP single_step
    pushfq
    orl $0x100, (%rsp)
    popfq
    nop
    nop
    ret
OP single_step_syscall
    pushfq
    orl $0x100, (%rsp)
    mov $SYS_getpid, %eax
    popfq
    syscall
    nop
    nop
    ret

/* Vector 3, #BP. The gate is open to ring 3 in both encodings. */
OP int3
    int3
    ret
OP int_3
    .byte 0xcd, 3
    ret

/* Vector 4, #OF. INTO does not exist in long mode, INT 4 does. */
OP int_4
    int $4
    ret
OP into
    .byte 0xce
    ret

/* Vector 5, #BR. BOUND does not exist in long mode; the gate is closed. */
OP int_5
    int $5
    ret

/* Vector 6, #UD. */
OP ud2
    ud2
OP lock_nop
    .byte 0xf0, 0x90
    ret
OP push_es
    .byte 0x06
    ret
OP mov_cs
    .byte 0x8e, 0xc8 /* mov %eax, %cs */
    ret
OP sysret
    sysretq
OP rsm
    .byte 0x0f, 0xaa /* resume from system management mode */
    ret

/* Vector 7 cannot happen in ring 3 while the kernel switches FPU state eagerly. */

/* Vector 12, #SS: an address outside the canonical ranges, through RSP or RBP. */
OP push_noncanonical
    movabs $0x8000000000000008, %rsp
    push %rax
    ud2
OP rbp_noncanonical
    movabs $0x0000800000000000, %rbp
    mov (%rbp), %rax
    ret

/* Vector 13, #GP. */
OP hlt
    hlt
    ret
OP cli
    cli
    ret
OP sti
    sti
    ret
OP in_port
    mov $0x60, %edx
    in %dx, %al
    ret
OP out_port
    mov $0xf4, %edx
    mov $0x10, %eax
    out %eax, %dx
    ret
OP out_imm
    out %al, $0x80
    ret
OP outs_port
    mov $0xf4, %edx
    mov %rdi, %rsi
    outsb
    ret
OP lgdt
    sub $16, %rsp
    lgdt (%rsp)
    add $16, %rsp
    ret
OP lidt
    sub $16, %rsp
    lidt (%rsp)
    add $16, %rsp
    ret
OP ltr
    mov $0x40, %eax
    ltr %ax
    ret
OP lldt
    xor %eax, %eax
    lldt %ax
    ret
OP mov_cr0
    mov %cr0, %rax
    ret
OP mov_to_cr3
    xor %eax, %eax
    mov %rax, %cr3
    ret
OP mov_to_cr4
    xor %eax, %eax
    mov %rax, %cr4
    ret
OP mov_cr8
    mov %cr8, %rax
    ret
OP mov_dr7
    mov %dr7, %rax
    ret
OP clts
    clts
    ret
OP lmsw
    mov $1, %eax
    lmsw %ax
    ret
OP swapgs
    swapgs
    ret
OP rdmsr
    mov $0xc0000080, %ecx
    rdmsr
    ret
OP wrmsr
    mov $0xc0000080, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
    ret
OP invlpg
    invlpg (%rdi)
    ret
OP wbinvd
    wbinvd
    ret
OP ss_null
    xor %eax, %eax
    mov %eax, %ss
    ret
OP ss_kernel
    mov $0x18, %eax
    mov %eax, %ss
    ret
OP ds_bad
    mov $0xfff8, %eax
    mov %eax, %ds
    ret
OP ds_kernel
    mov $0x18, %eax
    mov %eax, %ds
    ret
OP gs_bad
    mov $0xfff8, %eax
    mov %eax, %gs
    ret
OP far_ret
    push $0xfff8
    push $0
    lretq
OP far_ret_kernel
    push $0x10 /* a ring-0 code selector on Linux and here */
    lea 1f(%rip), %rax
    push %rax
    lretq
1:  ret
OP iret_kernel
    mov %rsp, %rax
    push $0x18
    push %rax
    pushfq
    push $0x10
    lea 1f(%rip), %rax
    push %rax
    iretq
1:  ret
OP iret_noncanonical
    movabs $0x0000800000000000, %rcx
    mov %rsp, %rax
    mov %ss, %edx
    push %rdx
    push %rax
    pushfq
    mov %cs, %edx
    push %rdx
    push %rcx
    iretq
OP movaps_misaligned
    movaps 1(%rdi), %xmm0
    ret
OP int_8
    int $8
    ret
OP int_13
    int $13
    ret
OP int_14
    int $14
    ret
OP int_32
    int $32
    ret
OP int_80
    mov $SYS_getpid, %eax
    int $0x80
    ret
OP int_255
    int $255
    ret
OP read_noncanonical
    movabs $0x0000800000000000, %rax
    mov (%rax), %al
    ret
OP write_noncanonical
    movabs $0x7fffffffffffffff, %rax
    mov %al, (%rax)
    ret
OP jump_noncanonical
    movabs $0x0000800000000000, %rax
    jmp *%rax
OP ret_noncanonical
    movabs $0xffff7fffffffffff, %rax
    push %rax
    ret

/* Vector 14, #PF. RDI names the page. */
OP read
    mov (%rdi), %al
    ret
OP write
    movb $0xc3, (%rdi)
    ret
OP execute
    jmp *%rdi
OP read_kernel
    movabs $0xffffffff80000000, %rax
    mov (%rax), %al
    ret
OP write_kernel
    movabs $0xffffffff80000000, %rax
    mov %al, (%rax)
    ret
OP jump_kernel
    movabs $0xffffffff80000000, %rax
    jmp *%rax
OP read_direct
    movabs $0xffff888000000000, %rax
    mov (%rax), %al
    ret
OP read_kernel_top
    mov $-8, %rax
    mov (%rax), %rax
    ret
OP jump_null
    xor %eax, %eax
    jmp *%rax
OP stack_null
    xor %esp, %esp
    push %rax
    ud2
OP red_zone_kernel
    movabs $0xffffffff80001000, %rsp
    push %rax
    ud2

/* Vector 16, #MF: an unmasked x87 exception, delivered at the next waiting instruction. */
OP x87
    fninit
    sub $8, %rsp
    fnstcw (%rsp)
    andw $0xfffb, (%rsp) /* unmask division by zero */
    fldcw (%rsp)
    fld1
    fldz
    fdivrp
    fwait
    add $8, %rsp
    ret

/* Vector 17, #AC: needs CR0.AM. */
OP alignment
    pushfq
    orl $0x40000, (%rsp)
    popfq
    mov 1(%rdi), %eax
    ret

/* Vector 19, #XM. */
OP sse
    sub $8, %rsp
    stmxcsr (%rsp)
    andl $0xfffffdff, (%rsp) /* unmask division by zero */
    ldmxcsr (%rsp)
    mov $1, %eax
    cvtsi2sd %eax, %xmm0
    xorps %xmm1, %xmm1
    divsd %xmm1, %xmm0
    add $8, %rsp
    ret

    .section .rodata
    .globl op_rodata
op_rodata:
    .byte 0xc3

    .section .note.GNU-stack, "", @progbits
