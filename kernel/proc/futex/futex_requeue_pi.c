/* SPDX-License-Identifier: MIT */
/*
 * From a word to a lock that lends priority: FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI.
 *
 * A thread that waits for a condition names the lock that it takes afterwards. A signal of the
 * condition gives it that lock at once if it is free, or lets it wait there: it is woken as the
 * owner, so that nothing is woken only to wait again.
 *
 * Such a waiter is in the ring of the word (futex.c) until it is requeued, then in the lock's list
 * (futex_pi.c). Nothing but its own time-out or signal and the requeue takes it out of the ring,
 * and both hold futex_pi_lock: under it a waiter that is seen there stays.
 */
#include "kernel/lib/restart.h"
#include "kernel/proc/futex/futex_internal.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/futex.h"

/* Whatever woke it up. A signal that came before the requeue lets the call begin anew; one that
 * came after it does not: the word has changed by then. */
static int requeue_pi_end(struct task *self, struct futex_waiter *waiter, int err)
{
    struct futex_pi_waiter *pi = waiter->pi;

    futex_pi_lock();
    if (pi->wake.woken) {
        err = futex_pi_own_locked(self, pi, pi->target_va, pi->target);
    } else if (pi->state) {
        futex_pi_leave_locked(pi);
        err = err == -ERESTARTSYS ? -EAGAIN : err;
    } else {
        (void)futex_dequeue(waiter);
        err = err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
    }
    futex_pi_unlock();
    return err;
}

COLD int futex_wait_requeue_pi(struct task *self, uint64_t va, uint64_t va2, bool shared,
                               uint32_t value, uint64_t deadline_ns, bool realtime)
{
    struct vm_key target;
    struct futex_pi_waiter pi = {.task = self, .target = &target, .target_va = va2};
    struct futex_waiter waiter = {.bitset = LX_FUTEX_BITSET_MATCH_ANY, .wake = &pi.wake, .pi = &pi};
    int err = va == va2 ? -EINVAL : futex_key_get(self, va2, shared, &target);

    if (err)
        return err;
    err = futex_key_get(self, va, shared, &waiter.key);
    if (!err) {
        err = futex_keys_equal(&waiter.key, &target) ? -EINVAL : 0;
        if (!err)
            err = futex_enqueue(self, va, value, &waiter);
        if (!err) {
            err = futex_pi_sleep(&pi, deadline_ns, realtime);
            err = requeue_pi_end(self, &waiter, err);
        }
        vm_key_put(&waiter.key);
    }
    vm_key_put(&target);
    return err;
}

/* One waiter: gets the lock, or waits for it. 1; 0: there is none. */
static int requeue_pi_one(uint64_t va2, const struct vm_key *key, const struct vm_key *key2)
{
    struct futex_pi_state *state = NULL;
    struct futex_waiter *waiter;
    int err;

    if (!futex_peek(key, &waiter))
        return 0;
    if (!waiter || !futex_keys_equal(waiter->pi->target, key2))
        return -EINVAL;
    err = futex_pi_take_locked(va2, key2, waiter->pi->task, true, &state);
    if (!err) {
        err = futex_pi_enter_locked(state, waiter->pi);
        if (!err)
            (void)futex_dequeue(waiter);
        return err ? err : 1;
    }
    if (err == FUTEX_PI_TAKEN) {
        (void)futex_dequeue(waiter);
        futex_pi_wake_locked(waiter->pi);
    }
    return err;
}

static int requeue_pi_all(uint64_t va, uint64_t va2, const struct vm_key *key,
                          const struct vm_key *key2, int count, uint32_t expected, int *done)
{
    uint32_t word = 0;
    int moved = 1;

    /* Waiters that come after this look at the word have seen it as it is expected, too. */
    if (vm_user_read_nofault(&word, (struct uptr){va}, sizeof(word)))
        return FUTEX_PI_FAULT;
    if (!*done && word != expected)
        return -EAGAIN;
    while (*done < count && moved == 1) {
        moved = requeue_pi_one(va2, key, key2);
        if (moved == 1)
            ++*done;
        sched_preempt_point();
    }
    return moved == 1 ? 0 : moved;
}

static int requeue_pi_keys(struct task *self, uint64_t va, uint64_t va2, const struct vm_key *key,
                           const struct vm_key *key2, int count, uint32_t expected)
{
    int done = 0, err = FUTEX_PI_FAULT;

    for (unsigned tries = 0; err == FUTEX_PI_FAULT; tries++) {
        uint32_t word;

        if (tries && (tries > FUTEX_FAULT_TRIES || futex_pi_fault_in(self, va2) ||
                      vm_user_read(&word, (struct uptr){va}, sizeof(word))))
            return -EFAULT;
        futex_pi_lock();
        err = requeue_pi_all(va, va2, key, key2, count, expected, &done);
        futex_pi_unlock();
    }
    return err ? err : done;
}

COLD int futex_cmp_requeue_pi(struct task *self, uint64_t va, uint64_t va2, bool shared, int wake,
                              int move, uint32_t expected)
{
    struct vm_key key, key2;
    int err;

    /* One gets the lock: more than one would find it taken. */
    if (wake != 1 || move < 0 || va == va2)
        return -EINVAL;
    err = futex_key_get(self, va, shared, &key);
    if (err)
        return err;
    err = futex_key_get(self, va2, shared, &key2);
    if (!err) {
        err = futex_keys_equal(&key, &key2)
                  ? -EINVAL
                  : requeue_pi_keys(self, va, va2, &key, &key2, MIN(move, INT32_MAX - 1) + 1,
                                    expected);
        vm_key_put(&key2);
    }
    vm_key_put(&key);
    return err;
}
