/* SPDX-License-Identifier: MIT */
#include "kernel/core/spinlock.h"

void spin_init(struct spinlock *lock, enum spin_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(rank);
}

void spin_lock(struct spinlock *lock)
{
    spin_lock_inline(lock);
}

void spin_unlock(struct spinlock *lock)
{
    spin_unlock_inline(lock);
}

uint64_t spin_lock_irqsave(struct spinlock *lock)
{
    uint64_t flags = irq_save();

    spin_lock_inline(lock);
    return flags;
}

void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
    spin_unlock_inline(lock);
    irq_restore(flags);
}
