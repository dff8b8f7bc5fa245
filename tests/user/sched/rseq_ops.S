/* SPDX-License-Identifier: MIT */
#include "tests/user/sched/rseq_ops.h"

    .text
    .globl rseq_spin, rseq_start, rseq_end, rseq_abort, rseq_abort_unsigned
rseq_spin:
    movq %rsi, 8(%rdi)
rseq_start:
    incq (%rdx)
    cmpl $0, (%rcx)
    je rseq_start
rseq_end:
    movq $0, 8(%rdi)
    xorl %eax, %eax
    ret

    .long RSEQ_SIGNATURE
rseq_abort:
    movl $1, %eax
    ret

    .long 0
rseq_abort_unsigned:
    movl $2, %eax
    ret

    .section .note.GNU-stack, "", @progbits
