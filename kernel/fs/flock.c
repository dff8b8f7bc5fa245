/* SPDX-License-Identifier: MIT */
/* Advisory locks. One list an inode, in which the locks of one owner stand together and in order:
 * F_GETLK then names the lock that Linux would name. */
#include "kernel/fs/flock.h"
#include "kernel/fs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define CHAIN_MAX 10 /* owners that a search for a deadlock goes through, as on Linux */

/* On the stack of a thread that waits. I constant   w waits_lock */
struct lock_wait {
    struct list node;          /* [w] */
    const struct inode *inode; /* [I] */
    const void *owner;         /* [I] */
    const void *blocker;       /* [w] NULL: has been told to look again */
    bool posix;                /* [I] both sides: deadlocks are looked for among these only */
    struct waitq queue;
};

static struct list waits; /* struct lock_wait */
static struct spinlock waits_lock;

void flock_init(void)
{
    list_init(&waits);
    spin_init(&waits_lock, SPIN_FDTABLE);
}

/* --- the list of an inode --- */

static bool same_owner(const struct lock *a, const struct lock *b)
{
    return a->owner == b->owner && a->family == b->family;
}

static bool overlaps(const struct lock *a, const struct lock *b)
{
    return a->start <= b->end && b->start <= a->end &&
           (a->family == LOCK_WHOLE) == (b->family == LOCK_WHOLE);
}

static bool touches(const struct lock *a, const struct lock *b)
{
    return overlaps(a, b) || (a->end != LOCK_END && a->end + 1 == b->start) ||
           (b->end != LOCK_END && b->end + 1 == a->start);
}

static struct lock *find_conflict_locked(struct inode *inode, const struct lock *want)
{
    list_for_each (node, &inode->locks) {
        struct lock *lock = list_entry(node, struct lock, node);
        if (overlaps(lock, want) && !same_owner(lock, want) && (lock->exclusive || want->exclusive))
            return lock;
    }
    return NULL;
}

static struct lock *copy_of(const struct lock *lock)
{
    struct lock *copy = kmalloc(sizeof(*copy));

    if (copy)
        *copy = *lock;
    return copy;
}

static void drop_locked(struct lock *lock)
{
    list_remove(&lock->node);
    kfree(lock);
}

/* Takes the bytes of `want` out of one lock. *spare is used where it becomes two. */
static void cut_locked(struct lock *lock, const struct lock *want, struct lock **spare)
{
    bool left = lock->start < want->start;
    bool right = lock->end > want->end;

    if (left && right) {
        struct lock *rest = *spare;

        *spare = NULL;
        *rest = *lock;
        rest->start = want->end + 1;
        list_insert_after(&lock->node, &rest->node);
    }
    if (left)
        lock->end = want->start - 1;
    else if (right)
        lock->start = want->end + 1;
    else
        drop_locked(lock);
}

/* Before the owner's first lock that lies behind; behind all when the owner has none. */
static void insert_locked(struct inode *inode, struct lock *lock)
{
    struct list *before = inode->locks.prev;

    list_for_each (node, &inode->locks) {
        struct lock *other = list_entry(node, struct lock, node);
        if (!same_owner(other, lock))
            continue;
        before = other->start > lock->start ? node->prev : node;
        if (other->start > lock->start)
            break;
    }
    list_insert_after(before, &lock->node);
}

/* Those who wait at this inode look again: under its mutex, after the change. */
static void wake_waiting(const struct inode *inode)
{
    spin_lock(&waits_lock);
    list_for_each (node, &waits) {
        struct lock_wait *wait = list_entry(node, struct lock_wait, node);
        if (wait->inode == inode && wait->blocker) {
            wait->blocker = NULL;
            waitq_wake_all(&wait->queue);
        }
    }
    spin_unlock(&waits_lock);
}

/* Everything that the owner has there goes; a neighbour of the same kind becomes part of `grow`. */
static void replace_locked(struct inode *inode, const struct lock *want, struct lock *grow,
                           struct lock **spare)
{
    list_for_each_safe (node, &inode->locks) {
        struct lock *lock = list_entry(node, struct lock, node);
        if (!same_owner(lock, want))
            continue;
        if (grow && lock->exclusive == grow->exclusive && touches(lock, grow)) {
            grow->start = MIN(grow->start, lock->start);
            grow->end = MAX(grow->end, lock->end);
            drop_locked(lock);
        } else if (overlaps(lock, want)) {
            cut_locked(lock, want, spare);
        }
    }
}

/* --- waiting --- */

static const void *waits_for_locked(const void *owner)
{
    list_for_each (node, &waits) {
        const struct lock_wait *wait = list_entry(node, struct lock_wait, node);
        if (wait->posix && wait->owner == owner)
            return wait->blocker;
    }
    return NULL;
}

static bool is_deadlock_locked(const struct lock_wait *wait)
{
    const void *owner = wait->blocker;

    for (int i = 0; i < CHAIN_MAX && owner && wait->posix; i++) {
        owner = waits_for_locked(owner);
        if (owner == wait->owner)
            return true;
    }
    return false;
}

static int wait_locked(struct inode *inode, const struct lock *want, const struct lock *blocker)
{
    struct lock_wait wait = {.inode = inode, .owner = want->owner, .blocker = blocker->owner};
    int err = 0;

    wait.posix = want->family == LOCK_POSIX && blocker->family == LOCK_POSIX;
    waitq_init(&wait.queue);
    spin_lock(&waits_lock);
    if (is_deadlock_locked(&wait))
        err = -EDEADLK;
    else
        list_push_back(&waits, &wait.node);
    spin_unlock(&waits_lock);
    if (err)
        return err;
    err = waitq_wait(&wait.queue, &inode->lock, 0);
    spin_lock(&waits_lock);
    list_remove(&wait.node);
    spin_unlock(&waits_lock);
    return err;
}

/* --- setting and clearing --- */

int lock_set(struct inode *inode, const struct lock *want, bool wait)
{
    struct lock *lock = copy_of(want), *spare = copy_of(want);
    struct lock *blocker;
    int err = lock && spare ? 0 : -ENOLCK;

    mutex_lock(&inode->lock);
    while (!err && (blocker = find_conflict_locked(inode, want)) != NULL)
        err = wait ? wait_locked(inode, want, blocker) : -EAGAIN;
    if (!err) {
        replace_locked(inode, want, lock, &spare);
        insert_locked(inode, lock);
        wake_waiting(inode); /* an exclusive lock may have become a shared one */
    }
    mutex_unlock(&inode->lock);
    if (err)
        kfree(lock);
    kfree(spare);
    return err;
}

int lock_clear(struct inode *inode, const struct lock *want)
{
    bool whole = want->start == 0 && want->end == LOCK_END; /* nothing is split: cannot fail */
    struct lock *spare = whole ? NULL : copy_of(want);

    if (!whole && !spare)
        return -ENOLCK;
    mutex_lock(&inode->lock);
    replace_locked(inode, want, NULL, &spare);
    wake_waiting(inode);
    mutex_unlock(&inode->lock);
    kfree(spare);
    return 0;
}

void lock_clear_owner(struct inode *inode, const void *owner)
{
    mutex_lock(&inode->lock);
    list_for_each_safe (node, &inode->locks) {
        struct lock *lock = list_entry(node, struct lock, node);
        if (lock->owner == owner)
            drop_locked(lock);
    }
    wake_waiting(inode);
    mutex_unlock(&inode->lock);
}

bool lock_test(struct inode *inode, struct lock *want, bool own)
{
    struct lock *found;

    mutex_lock(&inode->lock);
    if (own) {
        found = NULL;
        list_for_each (node, &inode->locks) {
            struct lock *lock = list_entry(node, struct lock, node);
            if (!found && same_owner(lock, want) && overlaps(lock, want))
                found = lock;
        }
    } else {
        found = find_conflict_locked(inode, want);
    }
    if (found)
        *want = *found;
    mutex_unlock(&inode->lock);
    return found != NULL;
}

/* Changing from shared to exclusive gives the old lock up first, as Linux does. */
int flock_apply(struct file *file, int operation)
{
    const struct lock want = {.owner = file,
                              .family = LOCK_WHOLE,
                              .end = LOCK_END,
                              .exclusive = (operation & LX_LOCK_EX) != 0};
    struct lock own = want;
    int kind = operation & ~LX_LOCK_NB;
    int err;

    if (kind != LX_LOCK_SH && kind != LX_LOCK_EX && kind != LX_LOCK_UN)
        return -EINVAL;
    if (lock_test(file->inode, &own, true)) {
        if (kind != LX_LOCK_UN && own.exclusive == want.exclusive)
            return 0;
        err = lock_clear(file->inode, &want);
        ASSERT(err == 0); /* whole files are not split */
    }
    if (kind == LX_LOCK_UN)
        return 0;
    err = lock_set(file->inode, &want, !(operation & LX_LOCK_NB));
    return err == -ENOLCK ? -ENOMEM : err;
}
