/* SPDX-License-Identifier: MIT */
/*
 * Leases: the holder of one is told (SIGIO) when another opens the file in a way that conflicts
 * with it, and the other waits until the holder has come down to what does not, or its time is up.
 *
 * A lease on reading lets others read; one on writing is alone. It belongs to an open file, and is
 * in the list of its inode's locks, under the inode's mutex. A breaker marks what each lease in its
 * way has to come down to (`pending`), and reports to its owner once; then it waits for any change
 * of the leases. The count of breakers keeps inode->locks meanwhile.
 *
 * Opening and taking a lease at once: the opener counts itself (readers, write_count) and then
 * looks for leases; lease_set puts the lease into the list and then looks at the counts, and takes
 * it back if they show another. One of the two sees the other.
 */
#include "kernel/fs/vfs/lease.h"

#include "kernel/core/clock.h"
#include "kernel/fs/vfs/flock_internal.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"

#define NEVER    UINT64_MAX
#define NS_PER_S 1000000000ULL

uint64_t lease_break_time = 45, leases_enable = 1; /* atomic */

/* l inode.lock   I constant */
struct lease {
    struct list link;     /* [l] */
    struct file *file;    /* [I] not counted: it takes the lease along */
    int type;             /* [l] LX_F_RDLCK or LX_F_WRLCK */
    int pending;          /* [l] what it has to come down to; the type: nothing breaks it */
    uint64_t deadline_ns; /* [l] when it does by itself */
};

#define each_lease(node, locks) list_for_each_safe (node, &(locks)->leases)

static struct lease *lease_of(struct list *node)
{
    return list_entry(node, struct lease, link);
}

/* Breakers look again. */
static void lease_change_locked(struct inode *inode, struct lease *lease, int type)
{
    ASSERT(mutex_is_held(&inode->lock));
    lease->type = lease->pending = type;
    if (type == LX_F_UNLCK) {
        list_remove(&lease->link);
        kfree(lease);
    }
    waitq_wake_all(&inode->locks->lease_change);
}

/* Nobody is told any more when a lease is over: its owner and signal go, as on Linux. */
static void lease_end_locked(struct inode *inode, struct lease *lease)
{
    ASSERT(mutex_is_held(&inode->lock));
    lease->file->owner->clear(lease->file);
    lease_change_locked(inode, lease, LX_F_UNLCK);
}

static void leases_time_out_locked(struct inode *inode)
{
    uint64_t now = clock_monotonic_ns();

    ASSERT(mutex_is_held(&inode->lock));
    each_lease(node, inode->locks)
    {
        struct lease *lease = lease_of(node);

        sched_preempt_point(); /* there may be thousands */
        if (lease->pending == lease->type || lease->deadline_ns > now)
            continue;
        if (lease->pending == LX_F_UNLCK)
            lease_end_locked(inode, lease);
        else
            lease_change_locked(inode, lease, lease->pending);
    }
}

/* NULL: it has none. */
static struct lease *lease_find_locked(const struct file *file)
{
    ASSERT(mutex_is_held(&file->inode->lock));
    each_lease(node, file->inode->locks)
    {
        sched_preempt_point();
        if (lease_of(node)->file == file)
            return lease_of(node);
    }
    return NULL;
}

/* --- taking --- */

/* Whether files but this one are open in a way that the lease forbids. */
static bool is_open_otherwise(const struct file *file, int type)
{
    const struct inode *inode = file->inode;
    int32_t writers = __atomic_load_n(&inode->write_count, __ATOMIC_SEQ_CST);
    uint32_t readers = __atomic_load_n(&inode->readers, __ATOMIC_SEQ_CST);
    bool writes = file->access & FILE_WRITE;
    bool reads = !writes && (file->access & FILE_READ);

    if (type == LX_F_RDLCK)
        return writers > 0;
    return writers != writes || readers != reads;
}

