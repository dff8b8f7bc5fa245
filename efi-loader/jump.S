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
#define JUMP_BRIDGE     24

#define BRIDGE_UPPER_ROOT 0
#define BRIDGE_LOWER_ROOT 8
#define BRIDGE_CODE       16
#define BRIDGE_DATA       24
/* Behind the structure, of jump.S alone: descriptor table register, far pointer, registers. */
#define BRIDGE_GDTR       64
#define BRIDGE_FAR        80
#define BRIDGE_SAVED      96
#define BRIDGE_STACK_TOP  4096

#define CODE_SELECTOR    0x08
#define DATA_SELECTOR    0x10
#define CODE_32_SELECTOR 0x18

#define CR0_KERNEL  0x80010033 /* PG WP NE ET MP PE */
#define CR0_PG_BIT  31
#define CR4_PAE     0x20
#define CR4_LA57    0x1000
#define CR4_CET_BIT 23
#define EFER        0xc0000080
#define EFER_KERNEL 0xd01 /* NXE LMA LME SCE */
#define S_CET       0x6a2
#define DR7_RESET   0x400

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
        mov     JUMP_BRIDGE(%rcx), %r8

        /* Breakpoints of a debugger in the firmware. */
        mov     $DR7_RESET, %eax
        mov     %rax, %dr7

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
        mov     $EFER, %ecx
        mov     $EFER_KERNEL, %eax
        xor     %edx, %edx
        wrmsr
        test    %r8, %r8
        jnz     bridge_cross
bridge_crossed:
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

        mov     $CR4_PAE, %eax
        mov     %rax, %cr4
        mov     $CR0_KERNEL, %eax
        mov     %rax, %cr0

        /* No stack from here on: it is not mapped. */
        mov     %rbx, %cr3
        xor     %esp, %esp
        xor     %ebp, %ebp
        jmp     *%rsi

/* From 5-level paging to 4 levels; R8: struct cpu_bridge. Comes back to bridge_crossed on the lower
 * tables, with another stack and the same RSI, RDI and RBX. See bridge.c. */
bridge_cross:
        /* PCID and everything else that could forbid to turn paging off. */
        mov     $(CR4_PAE | CR4_LA57), %eax
        mov     %rax, %cr4
        mov     BRIDGE_UPPER_ROOT(%r8), %rax
        mov     %rax, %cr3
        lea     BRIDGE_STACK_TOP(%r8), %rsp
        mov     %rsi, BRIDGE_SAVED(%r8)
        mov     %rdi, BRIDGE_SAVED + 8(%r8)
        mov     %rbx, BRIDGE_SAVED + 16(%r8)
        lea     bridge_crossed(%rip), %rax
        mov     %rax, BRIDGE_SAVED + 24(%r8)
        mov     BRIDGE_CODE(%r8), %rax
        jmp     *%rax

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
        .org    jump_start + 512 /* an error if it is longer, and could cross a page */

/* Runs as a copy in a page below 4 GiB, at whose address RAX points; R8 as above, below 4 GiB too.
 * Addresses go by EBX, the page's, and EDI, the structure's. */
        .balign 16
        .globl  bridge_start
bridge_start:
        mov     %eax, %ebx
        mov     %r8d, %edi
        lea     (bridge_gdt - bridge_start)(%rbx), %rax
        movw    $(bridge_gdt_end - bridge_gdt - 1), BRIDGE_GDTR(%rdi)
        mov     %rax, BRIDGE_GDTR + 2(%rdi)
        lgdt    BRIDGE_GDTR(%rdi)
        lea     (bridge_32 - bridge_start)(%rbx), %eax
        mov     %eax, BRIDGE_FAR(%rdi)
        movw    $CODE_32_SELECTOR, BRIDGE_FAR + 4(%rdi)
        ljmpl   *BRIDGE_FAR(%rdi)

        .code32
bridge_32:
        mov     $DATA_SELECTOR, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %cr0, %eax
        btr     $CR0_PG_BIT, %eax
        mov     %eax, %cr0
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     BRIDGE_LOWER_ROOT(%edi), %eax
        mov     %eax, %cr3
        /* EFER.LME is still set: with paging, long mode comes back. */
        mov     $CR0_KERNEL, %eax
        mov     %eax, %cr0
        lea     (bridge_64 - bridge_start)(%ebx), %eax
        mov     %eax, BRIDGE_FAR(%edi)
        movw    $CODE_SELECTOR, BRIDGE_FAR + 4(%edi)
        ljmpl   *BRIDGE_FAR(%edi)

        /* The upper halves of all registers are undefined now. */
        .code64
bridge_64:
        mov     %edi, %r8d
        lea     BRIDGE_STACK_TOP(%r8), %rsp
        mov     BRIDGE_SAVED(%r8), %rsi
        mov     BRIDGE_SAVED + 8(%r8), %rdi
        mov     BRIDGE_SAVED + 16(%r8), %rbx
        jmp     *BRIDGE_SAVED + 24(%r8)

        .balign 8
bridge_gdt:
        .quad   0
        .quad   0x00af9b000000ffff /* as above */
        .quad   0x00cf93000000ffff
        .quad   0x00cf9b000000ffff /* 32-bit code */
bridge_gdt_end:
        .globl  bridge_end
bridge_end:
