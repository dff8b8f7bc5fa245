/* SPDX-License-Identifier: MIT */
/*
 * The local APIC, behind two sets of registers.
 *
 * Registers: Intel SDM vol. 3, chapter 11. Offsets are those of the xAPIC page; x2APIC has the
 * same registers as MSRs, one for each 16 bytes.
 */
#include "kernel/plat/lapic.h"

#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/io.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/klog.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/plat/lapic_math.h"
#include "shared/linux/errno.h"

enum lapic_register {
    REG_ID = LAPIC_REGISTER_ID,
    REG_VERSION = 0x030,
    REG_TPR = 0x080,
    REG_EOI = LAPIC_REGISTER_EOI,
    REG_SPURIOUS = 0x0f0,
    REG_ISR = 0x100, /* eight registers, 16 bytes apart */
    REG_ERROR = 0x280,
    REG_LVT_CMCI = 0x2f0,
    REG_ICR_LOW = 0x300,
    REG_ICR_HIGH = 0x310,
    REG_LVT_TIMER = 0x320,
    REG_LVT_THERMAL = 0x330,
    REG_LVT_PERF = 0x340,
    REG_LVT_LINT0 = 0x350,
    REG_LVT_LINT1 = 0x360,
    REG_LVT_ERROR = 0x370,
    REG_TIMER_INITIAL = 0x380,
    REG_TIMER_CURRENT = 0x390,
    REG_TIMER_DIVIDE = 0x3e0,
};

#define ICR_NMI     (4u << 8)
#define ICR_INIT    (5u << 8)
#define ICR_STARTUP (6u << 8)
#define ICR_PENDING (1u << 12)
#define ICR_ASSERT  (1u << 14)
#define ICR_POLLS   1000000u /* bound of the wait for the one before */

#define LVT_MASKED        (1u << 16)
#define LVT_NMI           (4u << 8)
#define LVT_TSC_DEADLINE  (2u << 17)
#define SPURIOUS_ENABLE   (1u << 8)
#define TIMER_DIVIDE_BY16 3u

#define APIC_BASE_ADDRESS 0x000ffffffffff000ULL

#define CPUID_APIC         (1u << 9)  /* leaf 1, EDX */
#define CPUID_TSC_DEADLINE (1u << 24) /* leaf 1, ECX */

#define CALIBRATE_NS    150000u /* one round */
#define ROUNDS_AGREE    3       /* in a row */
#define ROUNDS_MAX      100
#define SAMPLES         4
#define CALIBRATE_READS 1000000u /* bound of the wait, should the TSC stand still */

/* NULL: x2APIC. One mode for all processors, so one variable. */
volatile uint32_t *lapic_registers;

/* Constant after lapic_init, like the scale. */
static bool use_deadline;
static uint64_t counter_hz;      /* 0: the timer is the TSC's deadline */
static struct lapic_scale scale; /* nanoseconds to TSC ticks, or to ticks of the APIC's counter */

static uint32_t lapic_read(uint32_t offset)
{
    if (lapic_registers)
        return lapic_registers[offset / 4];
    return (uint32_t)msr_read(MSR_X2APIC_BASE + offset / 16);
}

static void lapic_write(uint32_t offset, uint32_t value)
{
    if (lapic_registers)
        lapic_registers[offset / 4] = value;
    else
        msr_write(MSR_X2APIC_BASE + offset / 16, value);
}

/* The old interrupt controllers would deliver on vectors of their own, some of them exceptions.
 * Masked even where the MADT is missing: then the interrupt controllers of the PC are assumed. */
static void pic_mask(const struct acpi_info *info)
{
    if (info->madt && !info->legacy_pic)
        return;
    io_out8(0x21, 0xff);
    io_out8(0xa1, 0xff);
}

