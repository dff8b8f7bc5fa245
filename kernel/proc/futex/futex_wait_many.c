/* SPDX-License-Identifier: MIT */
/*
 * futex_waitv: waiting for one of several words.
 *
 * Each word gets a waiter as futex.c knows it. They enter their rings one after the other; a word
 * that has another value, or a waiter that was woken meanwhile, ends that, and all leave again. A
 * wake-up that has come counts before every error: it must not be lost.
 */
#include "kernel/mm/slab.h"
#include "kernel/proc/futex/futex_internal.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/futex.h"

struct wait_many {
    unsigned count;
    unsigned nkeys;       /* of them have a key */
    unsigned entered;     /* of them are, or were, in a ring */
    struct waiter *wakes; /* behind the waiters */
    struct futex_waiter waiters[];
};

/* Without a lock: what has been set stays set. */
static bool many_any_woken(const struct wait_many *many)
{
    for (unsigned i = 0; i < many->entered; i++)
        if (__atomic_load_n(&many->wakes[i].woken, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

/* Keys may have to bring pages in, so all of them come before the first ring is entered. */
static int many_keys_get(struct task *self, struct wait_many *many,
                         const struct lx_futex_waitv *words)
{
    int err = 0;

    while (!err && many->nkeys < many->count) {
        unsigned i = many->nkeys;

        many->waiters[i].bitset = LX_FUTEX_BITSET_MATCH_ANY;
        many->waiters[i].wake = &many->wakes[i];
        err = futex_key_get(self, words[i].address, !(words[i].flags & LX_FUTEX_PRIVATE_FLAG),
                            &many->waiters[i].key);
        if (!err)
            many->nkeys++;
    }
    return err;
}

/* All are entered before the sleep: a change of a word that was looked at early wakes its waiter.
 */
static int many_sleep(struct task *self, struct wait_many *many, const struct lx_futex_waitv *words,
                      uint64_t deadline_ns, bool realtime)
{
    int err = 0;

    while (!err && many->entered < many->count) {
        unsigned i = many->entered;

        err = futex_enqueue(self, words[i].address, (uint32_t)words[i].value, &many->waiters[i]);
        if (!err)
            many->entered++;
    }
    while (!err && !many_any_woken(many))
        err =
            (realtime ? waitq_sleep_realtime : waitq_sleep)(many->wakes, many->count, deadline_ns);
    return err;
}

/* The last that was woken, as on Linux; -1: none. */
static int many_leave(struct wait_many *many)
{
    int woken = -1;

    for (unsigned i = 0; i < many->entered; i++)
        if (futex_dequeue(&many->waiters[i]))
            woken = (int)i;
    return woken;
}

COLD int futex_wait_many(struct task *self, const struct lx_futex_waitv *words, unsigned count,
                         uint64_t deadline_ns, bool realtime)
{
    struct wait_many *many =
        kzalloc(sizeof(*many) + count * (sizeof(many->waiters[0]) + sizeof(many->wakes[0])));
    int err, woken = -1;

    if (!many)
        return -ENOMEM;
    many->count = count;
    many->wakes = (struct waiter *)(many->waiters + count);
    err = many_keys_get(self, many, words);
    if (!err) {
        err = many_sleep(self, many, words, deadline_ns, realtime);
        woken = many_leave(many);
    }
    for (unsigned i = 0; i < many->nkeys; i++)
        vm_key_put(&many->waiters[i].key);
    kfree(many);
    return woken >= 0 ? woken : err;
}
