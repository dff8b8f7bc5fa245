/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/entry.S - every way between ring 3 and C, both directions
 *
 * Rules:   nothing here logs, allocates or takes a lock. Each crossing leaves a record in the
 *          flight recorder. One label, arch_return_to_user, prepares every return to ring 3.
 * Stack:   a struct trap_frame at the top of the thread's kernel stack, or of an IST stack.
 */
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/offsets.h"

    .macro FUNCTION name
    .globl \name
    .type \name, @function
\name:
    .endm

/* The general registers of a trap frame; vector, error and the rest are there already. */
    .macro PUSH_REGISTERS
    pushq %rdi
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    .endm

    .macro POP_PRESERVED /* by C */
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    .endm

    .macro POP_REGISTERS
    POP_PRESERVED
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
    .endm

/* One record; changes RAX, RCX, RDX. At the border of ring 3 the time there is counted, too. */
    .macro FLIGHT_RECORD direction user=0
    movzbl %gs:CPU_FLIGHT_NEXT, %ecx
    addb $FLIGHT_STEP, %gs:CPU_FLIGHT_NEXT
    rdtsc
    shlq $32, %rdx
    orq %rdx, %rax
    .if \user
    .if \direction
    subq %rax, %gs:CPU_USER_TICKS
    .else
    addq %rax, %gs:CPU_USER_TICKS
    .endif
    .endif
    movq %rax, %gs:CPU_FLIGHT + FLIGHT_TSC(, %rcx, 8)
    movq FRAME_RIP(%rsp), %rax
    movq %rax, %gs:CPU_FLIGHT + FLIGHT_RIP(, %rcx, 8)
    movq FRAME_RSP(%rsp), %rax
    movq %rax, %gs:CPU_FLIGHT + FLIGHT_RSP(, %rcx, 8)
    movq FRAME_ERROR(%rsp), %rdx
    shlq $FLIGHT_CALL, %rdx
    movq %cr3, %rax
    leaq FLIGHT_EXIT_BIT * \direction(%rax, %rdx), %rax
    orq FRAME_VECTOR(%rsp), %rax
    movq %rax, %gs:CPU_FLIGHT + FLIGHT_WHERE(, %rcx, 8)
    .endm

/* User copies run with AC set, and ring 3 may: a handler that interrupts them must not, nor the
 * thread to which it switches. CLAC comes with SMAP. */
    .macro CLEAR_AC
    cmpb $0, features_smap(%rip)
    jne .Lsmap\@
    pushfq
    andl $~FLAG_AC, (%rsp)
    popfq
    jmp .Lclear\@
.Lsmap\@:
    clac
.Lclear\@:
    .endm

    .section .text.entry, "ax"
    .globl arch_entry_begin
arch_entry_begin:

    .balign 64
FUNCTION arch_syscall_entry
    swapgs
    movq %rsp, %gs:CPU_USER_RSP
    movq %gs:CPU_KERNEL_RSP, %rsp
    pushq $USER_SS
    pushq %gs:CPU_USER_RSP
    pushq %r11
    pushq $USER_CS
    pushq %rcx
    pushq %rax
    pushq $VECTOR_SYSCALL
    PUSH_REGISTERS
    FLIGHT_RECORD 0 user=1
    sti
    movq %rsp, %rdi
    call hook_syscall
    /* falls through */

/* The one way to ring 3. RSP: the frame. */
FUNCTION arch_return_to_user
    cli
    movq %gs:CPU_THREAD, %rax
    cmpl $0, THREAD_WORK(%rax)
    jne return_work
    movabsq $USER_LIMIT, %rdx
    cmpq %rdx, FRAME_RIP(%rsp)
    jae return_bad_rip
    FLIGHT_RECORD 1 user=1
    cmpq $VECTOR_SYSCALL, FRAME_VECTOR(%rsp)
    jne return_by_iret
    /* What C preserves is as it came, or trap_frame_set_full would have been called. */
    movq FRAME_R10(%rsp), %r10
    movq FRAME_R9(%rsp), %r9
    movq FRAME_R8(%rsp), %r8
    movq FRAME_RAX(%rsp), %rax
    movq FRAME_RDX(%rsp), %rdx
    movq FRAME_RSI(%rsp), %rsi
    movq FRAME_RDI(%rsp), %rdi
    movq FRAME_RIP(%rsp), %rcx
    movq FRAME_RFLAGS(%rsp), %r11
    movq FRAME_RSP(%rsp), %rsp
    swapgs
    sysretq

return_by_iret:
    POP_REGISTERS
    addq $16, %rsp
    swapgs
    iretq

return_work:
    sti
    movq %rsp, %rdi
    call hook_exit_to_user
    jmp arch_return_to_user

