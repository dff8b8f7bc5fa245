/* SPDX-License-Identifier: MIT */
/*
 * Advisory file locks: setting, waiting, deadlocks.
 *
 * Everything about the locks of an inode happens under its mutex; lock_tree.c finds record locks.
 * An open file has one lock on the whole file at most, and knows it (file->flock); as these overlap
 * one another, they are one exclusive lock or any number of shared ones, and a list is enough.
 *
 * A lock is set in three steps: conflicts (and waiting for them), memory for what becomes new, then
 * the change, which cannot fail. Waiting gives up the mutex, so the first step begins anew after
 * it.
 *
 * A waiter knows one owner that is in its way, and is of no interest to the changes of others. Of
 * those that a change would let go on only the first is woken, if it will be in the way of the
 * rest: they wait for its owner from then on, which has no lock yet. When it gets the lock, that is
 * so; when it does not, it sees to them (lock_waiters_pass). So one wake-up follows one change,
 * however many wait, as on Linux.
 *
 * The graph of waiting owners is system-wide, under waits_lock, which comes after the mutex: a
 * cycle of owners is a deadlock. The search is cut off after CHAIN_MAX owners, as on Linux.
 *
 * The structure stays when the last lock goes, since most programs lock again; a close that finds
 * it empty frees it. An owner cannot go without such a close, of the descriptor or of the file.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/flock_internal.h"
#include "kernel/fs/vfs/lease.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define CHAIN_MAX 10 /* owners that a search for a deadlock goes through, as on Linux */

/* On the stack of a thread that waits. I constant   w waits_lock   l inode.lock */
struct lock_wait {
    struct rb_node by_owner;      /* [w] in posix_waits */
    struct list node;             /* [l] in file_locks.waits */
    const struct file_lock *want; /* [I] */
    const void *blocker;          /* [wl] its owner; NULL: has been woken to look again */
    bool posix;                   /* [I] both sides: deadlocks are looked for among these only */
    struct waitq queue;
};

static struct rb_tree posix_waits; /* by owner, which may have several */
static struct spinlock waits_lock;

void flock_init(void)
{
    file_lock_init_cache();
    spin_init(&waits_lock, SPIN_FLOCK);
}

/* --- memory --- */

int locks_prepare_locked(struct inode *inode)
{
    struct file_locks *locks = inode->locks;

    ASSERT(mutex_is_held(&inode->lock));
    if (locks)
        return 0;
    locks = kzalloc(sizeof(*locks));
    if (!locks)
        return -ENOLCK;
    list_init(&locks->whole);
    list_init(&locks->waits);
    list_init(&locks->leases);
    waitq_init(&locks->lease_change);
    /* Atomic for the test in lock_may_be_held, which each close makes without the mutex: a close
     * sees at least what its own owner has set. */
    __atomic_store_n(&inode->locks, locks, __ATOMIC_RELAXED);
    return 0;
}

void locks_drop_if_empty_locked(struct inode *inode)
{
    struct file_locks *locks = inode->locks;

    ASSERT(mutex_is_held(&inode->lock));
    if (!list_empty(&locks->whole) || locks->records.owners.root || !list_empty(&locks->waits) ||
        !list_empty(&locks->leases) || locks->breakers || locks->kept)
        return;
    __atomic_store_n(&inode->locks, NULL, __ATOMIC_RELAXED);
    kfree(locks);
}

/* --- waiting --- */

/* The owner that this one waits for; NULL: it does not wait, or has been woken to look again.
 * Threads of one process may wait at several files: one of these waits is followed. */
static const void *blocker_of_locked(const void *owner)
{
    struct rb_node *node = posix_waits.root;

    ASSERT(spin_is_held(&waits_lock));
    while (node) {
        const struct lock_wait *wait = rb_entry(node, struct lock_wait, by_owner);

        if (wait->want->owner == owner)
            return wait->blocker;
        node = owner < wait->want->owner ? node->left : node->right;
    }
    return NULL;
}

/* From owner to the owner it waits for: a way that leads back to where it began is a cycle. */
static bool is_deadlock_locked(const struct lock_wait *wait)
{
    const void *owner = wait->blocker;

    ASSERT(spin_is_held(&waits_lock));
    for (int i = 0; i < CHAIN_MAX && owner && wait->posix; i++) {
        owner = blocker_of_locked(owner);
        if (owner == wait->want->owner)
            return true;
    }
    return false;
}

/* Whether that lock, held or about to be, keeps the waiter where it is, and in the same way: what
 * deadlocks are looked for among stays that. */
static bool stands_before(const struct file_lock *first, const struct lock_wait *wait)
{
    const struct file_lock *want = wait->want;

    return (first->family == LOCK_WHOLE) == (want->family == LOCK_WHOLE) &&
           first->owner != want->owner && (first->exclusive || want->exclusive) &&
           lock_overlaps(first, want) &&
           wait->posix == (first->family == LOCK_POSIX && want->family == LOCK_POSIX);
}

/* Another owner is in its way from now on. False: that would be a deadlock, which it has to find
 * out itself. */
static bool wait_moves(struct lock_wait *wait, const void *blocker)
{
    bool moves;

    spin_lock(&waits_lock);
    wait->blocker = blocker;
    moves = !is_deadlock_locked(wait);
    spin_unlock(&waits_lock);
    return moves;
}

/* Whether that owner still has a lock in its way. Such a waiter stays as it is: what it waits for
 * is what deadlocks are found by. */
static bool wait_goes_on(const struct file_locks *locks, const struct lock_wait *wait)
{
    const struct file *file = wait->blocker; /* where locks are of whole files */

    if (wait->want->family != LOCK_WHOLE)
        return lock_own_conflicts(&locks->records, wait->blocker, wait->want);
    return file->flock && (file->flock->exclusive || wait->want->exclusive);
}

static void wait_wake(struct lock_wait *wait)
{
    spin_lock(&waits_lock);
    wait->blocker = NULL;
    spin_unlock(&waits_lock);
    waitq_wake_all(&wait->queue);
}

/* Of those that wait for the owner of `changed` and for any of its bytes, as many look again as do
 * not have to wait for `first` (NULL: none) or for each other. Under the mutex, after the change.
 * None of them leaves the list, or its stack, before it has the mutex. */
static void lock_waiters_pass(struct file_locks *locks, const struct file_lock *changed,
                              const struct file_lock *first)
{
    list_for_each (node, &locks->waits) {
        struct lock_wait *wait = list_entry(node, struct lock_wait, node);

        sched_preempt_point(); /* there may be thousands */
        if (wait->blocker != changed->owner || !lock_overlaps(wait->want, changed) ||
            wait_goes_on(locks, wait))
            continue;
        if (first && stands_before(first, wait) && wait_moves(wait, first->owner))
            continue;
        wait_wake(wait);
        first = wait->want;
    }
}

static void lock_waiters_wake(struct file_locks *locks, const struct file_lock *changed)
{
    lock_waiters_pass(locks, changed, NULL);
}

static void posix_waits_insert_locked(struct lock_wait *wait)
{
    struct rb_node **link = &posix_waits.root, *parent = NULL;

    ASSERT(spin_is_held(&waits_lock));
    while (*link) {
        const struct lock_wait *other = rb_entry(*link, struct lock_wait, by_owner);

        parent = *link;
        link = wait->want->owner < other->want->owner ? &parent->left : &parent->right;
    }
    rb_insert(&posix_waits, &wait->by_owner, parent, link);
}

/* Search and entry in one locking: of two owners that would close a cycle the later one sees the
 * other. */
static int wait_begin(struct lock_wait *wait)
{
    int err = 0;

    spin_lock(&waits_lock);
    if (is_deadlock_locked(wait))
        err = -EDEADLK;
    else if (wait->posix)
        posix_waits_insert_locked(wait);
    spin_unlock(&waits_lock);
    return err;
}

static void wait_end(struct lock_wait *wait)
{
    spin_lock(&waits_lock);
    if (wait->posix)
        rb_erase(&posix_waits, &wait->by_owner);
    spin_unlock(&waits_lock);
}

static int wait_locked(struct inode *inode, const struct file_lock *want,
                       const struct file_lock *blocker)
{
    struct lock_wait wait = {.want = want, .blocker = blocker->owner};
    int err;

    ASSERT(mutex_is_held(&inode->lock));
    wait.posix = want->family == LOCK_POSIX && blocker->family == LOCK_POSIX;
    waitq_init(&wait.queue);
    err = wait_begin(&wait);
    if (err)
        return err;
    list_push_back(&inode->locks->waits, &wait.node);
    /* Without the mutex the lock in the way may be freed: only its owner's address was kept. */
    err = waitq_wait(&wait.queue, &inode->lock, 0);
    list_remove(&wait.node);
    wait_end(&wait);
    return err;
}

/* Of another open file. The first two tell: two are shared ones, and one may be its own. */
static struct file_lock *flock_conflict_locked(const struct inode *inode,
                                               const struct file_lock *want)
{
    ASSERT(mutex_is_held(&inode->lock));
    list_for_each (node, &inode->locks->whole) {
        struct file_lock *lock = list_entry(node, struct file_lock, whole_link);

        if (!lock->exclusive && !want->exclusive)
            return NULL;
        if (lock->owner != want->owner)
            return lock;
    }
    return NULL;
}

/* Until nothing is in the way of `want`. After each wait all over: another waiter may have been
 * faster; those that were put behind this one wait for that one, too. */
static int conflicts_await_locked(struct inode *inode, const struct file_lock *want, bool wait)
{
    const struct file_lock *blocker;
    bool again = false;
    int err = 0;

    ASSERT(mutex_is_held(&inode->lock));
    while (!err) {
        blocker = want->family == LOCK_WHOLE ? flock_conflict_locked(inode, want)
                                             : lock_find_conflict(inode->locks, want);
        if (!blocker)
            break;
        if (again)
            lock_waiters_pass(inode->locks, want, blocker);
        err = wait ? wait_locked(inode, want, blocker) : -EAGAIN;
        again = true;
    }
    return err;
}

/* Others may have been put behind this waiter, which will not have its lock. */
static void wait_given_up_locked(struct inode *inode, const struct file_lock *want)
{
    ASSERT(mutex_is_held(&inode->lock));
    if (inode->locks)
        lock_waiters_wake(inode->locks, want);
}

/* --- setting and clearing --- */

static int set_locked(struct inode *inode, const struct file_lock *want, uint32_t uid)
{
    struct file_locks *locks = inode->locks;
    bool split = lock_splits(locks, want, true);
    struct file_lock *lock = file_lock_new(want, uid),
                     *spare = split ? file_lock_new(want, uid) : NULL;
    uint64_t rank;

    ASSERT(mutex_is_held(&inode->lock));
    if (!lock || (split && !spare)) {
        file_lock_free(lock);
        file_lock_free(spare);
        return -ENOLCK;
    }
    rank = lock_replace(locks, want, lock, &spare);
    lock_insert(locks, lock, rank);
    ASSERT(!spare);
    if (!want->exclusive && rank) /* an exclusive lock may have become a shared one */
        lock_waiters_wake(locks, want);
    return 0;
}

int lock_set(struct inode *inode, const struct file_lock *want, uint32_t uid, bool wait)
{
    int err;

    mutex_lock(&inode->lock);
    err = locks_prepare_locked(inode);
    if (!err)
        err = conflicts_await_locked(inode, want, wait);
    if (!err)
        err = set_locked(inode, want, uid);
    if (err && wait)
        wait_given_up_locked(inode, want);
    mutex_unlock(&inode->lock);
    return err;
}

int lock_clear(struct inode *inode, const struct file_lock *want)
{
    struct file_lock *spare = NULL;
    int err = 0;

    mutex_lock(&inode->lock);
    /* A lock that loses bytes in its middle becomes two: the memory for that before any change. */
    if (inode->locks && lock_splits(inode->locks, want, false)) {
        const struct file_lock *own =
            lock_find_own(&inode->locks->records, want->owner, want->range.first);
        spare = file_lock_new(want, own->charged->uid);
        err = spare ? 0 : -ENOLCK;
    }
    if (!err && inode->locks) {
        lock_replace(inode->locks, want, NULL, &spare);
        lock_waiters_wake(inode->locks, want);
    }
    mutex_unlock(&inode->lock);
    return err;
}

