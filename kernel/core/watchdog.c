/* SPDX-License-Identifier: MIT */
/*
 * Watchdog: each processor looks after the next one.
 *
 * Every PERIOD_NS a timer on each processor stores its beat and examines the next processor that
 * takes part, in a ring. Two things count as stuck for WATCHDOG_NS: no beat at all (interrupts are
 * off or the timer is lost), and a program's thread that stays in the kernel without a tick in ring
 * 3 and without a preemption point (a loop that can be interrupted). Either has to be seen twice in
 * a row, since a machine that was stopped and goes on finds every beat old. It only reports: the
 * log line and a backtrace by NMI.
 *
 * `beat_ns` and `stuck_ns` are written by their processor and read by the one before it in the
 * ring; `silent` belongs to that reader.
 */
#include "kernel/core/watchdog.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/core/backtrace.h"
#include "kernel/core/clock.h"
#include "kernel/core/panic.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"

#define PERIOD_NS 2000000000ULL

struct watch {
    struct timer timer;
    uint64_t beat_ns; /* [a] its last sign of life; 0: it does not take part */
    unsigned silent;  /* checks in a row that found it stuck; of the processor that checks */
    /* Its own: what it saw at the last beat, and since when that has been a program in the kernel.
     */
    const struct arch_thread *thread;
    uint64_t user_ticks;
    uint64_t stuck_ns; /* [a] 0: it is not */
};

static PERCPU struct watch watches;

/* An NMI that is not answered either means that the processor is gone, or stopped by the firmware.
 */
static void watchdog_report(unsigned cpu, const char *what)
{
    struct backtrace_cpu state;

    klog("processor %u has not %s for %u s", cpu, what, (unsigned)(WATCHDOG_NS / 1000000000));
    if (backtrace_of_cpu(cpu, &state))
        backtrace_print(&state.trace);
    else
        klog("    and not for an NMI either");
    panic_show_flight(cpu_all[cpu]);
}

static void watchdog_check(unsigned cpu, uint64_t now_ns)
{
    struct watch *watch = percpu_of(watches, cpu);
    uint64_t beat_ns = __atomic_load_n(&watch->beat_ns, __ATOMIC_RELAXED);

    uint64_t stuck_ns = __atomic_load_n(&watch->stuck_ns, __ATOMIC_RELAXED);
    bool silent = now_ns >= beat_ns + WATCHDOG_NS;

    if (!silent && (!stuck_ns || now_ns < stuck_ns + WATCHDOG_NS)) {
        if (watch->silent >= 2)
            klog("processor %u goes on", cpu);
        watch->silent = 0;
    } else if (++watch->silent == 2) {
        watchdog_report(cpu, silent ? "answered" : "left the kernel");
    }
}

/* In ring 3, idle, or in a thread of the kernel's own it may be for as long as it likes. In a long
 * call it passes preemption points, of which the first clears the flag, even where no other thread
 * is there to be switched to. */
static void watchdog_check_self(struct watch *watch, uint64_t now_ns)
{
    const struct cpu *cpu = cpu_self();
    struct arch_thread *thread = cpu->thread;
    bool same = thread == watch->thread && cpu->user_ticks == watch->user_ticks;

    if (!same || !thread || !thread->fpu || (int64_t)cpu->user_ticks < 0 ||
        !(__atomic_load_n(&thread->work, __ATOMIC_RELAXED) & TIF_RESCHED))
        __atomic_store_n(&watch->stuck_ns, 0, __ATOMIC_RELAXED);
    else if (!watch->stuck_ns)
        __atomic_store_n(&watch->stuck_ns, now_ns - PERIOD_NS, __ATOMIC_RELAXED);
    if (thread && thread->fpu)
        arch_thread_add_work(thread, TIF_RESCHED);
    watch->thread = thread;
    watch->user_ticks = cpu->user_ticks;
}

bool watchdog_has_beat(unsigned cpu)
{
    return __atomic_load_n(&percpu_of(watches, cpu)->beat_ns, __ATOMIC_RELAXED) != 0;
}

static void watchdog_beat(struct timer *timer)
{
    unsigned self = cpu_self()->index, next = self;
    uint64_t now_ns = clock_monotonic_ns();

    watchdog_check_self(percpu_of(watches, self), now_ns);
    __atomic_store_n(&percpu_of(watches, self)->beat_ns, now_ns, __ATOMIC_RELAXED);
    /* A processor that does not take part has no beat; the search ends at this one at the latest.
     */
    do
        next = (next + 1) % cpu_count;
    while (!watchdog_has_beat(next));
    if (next != self)
        watchdog_check(next, now_ns);
    timer_start(timer, now_ns + PERIOD_NS);
}

void watchdog_start(void)
{
    struct timer *timer = &percpu_own(watches)->timer;

    timer_init(timer, watchdog_beat);
    watchdog_beat(timer);
}
