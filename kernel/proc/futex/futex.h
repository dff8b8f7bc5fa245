/* SPDX-License-Identifier: MIT */
/*
 * proc/futex/futex.h - waiting until another task reports that a word of memory has changed
 *
 * Owns:    the waiters, by where the word is: an address of a space, or a place in a shared object.
 * Rule:    a waiter looks at the word and enters the queue under one lock, which a waker takes too:
 *          no wake-up that follows a change of the word is lost.
 * Locks:   a mutex for each bucket, rank PIPE; user memory is read under it with faults disabled.
 * Context: threads, no lock held.
 * Fails:   as futex(2): -EAGAIN (another value), -EFAULT, -ETIMEDOUT, -EINTR, -ENOMEM.
 * Tests:   tests/user/sched/futex_*.c
 */
#pragma once

#include "kernel/lib/util.h"

struct task;

void futex_init(void);

/* deadline_ns: monotonic, or real time; 0: none. shared: others may know the word by another
 * address. */
MUST_CHECK int futex_wait(struct task *self, uint64_t va, bool shared, uint32_t value,
                          uint64_t deadline_ns, bool realtime, uint32_t bitset);

/* The number woken: at most `count`, of those whose bitset has a bit in common. */
MUST_CHECK int futex_wake(struct task *self, uint64_t va, bool shared, int count, uint32_t bitset);

/* Wakes `wake` of those at va and lets up to `move` others wait at va2 instead; expected: NULL, or
 * what the word at va must be. The number of both. */
MUST_CHECK int futex_requeue(struct task *self, uint64_t va, uint64_t va2, bool shared, int wake,
                             int move, const uint32_t *expected);

/* A lock that lends its owner the priority of those that wait for it (futex_pi.c): its word holds
 * the owner's number. try_only: -EAGAIN instead of waiting. -EDEADLK, -EPERM, -ESRCH, -EINVAL. */
MUST_CHECK int futex_pi_acquire(struct task *self, uint64_t va, bool shared, uint64_t deadline_ns,
                                bool realtime, bool try_only);
MUST_CHECK int futex_pi_release(struct task *self, uint64_t va, bool shared);
/* Waits for the word at va until a requeue, and then for the lock at va2, which it has afterwards;
 * the requeue: the first gets the lock, up to `move` others wait for it. The number of both. */
MUST_CHECK int futex_wait_requeue_pi(struct task *self, uint64_t va, uint64_t va2, bool shared,
                                     uint32_t value, uint64_t deadline_ns, bool realtime);
MUST_CHECK int futex_cmp_requeue_pi(struct task *self, uint64_t va, uint64_t va2, bool shared,
                                    int wake, int move, uint32_t expected);
void futex_pi_init(void);
struct vm_key;
extern unsigned futex_pi_nstates; /* atomic: words that are locks, and waited for */
bool futex_pi_search(const struct vm_key *key);
/* Whether the word is a lock that is waited for. */
static inline bool futex_pi_is_waited_for(const struct vm_key *key)
{
    return unlikely(__atomic_load_n(&futex_pi_nstates, __ATOMIC_RELAXED)) && futex_pi_search(key);
}
/* The task leaves its memory: its locks go to their waiters. for_good: it ends. */
void futex_pi_drop(struct task *self, bool for_good);
/* Its own priority has changed: if it waits for a lock, the owner has to know. */
bool futex_pi_is_blocked(const struct task *task);
void futex_pi_reprioritize(struct task *task);

/* Waits for any of up to LX_FUTEX_WAITV_MAX words. Which of them was woken. */
struct lx_futex_waitv;
MUST_CHECK int futex_wait_many(struct task *self, const struct lx_futex_waitv *words,
                               unsigned count, uint64_t deadline_ns, bool realtime);

/* Wakes one, if any; failures are of no consequence to the caller. */
void futex_wake_user(struct task *self, struct uptr word);

/* The task is about to leave its memory, by exit or exec: locks on its robust list are marked and
 * one waiter of each is woken; if others stay in the memory, 0 goes to clear_tid and a waiter
 * there is woken. */
void futex_leave_memory(struct task *self);
