/* SPDX-License-Identifier: MIT */
/*
 * core/ipi.h - one processor asks others to do something now
 *
 * Rule:    the function runs in an interrupt on each of them, or on a processor that waits for its
 *          own call; the caller waits until all have run it. So no spinlock may be held: a
 *          processor that spins on it with interrupts off would never answer.
 * Context: threads, interrupts on or off.
 */
#pragma once

#include "kernel/arch/x86_64/cpumask.h"

struct ipi_ops {
    void (*send)(unsigned cpu, unsigned vector); /* by the processor's index */
    void (*send_nmi)(unsigned cpu);              /* likewise */
};

void ipi_set_ops(const struct ipi_ops *ops);
void ipi_send(unsigned cpu, unsigned vector);
void ipi_send_nmi(unsigned cpu);
void ipi_stop_others(void); /* by NMI, for a panic */

/* The caller's own bit is ignored. */
void ipi_call(const struct cpumask *cpus, void (*function)(void *argument), void *argument);

/* Every processor that has joined, the caller's first. */
void ipi_call_all(void (*function)(void *argument), void *argument);
void ipi_join(void);

/* Does what others have asked of this processor: the handler of ARCH_VECTOR_CALL. */
void ipi_service(void);
