/* SPDX-License-Identifier: MIT */
/*
 * Start-up of the other processors, one after the other.
 *
 * Intel SDM vol. 3, section 9.4.
 *
 * Protocol of one start. The boot processor fills the trampoline's data block, sets `starting` to
 * the index of the new processor and sends INIT and two start-up interrupts. The new one comes
 * through the trampoline into cpu_entry and takes `starting` back to 0 by compare-and-exchange:
 * from then on it owns the index. If the boot processor takes it back first, the other halts for
 * good should it ever get there, since its structures are not reused. smp_answer, from the new
 * processor's idle thread, completes the start.
 *
 * One at a time, because they share the trampoline page, its data and the temporary page table.
 */
#include "kernel/plat/smp.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/trampoline.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/irq.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/tables.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/acpi.h"
#include "kernel/plat/lapic.h"

#define ANSWER_NS  10000000000ULL /* how long a processor may take to appear: it may be emulated */
#define INIT_NS    10000000ULL    /* INIT to start-up; needed by old hardware only */
#define STARTUP_NS 200000ULL
#define TSC_LOOKS  1000

static void (*cpu_run)(void);
static uint32_t starting; /* [a] index of the processor that may come up; 0: none may */
static uint32_t answered; /* [a] index of the processor that came up last */

static uint64_t tsc_latest; /* [a] the last TSC that a processor saw while one starts */
static bool tsc_warped;     /* [a] another one was behind that */

static void *address(uint64_t physical)
{
    return (void *)(DIRECT_BASE + physical);
}

/* Interrupts may be on: nothing here depends on an exact time. */
static void wait_ns(uint64_t ns)
{
    uint64_t end = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < end)
        cpu_pause();
}

/* One look at the TSC, compared with the latest of all processors. Both sides look while a
 * processor starts: a TSC that is behind the latest look of another one would make time go back
 * between processors. */
static void tsc_compare(void)
{
    uint64_t latest = __atomic_load_n(&tsc_latest, __ATOMIC_ACQUIRE);
    uint64_t now = tsc_read_ordered();

    if (now < latest)
        __atomic_store_n(&tsc_warped, true, __ATOMIC_RELAXED);
    else
        __atomic_compare_exchange_n(&tsc_latest, &latest, now, false, __ATOMIC_RELEASE,
                                    __ATOMIC_RELAXED);
}

/* The first C code of a new processor: on the kernel's tables and its own stack from here on. */
static void cpu_entry(void *argument)
{
    struct cpu *cpu = argument;
    uint32_t index = cpu->index;

    cr3_write(tables_kernel_root());
    /* Given up already: another processor may have its index by now. */
    if (!__atomic_compare_exchange_n(&starting, &index, 0, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        for (;;)
            cpu_halt();
    cpu_init(cpu, cpu->index);
    /* The control registers of the boot processor, before anything relies on SMEP, SMAP or NX here.
     */
    features_enable();
    if (lapic_init_cpu(acpi_info()))
        for (;;)
            cpu_halt();
    for (unsigned i = 0; i < TSC_LOOKS; i++)
        tsc_compare();
    cpu_run();
}

void smp_answer(void)
{
    __atomic_store_n(&answered, cpu_self()->index, __ATOMIC_RELEASE);
}

/* A top-level table below 1 MiB: the kernel half, and the first page of the trampoline mapped at
 * its own address. The three tables below it may lie anywhere; *frames are they. CR3 of a processor
 * in 32-bit mode has 32 bits: the root must lie below 4 GiB, and the page next to the trampoline
 * does. The kernel half is copied, so that the jump to the kernel needs no second switch. */
static bool tables_make(uint64_t trampoline, struct frame *frames[3])
{
    uint64_t *root = address(trampoline + PAGE_SIZE);
    uint64_t *table = root;

    memcpy(root, paging_table(tables_kernel_root()), PAGE_SIZE);
    for (unsigned level = 4; level > 1; level--) {
        struct frame *frame = pmm_alloc(0, PMM_ZERO);

        if (!frame)
            return false;
        frames[4 - level] = frame;
        table[paging_index(trampoline, level)] = frame_physical(frame) | PTE_PRESENT | PTE_WRITE;
        table = frame_address(frame);
    }
    table[paging_index(trampoline, 1)] = trampoline | PTE_PRESENT;
    return true;
}

static void cpu_free(struct cpu *cpu)
{
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++)
        if (cpu->ist_top[i])
            kstack_destroy((void *)cpu->ist_top[i]);
    kfree(cpu);
}

/* IST stacks come from the guarded kernel stacks, as on the boot processor. */
static struct cpu *cpu_make(unsigned index, uint32_t apic_id)
{
    struct cpu *cpu = kzalloc(sizeof(*cpu));

    if (!cpu)
        return NULL;
    cpu->index = index;
    cpu->apic_id = apic_id;
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++) {
        void *top = kstack_create();

        if (!top) {
            cpu_free(cpu);
            return NULL;
        }
        cpu_set_ist(cpu, (enum cpu_ist)i, (uint64_t)top);
    }
    return cpu;
}

