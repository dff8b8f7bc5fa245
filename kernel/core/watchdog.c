/* SPDX-License-Identifier: MIT */
#include "kernel/core/watchdog.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/core/backtrace.h"
#include "kernel/core/clock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/klog.h"

#define PERIOD_NS 2000000000ULL

struct watch {
    struct timer timer;
    uint64_t beat_ns; /* [a] its last sign of life; 0: it does not take part */
    unsigned silent;  /* looks at it in a row that found it silent; of who looks after it */
};

static struct watch watches[CPU_MAX];

static void tell(unsigned cpu)
{
    struct backtrace_cpu state;

    klog("processor %u has not answered for %u s", cpu, (unsigned)(WATCHDOG_NS / 1000000000));
    if (backtrace_of_cpu(cpu, &state))
        backtrace_print(&state.trace);
    else
        klog("    and not for an NMI either");
}

static void look_after(unsigned cpu, uint64_t now_ns)
{
    struct watch *watch = &watches[cpu];
    uint64_t beat_ns = __atomic_load_n(&watch->beat_ns, __ATOMIC_RELAXED);

    if (now_ns < beat_ns + WATCHDOG_NS)
        watch->silent = 0;
    else if (++watch->silent == 2)
        tell(cpu);
}

static void beat(struct timer *timer)
{
    unsigned self = cpu_self()->index, next = self;
    uint64_t now_ns = clock_monotonic_ns();

    __atomic_store_n(&watches[self].beat_ns, now_ns, __ATOMIC_RELAXED);
    do
        next = (next + 1) % CPU_MAX;
    while (!__atomic_load_n(&watches[next].beat_ns, __ATOMIC_RELAXED));
    if (next != self)
        look_after(next, now_ns);
    timer_start(timer, now_ns + PERIOD_NS);
}

void watchdog_start(void)
{
    struct timer *timer = &watches[cpu_self()->index].timer;

    timer_init(timer, beat);
    beat(timer);
}
