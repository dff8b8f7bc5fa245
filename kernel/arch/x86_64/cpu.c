/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU structures of the hardware: GDT, TSS, IST stacks, and the MSRs of SYSCALL.
 *
 * GS base leads to struct cpu while the kernel runs. IST handlers cannot rely on that (ring 3 may
 * have set any base, and an NMI can hit between the entry and its swapgs): they find the pointer in
 * the 16 bytes above their own frame, which cpu_set_ist puts there.
 */
#include "kernel/arch/x86_64/cpu.h"

#include "kernel/arch/x86_64/entry.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/idt.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "shared/vdso.h"

/* Access bytes and flags of 64-bit descriptors (Intel SDM vol. 3, section 3.4.5). The accessed bit
 * is set so that the processor never writes to the table. */
#define GDT_CODE(dpl) (0x00af9b000000ffffULL | ((uint64_t)(dpl) << 45))
#define GDT_DATA(dpl) (0x00cf93000000ffffULL | ((uint64_t)(dpl) << 45))
/* Nothing can be read through it (expand-down): ring 3 asks for its limit alone. */
#define GDT_NUMBER(limit) (0x0040f50000000000ULL | (limit))

struct cpu cpu_boot;
struct cpu *cpu_all[CPU_MAX];
unsigned cpu_count = 1;
uint64_t cpu_percpu_offset[CPU_MAX];
unsigned cpumask_words = 1;

/* Until the windows exist: an early fault still finds a stack of its own. */
static char early_ist[CPU_IST_COUNT][4096] ALIGNED(16);

static void halves(uint32_t out[2], uint64_t value)
{
    out[0] = (uint32_t)value;
    out[1] = (uint32_t)(value >> 32);
}

/* Takes effect with the next entry on that stack; the caller sees to it that it is not in use. */
void cpu_set_ist(struct cpu *cpu, enum cpu_ist which, uint64_t top)
{
    /* The handler finds its processor in the 16 bytes above its frame. */
    uint64_t start = top - 16;

    *(struct cpu **)start = cpu;
    cpu->ist_top[which] = top;
    halves(cpu->tss.ist[which - 1], start);
}

/* Both ways in must agree: RSP0 serves interrupts and exceptions, kernel_rsp serves SYSCALL. */
void cpu_set_kernel_stack(struct cpu *cpu, uint64_t top)
{
    cpu->kernel_rsp = top;
    halves(cpu->tss.rsp0, top);
}

static void gdt_fill(struct cpu *cpu)
{
    uint64_t base = (uint64_t)&cpu->tss;
    uint64_t limit = sizeof(cpu->tss) - 1;

    cpu->gdt[SELECTOR_KERNEL_CS >> 3] = GDT_CODE(0);
    cpu->gdt[SELECTOR_KERNEL_DS >> 3] = GDT_DATA(0);
    cpu->gdt[SELECTOR_USER_DS >> 3] = GDT_DATA(3);
    cpu->gdt[SELECTOR_USER_CS >> 3] = GDT_CODE(3);
    cpu->gdt[SELECTOR_TSS >> 3] =
        limit | (base & 0xffffff) << 16 | 0x89ULL << 40 | (base >> 24 & 0xff) << 56;
    cpu->gdt[(SELECTOR_TSS >> 3) + 1] = base >> 32;
    cpu->gdt[VDSO_CPU_SELECTOR >> 3] = GDT_NUMBER(cpu->index);
}

/* Where SYSCALL goes and what it clears. 32-bit ways in stay shut: with SYSENTER_CS zero SYSENTER
 * is #GP, and no 32-bit code segment exists for CSTAR. */
static void syscall_registers_set(void)
{
    msr_write(MSR_STAR, (uint64_t)SELECTOR_USER_BASE << 48 | (uint64_t)SELECTOR_KERNEL_CS << 32);
    msr_write(MSR_LSTAR, (uint64_t)arch_syscall_entry);
    msr_write(MSR_CSTAR, 0);
    msr_write(MSR_SYSENTER_CS, 0);
    msr_write(MSR_SFMASK, RFLAGS_SYSCALL_CLEAR);
}

/* No breakpoint that firmware or a debugger left may fire in the kernel. */
static void debug_registers_clear(void)
{
    __asm__ volatile("movq %0, %%dr7" : : "r"(DR7_INITIAL));
}

void cpu_expect(unsigned count)
{
    cpumask_words = (MAX(1u, MIN(count, (unsigned)CPU_MAX)) + 63) / 64;
}

/* An index is given out again where its processor did not answer: the count stays. */
void cpu_add(const struct cpu *cpu)
{
    cpu_percpu_offset[cpu->index] = cpu->percpu_offset;
    if (cpu->index >= cpu_count)
        __atomic_store_n(&cpu_count, cpu->index + 1, __ATOMIC_RELEASE);
}

COLD void cpu_init(struct cpu *cpu, unsigned index)
{
    cpu->self = cpu;
    cpu->index = index;
    cpu->lock_id = (uint16_t)(index + 1);
    cpu_all[index] = cpu;
    /* Beyond the limit: no port is open to ring 3. */
    cpu->tss.iomap = sizeof(cpu->tss);
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++)
        if (!cpu->ist_top[i])
            cpu_set_ist(cpu, (enum cpu_ist)i, (uint64_t)(early_ist[i - 1] + sizeof(early_ist[0])));
    gdt_fill(cpu);
    /* Before GS base: loading the GS selector clears the base. */
    arch_gdt_load(cpu->gdt, sizeof(cpu->gdt) - 1);
    msr_write(MSR_GS_BASE, (uint64_t)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    msr_write(MSR_FS_BASE, 0);
    idt_load();
    syscall_registers_set();
    if (features.rdtscp)
        msr_write(MSR_TSC_AUX, index);
    debug_registers_clear();
}