/* Other processors take the mode of the first. */
static void mode_follow(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;

    msr_write(MSR_APIC_BASE, base);
    if (!lapic_registers && !(base & APIC_BASE_X2APIC))
        msr_write(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
}

/* Turns the APIC on if the firmware left it off, and finds its registers. The mode stays. The mode
 * that firmware chose stays: from x2APIC there is no way back without a reset, and interrupt
 * remapping may depend on it. */
static int registers_find(void)
{
    uint64_t base;

    if (!(cpuid_query(1, 0).edx & CPUID_APIC))
        return -ENODEV;
    base = msr_read(MSR_APIC_BASE);
    if (!(base & APIC_BASE_ENABLE)) {
        base |= APIC_BASE_ENABLE;
        msr_write(MSR_APIC_BASE, base);
    }
    lapic_registers = NULL;
    if (base & APIC_BASE_X2APIC)
        return 0;
    lapic_registers = (volatile uint32_t *)ioremap(base & APIC_BASE_ADDRESS, 4096, WINDOW_UNCACHED);
    return lapic_registers ? 0 : -ENODEV;
}

/* xAPIC has the identity in the upper 8 bits, x2APIC in all 32. */
uint32_t lapic_id(void)
{
    uint32_t id = lapic_read(REG_ID);

    return lapic_registers ? id >> 24 : id;
}

/* The mode that the firmware left on. */
bool lapic_is_x2apic(void)
{
    return !lapic_registers;
}

/* The errors since the last call. */
uint32_t lapic_error_clear(void)
{
    lapic_write(REG_ERROR, 0); /* a write makes the register show what has gathered */
    return lapic_read(REG_ERROR);
}

/* The pins that ACPI names as non-maskable for this processor. */
static void nmi_pins_set(const struct acpi_info *info)
{
    uint32_t id = lapic_id(), uid = ACPI_UID_ALL;

    for (uint32_t i = 0; i < info->ncpus; i++) {
        if (info->cpus[i].apic_id == id)
            uid = info->cpus[i].uid;
    }
    for (uint32_t i = 0; i < info->nnmis; i++) {
        const struct acpi_nmi *nmi = &info->nmis[i];

        if (nmi->uid == ACPI_UID_ALL || nmi->uid == uid)
            lapic_write(nmi->lint ? REG_LVT_LINT1 : REG_LVT_LINT0, LVT_NMI);
    }
}

/* Registers of later APICs exist only up to the number of entries in the version register. */
static void local_sources_mask(void)
{
    uint32_t last = (lapic_read(REG_VERSION) >> 16) & 0xff;

    lapic_write(REG_LVT_TIMER, LVT_MASKED);
    lapic_write(REG_LVT_LINT0, LVT_MASKED);
    lapic_write(REG_LVT_LINT1, LVT_MASKED);
    /* The version register holds the highest entry's index; timer, LINT0 and LINT1 always exist. */
    if (last >= 4)
        lapic_write(REG_LVT_PERF, LVT_MASKED);
    if (last >= 5)
        lapic_write(REG_LVT_THERMAL, LVT_MASKED);
    if (last >= 6)
        lapic_write(REG_LVT_CMCI, LVT_MASKED);
}

/* Interrupts that the firmware took and never acknowledged would hold back all of lower vectors. */
static void leftovers_acknowledge(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t pending = 0;

        for (uint32_t reg = 0; reg < 8; reg++)
            pending |= lapic_read(REG_ISR + reg * 16);
        if (!pending)
            return;
        lapic_write(REG_EOI, 0);
    }
}

/* A reading of the counter, and the TSC in the middle of the access that brought it. */
struct sample {
    uint64_t tsc;
    uint64_t width; /* TSC ticks that the access took */
    uint32_t count;
};

/* The quickest of a few: the first access of its kind can be much slower than the next. */
static struct sample counter_sample(void)
{
    struct sample best = {.width = UINT64_MAX};

    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t before = tsc_read();
        uint32_t count = lapic_read(REG_TIMER_CURRENT);
        uint64_t width = tsc_read() - before;

        if (width < best.width)
            best = (struct sample){.tsc = before + width / 2, .width = width, .count = count};
    }
    return best;
}

/* Ticks a second between two samples; 0 if one of the clocks stood still. Both are taken the same
 * way, so that what a slow access adds cancels out. */
static uint64_t counter_rate(const struct sample *start, const struct sample *end, uint64_t tsc_hz)
{
    if (end->tsc == start->tsc)
        return 0;
    return (start->count - end->count) * tsc_hz / (end->tsc - start->tsc);
}

static bool rates_agree(uint64_t one, uint64_t other)
{
    return (one > other ? one - other : other - one) <= one / 32;
}

/* Ticks a second of the counter, against the TSC; 0 if one of them stands still. Rounds in a row
 * have to agree, as in tsc_measure.c: a host may stop the machine between two reads. Where they
 * never do, all of them together are the best there is. */
static uint64_t counter_measure(uint64_t tsc_hz)
{
    uint64_t wait = (tsc_hz + 500000) / 1000000 * (CALIBRATE_NS / 1000), before = 0;
    struct sample begin, first, last;
    unsigned run = 0;

    lapic_write(REG_TIMER_INITIAL, 0xffffffffu); /* the timer is masked */
    begin = first = last = counter_sample();
    for (unsigned round = 0; round < ROUNDS_MAX && run < ROUNDS_AGREE; round++) {
        struct sample start = last;
        uint64_t hz;

        for (uint32_t i = 0; i < CALIBRATE_READS && tsc_read() - start.tsc < wait; i++)
            ;
        last = counter_sample();
        hz = counter_rate(&start, &last, tsc_hz);
        if (!run || !rates_agree(hz, before)) {
            run = hz != 0;
            first = start;
        } else {
            run++;
        }
        before = hz;
    }
    lapic_write(REG_TIMER_INITIAL, 0);
    return counter_rate(run == ROUNDS_AGREE ? &first : &begin, &last, tsc_hz);
}

/* TSC-deadline mode ignores the divider. */
static void timer_mode_set(void)
{
    lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY16);
    lapic_write(REG_LVT_TIMER, (use_deadline ? LVT_TSC_DEADLINE : 0) | ARCH_VECTOR_TIMER);
    /* In xAPIC mode the store above and the deadline's MSR are not ordered by themselves. */
    __asm__ volatile("mfence" ::: "memory");
}

/* TSC deadline where CPUID has it: no calibration and no division at every timer. Else the counter
 * is measured against the TSC once; all processors share its rate. -ENODEV: no way to measure the
 * counter. */
