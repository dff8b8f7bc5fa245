/* SPDX-License-Identifier: MIT */
/*
 * Queues of pending signals. Every entry counts for the real user of its receiver, over all of that
 * user's processes, from when it is made until it is freed: queued, or a timer's own. The entry
 * keeps the identity that it is charged to, as its process may become another user meanwhile. A
 * timer has one entry for as long as it lives and queues no second one, however often it expires.
 *
 * Entries of one number are a chain in the order of arrival: real-time signals of one number are
 * delivered in that order (signal(7)); between numbers the lowest goes first, by the set. The first
 * entries of the chains are a list, so a search takes no more steps than there are numbers, however
 * many signals wait.
 *
 * What is dropped is only taken out under the lock. It is freed after that, or, where the caller's
 * caller holds more locks, by the thread of deferred work (dead_chains).
 */
#include "kernel/proc/signal/signal_queue.h"

#include "kernel/mm/slab.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define FREE_AT_ONCE 16 /* under locks */

static struct slab_cache *entry_cache;
static struct signal_entry *dead_chains; /* atomic: their first entries, by next_number */

void signal_queue_init_cache(void)
{
    entry_cache = slab_cache_create("signal_entry", sizeof(struct signal_entry));
}

/* RLIMIT_SIGPENDING. Counted first and compared afterwards, so that senders on several processors
 * cannot all pass below the limit; `force` for signals that must not fail. */
static bool entry_charge(struct signal_entry *entry, const struct signal_charge *charge, bool force)
{
    struct user_charge *user = charge->identity->user;

    if ((uint64_t)user_charge_add(user, CHARGE_SIGNALS, 1) > charge->limit && !force) {
        user_charge_add(user, CHARGE_SIGNALS, -1);
        return false;
    }
    identity_get(charge->identity);
    entry->charged = charge->identity;
    return true;
}

/* Counted down before the reference goes: it is what keeps the account. */
static NOINLINE void entry_uncharge(struct signal_entry *entry)
{
    user_charge_add(entry->charged->user, CHARGE_SIGNALS, -1);
    identity_put(entry->charged);
    entry->charged = NULL;
}

/* The first entry is part of the queue: a signal to a process with nothing pending costs no
 * memory. */
static struct signal_entry *entry_alloc(struct signal_queue *queue)
{
    if (queue->own_used)
        return slab_alloc(entry_cache);
    queue->own_used = true;
    return &queue->own;
}

/* queue NULL: it is not the queue's own. */
static inline void entry_free(struct signal_queue *queue, struct signal_entry *entry)
{
    if (entry->charged)
        entry_uncharge(entry);
    if (queue && entry == &queue->own)
        queue->own_used = false;
    else
        slab_free(entry_cache, entry);
}

struct signal_entry *signal_entry_create(const struct signal_charge *charge)
{
    /* Not the queue's own entry: a timer's has to live as long as the timer. */
    struct signal_entry *entry = slab_alloc(entry_cache);

    if (!entry)
        return NULL;
    if (!entry_charge(entry, charge, false)) {
        slab_free(entry_cache, entry);
        return NULL;
    }
    entry->queued = false;
    entry->held = true;
    return entry;
}

/* A queued entry is freed by the taker, which sees that it is held no more. */
void signal_entry_release(struct signal_entry *entry)
{
    entry->held = false;
    if (!entry->queued)
        entry_free(NULL, entry);
}

/* The link to the first entry of that number, or the last link, which is NULL. */
static struct signal_entry **chain_find(struct signal_queue *queue, int number)
{
    struct signal_entry **link = &queue->numbers;

    while (*link && (*link)->info.signo != number)
        link = &(*link)->next_number;
    return link;
}

/* A number may be in the set without an entry. */
static inline void entry_append(struct signal_queue *queue, struct signal_entry *entry)
{
    uint64_t bit = SIGNAL_BIT(entry->info.signo);
    struct signal_entry *first = NULL;

    if (unlikely(queue->set & bit))
        first = *chain_find(queue, entry->info.signo);
    queue->set |= bit;
    entry->next = NULL;
    entry->queued = true;
    if (first) {
        first->last->next = entry;
        first->last = entry;
        return;
    }
    entry->last = entry;
    entry->next_number = queue->numbers;
    queue->numbers = entry;
}

void signal_queue_add_entry(struct signal_queue *queue, struct signal_entry *entry)
{
    if (!entry->queued)
        entry_append(queue, entry);
}

