/* SPDX-License-Identifier: MIT */
/*
 * tests/bench/stamp.S - put in the place of a kernel's first instructions: what time is it there?
 *
 * Written over the 16-bit entry of a copy of Linux's kernel file, so that it is loaded in exactly
 * the same way. Prints the time stamp counter as 16 hexadecimal digits on the first serial port.
 */
    .code16
    .text
    rdtsc
    mov %eax, %esi
    call print              /* the high half */
    mov %esi, %edx
    call print
    mov $'\n', %al
    call put
1:  hlt
    jmp 1b

/* EDX in hexadecimal. */
print:
    mov %edx, %ebx
    mov $8, %cx
2:  rol $4, %ebx
    mov %bl, %al
    and $15, %al
    cmp $10, %al
    jb 3f
    add $('a' - '0' - 10), %al
3:  add $'0', %al
    call put
    loop 2b
    ret

/* AL to the serial port, when it can take it. */
put:
    push %ax
    mov $0x3fd, %dx
4:  in %dx, %al
    test $0x20, %al
    jz 4b
    mov $0x3f8, %dx
    pop %ax
    out %al, %dx
    ret
