/* SPDX-License-Identifier: MIT */
/*
 * tests/quirk/runtime_stubs.S - runtime services that do what they should not
 *
 * Copied to a page of the firmware's runtime memory: position-independent, and without data but for
 * stub_real, where the copy finds the firmware's own service. Microsoft's calling convention.
 */
    .macro STUB name
    .globl \name
\name:
    .endm

    .set BUFFER_TOO_SMALL, 0x8000000000000005
    .set DEVICE_ERROR, 0x8000000000000007

    .text
STUB stubs_begin

STUB stub_undefined_instruction
    ud2

/* The first page is mapped nowhere. */
STUB stub_null_pointer
    xorl %eax, %eax
    movq %rcx, 16(%rax)
    ret

STUB stub_jumps_away
    movl $0x1000, %eax
    jmp *%rax

STUB stub_uses_up_stack
1:  pushq %rax
    jmp 1b

STUB stub_hangs
1:  pause
    jmp 1b

/* Only another processor can notice. */
STUB stub_hangs_without_interrupts
    cli
1:  pause
    jmp 1b

STUB stub_fails
    movabsq $DEVICE_ERROR, %rax
    ret

/* QueryVariableInfo: 6,000 bytes are left. */
STUB stub_nearly_full
    movq $65536, (%rdx)
    movq $6000, (%r8)
    movq $4096, (%r9)
    xorl %eax, %eax
    ret

/* SetVariable: the second part of a report is refused. */
STUB stub_second_fails
    cmpw $'1', 32(%rcx)
    je stub_fails
    jmp *stub_real(%rip)

/* SetVariable: says yes to Boot..., and does nothing. */
STUB stub_boot_ignored
    movabsq $0x0074006f006f0042, %rax
    cmpq %rax, (%rcx)
    jne 1f
    xorl %eax, %eax
    ret
1:  jmp *stub_real(%rip)

/* GetNextVariableName: the first one, for ever. */
STUB stub_name_repeats
    movw $0, (%rdx)
    jmp *stub_real(%rip)

/* GetNextVariableName: some seconds for each. */
STUB stub_name_slowly
    movq %rdx, %r10
    rdtsc
    shlq $32, %rdx
    leaq (%rdx,%rax), %r11
    movabsq $0x200000000, %rax
    addq %rax, %r11
1:  pause
    rdtsc
    shlq $32, %rdx
    addq %rdx, %rax
    cmpq %r11, %rax
    jb 1b
    movq %r10, %rdx
    jmp *stub_real(%rip)

/* GetVariable: there are 600 bytes, and none of them is written. */
STUB stub_unwritten
    movq (%r9), %rax
    movq $600, (%r9)
    cmpq $600, %rax
    movabsq $BUFFER_TOO_SMALL, %rax
    jb 1f
    testq %r8, %r8
    jz 2f
    movl $3, (%r8)
2:  xorl %eax, %eax
1:  ret

/* SetVariable: uses data and calls code of boot services first. What is there must be as it was
 * left, and stays whole. */
STUB stub_boot_services
    movq stub_boot_data(%rip), %rax
    cmpl $0x5aa55aa5, (%rax)
    jne stub_fails
    incl 8(%rax)
    subq $40, %rsp
    call *stub_boot_code(%rip)
    addq $40, %rsp
    jmp *stub_real(%rip)

/* Copied to memory of boot services' code; an image has its data there as well. */
STUB stub_in_boot_code
    incl stub_counter(%rip)
    ret
    .balign 8
stub_counter:
    .quad 0

    .balign 8
STUB stub_boot_data
    .quad 0
STUB stub_boot_code
    .quad 0
STUB stub_real
    .quad 0
STUB stubs_end
