/* SPDX-License-Identifier: MIT */
/*
 * Machine checks: banks polled, errors counted, and the exception.
 *
 * A corrected error raises no exception here (CMCI stays masked), so each processor has a timer
 * that reads its banks. An uncorrected one comes as exception 18, which many machines send to all
 * processors at once: the one whose bank holds the error panics and stops the others by NMI. Those
 * that find nothing in their own banks wait for that, and panic themselves if it does not come.
 */
#include "kernel/plat/mca.h"

#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/panic.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"

#define PEER_S 5 /* how long the one that has the error may take to say so; it may be emulated */

static PERCPU struct timer poll_timer;

static struct {
    unsigned count;          /* [a] errors since start-up */
    struct mca_record first; /* of the one that made the count 1 */
} errors;

static COLD void mca_note(const struct mca_record *record, bool is_old)
{
    char text[MCA_TEXT_SIZE];

    mca_format(record, text, sizeof(text));
    if (is_old) {
        klog("machine check from before this start: %s", text);
        return;
    }
    if (mca_is_uncorrected(record))
        panic("machine check, uncorrected: %s", text);
    if (__atomic_fetch_add(&errors.count, 1, __ATOMIC_RELAXED) == 0)
        errors.first = *record;
    klog("machine check, corrected: %s", text);
}

/* Interrupts off: one look at a time on each processor. */
static NOINLINE void banks_poll(bool is_old)
{
    unsigned count = mca_banks_count();
    struct mca_record record;

    for (unsigned bank = 0; bank < count; bank++) {
        if (!mca_bank_read(bank, &record))
            continue;
        mca_bank_clear(bank);
        record.cpu = cpu_self()->index;
        mca_note(&record, is_old);
    }
}

static void poll_rings(struct timer *timer)
{
    banks_poll(false);
    timer_start(timer, clock_monotonic_ns() + MCA_POLL_NS);
}

COLD void mca_join(void)
{
    uint64_t flags;

    if (!mca_banks_count())
        return;
    flags = irq_save();
    /* Before they are enabled: nothing of this boot is taken for something older. */
    banks_poll(true);
    mca_banks_enable();
    timer_init(percpu_own(poll_timer), poll_rings);
    timer_start(percpu_own(poll_timer), clock_monotonic_ns() + MCA_POLL_NS);
    irq_restore(flags);
}

static void poll_now(void *argument)
{
    uint64_t flags = irq_save();

    (void)argument;
    banks_poll(false);
    irq_restore(flags);
}

COLD unsigned mca_take_all(struct mca_record *first)
{
    ipi_call_all(poll_now, NULL);
    *first = errors.first;
    return __atomic_load_n(&errors.count, __ATOMIC_RELAXED);
}

/* Exception 18, on its own stack. What follows cannot be trusted, so nothing is resumed, even where
 * the processor says that it could be. */
COLD void hook_machine_check(const struct trap_frame *frame)
{
    unsigned count = mca_banks_count();
    uint64_t end = tsc_read() + PEER_S * clock_tsc_hz();
    struct mca_record record;
    char text[MCA_TEXT_SIZE];

    for (unsigned bank = 0; bank < count; bank++) {
        if (!mca_bank_read(bank, &record) || !mca_is_uncorrected(&record))
            continue;
        record.cpu = cpu_self()->index;
        mca_format(&record, text, sizeof(text));
        panic("machine check at %llx: %s", (unsigned long long)frame->rip, text);
    }
    while (tsc_read() < end)
        cpu_pause();
    panic("machine check at %llx: processor %u, and no bank of it says why",
          (unsigned long long)frame->rip, cpu_self()->index);
}
