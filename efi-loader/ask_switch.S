/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/ask_switch.S - out of a call that does not come back
 *
 * Microsoft calling convention: arguments in RCX, RDX, R8; RBX, RBP, RSI, RDI, R12 to R15 and XMM6
 * to XMM15 belong to the caller. FXSAVE keeps the latter, MXCSR and the x87's state.
 */
#define STATE_SIZE 520 /* that of FXSAVE, and 8 bytes which align it to 16 */
#define HOME_SIZE  32

        .text

/* int ask_enter(void **stack, void (*question)(void *), void *argument) */
        .globl  ask_enter
ask_enter:
        push    %rbx
        push    %rbp
        push    %rsi
        push    %rdi
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        sub     $STATE_SIZE, %rsp
        fxsave64 (%rsp)
        mov     %rsp, (%rcx)
        sub     $HOME_SIZE, %rsp
        mov     %r8, %rcx
        call    *%rdx
        add     $HOME_SIZE, %rsp
        mov     $1, %eax
        jmp     leave

/* void ask_leave(void **stack): in the middle of anything, also with the direction flag set. */
        .globl  ask_leave
ask_leave:
        mov     (%rcx), %rsp
        xor     %eax, %eax
        cld
leave:
        fxrstor64 (%rsp)
        add     $STATE_SIZE, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rdi
        pop     %rsi
        pop     %rbp
        pop     %rbx
        ret
