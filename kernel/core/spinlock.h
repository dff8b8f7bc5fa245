/* SPDX-License-Identifier: MIT */
/*
 * core/spinlock.h - locks for short sections, with ranks
 *
 * Rule:    taken in the order of the ranks below, after every mutex; two locks of one rank never
 *          together. A lock that an interrupt handler takes is taken with interrupts off
 *          everywhere (irqsave); the others leave interrupts alone. No sleeping, user copies or
 *          I/O while one is held.
 * Context: any but NMI.
 * Checks:  each processor keeps a mask of the ranks it holds; a wrong order panics. A lock knows
 *          which processor holds it: spin_is_held, for ASSERT in _locked functions.
 * Tests:   kernel/selftest/sched_checks.c
 */
#pragma once

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/util.h"

/* In locking order. true: taken with interrupts off. The names are those of /proc/lock_stat. */
#define SPIN_RANK_LIST(X)                                                                          \
    X(RCU_READER, false) /* no lock: the mark of a reader (sched/rcu.h) */                         \
    X(PROC_TREE, true)                                                                             \
    X(PROC, true)                                                                                  \
    X(FDTABLE, false)                                                                              \
    X(FS_CONTEXT, false)                                                                           \
    X(FLOCK, false)                                                                                \
    X(CHARGE, false)                                                                               \
    X(PROCFS, false)                                                                               \
    X(SPACE, false)                                                                                \
    X(RMAP, false)                                                                                 \
    X(DENTRY, false)                                                                               \
    X(SOCKNAME, false) /* a bucket of names of sockets */                                          \
    X(NOTIFY, false)   /* watches of files, and their events */                                    \
    X(TTY, true)                                                                                   \
    X(POLL, true)                                                                                  \
    X(WAITQ, true)                                                                                 \
    X(MUTEX, true) /* the list of its waiters */                                                   \
    X(RUNQ, true)                                                                                  \
    X(TIMER, true) /* behind RUNQ: a wake-up under a wait queue's lock may start a time slice */   \
    X(CLOCK, true)                                                                                 \
    X(RCU, true)                                                                                   \
    X(STACKS, true)                                                                                \
    X(SLAB, true)                                                                                  \
    X(PMM, true)                                                                                   \
    X(RANDOM, true)                                                                                \
    X(PCI, true) /* the two ports of configuration space */                                        \
    X(KLOG, true)                                                                                  \
    X(SERIAL, true) /* the port itself */

enum spin_rank {
#define SPIN_RANK_ENUM(name, irqs_off) SPIN_##name,
    SPIN_RANK_LIST(SPIN_RANK_ENUM)
#undef SPIN_RANK_ENUM
        SPIN_RANKS,
};

_Static_assert(SPIN_RANKS <= 32, "a bit a rank in cpu.spin_mask");

struct spinlock {
    uint16_t holder; /* atomic: cpu.lock_id of the processor that holds it, 0: free */
    uint32_t bit;    /* I: 1 << enum spin_rank */
};

#define SPINLOCK_INIT(spin_rank)                                                                   \
    {                                                                                              \
        .holder = 0, .bit = 1u << (spin_rank)                                                      \
    }

/* No longer than a call of it. */
static inline void spin_init(struct spinlock *lock, enum spin_rank rank)
{
    *lock = (struct spinlock)SPINLOCK_INIT(rank);
}

void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* The same with interrupts off in between; the result goes to spin_unlock_irqrestore. */
MUST_CHECK uint64_t spin_lock_irqsave(struct spinlock *lock);
void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags);

void spin_lock_contended(struct spinlock *lock); /* spin_lock_inline's slow path: takes it */

/* Compares: the word of a lock that is held stays its holder's. */
static inline bool spin_try(struct spinlock *lock)
{
    uint16_t free = 0;

    return __atomic_compare_exchange_n(&lock->holder, &free, CPU_OWN->lock_id, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* The first two for places where even their call counts. */
static inline void spin_lock_inline(struct spinlock *lock)
{
    uint32_t bit = lock->bit; /* read once: the exchange lets nothing be kept of the lock */

    /* Nothing of this rank or a later one may be held already: that order could deadlock. */
    ASSERT(CPU_OWN->spin_mask < bit);
    if (likely(spin_try(lock)))
        CPU_OWN->spin_mask |= bit;
    else
        spin_lock_contended(lock);
}

/* spin_is_held where even the call counts. */
static inline bool spin_is_held_inline(const struct spinlock *lock)
{
    return __atomic_load_n(&lock->holder, __ATOMIC_RELAXED) == CPU_OWN->lock_id;
}

static inline void spin_unlock_inline(struct spinlock *lock)
{
    uint32_t bit = lock->bit; /* first: then the other is one instruction */

    ASSERT(spin_is_held_inline(lock));
    CPU_OWN->spin_mask ^= bit;
    __atomic_store_n(&lock->holder, 0, __ATOMIC_RELEASE);
}

/* Whether this processor holds the lock: for ASSERT in _locked functions. */
bool spin_is_held(const struct spinlock *lock);

uint64_t spin_lock_irqsave_contended(struct spinlock *lock, uint64_t flags);

/* Interrupts go off before the lock is taken: a handler that takes it on this processor would wait
 * for the code that it interrupts. */
static inline uint64_t spin_lock_irqsave_inline(struct spinlock *lock)
{
    uint64_t flags = irq_save();
    uint32_t bit = lock->bit;

    ASSERT(CPU_OWN->spin_mask < bit);
    if (unlikely(!spin_try(lock)))
        return spin_lock_irqsave_contended(lock, flags);
    CPU_OWN->spin_mask |= bit;
    return flags;
}

static inline void spin_unlock_irqrestore_inline(struct spinlock *lock, uint64_t flags)
{
    spin_unlock_inline(lock);
    irq_restore(flags);
}

/* Whether this processor holds a lock of any rank: sleeping and user copies assert that not. */
static inline bool spin_any_held(void)
{
    return CPU_OWN->spin_mask != 0;
}

/* For /proc/lock_stat: NULL behind the last rank. */
const char *spin_rank_name(unsigned rank);
bool spin_rank_is_irqs_off(unsigned rank);