/* An owner goes. Which bytes become free is not worth finding out. */
static void records_clear_locked(struct inode *inode, const void *owner)
{
    const struct file_lock all = {.owner = owner, .range.last = LOCK_END};
    struct lock_space *space = &inode->locks->records;
    struct file_lock *lock;
    bool any = false;

    ASSERT(mutex_is_held(&inode->lock));
    while ((lock = lock_find_own(space, owner, 0)) != NULL) {
        lock_drop(space, lock);
        any = true;
        sched_preempt_point(); /* there may be very many */
    }
    if (any)
        lock_waiters_wake(inode->locks, &all);
    locks_drop_if_empty_locked(inode);
}

void lock_clear_owner(struct inode *inode, const void *owner)
{
    bool kept = false;

    mutex_lock(&inode->lock);
    if (inode->locks) {
        kept = inode->locks->kept;
        records_clear_locked(inode, owner);
    }
    mutex_unlock(&inode->lock);
    if (unlikely(kept))
        locks_closed(inode, owner);
}

bool lock_test(struct inode *inode, struct file_lock *want, bool own)
{
    struct file_locks *locks;
    struct file_lock *found = NULL;

    mutex_lock(&inode->lock);
    locks = inode->locks;
    /* own: what the owner itself has there (flock); else what is in its way (F_GETLK). */
    if (locks && own) {
        found = lock_find_own(&locks->records, want->owner, want->range.first);
        if (found && found->range.first > want->range.last)
            found = NULL;
    } else if (locks) {
        found = lock_first_conflict(locks, want);
    }
    if (found)
        *want = *found;
    mutex_unlock(&inode->lock);
    return found != NULL;
}

bool flock_is_operation(int operation)
{
    int kind = operation & ~LX_LOCK_NB;

    return kind == LX_LOCK_SH || kind == LX_LOCK_EX || kind == LX_LOCK_UN;
}

/* The file's own lock goes, whatever it is. Whole files are not split, so nothing is allocated.
 * Whoever drops it, waiters look again: what replaces it may be in the way of fewer. */
static void flock_drop_locked(struct file *file)
{
    struct file_lock *own = file->flock;

    ASSERT(mutex_is_held(&file->inode->lock));
    file->flock = NULL;
    list_remove(&own->whole_link);
    lock_waiters_wake(file->inode->locks, own);
    file_lock_free(own);
}

static int flock_take_locked(struct file *file, const struct file_lock *want, uint32_t uid,
                             bool wait)
{
    struct inode *inode = file->inode;
    struct file_lock *lock;
    int err = locks_prepare_locked(inode);

    ASSERT(mutex_is_held(&inode->lock));
    if (err)
        return -ENOMEM;
    err = conflicts_await_locked(inode, want, wait);
    if (err)
        return err;
    /* Another task may have locked by the same open file during the wait. */
    if (unlikely(file->flock))
        flock_drop_locked(file);
    lock = file_lock_new(want, uid);
    if (!lock)
        return -ENOMEM;
    list_push_back(&inode->locks->whole, &lock->whole_link);
    file->flock = lock;
    return 0;
}

/* All in one locking: an open file has one such lock or none. Changing from shared to exclusive
 * gives the old lock up first, as Linux does. */
int flock_apply(struct file *file, uint32_t uid, int operation)
{
    const struct file_lock want = {.owner = file,
                                   .family = LOCK_WHOLE,
                                   .range.last = LOCK_END,
                                   .exclusive = (operation & LX_LOCK_EX) != 0};
    struct inode *inode = file->inode;
    bool unlock = (operation & ~LX_LOCK_NB) == LX_LOCK_UN, wait = !(operation & LX_LOCK_NB);
    int err = 0;

    ASSERT(flock_is_operation(operation));
    mutex_lock(&inode->lock);
    if (!file->flock || unlock || file->flock->exclusive != want.exclusive) {
        if (file->flock)
            flock_drop_locked(file);
        if (!unlock)
            err = flock_take_locked(file, &want, uid, wait);
        if (err && wait)
            wait_given_up_locked(inode, &want);
    }
    mutex_unlock(&inode->lock);
    return err;
}

void lock_clear_file(struct file *file)
{
    struct inode *inode = file->inode;

    mutex_lock(&inode->lock);
    if (inode->locks) {
        if (file->flock)
            flock_drop_locked(file);
        lease_clear_file_locked(file);
        records_clear_locked(inode, file);
    }
    mutex_unlock(&inode->lock);
}
