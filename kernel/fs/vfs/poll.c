/* SPDX-License-Identifier: MIT */
/*
 * Poll: waiting for one of many files.
 *
 * A wake-up cannot be lost: the waiter adds its hook, then scans the file's state; the file changes
 * its state, then looks for hooks. Each of the two has a full barrier in between, so at least one
 * sees what the other did. The mark `woken` does the same between a callback and the sleep: it is
 * set before the queue is woken, and tested after the thread has entered the queue.
 *
 * A hook points into the head, and the head's list into the hook: neither may go first. The waiter
 * holds a reference to every file it registered with until it has removed its hooks, whatever
 * happens to the descriptors meanwhile (a descriptor is looked up once: what it names later is
 * another file). Removing takes the head's lock, and so waits for a callback that is running.
 *
 * A callback may have another head to wake (an epoll's, whose file is itself polled). It does not
 * do so under the lock that it is called with, where two heads could wait for each other: the head
 * is put into a chain and woken behind that, one after the other, so neither locks nor calls nest.
 * The chain is first in, first out: a head that many lead to is mostly still in it when the next of
 * them is woken, and goes on once, not once for each way to it, of which there may be millions.
 *
 * A program may register one file as often as its descriptors allow, in each of its processes: a
 * wake-up goes through the hooks in slices.
 */
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/poll.h"

#define WAKE_SLICE 64 /* hooks that are woken while the head is locked and interrupts are off */

void poll_head_init(struct poll_head *head)
{
    spin_init(&head->lock, SPIN_POLL);
    list_init(&head->hooks);
    head->hold = NULL;
}

/* From that node on, up to `end` or until the slice is full: the node that it has come to. */
static struct list *wake_slice_locked(struct poll_head *head, struct list *node, struct list *end,
                                      uint32_t events, struct poll_chain *chain, bool *taken)
{
    ASSERT(spin_is_held(&head->lock));
    for (unsigned i = 0; node != end && i < WAKE_SLICE; node = node->next, i++) {
        struct poll_hook *hook = list_entry(node, struct poll_hook, node);

        /* Without a function it is a mark of a wake-up that goes on. */
        if (hook->wake && !(hook->exclusive && *taken) && hook->wake(hook, events, chain))
            *taken |= hook->exclusive;
    }
    return node;
}

/* What is left behind the first slice, from that node on: the place is kept by a hook of its own,
 * and hooks that come meanwhile are behind the other. The lock goes in between, and interrupts and
 * other threads get through; the caller keeps the head. A program that was woken may look at all of
 * its files, sleep, and be woken by its next hook, but on this processor only until it has had its
 * share: a slice of the waker has room for some hundred thousand hooks. */
static NOINLINE uint64_t wake_rest_locked(struct poll_head *head, struct list *node, uint64_t flags,
                                          uint32_t events, struct poll_chain *chain, bool taken)
{
    struct poll_hook place = {.wake = NULL}, last = {.wake = NULL};

    ASSERT(spin_is_held(&head->lock));
    list_push_back(&head->hooks, &last.node);
    do {
        list_push_back(node, &place.node); /* in front of it */
        spin_unlock_irqrestore(&head->lock, flags);
        sched_preempt_if_allowed();
        flags = spin_lock_irqsave(&head->lock);
        node = place.node.next;
        list_remove(&place.node);
        node = wake_slice_locked(head, node, &last.node, events, chain, &taken);
    } while (node != &last.node);
    list_remove(&last.node);
    return flags;
}

static void poll_wake_head(struct poll_head *head, uint32_t events, struct poll_chain *chain)
{
    bool taken = false;
    uint64_t flags = spin_lock_irqsave(&head->lock);
    struct list *node =
        wake_slice_locked(head, head->hooks.next, &head->hooks, events, chain, &taken);

    if (unlikely(node != &head->hooks))
        flags = wake_rest_locked(head, node, flags, events, chain, taken);
    spin_unlock_irqrestore(&head->lock, flags);
}

bool poll_chain_add(struct poll_chain *chain, struct poll_relay *relay)
{
    if (__atomic_exchange_n(&relay->queued, 1, __ATOMIC_SEQ_CST))
        return false;
    relay->next = NULL;
    if (chain->first)
        chain->last->next = relay;
    else
        chain->first = relay;
    chain->last = relay;
    return true;
}

/* The mark goes before the head is woken: a change that finds the mark is seen by that wake-up. */
static NOINLINE void poll_chain_wake(struct poll_chain *chain)
{
    while (chain->first) {
        struct poll_relay *relay = chain->first;

        chain->first = relay->next;
        __atomic_exchange_n(&relay->queued, 0, __ATOMIC_SEQ_CST);
        poll_wake_head(relay->head, LX_POLLIN | LX_POLLRDNORM, chain);
        relay->done(relay);
        sched_preempt_if_allowed();
    }
}

void poll_wake(struct poll_head *head, uint32_t events)
{
    struct poll_chain chain = {NULL, NULL};

    poll_wake_head(head, events, &chain);
    if (unlikely(chain.first))
        poll_chain_wake(&chain);
}

