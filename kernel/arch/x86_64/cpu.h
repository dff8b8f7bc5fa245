/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/cpu.h - what each processor has to itself, reached through GS
 *
 * Owns:    the per-processor block: current thread, descriptor tables, flight recorder.
 * Rule:    in the kernel the GS base always points here. Entry code swaps it in; handlers on IST
 *          stacks load it from the top of their own stack, whatever ring 3 did to it.
 * Context: any; only the owning processor writes.
 */
#pragma once

#include "kernel/arch/x86_64/cpumask.h"
#include "kernel/arch/x86_64/thread.h"
#include "kernel/lib/util.h"

/* Flight recorder: the last 64 entries to the kernel and returns from it. Plain stores, no lock. */
#define FLIGHT_RECORDS    64
#define FLIGHT_EXIT       0x800 /* in .where: leaving, not entering */
#define FLIGHT_KIND_MASK  0x1ff /* vector, or VECTOR_SYSCALL */
#define FLIGHT_CALL_SHIFT 52    /* number of the system call, low 12 bits */

struct flight_record {
    uint64_t tsc;
    uint64_t rip;
    uint64_t rsp;
    uint64_t where; /* CR3 | kind | call << 52 */
};

/* The unit of flight_next is the largest by which an instruction can scale an index. */
#define FLIGHT_RECORD_STEP (sizeof(struct flight_record) / 8)
_Static_assert(FLIGHT_RECORDS *FLIGHT_RECORD_STEP == 256, "a byte wraps with the ring");

struct cpu_tss {
    uint32_t reserved0;
    uint32_t rsp0[2]; /* two halves: the field is not 8-byte aligned */
    uint32_t rsp1[2];
    uint32_t rsp2[2];
    uint32_t reserved1[2];
    uint32_t ist[7][2];
    uint32_t reserved2[2];
    uint16_t reserved3;
    uint16_t iomap; /* at or behind the limit: no port is open to ring 3 */
};

_Static_assert(sizeof(struct cpu_tss) == 104, "Intel SDM vol. 3, figure 8-11");

enum cpu_ist {
    CPU_IST_NMI = 1,
    CPU_IST_DOUBLE_FAULT,
    CPU_IST_MACHINE_CHECK,
    CPU_IST_DEBUG,
    CPU_IST_COUNT = CPU_IST_DEBUG
};

struct cpu {
    struct cpu *self;
    struct arch_thread *thread; /* running now */
    uint64_t kernel_rsp;        /* top of its kernel stack; the TSS holds it too */
    uint64_t user_rsp;          /* scratch of the entries by SYSCALL and #DB */
    uint8_t flight_next;        /* offset of the next record in eighths; wraps by itself */
    uint32_t index;
    uint32_t irq_depth; /* interrupt handlers on the stack */
    uint32_t spin_mask; /* ranks of spinlocks held, bit per rank */
    uint16_t lock_id;   /* index + 1: what a spinlock that it holds says */
    uint32_t in_panic;
    uint32_t apic_id;
    uint64_t nmi_count;
    uint64_t percpu_offset; /* from a variable of percpu.h to this processor's own */
    /* Ticks spent in ring 3: each entry adds its time stamp, each exit takes its own away. So while
     * ring 3 runs it is negative, short of the present time. */
    uint64_t user_ticks;
    struct flight_record flight[FLIGHT_RECORDS];
    struct cpu_tss tss ALIGNED(16);
    uint64_t gdt[16] ALIGNED(16);
    uint64_t ist_top[CPU_IST_COUNT + 1]; /* stack tops; [0] unused */
};

extern struct cpu cpu_boot; /* the processor that the firmware started */

extern struct cpu *cpu_all[CPU_MAX]; /* by index; NULL: not started */

/* [a] Indices that were given out: their processors have variables of percpu.h. */
extern unsigned cpu_count;
extern uint64_t cpu_percpu_offset[CPU_MAX]; /* constant below cpu_count */

/* How many processors there may be, once, before the second one starts. */
void cpu_expect(unsigned count);
/* Before a processor starts: from here on its variables of percpu.h can be looked at. */
void cpu_add(const struct cpu *cpu);

/* The own block by way of GS: a field is one instruction away. Read anew after every call, since a
 * thread may be on another processor then. */
#define CPU_OWN ((struct cpu __seg_gs *)0)

static inline struct cpu *cpu_self(void)
{
    return CPU_OWN->self;
}

/* Descriptor tables, GS base, system call registers of this processor. Interrupts off. */
void cpu_init(struct cpu *cpu, unsigned index);

/* Gives the processor its IST stacks (tops) once the windows exist; before, it uses static ones. */
void cpu_set_ist(struct cpu *cpu, enum cpu_ist which, uint64_t top);

/* The stack on which the next entry from ring 3 starts. Interrupts off. */
void cpu_set_kernel_stack(struct cpu *cpu, uint64_t top);