static int lease_take_locked(struct file *file, int type)
{
    struct file_locks *locks = file->inode->locks;
    struct lease *own = NULL, *made;

    ASSERT(mutex_is_held(&file->inode->lock));
    leases_time_out_locked(file->inode);
    if (is_open_otherwise(file, type))
        return -EAGAIN;
    each_lease(node, locks)
    {
        struct lease *lease = lease_of(node);

        sched_preempt_point();
        if (lease->file == file)
            own = lease;
        else if (type == LX_F_WRLCK || lease->pending == LX_F_UNLCK)
            return -EAGAIN;
    }
    if (own) { /* it stays one to be removed, if that is what is asked of it */
        own->deadline_ns = own->pending == LX_F_UNLCK ? own->deadline_ns : NEVER;
        own->pending = own->pending == LX_F_UNLCK ? LX_F_UNLCK : type;
        own->type = type;
        waitq_wake_all(&locks->lease_change);
        return 0;
    }
    if (!__atomic_load_n(&leases_enable, __ATOMIC_RELAXED))
        return -EINVAL;
    made = kmalloc(sizeof(*made));
    if (!made)
        return -ENOMEM;
    *made = (struct lease){.file = file, .type = type, .pending = type, .deadline_ns = NEVER};
    list_push_back(&locks->leases, &made->link);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!is_open_otherwise(file, type))
        return 0;
    lease_change_locked(file->inode, made, LX_F_UNLCK);
    return -EAGAIN;
}

static int lease_drop_locked(struct file *file)
{
    struct lease *own = lease_find_locked(file);

    ASSERT(mutex_is_held(&file->inode->lock));
    if (!own)
        return -EAGAIN;
    lease_end_locked(file->inode, own);
    return 0;
}

COLD int lease_set(struct file *file, int type)
{
    struct inode *inode = file->inode;
    int err;

    if ((inode->mode & LX_S_IFMT) != LX_S_IFREG)
        return -EINVAL;
    mutex_lock(&inode->lock);
    err = locks_prepare_locked(inode) ? -ENOMEM : 0;
    if (!err) {
        err = type == LX_F_UNLCK ? lease_drop_locked(file) : lease_take_locked(file, type);
        locks_drop_if_empty_locked(inode);
    }
    mutex_unlock(&inode->lock);
    return err;
}

int lease_get(struct file *file)
{
    struct inode *inode = file->inode;
    const struct lease *own = NULL;
    int type = LX_F_UNLCK;

    mutex_lock(&inode->lock);
    if (inode->locks) {
        leases_time_out_locked(inode);
        own = lease_find_locked(file);
    }
    if (own)
        type = own->pending;
    mutex_unlock(&inode->lock);
    return type;
}

void lease_clear_file_locked(struct file *file)
{
    struct lease *own = lease_find_locked(file);

    ASSERT(mutex_is_held(&file->inode->lock));
    if (own)
        lease_change_locked(file->inode, own, LX_F_UNLCK);
}

/* --- breaking --- */

/* Reports to the owners of those in the way. When the first of them ends by itself; 0: none is in
 * the way. */
static uint64_t leases_break_locked(struct inode *inode, bool write)
{
    uint64_t bound_ns = __atomic_load_n(&lease_break_time, __ATOMIC_RELAXED) * NS_PER_S;
    int wanted = write ? LX_F_UNLCK : LX_F_RDLCK;
    uint64_t first_ns = 0;

    ASSERT(mutex_is_held(&inode->lock));
    each_lease(node, inode->locks)
    {
        struct lease *lease = lease_of(node);

        sched_preempt_point();
        if (!write && lease->type != LX_F_WRLCK)
            continue;
        if (lease->pending != wanted && lease->pending != LX_F_UNLCK) {
            lease->pending = wanted;
            lease->deadline_ns = bound_ns ? clock_monotonic_ns() + bound_ns : NEVER;
            lease->file->owner->report(lease->file, LX_POLLMSG);
        }
        if (!first_ns || lease->deadline_ns < first_ns)
            first_ns = lease->deadline_ns;
    }
    return first_ns;
}

int lease_break_slow(struct inode *inode, uint32_t flags)
{
    bool write = (flags & LX_O_ACCMODE) != LX_O_RDONLY;
    struct file_locks *locks;
    uint64_t until_ns;
    int err = 0;

    mutex_lock(&inode->lock);
    locks = inode->locks;
    if (!locks || list_empty(&locks->leases)) {
        mutex_unlock(&inode->lock);
        return 0;
    }
    locks->breakers++;
    for (;;) {
        leases_time_out_locked(inode);
        until_ns = leases_break_locked(inode, write);
        if (!until_ns || err)
            break;
        err = flags & LX_O_NONBLOCK ? -EAGAIN
                                    : waitq_wait(&locks->lease_change, &inode->lock,
                                                 until_ns == NEVER ? 0 : until_ns);
        if (err == -ETIMEDOUT)
            err = 0;
    }
    locks->breakers--;
    locks_drop_if_empty_locked(inode);
    mutex_unlock(&inode->lock);
    return until_ns ? err : 0;
}
