/* SPDX-License-Identifier: MIT */
/*
 * efi-loader/jump.S - from firmware's processor state to the one that the kernel is promised
 *
 * Everything from jump_start to jump_end lies in one page. It is identity-mapped, read-only and
 * executable, in the firmware's page tables and in the kernel's. The descriptor table lies here,
 * too, because the processor may look at it until the kernel loads its own; its descriptors have
 * their "accessed" bit set, so that nothing is ever written to them.
 *
 * Microsoft calling convention: the first argument is in RCX.
 */
#define JUMP_ENTRY      0
#define JUMP_ARGUMENT   8
#define JUMP_TABLE_ROOT 16

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10

#define CR0_KERNEL  0x80010033 /* PG WP NE ET MP PE */
#define CR4_PAE     0x20
#define CR4_CET_BIT 23
#define EFER        0xc0000080
#define EFER_KERNEL 0xd01 /* NXE LMA LME SCE */
#define S_CET       0x6a2
#define MXCSR_RESET 0x1f80

        .text
        .balign 512
        .globl  jump_start
jump_start:

/* void cpu_jump_to_kernel(const struct cpu_jump *jump) */
        .globl  cpu_jump_to_kernel
cpu_jump_to_kernel:
        cli
        cld
        mov     JUMP_ENTRY(%rcx), %rsi
        mov     JUMP_ARGUMENT(%rcx), %rdi
        mov     JUMP_TABLE_ROOT(%rcx), %rbx

        /* Shadow stacks and branch tracking off, before the far return and before WP changes. */
        mov     %cr4, %rax
        bt      $CR4_CET_BIT, %rax
        jnc     1f
        btr     $CR4_CET_BIT, %rax
        mov     %rax, %cr4
        mov     $S_CET, %ecx
        xor     %eax, %eax
        xor     %edx, %edx
        wrmsr
1:
        /* Needs CR4.OSFXSR, which firmware has on and which goes away below. */
        push    $MXCSR_RESET
        ldmxcsr (%rsp)

        /* Descriptor tables; an interrupt table of size 0 turns any exception into a reset. */
        lea     gdt(%rip), %rax
        sub     $16, %rsp
        movw    $(gdt_end - gdt - 1), (%rsp)
        mov     %rax, 2(%rsp)
        lgdt    (%rsp)
        movw    $0, (%rsp)
        movq    $0, 2(%rsp)
        lidt    (%rsp)

        lea     2f(%rip), %rax
        push    $CODE_SELECTOR
        push    %rax
        lretq
2:
        mov     $DATA_SELECTOR, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        xor     %eax, %eax
        mov     %eax, %fs
        mov     %eax, %gs
        lldt    %ax

        mov     $EFER, %ecx
        mov     $EFER_KERNEL, %eax
        xor     %edx, %edx
        wrmsr
        mov     $CR4_PAE, %eax
        mov     %rax, %cr4
        mov     $CR0_KERNEL, %eax
        mov     %rax, %cr0

        /* No stack from here on: it is not mapped. */
        mov     %rbx, %cr3
        xor     %esp, %esp
        xor     %ebp, %ebp
        jmp     *%rsi

/* void cpu_triple_fault(void): with no interrupt table the processor shuts down, which resets. */
        .globl  cpu_triple_fault
cpu_triple_fault:
        sub     $24, %rsp
        movw    $0, (%rsp)
        movq    $0, 2(%rsp)
        lidt    (%rsp)
        ud2

        .balign 8
gdt:
        .quad   0
        .quad   0x00af9b000000ffff /* 64-bit code, ring 0, accessed */
        .quad   0x00cf93000000ffff /* data, ring 0, accessed */
gdt_end:
        .globl  jump_end
jump_end:
