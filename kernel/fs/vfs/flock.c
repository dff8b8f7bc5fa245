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
 * it. A change wakes the waiters at this inode whose bytes it touched; they look again.
 *
 * The graph of waiting owners is system-wide, under waits_lock, which comes after the mutex: a
 * cycle of owners is a deadlock. The search is cut off after CHAIN_MAX owners, as on Linux.
 *
 * The structure stays when the last lock goes, since most programs lock again; a close that finds
 * it empty frees it. An owner cannot go without such a close, of the descriptor or of the file.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/flock_internal.h"
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
    const void *blocker;          /* [w] its owner; NULL: has been woken to look again */
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

static int locks_prepare_locked(struct inode *inode)
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
    /* Atomic for the test in lock_release, which each close makes without the mutex: a close
     * sees at least what its own owner has set. */
    __atomic_store_n(&inode->locks, locks, __ATOMIC_RELAXED);
    return 0;
}

static void locks_drop_if_empty_locked(struct inode *inode)
{
    struct file_locks *locks = inode->locks;

    ASSERT(mutex_is_held(&inode->lock));
    if (!list_empty(&locks->whole) || locks->records.owners.root || !list_empty(&locks->waits))
        return;
    __atomic_store_n(&inode->locks, NULL, __ATOMIC_RELAXED);
    kfree(locks);
}

/* --- waiting --- */

/* The waiters for any of these bytes look again: under the mutex, after the change. None of them
 * leaves the list, or its stack, before it has the mutex. */
static void lock_waiters_wake(struct file_locks *locks, const struct file_lock *changed)
{
    list_for_each (node, &locks->waits) {
        struct lock_wait *wait = list_entry(node, struct lock_wait, node);
        bool waits;

        if (changed && !lock_overlaps(wait->want, changed))
            continue;
        spin_lock(&waits_lock);
        waits = wait->blocker != NULL; /* else it was woken already */
        wait->blocker = NULL;
        spin_unlock(&waits_lock);
        if (waits)
            waitq_wake_all(&wait->queue);
        sched_preempt_point(); /* there may be thousands */
    }
}

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
    lock_waiters_wake(locks, want); /* an exclusive lock may have become a shared one */
    return 0;
}

int lock_set(struct inode *inode, const struct file_lock *want, uint32_t uid, bool wait)
{
    struct file_lock *blocker;
    int err;

    mutex_lock(&inode->lock);
    err = locks_prepare_locked(inode);
    /* After each wait all over: another waiter may have been faster. */
    while (!err && (blocker = lock_find_conflict(inode->locks, want)) != NULL)
        err = wait ? wait_locked(inode, want, blocker) : -EAGAIN;
    if (!err)
        err = set_locked(inode, want, uid);
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

static void lock_space_clear(struct lock_space *space, const void *owner)
{
    struct file_lock *lock;

    while ((lock = lock_find_own(space, owner, 0)) != NULL) {
        lock_drop(space, lock);
        sched_preempt_point(); /* there may be very many */
    }
}

/* After some went: all waiters, as which bytes became free is not worth finding out. */
static void locks_cleared_locked(struct inode *inode)
{
    ASSERT(mutex_is_held(&inode->lock));
    lock_waiters_wake(inode->locks, NULL);
    locks_drop_if_empty_locked(inode);
}

void lock_clear_owner(struct inode *inode, const void *owner)
{
    mutex_lock(&inode->lock);
    if (inode->locks) {
        lock_space_clear(&inode->locks->records, owner);
        locks_cleared_locked(inode);
    }
    mutex_unlock(&inode->lock);
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
 * Whoever drops it, the waiters look again: what replaces it may be in the way of fewer. */
static void flock_drop_locked(struct file *file)
{
    struct file_lock *own = file->flock;

    ASSERT(mutex_is_held(&file->inode->lock));
    file->flock = NULL;
    list_remove(&own->whole_link);
    file_lock_free(own);
    lock_waiters_wake(file->inode->locks, NULL);
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

static int flock_take_locked(struct file *file, const struct file_lock *want, uint32_t uid,
                             bool wait)
{
    struct inode *inode = file->inode;
    struct file_lock *blocker, *lock;
    int err = locks_prepare_locked(inode);

    ASSERT(mutex_is_held(&inode->lock));
    /* After each wait all over: another waiter may have been faster. */
    while (!err && (blocker = flock_conflict_locked(inode, want)) != NULL)
        err = wait ? wait_locked(inode, want, blocker) : -EAGAIN;
    if (err)
        return err == -ENOLCK ? -ENOMEM : err;
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
    bool unlock = (operation & ~LX_LOCK_NB) == LX_LOCK_UN;
    int err = 0;

    ASSERT(flock_is_operation(operation));
    mutex_lock(&inode->lock);
    if (!file->flock || unlock || file->flock->exclusive != want.exclusive) {
        if (file->flock)
            flock_drop_locked(file);
        if (!unlock)
            err = flock_take_locked(file, &want, uid, !(operation & LX_LOCK_NB));
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
        lock_space_clear(&inode->locks->records, file);
        locks_cleared_locked(inode);
    }
    mutex_unlock(&inode->lock);
}