/* Each round compares the TSC, which is what the wait is used for. */
static bool wait_for_answer(uint32_t index, uint64_t ns)
{
    uint64_t deadline = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < deadline) {
        tsc_compare();
        if (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) == index)
            return true;
    }
    return false;
}

/* INIT, then two start-up interrupts (Intel SDM vol. 3, 9.4.4.1). One that begins at the last
 * moment gets the time once more. */
static bool cpu_answers(const struct cpu *cpu, uint64_t trampoline)
{
    uint32_t index = cpu->index;

    __atomic_store_n(&starting, index, __ATOMIC_SEQ_CST);
    lapic_send_init(cpu->apic_id);
    wait_ns(features.hypervisor ? STARTUP_NS : INIT_NS);
    for (unsigned tries = 0; tries < 2; tries++) {
        lapic_send_startup(cpu->apic_id, (uint8_t)(trampoline >> PAGE_SHIFT));
        if (wait_for_answer(index, tries ? ANSWER_NS : STARTUP_NS))
            return true;
    }
    if (__atomic_compare_exchange_n(&starting, &index, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return false;
    return wait_for_answer(cpu->index, ANSWER_NS);
}

/* False: it did not come up. What it was given stays its own: it may be using it. */
static bool cpu_start(unsigned index, uint32_t apic_id, uint64_t trampoline)
{
    struct trampoline_data *data = address(trampoline + TRAMPOLINE_DATA_OFFSET);
    struct cpu *cpu = cpu_make(index, apic_id);
    void *stack = cpu ? kstack_create() : NULL;

    if (!stack) {
        if (cpu)
            cpu_free(cpu);
        klog("processor %u: not enough memory to start it", apic_id);
        return false;
    }
    cpu_set_kernel_stack(cpu, (uint64_t)stack);
    *data = (struct trampoline_data){
        .cr3 = (uint32_t)(trampoline + PAGE_SIZE),
        .efer = (uint32_t)(EFER_LME | (features.nx ? EFER_NXE : 0)),
        .stack = (uint64_t)stack,
        .entry = (uint64_t)cpu_entry,
        .argument = (uint64_t)cpu,
        .intel = !strcmp(features.vendor, "GenuineIntel"),
    };
    if (cpu_answers(cpu, trampoline)) {
        if (data->nx_off)
            klog("processor %u: execute-disable was off (MSR 1A0h), is on now", apic_id);
        return true;
    }
    lapic_send_init(apic_id); /* if it is late, it must not read what the next one is given */
    klog("processor %u: does not answer: left out", apic_id);
    return false;
}

static void smp_send(unsigned cpu, unsigned vector)
{
    lapic_send(cpu_all[cpu]->apic_id, vector);
}

static void smp_send_nmi(unsigned cpu)
{
    lapic_send_nmi(cpu_all[cpu]->apic_id);
}

static void call_handler(void)
{
    lapic_eoi();
    ipi_service();
}

static const struct ipi_ops ops = {
    .send = smp_send, .send_nmi = smp_send_nmi, .stop_others = lapic_stop_others};

unsigned smp_start(const struct acpi_info *info, uint64_t trampoline, unsigned max_cpus,
                   void (*run)(void))
{
    struct frame *frames[3] = {0};
    unsigned count = 1;

    cpu_run = run;
    cpu_boot.apic_id = lapic_id();
    irq_set_handler(ARCH_VECTOR_CALL, call_handler);
    ipi_set_ops(&ops);
    if (!trampoline || info->ncpus < 2 || max_cpus < 2)
        return count;
    /* The page below 1 MiB that the loader has kept free for this. */
    memcpy(address(trampoline), trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
    if (tables_make(trampoline, frames)) {
        for (uint32_t i = 0; i < info->ncpus && count < MIN(max_cpus, (unsigned)CPU_MAX); i++) {
            const struct acpi_cpu *found = &info->cpus[i];

            if (found->enabled && found->apic_id != cpu_boot.apic_id &&
                cpu_start(count, found->apic_id, trampoline))
                count++;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
        if (frames[i])
            pmm_free(frames[i], 0);
    if (tsc_warped) {
        klog("clock: the TSCs of the processors differ: time is held back where it would go back");
        clock_distrust();
    }
    klog("processors: %u of %u run", count, info->ncpus);
    return count;
}
