/* SPDX-License-Identifier: MIT */
/*
 * Epolls that wait for the signals of a process.
 *
 * A sender holds process.lock, perhaps the tree's too, with interrupts off: it wakes as much as an
 * interrupt handler may, and leaves a head with more hooks, or one that leads to other heads, to
 * deferred work. Which signals an item is about is asked when it is polled, by the task that
 * waits: any signal makes it perhaps ready.
 */
#include "kernel/proc/signal/signal_poll.h"

#include "kernel/fs/vfs/poll.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/deferred.h"
#include "shared/linux/poll.h"

#define SIGNAL_EVENTS (LX_POLLIN | LX_POLLRDNORM)

struct signal_poll {
    struct poll_head head;
    struct deferred work;
    uint32_t refs; /* [a] the process, hooks that stay, work that is queued */
};

void signal_poll_put(struct signal_poll *poll)
{
    if (__atomic_sub_fetch(&poll->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(poll);
}

static void signal_poll_hold(struct poll_head *head, bool begins)
{
    struct signal_poll *poll = container_of(head, struct signal_poll, head);

    if (begins)
        __atomic_fetch_add(&poll->refs, 1, __ATOMIC_RELAXED);
    else
        signal_poll_put(poll);
}

static void signal_poll_work(struct deferred *item)
{
    struct signal_poll *poll = container_of(item, struct signal_poll, work);

    poll_wake(&poll->head, SIGNAL_EVENTS);
    signal_poll_put(poll);
}

void signal_poll_wake(struct signal_poll *poll)
{
    if (list_empty(&poll->head.hooks) || poll_wake_briefly(&poll->head, SIGNAL_EVENTS))
        return;
    __atomic_fetch_add(&poll->refs, 1, __ATOMIC_RELAXED);
    if (!deferred_queue(&poll->work)) /* which has the reference of an earlier call */
        signal_poll_put(poll);
}

struct poll_head *signal_poll_head(struct task *self)
{
    struct process *process = self->process;
    struct signal_poll *made, *other = NULL;

    /* Timers that ring send their signals by deferred work from now on, as for several tasks: one
     * that waits in an epoll does not come by. A lone task may say so. */
    if (!process->threaded)
        process->threaded = true;
    if (process->signal_poll)
        return &process->signal_poll->head;
    made = kzalloc(sizeof(*made));
    if (!made)
        return NULL;
    poll_head_init(&made->head);
    made->head.hold = signal_poll_hold;
    deferred_init(&made->work, signal_poll_work);
    made->refs = 1;
    if (!__atomic_compare_exchange_n(&process->signal_poll, &other, made, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        kfree(made); /* another task has been faster */
    return &process->signal_poll->head;
}
