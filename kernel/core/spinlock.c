/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks: the slow path, and the functions behind the inline ones.
 *
 * A lock holds the lock_id of its processor, 0 when free; acquire on taking and release on dropping
 * make what the holder wrote visible to the next one. cpu.spin_mask has a bit for each rank held:
 * since ranks are taken in rising order, comparing it with the lock's bit finds every wrong order,
 * and a second lock of one rank, at the price of one instruction. There is no fairness: sections
 * are a few hundred instructions long, and the statistics show a lock where that is not enough.
 */
#include "kernel/core/spinlock.h"

#include "kernel/core/clock.h"
#include "kernel/core/lock_stat.h"

static const struct {
    const char *name;
    bool irqs_off;
} ranks[] = {
#define SPIN_RANK_ROW(rank_name, irqs) [SPIN_##rank_name] = {#rank_name, irqs},
    SPIN_RANK_LIST(SPIN_RANK_ROW)
#undef SPIN_RANK_ROW
};

/* Reads until the lock looks free, so that waiting leaves the holder's cache line alone. */
void spin_lock_contended(struct spinlock *lock)
{
    /* The time is read only here: an uncontended lock pays nothing for the statistics. */
    struct lock_stat *stat = lock_stat_spin((unsigned)__builtin_ctz(lock->bit));
    uint64_t begin_ns = clock_monotonic_ns(), pauses = 0;

    do {
        while (__atomic_load_n(&lock->holder, __ATOMIC_RELAXED)) {
            pauses++;
            cpu_pause();
        }
    } while (!spin_try(lock));
    stat->contended++;
    stat->spins += pauses;
    lock_stat_waited(stat, clock_monotonic_ns() - begin_ns);
    CPU_OWN->spin_mask |= lock->bit;
}

void spin_lock(struct spinlock *lock)
{
    spin_lock_inline(lock);
}

void spin_unlock(struct spinlock *lock)
{
    spin_unlock_inline(lock);
}

/* A function of its own, that the quick path needs no register that C preserves. */
uint64_t spin_lock_irqsave_contended(struct spinlock *lock, uint64_t flags)
{
    spin_lock_contended(lock);
    return flags;
}

uint64_t spin_lock_irqsave(struct spinlock *lock)
{
    return spin_lock_irqsave_inline(lock);
}

void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
    spin_unlock_irqrestore_inline(lock, flags);
}

bool spin_is_held(const struct spinlock *lock)
{
    return spin_is_held_inline(lock);
}

const char *spin_rank_name(unsigned rank)
{
    return rank < SPIN_RANKS ? ranks[rank].name : NULL;
}

bool spin_rank_is_irqs_off(unsigned rank)
{
    return ranks[rank].irqs_off;
}