return_bad_rip:
    sti
    movq %rsp, %rdi
    call hook_bad_return
    jmp arch_return_to_user
    .size arch_syscall_entry, . - arch_syscall_entry

/* void arch_enter_user(struct trap_frame *frame)
 * The frame may be the copy of one that came by SYSCALL. */
FUNCTION arch_enter_user
    movq %rdi, %rsp
    POP_PRESERVED
    movq %rdi, %rsp
    jmp arch_return_to_user
    .size arch_enter_user, . - arch_enter_user

/* Exceptions and interrupts on the current kernel stack. */
trap_common:
    cld
    PUSH_REGISTERS
    testb $3, FRAME_CS(%rsp)
    jz trap_from_kernel
    swapgs
    FLIGHT_RECORD 0 user=1
    CLEAR_AC
    movq %rsp, %rdi
    call arch_trap
    jmp arch_return_to_user

trap_from_kernel:
    FLIGHT_RECORD 0
    CLEAR_AC
    movq %rsp, %rdi
    call arch_trap
    cli
    FLIGHT_RECORD 1
    POP_REGISTERS
    addq $16, %rsp
    iretq

/* #DB, on an IST stack or not (idt.c). That of ring 3 goes on on the thread's stack, as if it had
 * come there; if it has, each word is copied onto itself. */
trap_debug:
    cld
    testb $3, FRAME_CS - FRAME_VECTOR(%rsp)
    jz debug_from_kernel
    swapgs
    movq %rax, %gs:CPU_USER_RSP
    movq %rsp, %rax
    movq %gs:CPU_KERNEL_RSP, %rsp
    .irp word, 6, 5, 4, 3, 2, 1, 0
    pushq 8 * \word(%rax)
    .endr
    movq %gs:CPU_USER_RSP, %rax
    PUSH_REGISTERS
    FLIGHT_RECORD 0 user=1
    CLEAR_AC
    movq %rsp, %rdi
    call arch_trap_debug
    jmp arch_return_to_user

/* At any instruction, with any GS: the processor's number is the limit of a segment. */
debug_from_kernel:
    PUSH_REGISTERS
    movl $CPU_SELECTOR, %eax
    lsl %eax, %eax
    movq cpu_all(, %rax, 8), %rsi
    jmp paranoid_enter

/* NMI, double fault, machine check: on an IST stack, whatever GS is. The processor's block is
 * found in the word above the frame. */
trap_paranoid:
    cld
    PUSH_REGISTERS
    movq FRAME_SIZE(%rsp), %rsi
paranoid_enter:
    movl $GS_BASE_MSR, %ecx
    rdmsr
    movl %eax, %ebx
    movl %edx, %r12d
    movq %rsi, %rax
    movq %rsi, %rdx
    shrq $32, %rdx
    wrmsr
    CLEAR_AC
    FLIGHT_RECORD 0
    movq %rsp, %rdi
    call arch_trap_paranoid
    FLIGHT_RECORD 1
    movl $GS_BASE_MSR, %ecx
    movl %ebx, %eax
    movl %r12d, %edx
    wrmsr
    POP_REGISTERS
    addq $16, %rsp
    iretq

/* An interrupt has no error code, and so short a stub that its vector is a number of one byte. */
    .set INTERRUPT_BIAS, 160
interrupt_enter:
    addq $INTERRUPT_BIAS, (%rsp)
    pushq (%rsp)
    movq $0, 8(%rsp)
    jmp trap_common

/* The exceptions. The processor pushes an error code for 8, 10-14, 17, 21, 29, 30. */
    .balign 16
    .globl arch_trap_stubs
arch_trap_stubs:
    .set stub, 0
    .rept 32
    .balign 16
    .set has_error, stub == 8 || (stub >= 10 && stub <= 14) || stub == 17 || stub == 21
    .if !(has_error || stub == 29 || stub == 30)
    pushq $0
    .endif
    pushq $stub
    .if stub == 1
    jmp trap_debug
    .elseif stub == 2 || stub == 8 || stub == 18
    jmp trap_paranoid
    .else
    jmp trap_common
    .endif
    .set stub, stub + 1
    .endr

/* The interrupts, from vector 32 on. */
    .balign 16
    .globl arch_interrupt_stubs
arch_interrupt_stubs:
    .rept 224
    .balign 8
    pushq $stub - INTERRUPT_BIAS
    jmp interrupt_enter
    .set stub, stub + 1
    .endr

    .globl arch_entry_end
arch_entry_end:

    .text
FUNCTION irq_flags_read
    pushfq
    popq %rax
    ret

FUNCTION irq_wait
    sti
    hlt
    cli
    ret

    .section .note.GNU-stack, "", @progbits
