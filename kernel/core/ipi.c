/* SPDX-License-Identifier: MIT */
/*
 * Function calls on other processors.
 *
 * Each processor has one request, its own as a caller. It fills in function and argument, then
 * stores the mask of those that are to run it (release), then sets its bit in `callers` and sends
 * the interrupts. A receiver goes through the callers, runs each request that has its bit, and
 * clears that bit (release); the caller waits until the mask is empty, so the request and what
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
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/irq.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"

/* One request a caller; the mask of those that have not run it yet also publishes the rest. */
struct request {
    uint64_t pending; /* [a] */
    void (*function)(void *argument);
    void *argument;
} ALIGNED(64);

static struct request requests[CPU_MAX];
static uint64_t callers;     /* [a] processors whose request is pending */
static uint64_t members = 1; /* [a] processors that answer */
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

void ipi_stop_others(void)
{
    if (ops)
        ops->stop_others();
}

/* From here on the processor has to answer: its interrupt handlers are in place. */
void ipi_join(void)
{
    __atomic_fetch_or(&members, 1ULL << cpu_self()->index, __ATOMIC_SEQ_CST);
}

/* Here first: what the others do then is seen by a processor that has done it itself. */
void ipi_call_all(void (*function)(void *argument), void *argument)
{
    function(argument);
    ipi_call(__atomic_load_n(&members, __ATOMIC_SEQ_CST), function, argument);
}

void ipi_service(void)
{
    uint64_t bit = 1ULL << cpu_self()->index;
    /* A snapshot is enough: each caller sends its interrupt after setting its bit, which brings
     * this function back. */
    uint64_t left = __atomic_load_n(&callers, __ATOMIC_ACQUIRE);

    while (left) {
        struct request *request = &requests[__builtin_ctzll(left)];

        left &= left - 1;
        if (__atomic_load_n(&request->pending, __ATOMIC_ACQUIRE) & bit) {
            request->function(request->argument);
            __atomic_fetch_and(&request->pending, ~bit, __ATOMIC_RELEASE);
        }
    }
}

void ipi_call(uint64_t cpus, void (*function)(void *argument), void *argument)
{
    unsigned self = cpu_self()->index;
    struct request *request = &requests[self];
    uint64_t flags;

    cpus &= ~(1ULL << self);
    if (!cpus)
        return;
    ASSERT(!spin_any_held() && !irq_in_handler());
    flags = irq_save();
    request->function = function;
    request->argument = argument;
    __atomic_store_n(&request->pending, cpus, __ATOMIC_RELEASE);
    /* Before the interrupts: a receiver that is interrupted at once must see the bit. */
    __atomic_fetch_or(&callers, 1ULL << self, __ATOMIC_SEQ_CST);
    for (uint64_t left = cpus; left; left &= left - 1)
        ops->send((unsigned)__builtin_ctzll(left), ARCH_VECTOR_CALL);
    /* The wait may be long, if a processor has its interrupts off: where the caller had them on,
     * they are on here, so that timers and the watchdog run. The request stays this processor's:
     * threads in the kernel are not preempted. The calls of others are then served by the interrupt
     * alone, since a call that is interrupted by its own service would run twice. */
    irq_restore(flags);
    while (__atomic_load_n(&request->pending, __ATOMIC_ACQUIRE)) {
        if (!irq_enabled())
            ipi_service();
        cpu_pause();
    }
    __atomic_fetch_and(&callers, ~(1ULL << self), __ATOMIC_SEQ_CST);
}