int signal_queue_add(struct signal_queue *queue, const struct lx_siginfo *info,
                     const struct signal_charge *charge, bool must_queue)
{
    uint64_t bit = SIGNAL_BIT(info->signo);
    /* Signals below SIGRTMIN are pending once, real-time ones as often as they were sent:
     * signal(7). */
    bool is_standard = info->signo < LX_SIGRTMIN;
    struct signal_entry *entry;

    /* A standard signal that is pending already stays as it is, with the info of the first. */
    if ((queue->set & bit) && is_standard)
        return 0;
    entry = entry_alloc(queue);
    if (entry) {
        entry->held = entry->queued = false;
        entry->charged = NULL;
        entry->info = *info;
        /* Info codes from 0 on are the kernel's and kill's: those always count, over the limit or
         * not. */
        if (charge && !entry_charge(entry, charge, is_standard && info->code >= 0)) {
            entry_free(queue, entry);
            entry = NULL;
        }
    }
    /* sigqueue(3) fails rather than lose its value. */
    if (!entry && must_queue && !is_standard)
        return -EAGAIN;
    queue->set |= bit; /* without an entry it comes, but says nothing of its sender */
    if (entry)
        entry_append(queue, entry);
    return 0;
}

void signal_queue_take(struct signal_queue *queue, int number, struct lx_siginfo *info)
{
    struct signal_entry **link = chain_find(queue, number);
    struct signal_entry *entry = *link, *next;

    /* It was noted without an entry: the sender is not known. Linux fills in SI_USER and process
     * 0. */
    if (!entry) {
        queue->set &= ~SIGNAL_BIT(number);
        *info = (struct lx_siginfo){.signo = number, .code = LX_SI_USER};
        return;
    }
    next = entry->next;
    if (next) {
        next->last = entry->last;
        next->next_number = entry->next_number;
        *link = next;
    } else {
        *link = entry->next_number;
        queue->set &= ~SIGNAL_BIT(number);
    }
    entry->queued = false;
    *info = entry->info;
    if (!entry->held)
        entry_free(queue, entry);
}

bool signal_queue_peek(const struct signal_queue *queue, uint64_t place, struct lx_siginfo *info)
{
    for (const struct signal_entry *first = queue->numbers; first; first = first->next_number)
        for (const struct signal_entry *entry = first; entry; entry = entry->next)
            if (place-- == 0) {
                *info = entry->info;
                return true;
            }
    return false;
}

/* A timer's own stay with it. */
static struct signal_entry *chain_cut(struct signal_queue *queue, struct signal_entry *entry,
                                      struct signal_entry *dead)
{
    for (struct signal_entry *next; entry; entry = next) {
        next = entry->next;
        entry->queued = false;
        if (entry->held)
            continue;
        if (entry == &queue->own) {
            entry_free(queue, entry);
            continue;
        }
        entry->next = dead;
        dead = entry;
    }
    return dead;
}

struct signal_entry *signal_queue_cut(struct signal_queue *queue, uint64_t set,
                                      struct signal_entry *dead)
{
    struct signal_entry **link = &queue->numbers;

    if (!(queue->set & set))
        return dead;
    queue->set &= ~set;
    while (*link) {
        struct signal_entry *first = *link;

        if (!(SIGNAL_BIT(first->info.signo) & set)) {
            link = &first->next_number;
            continue;
        }
        *link = first->next_number;
        dead = chain_cut(queue, first, dead);
    }
    return dead;
}

void signal_entries_free(struct signal_entry *dead)
{
    for (struct signal_entry *next; dead; dead = next) {
        next = dead->next;
        entry_free(NULL, dead);
        sched_preempt_point();
    }
}

static COLD void dead_chains_free(struct deferred *item)
{
    struct signal_entry *chain = __atomic_exchange_n(&dead_chains, NULL, __ATOMIC_ACQUIRE);

    (void)item;
    for (struct signal_entry *next; chain; chain = next) {
        next = chain->next_number;
        signal_entries_free(chain);
    }
}

/* Mostly there are a few. Of a chain that is pushed only the first entry is looked at. */
COLD void signal_entries_free_later(struct signal_entry *dead)
{
    static struct deferred work = DEFERRED_INIT(dead_chains_free);
    struct signal_entry *next;

    for (unsigned i = 0; dead && i < FREE_AT_ONCE; i++, dead = next) {
        next = dead->next;
        entry_free(NULL, dead);
    }
    if (!dead)
        return;
    next = __atomic_load_n(&dead_chains, __ATOMIC_RELAXED);
    do
        dead->next_number = next;
    while (!__atomic_compare_exchange_n(&dead_chains, &next, dead, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    deferred_queue(&work);
}
