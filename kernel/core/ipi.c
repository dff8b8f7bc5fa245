/* SPDX-License-Identifier: MIT */
/*
 * Function calls on other processors.
 *
 * Each processor has one request, its own as a caller. It fills in function and argument, then
 * stores the set of those that are to run it (release), then sets its bit in `callers` and sends
 * the interrupts. A receiver goes through the callers, runs each request that has its bit, and
 * clears that bit (release); the caller waits until the set is empty, so the request and what
 * `argument` points to may lie on its stack.
 *
 * Two processors that call each other may both have interrupts off: each therefore serves requests
 * while it waits. An interrupt that arrives after its request was served that way finds nothing to
 * do. A caller may hold no spinlock, since another processor may be waiting for that lock with
 * interrupts off and would never answer.
 */
#include "kernel/core/ipi.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/percpu.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/irq.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"

/* One request a caller; the set of those that have not run it yet also publishes the rest. */
struct request {
    struct cpumask pending; /* [a] */
    void (*function)(void *argument);
    void *argument;
} ALIGNED(64);

static PERCPU struct request requests;
static struct cpumask callers;         /* [a] processors whose request is pending */
static struct cpumask members = {{1}}; /* [a] processors that answer */
static const struct ipi_ops *ops;

void ipi_set_ops(const struct ipi_ops *new_ops)
{
    ops = new_ops;
}

/* ops is set before the second processor starts; until then there is no other to send to. */
void ipi_send(unsigned cpu, unsigned vector)
{
    ops->send(cpu, vector);
}

void ipi_send_nmi(unsigned cpu)
{
    ops->send_nmi(cpu);
}

/* Those alone that the kernel has started. One that was left off is where the firmware put it, with
 * no handler for an NMI: that would be a triple fault, which resets the machine. */
void ipi_stop_others(void)
{
    for (unsigned cpu = 0; ops && cpu < cpu_count; cpu++)
        if (cpu != cpu_self()->index && cpu_all[cpu])
            ops->send_nmi(cpu);
}

/* From here on the processor has to answer: its interrupt handlers are in place. */
void ipi_join(void)
{
    cpumask_set(&members, cpu_self()->index);
}

/* Here first: what the others do then is seen by a processor that has done it itself. */
void ipi_call_all(void (*function)(void *argument), void *argument)
{
    function(argument);
    ipi_call(&members, function, argument);
}

void ipi_service(void)
{
    unsigned self = cpu_self()->index;

    /* One pass is enough: each caller sends its interrupt after setting its bit, which brings this
     * function back. */
    cpumask_each(caller, &callers)
    {
        struct request *request = percpu_of(requests, caller);
        uint64_t *pending = &request->pending.words[self / 64], bit = 1ULL << (self & 63);

        if (__atomic_load_n(pending, __ATOMIC_ACQUIRE) & bit) {
            request->function(request->argument);
            __atomic_fetch_and(pending, ~bit, __ATOMIC_RELEASE);
        }
    }
}

/* Acquires what those that have run it did. */
static bool request_is_done(const struct request *request)
{
    for (unsigned word = 0; word < cpumask_words; word++)
        if (__atomic_load_n(&request->pending.words[word], __ATOMIC_ACQUIRE))
            return false;
    return true;
}

/* The set may change meanwhile, so it is read once. A receiver that finds its bit finds function
 * and argument, too. */
static void request_publish(struct request *request, const struct cpumask *cpus, unsigned self,
                            struct cpumask *receivers)
{
    for (unsigned word = 0; word < cpumask_words; word++) {
        uint64_t bits = __atomic_load_n(&cpus->words[word], __ATOMIC_SEQ_CST);

        if (word == self / 64)
            bits &= ~(1ULL << (self & 63));
        receivers->words[word] = bits;
        __atomic_store_n(&request->pending.words[word], bits, __ATOMIC_RELEASE);
    }
}

void ipi_call(const struct cpumask *cpus, void (*function)(void *argument), void *argument)
{
    unsigned self = cpu_self()->index;
    struct request *request = percpu_of(requests, self);
    struct cpumask receivers;
    uint64_t flags;

    if (!cpumask_any_but(cpus, self))
        return;
    ASSERT(!spin_any_held() && !irq_in_handler());
    flags = irq_save();
    request->function = function;
    request->argument = argument;
    request_publish(request, cpus, self, &receivers);
    /* Before the interrupts: a receiver that is interrupted at once must see the bit. */
    cpumask_set(&callers, self);
    cpumask_each(cpu, &receivers) ops->send(cpu, ARCH_VECTOR_CALL);
    /* The wait may be long, if a processor has its interrupts off: where the caller had them on,
     * they are on here, so that timers and the watchdog run. The request stays this processor's:
     * threads in the kernel are not preempted. The calls of others are then served by the interrupt
     * alone, since a call that is interrupted by its own service would run twice. */
    irq_restore(flags);
    while (!request_is_done(request)) {
        if (!irq_enabled())
            ipi_service();
        cpu_pause();
    }
    cpumask_clear(&callers, self);
}
