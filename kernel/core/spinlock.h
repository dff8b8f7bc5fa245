/* SPDX-License-Identifier: MIT */
/*
 * core/spinlock.h - locks for short sections, with ranks
 *
 * Rule:    taken in the order of the ranks below, after every mutex. A lock that an interrupt
 *          handler takes is taken with interrupts off everywhere (irqsave); the others leave
 *          interrupts alone. No sleeping, user copies or I/O while one is held.
 * Context: any but NMI.
 * Checks:  each processor keeps a mask of the ranks it holds; a wrong order panics.
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/util.h"

enum spin_rank {
    SPIN_PROC_TREE = 0,
    SPIN_PROC,
    SPIN_FDTABLE,
    SPIN_TTY,
    SPIN_WAITQ,
    SPIN_RUNQ,
    SPIN_TIMER, /* behind RUNQ: a wake-up under a wait queue's lock may start a time slice */
    SPIN_SLAB,
    SPIN_PMM,
    SPIN_KLOG,
    SPIN_SERIAL, /* the port itself: for the length of a message */
};

struct spinlock {
    uint8_t held; /* atomic */
    uint16_t bit; /* I: 1 << enum spin_rank */
};

#define SPINLOCK_INIT(spin_rank)                                                                   \
    {                                                                                              \
        .held = 0, .bit = 1u << (spin_rank)                                                        \
    }

void spin_init(struct spinlock *lock, enum spin_rank rank);
void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* The same with interrupts off in between; the result goes to spin_unlock_irqrestore. */
MUST_CHECK uint64_t spin_lock_irqsave(struct spinlock *lock);
void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags);

/* The first two for places where even their call counts. */
static inline void spin_lock_inline(struct spinlock *lock)
{
    /* Nothing of this rank or a later one may be held already: that order could deadlock. */
    ASSERT(CPU_OWN->spin_mask < lock->bit);
    while (unlikely(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)))
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
            cpu_pause();
    CPU_OWN->spin_mask |= lock->bit;
}

static inline void spin_unlock_inline(struct spinlock *lock)
{
    ASSERT(CPU_OWN->spin_mask & lock->bit);
    CPU_OWN->spin_mask ^= lock->bit;
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

/* Whether this processor holds a lock of any rank: sleeping and user copies assert that not. */
static inline bool spin_any_held(void)
{
    return CPU_OWN->spin_mask != 0;
}
