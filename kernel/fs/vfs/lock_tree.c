/* SPDX-License-Identifier: MIT */
/*
 * The record locks of an inode, as trees. Each lock is in two: by owner and first byte, for what
 * an owner changes of its own, and by range, for what is in the way of others. Exclusive locks
 * overlap nothing, so that a shared lock looks at these alone, and does not meet the thousands of
 * shared ones it agrees with. Every step is logarithmic.
 *
 * A lock's range changes only while it is out of the tree of ranges; its place in the owner's order
 * stays, since an owner's locks are disjoint. All of it under the inode's mutex.
 */
#include "kernel/fs/vfs/flock_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/sched/sched.h"

#define LOCKS_PER_FRAME 1 /* of a user, for each frame of memory there is: 1/32 of it */

static struct slab_cache *lock_cache;

void file_lock_init_cache(void)
{
    lock_cache = slab_cache_create("file_lock", sizeof(struct file_lock));
}

/* --- one lock --- */

/* A new lock as described, charged to the user. */
struct file_lock *file_lock_new(const struct file_lock *want, uint32_t uid)
{
    struct user_charge *user = user_charge_get(uid);
    int64_t max = (int64_t)pmm_total_count() * LOCKS_PER_FRAME;
    struct file_lock *lock;

    if (!user)
        return NULL;
    /* First charged, then compared: two at once may both be refused, but not pass the limit
     * together. Root has none. */
    lock = user_charge_add(user, CHARGE_FILE_LOCKS, 1) <= max || uid == 0 ? slab_alloc(lock_cache)
                                                                          : NULL;
    if (!lock) {
        user_charge_add(user, CHARGE_FILE_LOCKS, -1);
        user_charge_put(user);
        return NULL;
    }
    *lock = *want;
    lock->charged = user;
    return lock;
}

void file_lock_free(struct file_lock *lock)
{
    if (!lock)
        return;
    user_charge_add(lock->charged, CHARGE_FILE_LOCKS, -1);
    user_charge_put(lock->charged);
    slab_free(lock_cache, lock);
}

/* --- the trees of an inode --- */

static struct file_lock *lock_of_interval(struct interval *interval)
{
    return interval ? container_of(interval, struct file_lock, range) : NULL;
}

static struct file_lock *lock_of_node(struct rb_node *node)
{
    return node ? rb_entry(node, struct file_lock, by_owner) : NULL;
}

static void ranges_insert(struct lock_space *space, struct file_lock *lock)
{
    interval_insert(lock->exclusive ? &space->exclusive : &space->shared, &lock->range);
}

static void ranges_erase(struct lock_space *space, struct file_lock *lock)
{
    interval_erase(lock->exclusive ? &space->exclusive : &space->shared, &lock->range);
}

/* The owner's first lock that ends at or behind that byte. */
struct file_lock *lock_find_own(const struct lock_space *space, const void *owner, uint64_t byte)
{
    struct rb_node *node = space->owners.root;
    struct file_lock *found = NULL;

    while (node) {
        struct file_lock *lock = lock_of_node(node);

        if (lock->owner < owner || (lock->owner == owner && lock->range.last < byte)) {
            node = node->right;
        } else {
            found = lock;
            node = node->left;
        }
    }
    return found && found->owner == owner ? found : NULL;
}

static struct file_lock *own_next(const struct file_lock *lock)
{
    struct file_lock *next = lock_of_node(rb_next(&lock->by_owner));

    return next && next->owner == lock->owner ? next : NULL;
}

/* Whether a lock that the owner has, and not one that it waits for, is in the way. */
bool lock_own_conflicts(const struct lock_space *space, const void *owner,
                        const struct file_lock *want)
{
    const struct file_lock *lock = lock_find_own(space, owner, want->range.first);

    while (lock && lock->range.first <= want->range.last) {
        if (lock->exclusive || want->exclusive)
            return true;
        lock = own_next(lock);
        sched_preempt_point();
    }
    return false;
}

static void owners_insert(struct lock_space *space, struct file_lock *lock)
{
    struct rb_node **link = &space->owners.root, *parent = NULL;

    while (*link) {
        const struct file_lock *other;

        parent = *link;
        other = lock_of_node(parent);
        link = lock->owner < other->owner ||
                       (lock->owner == other->owner && lock->range.first < other->range.first)
                   ? &parent->left
                   : &parent->right;
    }
    rb_insert(&space->owners, &lock->by_owner, parent, link);
}

/* An owner keeps its rank as long as it has a lock. */
void lock_insert(struct file_locks *locks, struct file_lock *lock, uint64_t rank)
{
    struct lock_space *space = &locks->records;
    const struct file_lock *near;

    owners_insert(space, lock);
    ranges_insert(space, lock);
    /* If the owner has other locks, one of the two neighbours is one of them. */
    near = lock_of_node(rb_prev(&lock->by_owner));
    if (!near || near->owner != lock->owner)
        near = own_next(lock);
    if (!rank && near)
        rank = near->rank;
    lock->rank = rank ? rank : ++locks->last_rank;
}

void lock_drop(struct lock_space *space, struct file_lock *lock)
{
    rb_erase(&space->owners, &lock->by_owner);
    ranges_erase(space, lock);
    file_lock_free(lock);
}

