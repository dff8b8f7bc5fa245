/* SPDX-License-Identifier: MIT */
/*
 * The kernel's one random generator, seeded by the loader.
 */
#include "kernel/core/random.h"

#include "kernel/arch/x86_64/tsc.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/rand.h"

static struct {
    struct spinlock lock;
    struct rand_generator generator; /* [lock] */
} pool = {.lock = SPINLOCK_INIT(SPIN_RANDOM)};

/* The seed comes from the firmware's generator where there is one. The TSC makes two boots differ
 * even if that repeats itself. */
void random_init(const uint8_t seed[32])
{
    uint64_t now = tsc_read();

    rand_init(&pool.generator, seed);
    rand_mix(&pool.generator, &now, sizeof(now));
}

void random_fill(void *dst, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&pool.lock);

    rand_fill(&pool.generator, dst, nbytes);
    spin_unlock_irqrestore(&pool.lock, flags);
}

void random_mix(const void *bytes, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&pool.lock);

    rand_mix(&pool.generator, bytes, nbytes);
    spin_unlock_irqrestore(&pool.lock, flags);
}
