/* SPDX-License-Identifier: MIT */
#include "kernel/fs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"

void poll_head_init(struct poll_head *head)
{
    spin_init(&head->lock, SPIN_TTY);
    list_init(&head->hooks);
}

void poll_wake(struct poll_head *head)
{
    uint64_t flags;

    flags = spin_lock_irqsave(&head->lock);
    list_for_each (node, &head->hooks) {
        struct poll_waiter *waiter = list_entry(node, struct poll_hook, node)->waiter;
        __atomic_store_n(&waiter->woken, 1, __ATOMIC_SEQ_CST);
        waitq_wake_all(&waiter->queue);
    }
    spin_unlock_irqrestore(&head->lock, flags);
}

void poll_waiter_init(struct poll_waiter *waiter)
{
    waitq_init(&waiter->queue);
    list_init(&waiter->hooks);
    waiter->nhooks = 0;
    waiter->woken = 0;
    waiter->error = 0;
}

static struct poll_hook *hook_alloc(struct poll_waiter *waiter)
{
    if (waiter->nhooks < POLL_INLINE_HOOKS)
        return &waiter->inline_hooks[waiter->nhooks];
    return kmalloc(sizeof(struct poll_hook));
}

void poll_register_waiter(struct poll_head *head, struct poll_waiter *waiter)
{
    struct poll_hook *hook;
    uint64_t flags;

    hook = hook_alloc(waiter);
    if (!hook) {
        waiter->error = -ENOMEM;
        return;
    }
    waiter->nhooks++;
    hook->head = head;
    hook->waiter = waiter;
    list_push_back(&waiter->hooks, &hook->mine);
    flags = spin_lock_irqsave(&head->lock);
    list_push_back(&head->hooks, &hook->node);
    spin_unlock_irqrestore(&head->lock, flags);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* In the queue before the flag is looked at: whoever wakes sets the flag first. */
int poll_waiter_wait(struct poll_waiter *waiter, uint64_t deadline_ns)
{
    int err = 0;

    while (!err) {
        struct waiter self;

        waitq_enter(&waiter->queue, &self);
        if (!__atomic_load_n(&waiter->woken, __ATOMIC_SEQ_CST))
            err = waitq_sleep(&self, 1, deadline_ns);
        waitq_leave(&waiter->queue, &self);
        if (__atomic_exchange_n(&waiter->woken, 0, __ATOMIC_SEQ_CST))
            return 0;
    }
    return err;
}

void poll_waiter_finish(struct poll_waiter *waiter)
{
    struct list *node;

    while ((node = list_pop_front(&waiter->hooks)) != NULL) {
        struct poll_hook *hook = list_entry(node, struct poll_hook, mine);
        uint64_t flags = spin_lock_irqsave(&hook->head->lock);

        list_remove(&hook->node);
        spin_unlock_irqrestore(&hook->head->lock, flags);
        if (hook < waiter->inline_hooks || hook >= waiter->inline_hooks + POLL_INLINE_HOOKS)
            kfree(hook);
    }
    waiter->nhooks = 0;
}
