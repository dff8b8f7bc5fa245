/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/usercopy.S - the only instructions of the kernel that touch ring 3's memory
 */
    .macro SMAP_OPEN
    cmpb $0, features_smap(%rip)
    je .Lopen\@
    stac
.Lopen\@:
    .endm

    .macro SMAP_CLOSE
    cmpb $0, features_smap(%rip)
    je .Lclose\@
    clac
.Lclose\@:
    .endm

    .macro FIXUP instruction, target
    .pushsection .extable, "a"
    .quad \instruction, \target
    .popsection
    .endm

    .text
/* size_t arch_user_copy(void *dst, const void *src, size_t nbytes)
 * Words first; a fault among them goes on with single bytes, so that all up to the very fault is
 * copied. Large blocks go by vector registers where that is better (features_wide_copy): what the
 * program has in them lies on the stack meanwhile. A fault there leaves the rest to the words. */
    .set WIDE_MIN, 512
    .set WIDE, 256 /* bytes a round: eight registers */
    .globl arch_user_copy
    .type arch_user_copy, @function
arch_user_copy:
    SMAP_OPEN
    cmpq $WIDE_MIN, %rdx
    jae copy_wide
copy_words:
    movq %rdx, %rcx
    shrq $3, %rcx
    andl $7, %edx
1:  rep movsq
    movl %edx, %ecx
2:  rep movsb
3:  movq %rcx, %rax
    SMAP_CLOSE
    ret
4:  leaq (%rdx, %rcx, 8), %rcx
    jmp 2b
    FIXUP 1b, 4b
    FIXUP 2b, 3b

copy_wide:
    cmpb $0, features_wide_copy(%rip)
    je copy_words
    subq $WIDE, %rsp
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    vmovdqu %ymm\n, 32 * \n(%rsp)
    .endr
    movq %rdx, %rcx
    andq $-WIDE, %rcx
    addq %rcx, %rsi
    addq %rcx, %rdi
    subq %rcx, %rdx
    negq %rcx
.Lround:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
.Lload\n: vmovdqu 32 * \n(%rsi, %rcx), %ymm\n
    FIXUP .Lload\n, .Lwide_end
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
.Lstore\n: vmovdqu %ymm\n, 32 * \n(%rdi, %rcx)
    FIXUP .Lstore\n, .Lwide_end
    .endr
    subq $-WIDE, %rcx
    jnz .Lround
.Lwide_end:
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    vmovdqu 32 * \n(%rsp), %ymm\n
    .endr
    addq $WIDE, %rsp
    addq %rcx, %rsi /* RCX: 0, or how far from the end the fault was, negative */
    addq %rcx, %rdi
    subq %rcx, %rdx
    jmp copy_words
    .size arch_user_copy, . - arch_user_copy

/* size_t arch_user_zero(void *dst, size_t nbytes) */
    .globl arch_user_zero
    .type arch_user_zero, @function
arch_user_zero:
    SMAP_OPEN
    xorl %eax, %eax
    movq %rsi, %rcx
    movl %esi, %edx
    shrq $3, %rcx
    andl $7, %edx
1:  rep stosq
    movl %edx, %ecx
2:  rep stosb
3:  movq %rcx, %rax
    SMAP_CLOSE
    ret
4:  leaq (%rdx, %rcx, 8), %rcx
    jmp 2b
    FIXUP 1b, 4b
    FIXUP 2b, 3b
    .size arch_user_zero, . - arch_user_zero

/* int64_t arch_user_copy_string(char *dst, const char *src, size_t nbytes) */
    .globl arch_user_copy_string
    .type arch_user_copy_string, @function
arch_user_copy_string:
    SMAP_OPEN
    xorl %eax, %eax
1:  cmpq %rdx, %rax
    jae 3f
2:  movb (%rsi, %rax), %cl
    movb %cl, (%rdi, %rax)
    incq %rax
    testb %cl, %cl
    jnz 1b
    SMAP_CLOSE
    ret
3:  incq %rax
    SMAP_CLOSE
    ret
4:  movq $-1, %rax
    SMAP_CLOSE
    ret
    FIXUP 2b, 4b
    .size arch_user_copy_string, . - arch_user_copy_string

    .section .note.GNU-stack, "", @progbits
