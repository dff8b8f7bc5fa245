/* SPDX-License-Identifier: MIT */
#include "kernel/core/spinlock.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/lib/assert.h"

void spin_init(struct spinlock *lock, enum spin_rank rank)
{
    lock->held = 0;
    lock->rank = (uint8_t)rank;
}

void spin_lock(struct spinlock *lock)
{
    struct cpu *cpu = cpu_self();

    /* Nothing of this rank or a later one may be held already: that order could deadlock. */
    ASSERT((cpu->spin_mask >> lock->rank) == 0);
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
            cpu_pause();
    cpu->spin_mask |= 1u << lock->rank;
}

void spin_unlock(struct spinlock *lock)
{
    struct cpu *cpu = cpu_self();

    ASSERT(cpu->spin_mask & (1u << lock->rank));
    cpu->spin_mask &= ~(1u << lock->rank);
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

uint64_t spin_lock_irqsave(struct spinlock *lock)
{
    uint64_t flags = irq_save();

    spin_lock(lock);
    return flags;
}

void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
    spin_unlock(lock);
    irq_restore(flags);
}

bool spin_any_held(void)
{
    return cpu_self()->spin_mask != 0;
}
