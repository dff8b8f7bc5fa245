/* SPDX-License-Identifier: MIT */
#include "kernel/core/spinlock.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/lib/assert.h"

void spin_init(struct spinlock *lock, enum spin_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(rank);
}

static inline void lock_it(struct spinlock *lock)
{
    /* Nothing of this rank or a later one may be held already: that order could deadlock. */
    ASSERT(CPU_OWN->spin_mask < lock->bit);
    while (unlikely(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE)))
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED))
            cpu_pause();
    CPU_OWN->spin_mask |= lock->bit;
}

static inline void unlock_it(struct spinlock *lock)
{
    ASSERT(CPU_OWN->spin_mask & lock->bit);
    CPU_OWN->spin_mask ^= lock->bit;
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}

void spin_lock(struct spinlock *lock)
{
    lock_it(lock);
}

void spin_unlock(struct spinlock *lock)
{
    unlock_it(lock);
}

uint64_t spin_lock_irqsave(struct spinlock *lock)
{
    uint64_t flags = irq_save();

    lock_it(lock);
    return flags;
}

void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
    unlock_it(lock);
    irq_restore(flags);
}
