/* SPDX-License-Identifier: MIT */
/*
 * The processor: features, state, random numbers, ports, reset.
 *
 * One instruction of inline assembly at most in each function; what needs more is in jump.S. The
 * values of CPUID and of the registers are read before ExitBootServices, since the hand-over block
 * shows the state in which firmware left them.
 *
 * Bits: Intel SDM volume 2 (CPUID), volume 3 chapter 2.5 (control registers).
 */
#include "efi-loader/cpu.h"
#include "shared/addrmap.h"
#include "shared/exitcode.h"

#define CPUID_1_ECX_RDRAND        (1u << 30)
#define CPUID_1_ECX_HYPERVISOR    (1u << 31)
#define CPUID_EXTENDED            0x80000000u
#define CPUID_EXTENDED_1_EDX_NX   (1u << 20)
#define CPUID_EXTENDED_1_EDX_1GIB (1u << 26)

#define MSR_APIC_BASE   0x1b
#define MSR_MISC_ENABLE 0x1a0 /* Intel's */
#define MSR_EFER        0xc0000080u

#define MISC_ENABLE_XD_DISABLE (1ULL << 34)

#define CR0_MP         (1ULL << 1)
#define CR0_EM         (1ULL << 2)
#define CR0_TS         (1ULL << 3)
#define CR4_OSFXSR     (1ULL << 9)
#define CR4_OSXMMEXCPT (1ULL << 10)

#define VENDOR_INTEL_EBX 0x756e6547u /* "Genu" */

#define RANDOM_TRIES 10 /* as Intel advises */

#define RESET_CONTROL      0xcf9
#define RESET_CONTROL_COLD 0x0e
#define RESET_WAIT         100000000

/* jump.S knows these offsets as numbers. */
_Static_assert(offsetof(struct cpu_jump, entry) == 0, "jump.S");
_Static_assert(offsetof(struct cpu_jump, argument) == 8, "jump.S");
_Static_assert(offsetof(struct cpu_jump, table_root) == 16, "jump.S");
_Static_assert(offsetof(struct cpu_jump, bridge) == 24, "jump.S");
_Static_assert(offsetof(struct cpu_bridge, upper_root) == 0, "jump.S");
_Static_assert(offsetof(struct cpu_bridge, lower_root) == 8, "jump.S");
_Static_assert(offsetof(struct cpu_bridge, code) == 16, "jump.S");
_Static_assert(offsetof(struct cpu_bridge, data) == 24, "jump.S");

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* Subleaf 0: none of the leaves read here has another. */
static struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid out;

    __asm__ volatile("cpuid"
                     : "=a"(out.eax), "=b"(out.ebx), "=c"(out.ecx), "=d"(out.edx)
                     : "a"(leaf), "c"(0));
    return out;
}

static uint64_t read_msr(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return low | (uint64_t)high << 32;
}

static void write_msr(uint32_t number, uint64_t value)
{
    __asm__ volatile("wrmsr" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(number));
}

static void enable_sse(void)
{
    uint64_t cr0, cr4;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("mov %0, %%cr0" : : "r"((cr0 & ~(CR0_EM | CR0_TS)) | CR0_MP));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSFXSR | CR4_OSXMMEXCPT));
}

/* A choice in some firmware's setup. With it CPUID hides NX, and setting EFER.NXE is a fault. Every
 * Intel processor with 64 bits has the register; the kernel does the same on the other processors.
 */
static bool enable_nx(void)
{
    uint64_t misc;

    if (cpuid(0).ebx != VENDOR_INTEL_EBX)
        return false;
    misc = read_msr(MSR_MISC_ENABLE);
    if (misc & MISC_ENABLE_XD_DISABLE)
        write_msr(MSR_MISC_ENABLE, misc & ~MISC_ENABLE_XD_DISABLE);
    return misc & MISC_ENABLE_XD_DISABLE;
}

bool cpu_enable_features(void)
{
    enable_sse();
    return enable_nx();
}

/* Leaves beyond the highest one return the data of another leaf on Intel processors: hence the
 * comparisons. */
void cpu_read_features(struct cpu_features *features)
{
    struct cpuid extended = {0};

    *features = (struct cpu_features){0};
    if (cpuid(0).eax >= 1)
        features->rdrand = cpuid(1).ecx & CPUID_1_ECX_RDRAND;
    if (cpuid(CPUID_EXTENDED).eax >= CPUID_EXTENDED + 1)
        extended = cpuid(CPUID_EXTENDED + 1);
    features->nx = extended.edx & CPUID_EXTENDED_1_EDX_NX;
    features->gib_pages = extended.edx & CPUID_EXTENDED_1_EDX_1GIB;
}

void cpu_read_state(struct bootinfo_cpu_state *state)
{
    __asm__ volatile("mov %%cr0, %0" : "=r"(state->cr0));
    __asm__ volatile("mov %%cr3, %0" : "=r"(state->cr3));
    __asm__ volatile("mov %%cr4, %0" : "=r"(state->cr4));
    state->rflags = __builtin_ia32_readeflags_u64();
    state->efer = read_msr(MSR_EFER);
    state->apic_base = read_msr(MSR_APIC_BASE);
}

void cpu_id(uint32_t leaf, uint32_t regs[4])
{
    bool exists = cpuid(leaf & CPUID_EXTENDED).eax >= leaf;
    struct cpuid found = exists ? cpuid(leaf) : (struct cpuid){0};

    regs[0] = found.eax;
    regs[1] = found.ebx;
    regs[2] = found.ecx;
    regs[3] = found.edx;
}

/* On hardware the port may be anything, and is not touched: as in the kernel's power.c. */
bool cpu_has_debug_exit(void)
{
    return cpuid(1).ecx & CPUID_1_ECX_HYPERVISOR && cpu_inl(DEBUG_EXIT_PORT) == 0;
}

uint64_t cpu_read_tsc(void)
{
    return __builtin_ia32_rdtsc();
}

/* The carry flag shows whether the generator had a number ready (SDM volume 1, 7.3.17.1). */
bool cpu_read_random(uint64_t *value)
{
    for (unsigned i = 0; i < RANDOM_TRIES; i++) {
        bool valid;

        __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(valid));
        if (valid)
            return true;
    }
    return false;
}

uint8_t cpu_inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void cpu_outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

uint32_t cpu_inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

void cpu_outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

void cpu_disable_interrupts(void)
{
    __asm__ volatile("cli" : : : "memory");
}

/* The PCH's reset control register first: a full reset with a power cycle of the processor. Where
 * there is none, writing to the port does nothing, and a triple fault resets all PCs. */
void cpu_reset(void)
{
    cpu_outb(RESET_CONTROL, RESET_CONTROL_COLD);
    for (unsigned i = 0; i < RESET_WAIT; i++)
        __asm__ volatile("pause");
    cpu_triple_fault();
}

/* Whole pages: the extent is mapped in the new tables. */
struct bootinfo_extent cpu_jump_extent(void)
{
    uint64_t base = ALIGN_DOWN((uintptr_t)jump_start, PAGE_SIZE);
    uint64_t end = ALIGN_UP((uintptr_t)jump_end, PAGE_SIZE);

    return (struct bootinfo_extent){.base = base, .size = end - base};
}