/* Heads that are to be woken in turn are left alone: the thread begins from the start. */
bool poll_wake_briefly(struct poll_head *head, uint32_t events)
{
    struct poll_chain chain = {NULL, NULL};
    bool taken = false;
    uint64_t flags = spin_lock_irqsave(&head->lock);
    struct list *node =
        wake_slice_locked(head, head->hooks.next, &head->hooks, events, &chain, &taken);
    bool all = node == &head->hooks && !chain.first;

    spin_unlock_irqrestore(&head->lock, flags);
    while (chain.first) {
        struct poll_relay *relay = chain.first;

        chain.first = relay->next;
        __atomic_exchange_n(&relay->queued, 0, __ATOMIC_SEQ_CST);
        relay->done(relay);
    }
    return all;
}

void poll_hook_add(struct poll_hook *hook, struct poll_head *head,
                   bool (*wake)(struct poll_hook *hook, uint32_t events, struct poll_chain *chain))
{
    uint64_t flags;

    hook->head = head;
    hook->wake = wake;
    flags = spin_lock_irqsave(&head->lock);
    list_push_back(&head->hooks, &hook->node);
    spin_unlock_irqrestore(&head->lock, flags);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void poll_hook_remove(struct poll_hook *hook)
{
    uint64_t flags = spin_lock_irqsave(&hook->head->lock);

    list_remove(&hook->node);
    spin_unlock_irqrestore(&hook->head->lock, flags);
}

/* --- a thread that waits --- */

/* Under the head's lock, perhaps in an interrupt handler: it only sets the mark and wakes. */
static bool poll_set_wake(struct poll_hook *hook, uint32_t events, struct poll_chain *chain)
{
    struct poll_set *set = container_of(hook, struct poll_set_hook, hook)->set;

    (void)events;
    (void)chain;
    /* Once: a set may have thousands of hooks in one head. */
    if (!__atomic_exchange_n(&set->woken, 1, __ATOMIC_SEQ_CST))
        waitq_wake_all(&set->queue);
    return false;
}

/* The place of hook i: first those on the stack, then block after block. */
static struct poll_set_hook *poll_set_hook_new(struct poll_set *set)
{
    uint32_t i = set->nhooks - POLL_INLINE_HOOKS;

    if (set->nhooks < POLL_INLINE_HOOKS)
        return &set->inline_hooks[set->nhooks];
    if (i % POLL_BLOCK_HOOKS == 0) {
        struct poll_hook_block *block = kmalloc(sizeof(*block));

        if (!block)
            return NULL;
        block->next = set->blocks;
        set->blocks = block;
    }
    return &set->blocks->hooks[i % POLL_BLOCK_HOOKS];
}

static void poll_set_add(struct poll_waiter *waiter, struct poll_head *head)
{
    struct poll_set *set = container_of(waiter, struct poll_set, waiter);
    struct poll_set_hook *hook = poll_set_hook_new(set);

    if (!hook) {
        set->error = -ENOMEM;
        return;
    }
    set->nhooks++;
    hook->set = set;
    hook->hook.exclusive = false;
    poll_hook_add(&hook->hook, head, poll_set_wake);
}

void poll_set_init(struct poll_set *set)
{
    set->waiter.add = poll_set_add;
    set->waiter.outlasts_call = false;
    waitq_init(&set->queue);
    set->nhooks = 0;
    set->woken = 0;
    set->error = 0;
    set->blocks = NULL;
}

int poll_set_wait(struct poll_set *set, uint64_t deadline_ns)
{
    int err = 0;

    /* A wake-up without the mark is none of ours: back to sleep, with the same deadline. */
    while (!err) {
        struct waiter self;

        waitq_enter(&set->queue, &self);
        if (!__atomic_load_n(&set->woken, __ATOMIC_SEQ_CST))
            err = waitq_sleep(&self, 1, deadline_ns);
        waitq_leave(&set->queue, &self);
        if (__atomic_exchange_n(&set->woken, 0, __ATOMIC_SEQ_CST))
            return 0;
    }
    return err;
}

/* After this no callback refers to the set, which mostly lies on its thread's stack. */
void poll_set_finish(struct poll_set *set)
{
    struct poll_hook_block *block, *next;

    for (uint32_t i = 0; i < MIN(set->nhooks, POLL_INLINE_HOOKS); i++)
        poll_hook_remove(&set->inline_hooks[i].hook);
    for (block = set->blocks; block; block = next) {
        uint32_t count = (set->nhooks - POLL_INLINE_HOOKS) % POLL_BLOCK_HOOKS;

        next = block->next;
        if (count == 0) /* a block is made for a hook: all older ones are full */
            count = POLL_BLOCK_HOOKS;
        for (uint32_t i = 0; i < count; i++)
            poll_hook_remove(&block->hooks[i].hook);
        set->nhooks -= count;
        kfree(block);
        sched_preempt_point(); /* there may be a million hooks */
    }
    set->nhooks = 0;
}
