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
 * copied. */
    .globl arch_user_copy
    .type arch_user_copy, @function
arch_user_copy:
    SMAP_OPEN
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
