/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/vectors.h - interrupt vector numbers
 *
 * Used by: assembly as well as C: numbers only.
 * Source:  Intel SDM vol. 3, table 6-1.
 */
#pragma once

#define VECTOR_DIVIDE          0
#define VECTOR_DEBUG           1
#define VECTOR_NMI             2
#define VECTOR_BREAKPOINT      3
#define VECTOR_OVERFLOW        4
#define VECTOR_BOUND           5
#define VECTOR_INVALID_OPCODE  6
#define VECTOR_NO_FPU          7
#define VECTOR_DOUBLE_FAULT    8
#define VECTOR_INVALID_TSS     10
#define VECTOR_NO_SEGMENT      11
#define VECTOR_STACK           12
#define VECTOR_PROTECTION      13
#define VECTOR_PAGE_FAULT      14
#define VECTOR_X87             16
#define VECTOR_ALIGNMENT       17
#define VECTOR_MACHINE_CHECK   18
#define VECTOR_SIMD            19
#define VECTOR_CONTROL         21
#define VECTOR_FIRST_INTERRUPT 32

#define VECTOR_GATE80 0x80 /* the test gate; shut but for the kernel's own checks */

#define ARCH_VECTOR_TIMER    0xf0
#define ARCH_VECTOR_KICK     0xf1 /* look at your run queue */
#define ARCH_VECTOR_CALL     0xf2 /* core/ipi.h */
#define ARCH_VECTOR_PRINT    0xf3 /* dev/printer.c, to itself */
#define ARCH_VECTOR_DEFERRED 0xf4 /* sched/deferred.c, to itself */
#define ARCH_VECTOR_ERROR    0xfe
#define ARCH_VECTOR_SPURIOUS 0xff

/* Not a vector: how the flight recorder and the trap frame name a SYSCALL instruction. */
#define VECTOR_SYSCALL 0x100
/* The same, but it leaves by IRETQ: all registers may have been changed. */
#define VECTOR_SYSCALL_IRET 0x101
