/* SPDX-License-Identifier: MIT */
/*
 * tests/user/start/elf/check.S - the code in every file of the ELF corpus
 *
 * A flat piece of position-independent code. corpus.py puts it into a segment and appends a table
 * of rows of four quadwords: operation, address, length, value. Addresses count from the start of
 * this code, so that the same table serves fixed and position-independent files.
 *
 *     0 end     exit_group(value)
 *     1 bytes   `length` bytes at the address all have the value, or exit_group(row number + 100)
 *     2 write   the byte at the address becomes the value, and is read back
 *     3 call    the address is called; what it returns in EAX is the value
 *     4 align   (start of this code & length) is the value
 *     5 jump    to the address
 */
    .set SYS_exit_group, 231

    .text
start:
    lea start(%rip), %rbp
    lea table(%rip), %rbx
    mov $100, %r12d
next:
    mov 8(%rbx), %rdi
    add %rbp, %rdi
    mov 16(%rbx), %rcx
    mov 24(%rbx), %rax
    mov (%rbx), %rdx
    dec %rdx
    js end
    jz bytes
    dec %rdx
    jz write
    dec %rdx
    jz call
    dec %rdx
    jz align
    jmp *%rdi
bytes:
    repe scasb
    jne fail
    jmp row_done
write:
    mov %al, (%rdi)
    cmp %al, (%rdi)
    jne fail
    jmp row_done
call:
    call *%rdi
    cmp %eax, 24(%rbx)
    jne fail
    jmp row_done
align:
    and %rbp, %rcx
    cmp %rax, %rcx
    jne fail
row_done:
    add $32, %rbx
    inc %r12d
    jmp next
fail:
    mov %r12d, %eax
end:
    mov %eax, %edi
    mov $SYS_exit_group, %eax
    syscall
    .balign 8
table:
