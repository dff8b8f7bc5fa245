/* SPDX-License-Identifier: MIT */
/*
 * Faults on purpose (boot options), to show that tests and harness notice them.
 *
 * Nothing here runs without its word on the command line. Each kind makes one thing fail that must
 * never be taken for a PASS: a panic of each kind, a hang, a reset, a lost test, a leak, a
 * processor that does not answer, a storm of interrupts.
 */
#include "kernel/selftest/inject.h"

#include "kernel/arch/x86_64/idt.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/backtrace.h"
#include "kernel/core/clock.h"
#include "kernel/core/cmdline.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/core/timer.h"
#include "kernel/lib/image.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/selftest/probe.h"
#include "kernel/selftest/untouched.h"
#include "kernel/selftest/user_stub.h"

#define WORD_SIZE 32
#define DEAF_NS   18000000000ULL

static struct timer storm_timer;
static uint64_t storm_ns;

/* The timer is always armed: every window of the kernel that has interrupts on is hit sooner or
 * later. */
static void storm_fires(struct timer *timer)
{
    timer_start(timer, clock_monotonic_ns() + storm_ns);
}

static void storm_start(void)
{
    uint64_t us = cmdline_number("storm", 0);

    if (us < 20 || us > 1000000)
        return;
    storm_ns = us * 1000;
    timer_init(&storm_timer, storm_fires);
    timer_start(&storm_timer, clock_monotonic_ns() + storm_ns);
    klog("storm: a timer interrupt every %llu us", (unsigned long long)us);
}

/* The plain panic. */
static void panic_test(void)
{
    panic("asked for by panic=test");
}

/* Never true: intervals are at most a second. */
static void panic_assert(void)
{
    ASSERT(storm_ns == UINT64_MAX);
}

/* An address in no range of the map. */
static void panic_fault(void)
{
    *(volatile uint64_t *)0xffff9fffffffe000ULL = 1;
}

/* Deeper and deeper, until the guard page below the stack: a double fault on its own stack. */
static uint64_t dig(uint64_t depth)
{
    volatile char room[512];

    room[depth & 511] = (char)depth;
    return depth ? dig(depth - 1) + (uint64_t)room[depth & 511] : 0;
}

static void panic_stack(void)
{
    klog("%llu", (unsigned long long)dig(1000));
}

/* Later rank first: the check in spin_lock panics. */
static void panic_rank(void)
{
    struct spinlock late = SPINLOCK_INIT(SPIN_SLAB), early = SPINLOCK_INIT(SPIN_PROC);

    spin_lock(&late);
    spin_lock(&early);
}

/* Below USER_END, but not in user-copy code. */
static void panic_user(void)
{
    *(volatile uint64_t *)0x400000ULL = 1;
}

/* A panic whose report faults: the frame pointer leads nowhere. */
static void panic_nested(void)
{
    backtrace_set_symbols((const void *)0xffff9fffffffe000ULL, 4096);
    panic("asked for by panic=nested");
}

/* Kernel text cannot be written, not even through the direct map. */
static void panic_wx(void)
{
    *(volatile char *)(uintptr_t)image_text_begin = 0;
}

/* A kind that returns has not done what it should: that is a panic as well, with another text. */
static void panic_start(const char *word)
{
    static const struct {
        const char *word;
        void (*fault)(void);
    } kinds[] = {
        {"test", panic_test},     {"assert", panic_assert},     {"fault", panic_fault},
        {"stack", panic_stack},   {"rank", panic_rank},         {"user", panic_user},
        {"nested", panic_nested}, {"frame", probe_break_frame}, {"wx", panic_wx},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(kinds[i].word, word))
            kinds[i].fault();
    panic("panic=%s: no such kind, or it did not happen", word);
}

/* No table to find a handler in: the processor gives up and the machine resets. */
static void inject_reset(void)
{
    irq_disable();
    idt_break();
}

/* On another processor: nothing gets through to it, until its time is over. No call: what is
 * reported is where it is, and a function that has only begun hides its caller. */
static void inject_deaf_thread(void *argument)
{
    uint64_t ticks = clock_ns_to_ticks(DEAF_NS), begin = tsc_read();

    (void)argument;
    sched_first();
    irq_disable();
    while (tsc_read() - begin < ticks)
        cpu_pause();
    irq_enable();
    sched_exit();
}

/* For the watchdog of the other processors, which reports it after 10 s. */
static void inject_deaf_start(void)
{
    static struct thread deaf;

    if (sched_cpus_online() < 2 || thread_create(&deaf, inject_deaf_thread, NULL))
        panic("inject=deaf: no second processor, or no memory");
    deaf.affinity = cpumask_of(1);
    sched_start(&deaf);
}

/* Such a processor is reset and then waits for good, as one whose core is dead would. */
COLD bool inject_is_mute(uint32_t apic_id)
{
    char word[WORD_SIZE];

    return cmdline_number("mute", UINT64_MAX) == apic_id ||
           (cmdline_find("mute", word, sizeof(word)) && !strcmp(word, "all"));
}

bool inject_is(const char *word)
{
    char given[WORD_SIZE];

    return cmdline_find("inject", given, sizeof(given)) && !strcmp(given, word);
}

/* As a device would that the firmware has left running: 64 bytes that are not its own. */
static void inject_dma(void)
{
    uint64_t *memory = untouched_middle();

    if (!memory)
        panic("inject=dma: no memory that nothing owns");
    memset(memory, 0x5a, 64);
}

COLD void inject_start(void)
{
    char word[WORD_SIZE];

    if (cmdline_find("panic", word, sizeof(word)))
        panic_start(word);
    if (inject_is("reset"))
        inject_reset();
    /* With interrupts off nothing on this processor ends it; another one may report it. */
    if (inject_is("hang")) {
        irq_disable();
        for (;;)
            cpu_halt();
    }
    if (inject_is("deaf"))
        inject_deaf_start();
    if (inject_is("dma"))
        inject_dma();
    storm_start();
}
