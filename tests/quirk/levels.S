/* SPDX-License-Identifier: MIT */
/*
 * tests/quirk/levels.S - 5-level paging, turned on under firmware that uses 4 levels
 *
 * Runs as a copy in a page below 4 GiB, because paging is off for a moment; firmware's descriptors
 * and segments are as before when it returns. RCX: struct levels (processor.c), below 4 GiB too.
 */
#define LEVELS_ROOT  0
#define LEVELS_GDTR  16
#define LEVELS_OURS  32
#define LEVELS_FAR   48
#define LEVELS_RSP   56
#define LEVELS_CS    64
#define LEVELS_SS    72

#define CR0_PG_BIT    31
#define CR4_LA57_BIT  12
#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
#define CODE_32       0x18

        .text
        .balign 16
        .globl  levels_begin, levels_end
levels_begin:
        push    %rbx
        push    %rbp
        push    %rdi
        push    %rsi
        pushfq
        cli
        mov     %ecx, %edi
        lea     levels_begin(%rip), %rbx
        mov     %rsp, LEVELS_RSP(%rdi)
        mov     %cs, LEVELS_CS(%rdi)
        mov     %ss, LEVELS_SS(%rdi)
        sgdt    LEVELS_GDTR(%rdi)
        lea     (gdt - levels_begin)(%rbx), %rax
        movw    $(gdt_end - gdt - 1), LEVELS_OURS(%rdi)
        mov     %rax, LEVELS_OURS + 2(%rdi)
        lgdt    LEVELS_OURS(%rdi)
        lea     (without_paging - levels_begin)(%rbx), %eax
        mov     %eax, LEVELS_FAR(%rdi)
        movw    $CODE_32, LEVELS_FAR + 4(%rdi)
        ljmpl   *LEVELS_FAR(%rdi)

        .code32
without_paging:
        mov     $DATA_SELECTOR, %eax
        mov     %eax, %ds
        mov     %eax, %ss
        mov     %cr0, %eax
        btr     $CR0_PG_BIT, %eax
        mov     %eax, %cr0
        mov     %cr4, %edx
        bts     $CR4_LA57_BIT, %edx
        mov     %edx, %cr4
        mov     LEVELS_ROOT(%edi), %edx
        mov     %edx, %cr3
        bts     $CR0_PG_BIT, %eax
        mov     %eax, %cr0
        lea     (with_paging - levels_begin)(%ebx), %eax
        mov     %eax, LEVELS_FAR(%edi)
        movw    $CODE_SELECTOR, LEVELS_FAR + 4(%edi)
        ljmpl   *LEVELS_FAR(%edi)

        .code64
with_paging:
        mov     %edi, %edi
        mov     LEVELS_RSP(%rdi), %rsp
        lgdt    LEVELS_GDTR(%rdi)
        lea     back(%rip), %rax
        push    LEVELS_CS(%rdi)
        push    %rax
        lretq
back:
        mov     LEVELS_SS(%rdi), %eax
        mov     %eax, %ds
        mov     %eax, %ss
        popfq
        pop     %rsi
        pop     %rdi
        pop     %rbp
        pop     %rbx
        ret

        .balign 8
gdt:
        .quad   0
        .quad   0x00af9b000000ffff /* 64-bit code */
        .quad   0x00cf93000000ffff /* data */
        .quad   0x00cf9b000000ffff /* 32-bit code */
gdt_end:
levels_end:
