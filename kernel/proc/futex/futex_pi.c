/* SPDX-License-Identifier: MIT */
/*
 * Locks that lend priority: FUTEX_LOCK_PI and kin.
 *
 * The word of such a lock holds its owner's number, so that taking and releasing one that nothing
 * waits for needs no call. A waiter sets FUTEX_WAITERS in it, which sends the owner here at the
 * release, and makes a struct futex_pi_state: key, owner, waiters by priority. It exists as long as
 * there are waiters, in a table by key and in its owner's list (.pi_held).
 *
 * A release hands over: the first waiter's number goes into the word before it is woken, so no
 * other thread comes in between. When an owner ends, or executes another program, its locks go to
 * their first waiters likewise; but it may not have the word in its memory any more, so the new
 * owner writes it (.owner_died), and .mending keeps the state until then.
 *
 * An owner runs with the priority of the first waiter of any of its locks, if that is more than its
 * own. When a priority or the first of a lock changes, the change goes along the chain: the owner
 * may wait for a lock itself (futex_pi_adjust). A chain that leads back to the one that begins to
 * wait is a deadlock, and is refused.
 *
 * One mutex guards all of it, for the chain crosses locks; what nothing waits for never comes here.
 * User memory is accessed under it with faults disabled, as a fault may wait for memory, and so for
 * the end of a task that needs the mutex. A task that ends sets .pi_gone and then looks at its
 * list; a waiter puts the state there and then looks at .pi_gone, under process_tree_lock, which
 * keeps the task: one of the two sees the other.
 *
 * Long because the calls, the chain and the hand-over share one structure and its mutex.
 */
#include "kernel/lib/restart.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/futex/futex_internal.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/futex.h"

#define CHAIN_MAX 1024 /* as Linux's max_lock_depth */
#define TABLE     64
#define TRIES_MAX 1000 /* a word that others change each time between two instructions */

struct futex_pi_state {
    struct list in_table; /* [pi] */
    struct vm_key key;    /* I, referenced */
    struct task *owner;   /* [pi] */
    struct list held;     /* [pi] in owner->pi_held */
    struct list waiters;  /* [pi] struct futex_pi_waiter, the highest priority first */
    unsigned mending;     /* [pi] new owners that have not written the word yet */
};

static struct mutex pi_mutex = MUTEX_INIT(MUTEX_FUTEX_PI);
static struct list table[TABLE]; /* [pi] */
unsigned futex_pi_nstates;       /* [pi], atomic for those that only ask whether there are any */
static struct slab_cache *state_cache;

COLD void futex_pi_init(void)
{
    for (unsigned i = 0; i < TABLE; i++)
        list_init(&table[i]);
    state_cache = slab_cache_create("futex_pi", sizeof(struct futex_pi_state));
}

/* One copy for all that assert it. */
static NOINLINE bool pi_is_held(void)
{
    return mutex_is_held(&pi_mutex);
}

COLD void futex_pi_lock(void)
{
    mutex_lock(&pi_mutex);
}

COLD void futex_pi_unlock(void)
{
    mutex_unlock(&pi_mutex);
}

static struct list *table_row(const struct vm_key *key)
{
    uint64_t mixed = ((uint64_t)key->object >> 4) + (key->offset >> 2);

    return &table[mixed * 0x9e3779b97f4a7c15ULL >> 58];
}

static struct futex_pi_state *state_find_locked(const struct vm_key *key)
{
    struct list *row = table_row(key);

    ASSERT(pi_is_held());
    list_for_each (link, row) {
        struct futex_pi_state *state = list_entry(link, struct futex_pi_state, in_table);

        if (futex_keys_equal(&state->key, key))
            return state;
    }
    return NULL;
}

static struct futex_pi_waiter *state_first(const struct futex_pi_state *state)
{
    return list_empty(&state->waiters)
               ? NULL
               : list_entry(state->waiters.next, struct futex_pi_waiter, link);
}

COLD bool futex_pi_search(const struct vm_key *key)
{
    bool found;

    mutex_lock(&pi_mutex);
    found = state_find_locked(key) != NULL;
    mutex_unlock(&pi_mutex);
    return found;
}

/* --- priorities --- */

static void waiter_insert_locked(struct futex_pi_state *state, struct futex_pi_waiter *waiter)
{
    struct list *at = &state->waiters;

    ASSERT(pi_is_held());
    waiter->prio = sched_priority(&waiter->task->thread);
    while (at->prev != &state->waiters &&
           list_entry(at->prev, struct futex_pi_waiter, link)->prio < waiter->prio)
        at = at->prev;
    list_push_back(at, &waiter->link);
}

static unsigned prio_lent_to(const struct task *task)
{
    unsigned prio = 0;

    list_for_each (link, &task->pi_held) {
        const struct futex_pi_waiter *first =
            state_first(list_entry(link, struct futex_pi_state, held));

        if (first)
            prio = MAX(prio, first->prio);
    }
    return prio;
}

/* What waits for the task's locks has changed, or its own priority: it gets what it is lent, and
 * the owner of the lock that it waits for likewise, and so on. */
static void futex_pi_adjust(struct task *task)
{
    ASSERT(pi_is_held());
    for (unsigned depth = 0; depth < CHAIN_MAX; depth++) {
        struct futex_pi_waiter *waiter = task->pi_blocked;
        unsigned lent = prio_lent_to(task);

        if (lent != task->thread.rt_lent) /* changed here alone */
            sched_lend_priority(&task->thread, lent);
        if (!waiter || waiter->prio == sched_priority(&task->thread))
            return;
        list_remove(&waiter->link);
        waiter_insert_locked(waiter->state, waiter);
        task = waiter->state->owner;
        sched_preempt_point();
    }
}

COLD bool futex_pi_is_blocked(const struct task *task)
{
    /* Against the order of a waiter, which registers and then looks at its priority. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return __atomic_load_n(&task->pi_blocked, __ATOMIC_RELAXED) != NULL;
}

COLD void futex_pi_reprioritize(struct task *task)
{
    mutex_lock(&pi_mutex);
    futex_pi_adjust(task);
    mutex_unlock(&pi_mutex);
}

/* --- states --- */

static void state_owner_set_locked(struct futex_pi_state *state, struct task *owner)
{
    struct task *old = state->owner;

    ASSERT(pi_is_held());
    list_remove(&state->held);
    state->owner = owner;
    list_push_back(&owner->pi_held, &state->held);
    futex_pi_adjust(old);
    futex_pi_adjust(owner);
}

/* When nothing waits any more. */
static void state_put_locked(struct futex_pi_state *state)
{
    struct task *owner = state->owner;

    ASSERT(pi_is_held());
    if (state->mending || !list_empty(&state->waiters))
        return;
    list_remove(&state->in_table);
    list_remove(&state->held);
    __atomic_store_n(&futex_pi_nstates, futex_pi_nstates - 1, __ATOMIC_RELAXED);
    vm_key_put(&state->key);
    slab_free(state_cache, state);
    futex_pi_adjust(owner);
}

/* The owner is the task with that number. -ESRCH: there is none, or it ends and has given up what
 * it owned. */
static int owner_find_locked(struct futex_pi_state *state, int tid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct task *owner = task_find_locked(tid);
    int err = tid == PROCESS_INIT_PID ? -EPERM : owner ? 0 : -ESRCH; /* init is the kernel's */

    ASSERT(pi_is_held());
    if (!err) {
        state->owner = owner;
        list_push_back(&owner->pi_held, &state->held);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (__atomic_load_n(&owner->pi_gone, __ATOMIC_RELAXED)) {
            list_remove(&state->held);
            err = -ESRCH;
        }
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

static int state_create_locked(const struct vm_key *key, int tid, struct futex_pi_state **out)
{
    struct futex_pi_state *state = slab_alloc(state_cache);
    int err;

    ASSERT(pi_is_held());
    if (!state)
        return -ENOMEM;
    *state = (struct futex_pi_state){.key = *key};
    list_init(&state->waiters);
    err = owner_find_locked(state, tid);
    if (err) {
        slab_free(state_cache, state);
        return err;
    }
    if (key->pager)
        key->pager->ops->get(key->pager, NULL);
    list_push_back(table_row(key), &state->in_table);
    __atomic_store_n(&futex_pi_nstates, futex_pi_nstates + 1, __ATOMIC_RELAXED);
    *out = state;
    return 0;
}

/* The word as user space has it must fit to what is known: else another protocol is at work. */
static bool word_fits(const struct futex_pi_state *state, uint32_t word)
{
    uint32_t tid = word & LX_FUTEX_TID_MASK;

    return state->mending || tid == (uint32_t)state->owner->tid ||
           (!tid && (word & LX_FUTEX_OWNER_DIED));
}

/* --- taking and waiting --- */

static int pi_word_read(uint64_t va, uint32_t *word)
{
    return vm_user_read_nofault(word, (struct uptr){va}, sizeof(*word)) ? FUTEX_PI_FAULT : 0;
}

/* One try with the word as it was read. -EAGAIN: it has changed. */
static int take_once_locked(uint64_t va, uint32_t word, const struct vm_key *key, uint32_t tid,
                            bool mark, struct futex_pi_state **state)
{
    uint32_t owner = word & LX_FUTEX_TID_MASK, seen = word, new;
    struct futex_waiter *other;
    int err;

    ASSERT(pi_is_held());
    if (owner == tid)
        return -EDEADLK;
    *state = state_find_locked(key);
    if (*state)
        return word_fits(*state, word) ? 0 : -EINVAL;
    if (futex_peek(key, &other)) /* what waits there does not know of owners */
        return -EINVAL;
    if (owner)
        new = word | LX_FUTEX_WAITERS;
    else
        new = tid | (word & LX_FUTEX_OWNER_DIED) | (mark ? LX_FUTEX_WAITERS : 0);
    if (vm_user_exchange_nofault(va, &seen, new))
        return FUTEX_PI_FAULT;
    if (seen != word)
        return -EAGAIN;
    if (!owner)
        return FUTEX_PI_TAKEN;
    err = state_create_locked(key, (int)owner, state);
    /* An owner that ended has changed the word, if it knew of the lock (futex_robust.c). */
    if (err == -ESRCH && !pi_word_read(va, &seen) && seen != new)
        return -EAGAIN;
    return err;
}

COLD int futex_pi_take_locked(uint64_t va, const struct vm_key *key, struct task *task, bool mark,
                              struct futex_pi_state **state)
{
    int err = -EAGAIN;

    ASSERT(pi_is_held());
    for (unsigned tries = 0; err == -EAGAIN && tries < TRIES_MAX; tries++) {
        uint32_t word = 0;

        err = pi_word_read(va, &word);
        if (!err)
            err = take_once_locked(va, word, key, (uint32_t)task->tid, mark, state);
    }
    return err;
}

COLD int futex_pi_enter_locked(struct futex_pi_state *state, struct futex_pi_waiter *waiter)
{
    const struct task *owner = state->owner;
    unsigned depth = 0;

    ASSERT(pi_is_held());
    while (owner != waiter->task && owner->pi_blocked && depth++ < CHAIN_MAX)
        owner = owner->pi_blocked->state->owner;
    if (owner == waiter->task || depth > CHAIN_MAX) {
        state_put_locked(state);
        return -EDEADLK;
    }
    waiter->state = state;
    waiter->owner_died = false;
    waiter->wake.thread = &waiter->task->thread;
    __atomic_store_n(&waiter->task->pi_blocked, waiter, __ATOMIC_SEQ_CST);
    waiter_insert_locked(state, waiter);
    futex_pi_adjust(state->owner);
    return 0;
}

/* It waits no more. */
static struct futex_pi_state *waiter_remove_locked(struct futex_pi_waiter *waiter)
{
    struct futex_pi_state *state = waiter->state;

    ASSERT(pi_is_held());
    list_remove(&waiter->link);
    waiter->state = NULL;
    __atomic_store_n(&waiter->task->pi_blocked, NULL, __ATOMIC_RELAXED);
    return state;
}

COLD void futex_pi_leave_locked(struct futex_pi_waiter *waiter)
{
    struct futex_pi_state *state = waiter_remove_locked(waiter);

    ASSERT(pi_is_held());
    futex_pi_adjust(state->owner);
    state_put_locked(state);
}

COLD void futex_pi_wake_locked(struct futex_pi_waiter *waiter)
{
    ASSERT(pi_is_held());
    __atomic_store_n(&waiter->wake.woken, true, __ATOMIC_SEQ_CST);
    sched_wake(&waiter->task->thread);
}

/* To the first waiter. */
static void hand_over_locked(struct futex_pi_state *state, bool owner_died)
{
    struct futex_pi_waiter *first = state_first(state);

    ASSERT(pi_is_held());
    waiter_remove_locked(first);
    first->owner_died = owner_died;
    state->mending += owner_died;
    state_owner_set_locked(state, first->task);
    futex_pi_wake_locked(first);
    state_put_locked(state);
}

COLD int futex_pi_sleep(struct futex_pi_waiter *waiter, uint64_t deadline_ns, bool realtime)
{
    int err;

    do
        err = (realtime ? waitq_sleep_realtime : waitq_sleep)(&waiter->wake, 1, deadline_ns);
    while (!err && !__atomic_load_n(&waiter->wake.woken, __ATOMIC_ACQUIRE));
    return err;
}

COLD int futex_pi_fault_in(struct task *self, uint64_t va)
{
    return vm_fault(self->thread.space, va, VM_WRITE) ? -EFAULT : 0;
}

/* The new owner's number and the mark of the death, instead of the old owner's. */
static int word_mend_locked(const struct task *self, uint64_t va)
{
    uint32_t word = 0, seen;

    ASSERT(pi_is_held());
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        if (pi_word_read(va, &word))
            return FUTEX_PI_FAULT;
        seen = word;
        if (vm_user_exchange_nofault(va, &seen,
                                     (uint32_t)self->tid | LX_FUTEX_WAITERS | LX_FUTEX_OWNER_DIED))
            return FUTEX_PI_FAULT;
        if (seen == word)
            return 0;
    }
    return -EAGAIN;
}

COLD int futex_pi_own_locked(struct task *self, struct futex_pi_waiter *waiter, uint64_t va,
                             const struct vm_key *key)
{
    struct futex_pi_state *state;
    int err = 0;

    ASSERT(pi_is_held());
    if (likely(!waiter->owner_died))
        return 0;
    for (unsigned tries = 0; (err = word_mend_locked(self, va)) == FUTEX_PI_FAULT; tries++) {
        mutex_unlock(&pi_mutex);
        err = tries < FUTEX_FAULT_TRIES ? futex_pi_fault_in(self, va) : -EFAULT;
        mutex_lock(&pi_mutex);
        if (err)
            break;
    }
    state = state_find_locked(key); /* .mending has kept it */
    state->mending--;
    if (err && !list_empty(&state->waiters)) /* it does not own what it cannot reach */
        hand_over_locked(state, true);
    else
        state_put_locked(state);
    return err;
}

/* --- the calls --- */

/* Takes the lock or begins to wait. FUTEX_PI_TAKEN; 0: it waits. */
static int lock_begin(struct task *self, uint64_t va, const struct vm_key *key, bool try_only,
                      struct futex_pi_waiter *waiter)
{
    struct futex_pi_state *state = NULL;
    int err = FUTEX_PI_FAULT;

    for (unsigned tries = 0; err == FUTEX_PI_FAULT; tries++) {
        if (tries && (tries > FUTEX_FAULT_TRIES || futex_pi_fault_in(self, va)))
            return -EFAULT;
        mutex_lock(&pi_mutex);
        err = futex_pi_take_locked(va, key, self, false, &state);
        if (!err && try_only) {
            state_put_locked(state);
            err = -EAGAIN;
        } else if (!err) {
            err = futex_pi_enter_locked(state, waiter);
        }
        mutex_unlock(&pi_mutex);
    }
    return err;
}

COLD int futex_pi_acquire(struct task *self, uint64_t va, bool shared, uint64_t deadline_ns,
                          bool realtime, bool try_only)
{
    struct futex_pi_waiter waiter = {.task = self};
    struct vm_key key;
    int err = futex_key_get(self, va, shared, &key);

    if (err)
        return err;
    err = lock_begin(self, va, &key, try_only, &waiter);
    if (!err) {
        err = futex_pi_sleep(&waiter, deadline_ns, realtime);
        mutex_lock(&pi_mutex);
        if (waiter.wake.woken)
            err = futex_pi_own_locked(self, &waiter, va, &key);
        else
            futex_pi_leave_locked(&waiter);
        mutex_unlock(&pi_mutex);
    }
    vm_key_put(&key);
    if (err == FUTEX_PI_TAKEN)
        return 0;
    /* The deadline is a time of a clock, so the call can begin anew whatever the handler asks. */
    return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

/* -EAGAIN: the word has changed. */
static int release_once_locked(const struct task *self, uint64_t va, const struct vm_key *key)
{
    struct futex_pi_state *state = state_find_locked(key);
    uint32_t word = 0, seen, new = 0;
    struct futex_waiter *other;

    ASSERT(pi_is_held());
    if (pi_word_read(va, &word))
        return FUTEX_PI_FAULT;
    if ((word & LX_FUTEX_TID_MASK) != (uint32_t)self->tid)
        return -EPERM;
    if (state ? state->owner != self : futex_peek(key, &other))
        return -EINVAL;
    if (state)
        new = (uint32_t)state_first(state)->task->tid | LX_FUTEX_WAITERS;
    seen = word;
    if (vm_user_exchange_nofault(va, &seen, new))
        return FUTEX_PI_FAULT;
    if (seen != word)
        return -EAGAIN;
    if (state)
        hand_over_locked(state, false);
    return 0;
}

COLD int futex_pi_release(struct task *self, uint64_t va, bool shared)
{
    struct vm_key key;
    uint32_t word;
    int err = vm_user_read(&word, (struct uptr){va}, sizeof(word));

    if (!err && (word & LX_FUTEX_TID_MASK) != (uint32_t)self->tid)
        err = -EPERM;
    if (!err)
        err = futex_key_get(self, va, shared, &key);
    if (err)
        return err;
    err = FUTEX_PI_FAULT;
    for (unsigned tries = 0; err == FUTEX_PI_FAULT || err == -EAGAIN; tries++) {
        if (tries > TRIES_MAX || (err == FUTEX_PI_FAULT && tries && futex_pi_fault_in(self, va))) {
            err = err == -EAGAIN ? err : -EFAULT;
            break;
        }
        mutex_lock(&pi_mutex);
        err = release_once_locked(self, va, &key);
        mutex_unlock(&pi_mutex);
    }
    vm_key_put(&key);
    return err;
}

COLD void futex_pi_drop(struct task *self, bool for_good)
{
    if (for_good)
        __atomic_store_n(&self->pi_gone, true, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&self->pi_held.next, __ATOMIC_SEQ_CST) == &self->pi_held)
        return;
    mutex_lock(&pi_mutex);
    while (!list_empty(&self->pi_held)) {
        hand_over_locked(list_entry(self->pi_held.next, struct futex_pi_state, held), true);
        sched_preempt_point();
    }
    mutex_unlock(&pi_mutex);
}
