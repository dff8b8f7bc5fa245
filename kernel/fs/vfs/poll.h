/* SPDX-License-Identifier: MIT */
/*
 * fs/vfs/poll.h - waiting for one of many files
 *
 * Owns:    struct poll_head, in everything that can become ready; struct poll_hook, a registration
 *          with it, whose callback says what happens then; struct poll_set, a thread in poll or
 *          select with all its hooks.
 * Used by: pipes, terminals, event descriptors; the system calls.
 * Locks:   poll_head.lock, a spinlock, rank POLL, interrupts off; waking goes on to rank WAITQ.
 * Context: poll_notify any but NMI; the rest threads.
 * Fails:   -ENOMEM.
 * Tests:   tests/host/fs_pipe_test.c, tests/user/fs/poll_*.c
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/lib/list.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/poll.h"

struct poll_chain;
struct poll_hook;

struct poll_head {
    struct spinlock lock;
    struct list hooks; /* [lock] struct poll_hook */
    /* [I] NULL: the file keeps it. Else called for each hook that outlasts the call that makes it:
     * when that begins, and when it has been removed. */
    void (*hold)(struct poll_head *head, bool begins);
};

/* I constant while it is registered. The memory is the owner's, and so is the duty to keep the head
 * alive: by a reference to the file. */
struct poll_hook {
    struct list node;       /* [head->lock] */
    struct poll_head *head; /* [I] */
    /* [I] Some of these events may be there now. Called under the head's lock, interrupts off,
     * perhaps in an interrupt handler: it may wake. A head that is to be woken in turn goes to
     * `chain`, by poll_chain_add. Whether a thread has been woken for that alone: then no other
     * exclusive hook is called for this change. */
    bool (*wake)(struct poll_hook *hook, uint32_t events, struct poll_chain *chain);
    bool exclusive; /* [I] set before it is added */
};

/* A head that other heads wake: no two of their locks are held together. It is woken when the lock
 * of the one that woke it has been dropped; until `done` has been called for it, its owner is kept
 * by a reference that the callback took. */
struct poll_relay {
    struct poll_relay *next; /* of one chain */
    struct poll_head *head;  /* I */
    uint32_t queued;         /* [a] in a chain: it will be woken later than now */
    void (*done)(struct poll_relay *relay);
};

struct poll_chain {
    struct poll_relay *first, *last;
};

/* What a file's poll operation registers with. `add` makes a hook for the head, and remembers by
 * itself when it cannot. */
struct poll_waiter {
    void (*add)(struct poll_waiter *waiter, struct poll_head *head);
    /* The hooks stay when the call that makes them has ended. A file that finds no memory for the
     * head that they need adds NULL. */
    bool outlasts_call;
};

void poll_head_init(struct poll_head *head);
void poll_wake(struct poll_head *head, uint32_t events);

/* For interrupt handlers, which a program must not make long: false if there is more than they may
 * do, and a thread has to call poll_wake. */
MUST_CHECK bool poll_wake_briefly(struct poll_head *head, uint32_t events);

#define POLL_ANY_EVENT    UINT32_MAX
#define POLL_WRITE_EVENTS (LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND)
#define POLL_READ_EVENTS  (LX_POLLIN | LX_POLLRDNORM | LX_POLLRDBAND)

/* A waiter registers before it scans the state, and a file changes its state before it notifies:
 * seeing no hook here means that the waiter will see the new state. `events`: what the change may
 * have made true (LX_POLL*). */
static inline void poll_notify_events(struct poll_head *head, uint32_t events)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!list_empty(&head->hooks)))
        poll_wake(head, events);
}

static inline void poll_notify(struct poll_head *head)
{
    poll_notify_events(head, POLL_ANY_EVENT);
}

void poll_hook_add(struct poll_hook *hook, struct poll_head *head,
                   bool (*wake)(struct poll_hook *hook, uint32_t events, struct poll_chain *chain));
/* The relay gets into the chain, unless it is in one already: true if it is. */
bool poll_chain_add(struct poll_chain *chain, struct poll_relay *relay);
/* Afterwards `wake` does not run, and will not. */
void poll_hook_remove(struct poll_hook *hook);

/* Called by file_ops.poll before it scans its state; waiter may be NULL: nothing to do. */
static inline void poll_register(struct poll_head *head, struct poll_waiter *waiter)
{
    if (waiter)
        waiter->add(waiter, head);
}

/* --- a thread that waits --- */

struct poll_set_hook {
    struct poll_hook hook;
    struct poll_set *set;
};

#define POLL_INLINE_HOOKS 8
#define POLL_BLOCK_HOOKS  51 /* a block takes 2 KiB */

struct poll_hook_block {
    struct poll_hook_block *next;
    struct poll_set_hook hooks[POLL_BLOCK_HOOKS];
};

struct poll_set {
    struct poll_waiter waiter;
    struct waitq queue;
    uint32_t nhooks;
    uint32_t woken;                 /* [a] */
    int error;                      /* -ENOMEM while registering */
    struct poll_hook_block *blocks; /* the newest first */
    struct poll_set_hook inline_hooks[POLL_INLINE_HOOKS];
};

void poll_set_init(struct poll_set *set);
/* 0 woken, -ERESTARTSYS, -ETIMEDOUT. Clears the mark of being woken, so scan the files afterwards.
 */
MUST_CHECK int poll_set_wait(struct poll_set *set, uint64_t deadline_ns);
/* The files that were registered with must still be held. */
void poll_set_finish(struct poll_set *set);