static int timer_setup(uint64_t tsc_hz)
{
    uint64_t hz, tenths;

    use_deadline = cpuid_query(1, 0).ecx & CPUID_TSC_DEADLINE;
    if (use_deadline) {
        timer_mode_set();
        scale = lapic_scale_make(tsc_hz, UINT64_MAX >> 1);
        return 0;
    }
    lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY16);
    hz = counter_hz = counter_measure(tsc_hz);
    /* One of the two counters stands still. */
    if (!hz)
        return -ENODEV;
    scale = lapic_scale_make(hz, 0xffffffffu);
    timer_mode_set();
    tenths = (hz + 50000) / 100000;
    klog("lapic: the timer counts at %lu.%lu MHz", tenths / 10, tenths % 10);
    return 0;
}

/* Every source is masked before the APIC is enabled by the spurious register; a leftover of the
 * firmware then finds a handler for its vector or is acknowledged. */
static COLD void local_setup(const struct acpi_info *info)
{
    local_sources_mask();
    lapic_write(REG_TPR, 0);
    lapic_write(REG_SPURIOUS, SPURIOUS_ENABLE | ARCH_VECTOR_SPURIOUS);
    lapic_error_clear();
    lapic_write(REG_LVT_ERROR, ARCH_VECTOR_ERROR);
    leftovers_acknowledge();
    nmi_pins_set(info);
}

COLD int lapic_init(const struct acpi_info *info, uint64_t tsc_hz)
{
    int err;

    pic_mask(info);
    err = registers_find();
    if (err)
        return err;
    local_setup(info);
    return timer_setup(tsc_hz);
}

/* The rate of the counter is that of the first processor. */
int lapic_init_cpu(const struct acpi_info *info)
{
    mode_follow();
    local_setup(info);
    timer_mode_set();
    return 0;
}

/* In xAPIC mode the command is two stores, the destination first; the wait is bounded because the
 * delivery status may never clear on broken hardware. In x2APIC mode it is one MSR and needs no
 * wait. */
static void icr_write(uint32_t apic_id, uint32_t command)
{
    if (!lapic_registers) {
        msr_write(MSR_X2APIC_BASE + REG_ICR_LOW / 16, (uint64_t)apic_id << 32 | command);
        return;
    }
    /* In xAPIC mode a command may be overwritten while it is still being delivered. */
    for (uint32_t i = 0; i < ICR_POLLS && (lapic_read(REG_ICR_LOW) & ICR_PENDING); i++)
        ;
    /* Eight bits: a longer id would reach another processor than the one that is meant. */
    ASSERT(apic_id <= 0xff);
    lapic_write(REG_ICR_HIGH, apic_id << 24);
    lapic_write(REG_ICR_LOW, command);
}

/* The two halves of the register belong together: no interrupt may send in between. */
static void icr_send(uint32_t apic_id, uint32_t command)
{
    uint64_t flags = irq_save();

    icr_write(apic_id, command | ICR_ASSERT);
    irq_restore(flags);
}

void lapic_send(uint32_t apic_id, unsigned vector)
{
    icr_send(apic_id, vector);
}

void lapic_send_init(uint32_t apic_id)
{
    icr_send(apic_id, ICR_INIT);
}

/* The vector of a start-up interrupt is a page number below 1 MiB: execution begins there in real
 * mode. */
void lapic_send_startup(uint32_t apic_id, uint8_t page)
{
    icr_send(apic_id, ICR_STARTUP | page);
}

void lapic_send_nmi(uint32_t apic_id)
{
    icr_send(apic_id, ICR_NMI);
}

const char *lapic_description(void)
{
    if (lapic_registers)
        return use_deadline ? "xAPIC, TSC deadline" : "xAPIC, counting timer";
    return use_deadline ? "x2APIC, TSC deadline" : "x2APIC, counting timer";
}

/* Zero would mean "stop" in both modes: the scale never yields it. */
void lapic_timer_oneshot_ns(uint64_t ns)
{
    uint64_t ticks = lapic_scale_ticks(&scale, ns);

    if (use_deadline)
        msr_write(MSR_TSC_DEADLINE, tsc_read() + ticks);
    else
        lapic_write(REG_TIMER_INITIAL, (uint32_t)ticks);
}

void lapic_timer_stop(void)
{
    /* A deadline in the past fires at once, so the two reads need not be one. */
    if (use_deadline)
        msr_write(MSR_TSC_DEADLINE, 0);
    else
        lapic_write(REG_TIMER_INITIAL, 0);
}

/* The interrupt that is set at once finds out what is due and asks for the next one. */
COLD uint64_t lapic_timer_measure(uint64_t tsc_hz, uint64_t *start_hz)
{
    uint64_t flags, hz;

    *start_hz = counter_hz;
    if (use_deadline)
        return 0;
    flags = irq_save();
    lapic_write(REG_LVT_TIMER, LVT_MASKED);
    hz = counter_measure(tsc_hz);
    timer_mode_set();
    lapic_timer_oneshot_ns(0);
    irq_restore(flags);
    return hz;
}