/* --- conflicts --- */

/* Side by side counts, too: such locks of one owner and kind become one. Ends are at most LOCK_END,
 * so the sums do not wrap. */
static bool touches(const struct file_lock *a, const struct file_lock *b)
{
    return a->range.first <= b->range.last + 1 && b->range.first <= a->range.last + 1;
}

/* The first lock in that tree on one of the bytes that belongs to another owner. */
static struct file_lock *foreign_find(const struct rb_tree *tree, const struct file_lock *want)
{
    struct interval *at = interval_find(tree, want->range.first, want->range.last);

    while (at && lock_of_interval(at)->owner == want->owner) {
        at = interval_next(at, want->range.first, want->range.last);
        sched_preempt_point(); /* the owner may have very many */
    }
    return lock_of_interval(at);
}

/* Any lock that is in the way. */
struct file_lock *lock_find_conflict(struct file_locks *locks, const struct file_lock *want)
{
    const struct lock_space *space = &locks->records;
    struct file_lock *found = foreign_find(&space->exclusive, want);

    return found || !want->exclusive ? found : foreign_find(&space->shared, want);
}

/* The one that Linux would name: of the owner that came first, the first one. */
static struct file_lock *first_of_tree(const struct rb_tree *tree, const struct file_lock *want,
                                       struct file_lock *best)
{
    const struct interval *range = &want->range;

    for (struct interval *at = interval_find(tree, range->first, range->last); at;
         at = interval_next(at, range->first, range->last)) {
        struct file_lock *lock = lock_of_interval(at);

        sched_preempt_point();
        if (lock->owner == want->owner)
            continue;
        if (!best || lock->rank < best->rank ||
            (lock->rank == best->rank && lock->range.first < best->range.first))
            best = lock;
    }
    return best;
}

struct file_lock *lock_first_conflict(struct file_locks *locks, const struct file_lock *want)
{
    const struct lock_space *space = &locks->records;
    struct file_lock *found = first_of_tree(&space->exclusive, want, NULL);

    return want->exclusive ? first_of_tree(&space->shared, want, found) : found;
}

/* --- changing --- */

/* Takes the bytes of `want` out of one lock. *spare is used where it becomes two. */
static void lock_cut(struct file_locks *locks, struct file_lock *lock, const struct file_lock *want,
                     struct file_lock **spare)
{
    struct lock_space *space = &locks->records;
    bool left = lock->range.first < want->range.first;
    bool right = lock->range.last > want->range.last;

    if (!left && !right) {
        lock_drop(space, lock);
        return;
    }
    /* Its range is the key in this tree. In the one by owner it keeps its neighbours, whatever part
     * of it is left. */
    ranges_erase(space, lock);
    if (left && right) {
        struct file_lock *rest = *spare;

        *spare = NULL;
        /* The spare was made like `want`; what is left over is like the old lock. */
        rest->exclusive = lock->exclusive;
        rest->range.first = want->range.last + 1;
        rest->range.last = lock->range.last;
        lock->range.last = want->range.first - 1;
        lock_insert(locks, rest, lock->rank);
    } else if (left) {
        lock->range.last = want->range.first - 1;
    } else {
        lock->range.first = want->range.last + 1; /* still before the owner's next one */
    }
    ranges_insert(space, lock);
}

/* What the owner has there goes; a neighbour of the same kind becomes part of `grow`, when there is
 * one. Returns the owner's rank; 0: it has not been met. */
uint64_t lock_replace(struct file_locks *locks, const struct file_lock *want,
                      struct file_lock *grow, struct file_lock **spare)
{
    struct lock_space *space = &locks->records;
    /* From one byte before: what ends there is side by side, and may be joined. */
    uint64_t from = want->range.first ? want->range.first - 1 : 0, rank = 0;
    struct file_lock *next, *lock = lock_find_own(space, want->owner, from);

    for (; lock && touches(lock, want); lock = next) {
        next = own_next(lock);
        rank = lock->rank;
        sched_preempt_point();
        if (grow && lock->exclusive == grow->exclusive) {
            grow->range.first = MIN(grow->range.first, lock->range.first);
            grow->range.last = MAX(grow->range.last, lock->range.last);
            lock_drop(space, lock);
        } else if (lock_overlaps(lock, want)) {
            lock_cut(locks, lock, want, spare);
        }
    }
    return rank;
}

/* Whether taking the bytes out makes two locks of one. */
bool lock_splits(struct file_locks *locks, const struct file_lock *want, bool setting)
{
    const struct file_lock *lock = lock_find_own(&locks->records, want->owner, want->range.first);

    return lock && lock->range.first < want->range.first && lock->range.last > want->range.last &&
           !(setting && lock->exclusive == want->exclusive);
}

/* --- a structure that stays --- */

void (*locks_closed)(struct inode *inode, const void *owner);

COLD int locks_keep(struct inode *inode)
{
    int err;

    mutex_lock(&inode->lock);
    err = locks_prepare_locked(inode);
    if (!err)
        inode->locks->kept = true;
    mutex_unlock(&inode->lock);
    return err;
}

/* The last reference is gone: no lock is left, and none is needed. */
COLD void locks_unkeep(struct inode *inode)
{
    kfree(inode->locks);
    inode->locks = NULL;
}
