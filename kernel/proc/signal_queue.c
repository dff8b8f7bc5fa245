/* SPDX-License-Identifier: MIT */
#include "kernel/proc/signal_queue.h"

#include "kernel/mm/slab.h"
#include "kernel/proc/signal.h"
#include "shared/linux/errno.h"

static struct signal_entry *entry_alloc(struct signal_queue *queue)
{
    if (queue->own_used)
        return kmalloc(sizeof(struct signal_entry));
    queue->own_used = true;
    return &queue->own;
}

static void entry_free(struct signal_queue *queue, struct signal_entry *entry)
{
    if (entry == &queue->own)
        queue->own_used = false;
    else
        kfree(entry);
}

int signal_queue_add(struct signal_queue *queue, const struct lx_siginfo *info, uint64_t limit,
                     bool must_queue)
{
    uint64_t bit = SIGNAL_BIT(info->signo);
    struct signal_entry *entry = NULL;

    if ((queue->set & bit) && info->signo < LX_SIGRTMIN)
        return 0;
    if (queue->count < limit)
        entry = entry_alloc(queue);
    if (!entry && must_queue && info->signo >= LX_SIGRTMIN)
        return -EAGAIN;
    queue->set |= bit;
    if (!entry)
        return 0; /* it comes, but says nothing of who sent it */
    entry->next = NULL;
    entry->info = *info;
    if (queue->first)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    queue->count++;
    return 0;
}

/* Out of the chain; before is its predecessor, NULL for the first. */
static void unlink(struct signal_queue *queue, struct signal_entry *before,
                   struct signal_entry *entry)
{
    if (before)
        before->next = entry->next;
    else
        queue->first = entry->next;
    if (queue->last == entry)
        queue->last = before;
    queue->count--;
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
    if (!entry) {
        queue->set &= ~SIGNAL_BIT(number);
        *info = (struct lx_siginfo){.signo = number, .code = LX_SI_USER};
        return;
    }
    unlink(queue, before, entry);
    if (!has_entry(entry->next, number))
        queue->set &= ~SIGNAL_BIT(number);
    *info = entry->info;
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
        unlink(queue, before, entry);
        entry_free(queue, entry);
    }
}
