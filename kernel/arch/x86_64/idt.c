/* SPDX-License-Identifier: MIT */
/*
 * The interrupt descriptor table: 256 interrupt gates, one table for all processors.
 *
 * NMI, double fault, machine check and #DB run on IST stacks, the last since MOV SS puts off that
 * of a watchpoint until behind a SYSCALL, where RSP is still the program's. Only INT3 and INTO may
 * be raised by an INT instruction in ring 3; every other vector has DPL 0, so that INT n is #GP
 * there.
 */
#include "kernel/arch/x86_64/idt.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"

/* Intel SDM vol. 3, figure 6-8. */
struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t ist;
    uint8_t type; /* present, privilege level, 0xE: interrupt gate (clears IF) */
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t reserved;
};

_Static_assert(sizeof(struct gate) == 16, "a 64-bit gate");

static struct gate idt[256] ALIGNED(16);

/* Interrupt gates, never trap gates: the entry code decides when IF comes back. Not inline: size
 * counts here. */
static NOINLINE void gate_set(unsigned vector, unsigned ist, unsigned dpl)
{
    uint64_t stub = (uint64_t)arch_trap_stubs + (uint64_t)vector * ENTRY_STUB_SIZE;

    if (vector >= VECTOR_FIRST_INTERRUPT)
        stub = (uint64_t)arch_interrupt_stubs +
               (uint64_t)(vector - VECTOR_FIRST_INTERRUPT) * ENTRY_INTERRUPT_STUB_SIZE;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)stub,
        .selector = SELECTOR_KERNEL_CS,
        .ist = (uint8_t)ist,
        .type = (uint8_t)(0x8e | dpl << 5),
        .offset_middle = (uint16_t)(stub >> 16),
        .offset_high = (uint32_t)(stub >> 32),
    };
}

COLD void idt_init(void)
{
    for (unsigned vector = 0; vector < 256; vector++)
        gate_set(vector, 0, 0);
    gate_set(VECTOR_NMI, CPU_IST_NMI, 0);
    gate_set(VECTOR_DOUBLE_FAULT, CPU_IST_DOUBLE_FAULT, 0);
    gate_set(VECTOR_MACHINE_CHECK, CPU_IST_MACHINE_CHECK, 0);
    /* Of a step that hits a watchpoint QEMU's emulation makes two #DBs, the second at the first
     * instruction of the kernel, where it would overwrite the frame of the first on that stack.
     * MOV SS puts nothing off there. */
    gate_set(VECTOR_DEBUG, features.tcg ? 0 : CPU_IST_DEBUG, 0);
    gate_set(VECTOR_BREAKPOINT, 0, 3);
    gate_set(VECTOR_OVERFLOW, 0, 3);
}

static void load(uint16_t limit, uint64_t base)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {limit, base};

    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void idt_load(void)
{
    load(sizeof(idt) - 1, (uint64_t)idt);
}

/* An empty table and an exception: the processor shuts down (triple fault), and the machine resets.
 */
void idt_break(void)
{
    load(0, 0);
    __asm__ volatile("ud2");
}

/* 32-bit system calls are not offered; the gate is opened for one check on every boot. */
void idt_gate80_set(bool open)
{
    gate_set(VECTOR_GATE80, 0, open ? 3 : 0);
}

uint64_t idt_address(void)
{
    return (uint64_t)idt;
}
