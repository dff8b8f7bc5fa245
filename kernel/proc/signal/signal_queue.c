/* SPDX-License-Identifier: MIT */
/*
 * Queues of pending signals. Every entry counts for the real user of its receiver, over all of that
 * user's processes, from when it is made until it is freed: queued, or a timer's own. The entry
 * keeps the identity that it is charged to, as its process may become another user meanwhile. A
 * timer has one entry for as long as it lives and queues no second one, however often it expires.
 */
#include "kernel/proc/signal/signal_queue.h"

#include "kernel/mm/slab.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/signal/signal.h"
#include "shared/linux/errno.h"

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

/* The first entry is part of the queue: a signal to a process with nothing pending costs no
 * memory. */
static struct signal_entry *entry_alloc(struct signal_queue *queue)
{
    if (queue->own_used)
        return kmalloc(sizeof(struct signal_entry));
    queue->own_used = true;
    return &queue->own;
}

/* queue NULL: it is not the queue's own. */
static void entry_free(struct signal_queue *queue, struct signal_entry *entry)
{
    /* Counted down before the reference goes: it is what keeps the account. */
    if (entry->charged) {
        user_charge_add(entry->charged->user, CHARGE_SIGNALS, -1);
        identity_put(entry->charged);
        entry->charged = NULL;
    }
    if (queue && entry == &queue->own)
        queue->own_used = false;
    else
        kfree(entry);
}

struct signal_entry *signal_entry_create(const struct signal_charge *charge)
{
    /* Not the queue's own entry: a timer's has to live as long as the timer. */
    struct signal_entry *entry = kzalloc(sizeof(*entry));

    if (!entry)
        return NULL;
    if (!entry_charge(entry, charge, false)) {
        kfree(entry);
        return NULL;
    }
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

/* One chain for all numbers, in the order of arrival: real-time signals of one number are delivered
 * in that order (signal(7)); between numbers the lowest goes first, by the set. */
static void entry_append(struct signal_queue *queue, struct signal_entry *entry)
{
    queue->set |= SIGNAL_BIT(entry->info.signo);
    entry->next = NULL;
    entry->queued = true;
    if (queue->first)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
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
        if (!entry_charge(entry, charge, is_standard && info->code >= 0)) {
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

/* Out of the chain; before is its predecessor, NULL for the first. */
static void entry_unlink(struct signal_queue *queue, struct signal_entry *before,
                         struct signal_entry *entry)
{
    if (before)
        before->next = entry->next;
    else
        queue->first = entry->next;
    if (queue->last == entry)
        queue->last = before;
    entry->queued = false;
}

static bool has_entry(const struct signal_entry *entry, int number)
{
    for (; entry; entry = entry->next)
        if (entry->info.signo == number)
            return true;
    return false;
}

void signal_queue_take(struct signal_queue *queue, int number, struct lx_siginfo *info)
{
    struct signal_entry *before = NULL, *entry = queue->first;

    while (entry && entry->info.signo != number) {
        before = entry;
        entry = entry->next;
    }
    /* It was noted without an entry: the sender is not known. Linux fills in SI_USER and process
     * 0. */
    if (!entry) {
        queue->set &= ~SIGNAL_BIT(number);
        *info = (struct lx_siginfo){.signo = number, .code = LX_SI_USER};
        return;
    }
    entry_unlink(queue, before, entry);
    /* The search went from the front, so others of this number are only behind it. */
    if (!has_entry(entry->next, number))
        queue->set &= ~SIGNAL_BIT(number);
    *info = entry->info;
    if (!entry->held)
        entry_free(queue, entry);
}

void signal_queue_drop(struct signal_queue *queue, uint64_t set)
{
    struct signal_entry *before = NULL, *next;

    if (!(queue->set & set))
        return;
    queue->set &= ~set;
    for (struct signal_entry *entry = queue->first; entry; entry = next) {
        next = entry->next;
        if (!(SIGNAL_BIT(entry->info.signo) & set)) {
            before = entry;
            continue;
        }
        entry_unlink(queue, before, entry);
        if (!entry->held)
            entry_free(queue, entry);
    }
}
