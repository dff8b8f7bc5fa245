/* SPDX-License-Identifier: MIT */
/*
 * Start-up of the other processors, one after the other.
 *
 * Intel SDM vol. 3, section 9.4.
 *
 * Protocol of one start. The boot processor fills the trampoline's data block, sets `starting` to
 * the ticket of the new processor, which follows from its APIC id, and sends INIT and two start-up
 * interrupts. The new one comes through the trampoline into cpu_entry and takes `starting` back to
 * 0 by compare-and-exchange: from then on it owns its index. If the boot processor takes it back
 * first, the other halts should it get there later: the ticket is then another one's. One that is
 * so late that the data are another one's finds out before it touches a stack (trampoline.S).
 * smp_answer, from the new processor's idle thread, completes the start.
 *
 * One at a time, because they share the trampoline page, its data and the temporary page table. A
 * processor that answers does so at once, unless it is emulated on a busy host. So all are tried in
 * rounds: a short wait each, then a longer one for those that were silent, until what all silent
 * ones together may take is used up. Many that are dead cost no more than one.
 */
#include "kernel/plat/smp.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/mtrr.h"
#include "kernel/arch/x86_64/paging.h"
#include "kernel/arch/x86_64/percpu.h"
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

#define SILENT_NS                                                                                  \
    10000000000ULL             /* how long all silent processors together are waited for, but ... */
#define FIRST_NS   50000000ULL /* ... each gets that */
#define BEGUN_NS   1000000000ULL /* one that has begun: stopped there, it might hold a lock */
#define LONGER     4             /* the wait of a round, by that of the one before */
#define INIT_NS    10000000ULL   /* INIT to start-up; needed by old hardware only */
#define STARTUP_NS 200000ULL
#define TSC_LOOKS  1000

static void (*cpu_run)(void);
static uint64_t starting; /* [a] ticket of the processor that may come up; 0: none may */
static uint64_t answered; /* [a] that of the one that came up last */

static struct cpu_census census;        /* constant after smp_start */
static uint64_t silent_left_ns;         /* of SILENT_NS */
static struct cpu *made[ACPI_MAX_CPUS]; /* by entry: what was made to start it, at the first try */

static uint64_t tsc_latest; /* [a] the last TSC that a processor saw while one starts */
static bool tsc_warped;     /* [a] another one was behind that */

static unsigned mtrr_fates[MTRR_REFUSED + 1]; /* [a] processors of each */

