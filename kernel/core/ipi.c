/* SPDX-License-Identifier: MIT */
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

void ipi_join(void)
{
    __atomic_fetch_or(&members, 1ULL << cpu_self()->index, __ATOMIC_SEQ_CST);
}

void ipi_call_all(void (*function)(void *argument), void *argument)
{
    function(argument);
    ipi_call(__atomic_load_n(&members, __ATOMIC_SEQ_CST), function, argument);
}

void ipi_service(void)
{
    uint64_t bit = 1ULL << cpu_self()->index;
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
    __atomic_fetch_or(&callers, 1ULL << self, __ATOMIC_SEQ_CST);
    for (uint64_t left = cpus; left; left &= left - 1)
        ops->send((unsigned)__builtin_ctzll(left), ARCH_VECTOR_CALL);
    while (__atomic_load_n(&request->pending, __ATOMIC_ACQUIRE)) {
        ipi_service();
        cpu_pause();
    }
    __atomic_fetch_and(&callers, ~(1ULL << self), __ATOMIC_SEQ_CST);
    irq_restore(flags);
}
