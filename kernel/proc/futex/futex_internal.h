/* SPDX-License-Identifier: MIT */
/*
 * proc/futex/futex_internal.h - what the files of futexes share among themselves
 *
 * Used by: futex.c (waiting and waking), futex_wait_many.c (several words at once), futex_pi.c
 *          (locks that lend priority), futex_requeue_pi.c (from a word to such a lock).
 * Locks:   the mutex of futex_pi_lock, rank FUTEX_PI, before those of buckets, rank PIPE.
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_space.h"

#define FUTEX_FAULT_TRIES 64 /* a page that goes as fast as it is brought in */

struct futex_bucket;
struct futex_pi_state;
struct futex_pi_waiter;
struct task;

/* Waits for a word. Where it lies is the waiting task's. */
struct futex_waiter {
    struct list ring;    /* [bucket->lock] the waiters of its key; the tree's is the first */
    struct rb_node node; /* [bucket->lock] */
    bool in_tree;        /* [bucket->lock] */
    uint8_t prio;        /* I: of real time, when it came */
    struct futex_bucket *bucket; /* [bucket->lock] written by requeue, which holds both */
    struct vm_key key;           /* [bucket->lock] */
    uint32_t bitset;             /* I */
    struct waiter *wake;         /* I: in no queue: woken and thread are used */
    struct futex_pi_waiter *pi;  /* I: is to be requeued to a lock; NULL: is to be woken */
};

/* -EINVAL, -EFAULT. */
MUST_CHECK int futex_key_get(struct task *self, uint64_t va, bool shared, struct vm_key *key);
bool futex_keys_equal(const struct vm_key *one, const struct vm_key *other);
/* Looks at the word and enters the queue as one step: -EAGAIN: it is another value. */
MUST_CHECK int futex_enqueue(struct task *self, uint64_t va, uint32_t value,
                             struct futex_waiter *waiter);
/* True: it has been woken; else it was taken out of the queue. No waker looks at it after this. */
bool futex_dequeue(struct futex_waiter *waiter);
/* Whether anything waits for the word. The first of them, if it has a .pi; NULL: it has none, and
 * may be gone. One that has stays while the caller holds futex_pi_lock. */
MUST_CHECK bool futex_peek(const struct vm_key *key, struct futex_waiter **first);

/* Waits for a lock, or to be requeued to one. */
struct futex_pi_waiter {
    struct task *task;
    struct list link;             /* [pi] in state->waiters */
    struct futex_pi_state *state; /* [pi] NULL: it waits for no lock, or has got it */
    unsigned prio;                /* [pi] by which it is sorted */
    bool owner_died;              /* [pi] it got the lock so: the word is still the old owner's */
    const struct vm_key *target;  /* I: of the lock that it is to be requeued to */
    uint64_t target_va;           /* I: its address here */
    struct waiter wake;
};

/* The lock's word cannot be reached without a fault: try again after futex_pi_fault_in. */
#define FUTEX_PI_FAULT 2
#define FUTEX_PI_TAKEN 1

void futex_pi_lock(void);
void futex_pi_unlock(void);
/* For the task the lock's word, at va in the caller's memory, is taken (FUTEX_PI_TAKEN), or marked
 * as waited for: 0, and *state is what to wait in. FUTEX_PI_FAULT, -EDEADLK, -EINVAL, -EPERM,
 * -ESRCH, -EAGAIN, -ENOMEM. */
MUST_CHECK int futex_pi_take_locked(uint64_t va, const struct vm_key *key, struct task *task,
                                    bool mark, struct futex_pi_state **state);
/* The waiter waits from now on. -EDEADLK: its own task would have to release the lock. */
MUST_CHECK int futex_pi_enter_locked(struct futex_pi_state *state, struct futex_pi_waiter *waiter);
void futex_pi_leave_locked(struct futex_pi_waiter *waiter);
/* The waiter's task owns the lock, and runs. */
void futex_pi_wake_locked(struct futex_pi_waiter *waiter);
/* Until it is woken: 0, or the error of the sleep. */
MUST_CHECK int futex_pi_sleep(struct futex_pi_waiter *waiter, uint64_t deadline_ns, bool realtime);
/* It was woken: what a dead owner has left in the word is mended. Drops the lock meanwhile. */
MUST_CHECK int futex_pi_own_locked(struct task *self, struct futex_pi_waiter *waiter, uint64_t va,
                                   const struct vm_key *key);
/* The word is made writable for the caller; no lock held. */
MUST_CHECK int futex_pi_fault_in(struct task *self, uint64_t va);