static uint64_t ticket_of(const struct cpu *cpu)
{
    return cpu->apic_id + 1ULL;
}

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
static COLD void cpu_entry(void *argument)
{
    struct cpu *cpu = argument;
    uint64_t ticket = ticket_of(cpu);

    cr3_write(tables_kernel_root());
    /* Given up already: another processor may have its index by now. */
    if (!__atomic_compare_exchange_n(&starting, &ticket, 0, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        for (;;)
            cpu_halt();
    cpu_init(cpu, cpu->index);
    /* The control registers of the boot processor, before anything relies on SMEP, SMAP or NX here.
     */
    features_enable();
    __atomic_fetch_add(&mtrr_fates[mtrr_copy()], 1, __ATOMIC_RELAXED);
    if (lapic_init_cpu(acpi_info()))
        for (;;)
            cpu_halt();
    for (unsigned i = 0; i < TSC_LOOKS; i++)
        tsc_compare();
    cpu_run();
}

void smp_answer(void)
{
    __atomic_store_n(&answered, ticket_of(cpu_self()), __ATOMIC_RELEASE);
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

static unsigned percpu_order(void)
{
    uint64_t npages = ALIGN_UP((uint64_t)(percpu_end - percpu_begin), PAGE_SIZE) / PAGE_SIZE;
    unsigned order = 0;

    while ((1ULL << order) < npages)
        order++;
    return order;
}

/* The variables of percpu.h, as zeros. False: no memory. */
static bool percpu_make(struct cpu *cpu)
{
    struct frame *frame = pmm_alloc(percpu_order(), PMM_ZERO);

    if (!frame)
        return false;
    cpu->percpu_offset = (uint64_t)frame_address(frame) - (uint64_t)percpu_begin;
    return true;
}

static void cpu_free(struct cpu *cpu)
{
    if (cpu->kernel_rsp)
        kstack_destroy((void *)cpu->kernel_rsp);
    for (unsigned i = 1; i <= CPU_IST_COUNT; i++)
        if (cpu->ist_top[i])
            kstack_destroy((void *)cpu->ist_top[i]);
    if (cpu->percpu_offset)
        pmm_free(frame_from_address((void *)((uint64_t)percpu_begin + cpu->percpu_offset)),
                 percpu_order());
    kfree(cpu);
}

/* IST stacks come from the guarded kernel stacks, as on the boot processor. */
static struct cpu *cpu_make(uint32_t apic_id)
{
    struct cpu *cpu = kzalloc(sizeof(*cpu));
    bool good = cpu && percpu_make(cpu);

    for (unsigned i = 0; good && i <= CPU_IST_COUNT; i++) {
        void *top = kstack_create();

        good = top != NULL;
        if (good && i)
            cpu_set_ist(cpu, (enum cpu_ist)i, (uint64_t)top);
        else if (good)
            cpu_set_kernel_stack(cpu, (uint64_t)top);
    }
    if (!good) {
        if (cpu)
            cpu_free(cpu);
        return NULL;
    }
    cpu->apic_id = apic_id;
    return cpu;
}

/* Each look compares the TSC, which is what the wait is used for. */
static NOINLINE bool wait_for_answer(const struct cpu *cpu, uint64_t ns)
{
    uint64_t deadline = clock_monotonic_ns() + ns;

    while (clock_monotonic_ns() < deadline) {
        tsc_compare();
        if (__atomic_load_n(&answered, __ATOMIC_ACQUIRE) == ticket_of(cpu))
            return true;
    }
    return false;
}

/* Two start-up interrupts, after the INIT that all have got (Intel SDM vol. 3, 9.4.4.1). One that
 * begins at the last moment gets all the time that is left, since it cannot be tried again. */
static bool cpu_answers(const struct cpu *cpu, const struct smp_options *options, uint64_t ns)
{
    uint64_t ticket = ticket_of(cpu);
    uint8_t page = (uint8_t)(options->trampoline >> PAGE_SHIFT);

    if (options->is_mute(cpu->apic_id)) /* nor does it in a later round, should it be late */
        return wait_for_answer(cpu, ns);
    __atomic_store_n(&starting, ticket, __ATOMIC_SEQ_CST);
    for (unsigned tries = 0; tries < 2; tries++) {
        if (options->late_apic_id <= UINT32_MAX && options->late_apic_id != cpu->apic_id)
            lapic_send_startup((uint32_t)options->late_apic_id, page);
        lapic_send_startup(cpu->apic_id, page);
        if (wait_for_answer(cpu, tries ? ns : STARTUP_NS))
            return true;
    }
    if (__atomic_compare_exchange_n(&starting, &ticket, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return false;
    return wait_for_answer(cpu, MAX(silent_left_ns, BEGUN_NS));
}

/* Where it did not come up, what it was given stays its own: it may be using it. */
static enum cpu_fate cpu_start(struct cpu *cpu, const struct smp_options *options, uint64_t ns)
{
    uint64_t trampoline = options->trampoline;
    struct trampoline_data *data = address(trampoline + TRAMPOLINE_DATA_OFFSET);

    cpu->index = census.running;
    cpu_add(cpu);
    *data = (struct trampoline_data){
        .cr3 = (uint32_t)(trampoline + PAGE_SIZE),
        .efer = (uint32_t)(EFER_LME | (features.nx ? EFER_NXE : 0)),
        .entry = (uint64_t)cpu_entry,
        .argument = (uint64_t)cpu,
        .apic_id = lapic_registers ? (uint64_t)lapic_registers + LAPIC_REGISTER_ID : 0,
        .intel = !strcmp(features.vendor, "GenuineIntel"),
    };
    if (cpu_answers(cpu, options, ns)) {
        if (data->nx_off)
            klog("processor %u: execute-disable was off (MSR 1A0h), is on now", cpu->apic_id);
        return CPU_FATE_RUNS;
    }
    lapic_send_init(cpu->apic_id); /* if it is late, it must not read what the next one is given */
    return CPU_FATE_SILENT;
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

static const struct ipi_ops ops = {.send = smp_send, .send_nmi = smp_send_nmi};

static enum cpu_fate entry_decide(const struct acpi_info *info, uint32_t i,
                                  const struct smp_options *options)
{
    const struct cpu_limits limits = {
        .supported = CPU_MAX,
        .wanted = (unsigned)MIN(options->max_cpus, (uint64_t)ACPI_MAX_CPUS),
        .x2apic = lapic_is_x2apic(),
    };

    return cpu_census_decide(&census, &limits, info->cpus[i].apic_id);
}

/* One try at an entry that is not known to run. */
static enum cpu_fate entry_start(const struct acpi_info *info, uint32_t i,
                                 const struct smp_options *options, uint64_t ns)
{
    enum cpu_fate fate = entry_decide(info, i, options);

    if (fate != CPU_FATE_RUNS)
        return fate;
    if (!made[i])
        made[i] = cpu_make(info->cpus[i].apic_id);
    return made[i] ? cpu_start(made[i], options, ns) : CPU_FATE_MEMORY;
}

/* All at once, so that its wait comes once. Some firmware has left them running in a loop:
 * emulated, those would take the time away from the one that is started. */
static void all_init(const struct acpi_info *info, const struct smp_options *options)
{
    for (uint32_t i = 0; i < info->ncpus; i++)
        if (census.fates[i] == CPU_FATE_SILENT && entry_decide(info, i, options) == CPU_FATE_RUNS)
            lapic_send_init(info->cpus[i].apic_id);
    wait_ns(features.hypervisor ? STARTUP_NS : INIT_NS);
}

/* Every enabled entry that may be started, one after the other; in the first round whatever time is
 * left. False: there is nothing more to be tried, or no time. */
static bool round_start(const struct acpi_info *info, const struct smp_options *options,
                        uint64_t ns)
{
    bool first = ns == FIRST_NS, again = false;

    all_init(info, options);
    for (uint32_t i = 0; i < info->ncpus && (first || silent_left_ns); i++) {
        uint64_t began = clock_monotonic_ns();

        if (census.fates[i] != CPU_FATE_SILENT)
            continue;
        census.fates[i] =
            (uint8_t)entry_start(info, i, options, first ? ns : MIN(ns, silent_left_ns));
        census.running += census.fates[i] == CPU_FATE_RUNS;
        if (census.fates[i] != CPU_FATE_SILENT)
            continue;
        silent_left_ns -= MIN(clock_monotonic_ns() - began, silent_left_ns);
        again = true;
    }
    return again && silent_left_ns;
}

static void others_start(const struct acpi_info *info, const struct smp_options *options)
{
    silent_left_ns = SILENT_NS;
    cpu_expect((unsigned)MIN(options->max_cpus, (uint64_t)census.enabled + 1));
    for (uint64_t ns = FIRST_NS; round_start(info, options, ns); ns *= LONGER)
        ;
    for (uint32_t i = 0; i < info->ncpus; i++) {
        /* One that is late may have begun meanwhile: no NMI shall reach it where it waits. */
        if (census.fates[i] == CPU_FATE_SILENT)
            lapic_send_init(info->cpus[i].apic_id);
        if (cpu_census_fault(census.fates[i]))
            klog("processor %u %s: left out", info->cpus[i].apic_id,
                 cpu_census_fault(census.fates[i]));
    }
}

COLD const struct cpu_census *smp_start(const struct acpi_info *info,
                                        const struct smp_options *options)
{
    struct frame *frames[3] = {0};
    uint64_t trampoline = options->trampoline;
    bool begun;

    cpu_run = options->run;
    memset(made, 0, sizeof(made));
    cpu_boot.apic_id = lapic_id();
    cpu_census_begin(&census, info, cpu_boot.apic_id);
    irq_set_handler(ARCH_VECTOR_CALL, call_handler);
    ipi_set_ops(&ops);
    if (info->ncpus < 2)
        return &census;
    mtrr_save();
    /* The page below 1 MiB that the loader has kept free for this. */
    if (trampoline)
        memcpy(address(trampoline), trampoline_begin, (size_t)(trampoline_end - trampoline_begin));
    begun = trampoline && tables_make(trampoline, frames);
    if (begun)
        others_start(info, options);
    else
        klog("processors: no memory below 1 MiB, or for tables: the others cannot be started");
    /* They stay where a processor may still come. */
    for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
        if (frames[i] && !(begun && cpu_census_count(&census, CPU_FATE_SILENT)))
            pmm_free(frames[i], 0);
    if (mtrr_fates[MTRR_COPIED] || mtrr_fates[MTRR_REFUSED])
        klog("processors: %u had other memory types (MTRRs) than the first, and have its now; "
             "%u do not take them all",
             mtrr_fates[MTRR_COPIED], mtrr_fates[MTRR_REFUSED]);
    if (tsc_warped) {
        klog("clock: the TSCs of the processors differ: time is held back where it would go back");
        clock_distrust();
    }
    klog("processors: %u of %u run", census.running, census.enabled);
    return &census;
}
