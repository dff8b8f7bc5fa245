/* SPDX-License-Identifier: MIT */
/*
 * Inodes: life, links, times, permissions. What is in them belongs to their file system.
 *
 * Two counts keep an inode: nlink, the names it has, and refs, what points to it in memory
 * (dentries, files, mappings). refs decides when it is freed; nlink says whether it can be found.
 * One without a name that is still referenced is an orphan, counted for the harness and for
 * unmounting: the transitions 0 -> 1 and 1 -> 0 of nlink count, and the free of an inode that has
 * none.
 *
 * nlink is atomic and has no lock, since two directories, under two mutexes, may change it at once.
 * inode_link_unless_dead makes "has a name" and "gets another" one step.
 */
#include "kernel/fs/vfs/inode.h"
#include "kernel/core/clock.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/xattr.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define NSEC_PER_SEC 1000000000ull
#define RELATIME_S   (24 * 60 * 60)

static struct slab_cache *inode_cache;
static uint64_t norphans;      /* atomic */
static struct waitq cuts_over; /* of all inodes: faults wait for inode_cut_end */

uint64_t inode_live_count(void)
{
    return slab_objects(inode_cache);
}

void inode_init_cache(void)
{
    waitq_init(&cuts_over);
    inode_cache = slab_cache_create("inode", sizeof(struct inode));
}

struct fs_time fs_time_now(void)
{
    uint64_t now = clock_realtime_ns();

    return (struct fs_time){.sec = (int64_t)(now / NSEC_PER_SEC),
                            .nsec = (uint32_t)(now % NSEC_PER_SEC)};
}

int inode_create(struct super_block *super, const struct inode_ops *ops, uint32_t mode,
                 const struct credentials *cred, struct inode **out_inode)
{
    struct inode *inode = slab_zalloc(inode_cache);

    if (!inode)
        return -ENOMEM;
    /* A file system that has been detached lives until its last inode goes. */
    __atomic_fetch_add(&super->refs, 1, __ATOMIC_RELAXED);
    inode->ops = ops;
    inode->super = super;
    mutex_init(&inode->lock, MUTEX_INODE);
    inode->refs = 1;
    inode->nlink = 1;
    inode->mode = mode;
    inode->uid = cred ? cred->fsuid : 0;
    inode->gid = cred ? cred->fsgid : 0;
    inode->ino = __atomic_add_fetch(&super->last_ino, 1, __ATOMIC_RELAXED);
    inode->atime = inode->mtime = inode->ctime = inode->btime = fs_time_now();
    inode->locks = NULL;
    *out_inode = inode;
    return 0;
}

/* For the whole system, which a test must leave as it was, and for the unmount of this one. */
static void orphans_add(struct inode *inode, int count)
{
    __atomic_fetch_add(&norphans, (uint64_t)(int64_t)count, __ATOMIC_RELAXED);
    __atomic_fetch_add(&inode->super->orphans, (uint32_t)count, __ATOMIC_RELAXED);
}

/* After a grace period: a walk without locks may still read it. */
static void inode_free_rcu(struct rcu_head *head)
{
    slab_free(inode_cache, container_of(head, struct inode, rcu));
}

void inode_put(struct inode *inode)
{
    if (__atomic_sub_fetch(&inode->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (unlikely(inode->xattrs))
        xattr_release(inode);
    if (unlikely(inode->watches.next))
        notify_inode_gone(inode);
    if (inode->ops->release)
        inode->ops->release(inode);
    /* A lock belongs to a file or a process, and each of these held a reference. */
    ASSERT(!inode->locks);
    if (inode->nlink == 0)
        orphans_add(inode, -1);
    super_put(inode->super);
    rcu_call(&inode->rcu, inode_free_rcu);
}

uint32_t inode_link(struct inode *inode)
{
    uint32_t before = __atomic_fetch_add(&inode->nlink, 1, __ATOMIC_RELAXED);

    if (before == 0)
        orphans_add(inode, -1);
    return before;
}

uint32_t inode_unlink(struct inode *inode)
{
    uint32_t left = __atomic_sub_fetch(&inode->nlink, 1, __ATOMIC_RELAXED);

    if (left == 0)
        orphans_add(inode, 1);
    return left;
}

bool inode_link_unless_dead(struct inode *inode)
{
    uint32_t nlink = __atomic_load_n(&inode->nlink, __ATOMIC_RELAXED);

    /* A file without a name is on its way out: no link(2) brings it back. */
    while (nlink != 0)
        if (__atomic_compare_exchange_n(&inode->nlink, &nlink, nlink + 1, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

/* The deny-write count: above 0 the word counts writers, below 0 running programs. A mapping that
 * may write outlives its file and counts in the pager instead; it keeps programs from starting,
 * too. */
int inode_write_count_get(struct inode *inode, enum inode_write_side side)
{
    int32_t count = __atomic_load_n(&inode->write_count, __ATOMIC_RELAXED);

    do {
        if (count * side < 0 ||
            (side == INODE_DENY_WRITE && __atomic_load_n(&inode->pager.writers, __ATOMIC_RELAXED)))
            return -ETXTBSY;
    } while (!__atomic_compare_exchange_n(&inode->write_count, &count, count + side, true,
                                          __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
    /* Again: it may have been opened, mapped and closed since. From now on it cannot. */
    if (side == INODE_DENY_WRITE && __atomic_load_n(&inode->pager.writers, __ATOMIC_RELAXED)) {
        inode_write_count_put(inode, side);
        return -ETXTBSY;
    }
    return 0;
}

/* Before the address spaces are walked: a fault holds the lock of its space from its look at the
 * count until the page is mapped, so that either it sees the count or the walk finds the page. */
void inode_cut_begin(struct inode *inode)
{
    __atomic_fetch_add(&inode->cutters, 1, __ATOMIC_SEQ_CST);
}

void inode_cut_end(struct inode *inode)
{
    if (!__atomic_sub_fetch(&inode->cutters, 1, __ATOMIC_SEQ_CST))
        waitq_wake_all(&cuts_over);
}

int inode_cut_await(struct inode *inode)
{
    int err = 0;

    while (!err && inode_is_cut(inode)) {
        struct waiter waiter;

        waitq_enter(&cuts_over, &waiter);
        if (inode_is_cut(inode))
            err = waitq_sleep_killable(&waiter);
        waitq_leave(&cuts_over, &waiter);
    }
    return err;
}

void inode_touch_locked(struct inode *inode)
{
    ASSERT(mutex_is_held(&inode->lock));
    inode->mtime = inode->ctime = fs_time_now();
}

static bool time_is_after(struct fs_time one, struct fs_time other)
{
    return one.sec > other.sec || (one.sec == other.sec && one.nsec > other.nsec);
}

/* An access time is worth keeping only if something has changed since the last change, or once
 * a day. A race between two readers loses one of two times that are nearly the same. */
void inode_touch_atime(struct inode *inode)
{
    struct fs_time now;

    if (unlikely(inode->super->home.flags & (LX_MS_NOATIME | LX_MS_RDONLY)))
        return;
    if (time_is_after(inode->atime, inode->mtime) && time_is_after(inode->atime, inode->ctime)) {
        now = fs_time_now();
        if (now.sec - inode->atime.sec < RELATIME_S)
            return;
    } else {
        now = fs_time_now();
    }
    /* Without the mutex: two words that a reader may see half changed, which costs a wrong time for
     * once. */
    inode->atime = now;
}

/* The first class that fits counts, even where a later one would allow more: so POSIX has it. */
static unsigned mode_bits_for(const struct inode *inode, const struct credentials *cred)
{
    if (cred->fsuid == inode->uid)
        return (inode->mode >> 6) & 7;
    if (credentials_in_group(cred, inode->gid))
        return (inode->mode >> 3) & 7;
    return inode->mode & 7;
}

/* What the mode denies, and a capability allows. */
static bool may_override(const struct inode *inode, const struct credentials *cred, unsigned access)
{
    bool directory = (inode->mode & LX_S_IFMT) == LX_S_IFDIR;
    bool reads = directory ? !(access & INODE_WRITE) : access == INODE_READ;

    if (reads && credentials_capable(cred, LX_CAP_DAC_READ_SEARCH))
        return true;
    /* No program becomes executable by that. */
    if (!directory && (access & INODE_EXEC) && !(inode->mode & 0111))
        return false;
    return credentials_capable(cred, LX_CAP_DAC_OVERRIDE);
}

static NOINLINE int permission_check(const struct inode *inode, const struct credentials *cred,
                                     unsigned access)
{
    uint32_t type = inode->mode & LX_S_IFMT;

    /* Writing to a device or a FIFO changes nothing on the file system that its name is on. */
    if ((access & INODE_WRITE) && inode->super->readonly &&
        (type == LX_S_IFREG || type == LX_S_IFDIR || type == LX_S_IFLNK))
        return -EROFS;
    if ((mode_bits_for(inode, cred) & access) == access || may_override(inode, cred, access))
        return 0;
    return -EACCES;
}

/* Asked in each directory of a path, mostly by its owner and for what the mode gives to that. */
int inode_permission(const struct inode *inode, const struct credentials *cred, unsigned access)
{
    if (likely(cred->fsuid == inode->uid && !(access & (INODE_WRITE | ~(inode->mode >> 6)))))
        return 0;
    return permission_check(inode, cred, access);
}

bool inode_owner_or_privileged(const struct inode *inode, const struct credentials *cred)
{
    return cred->fsuid == inode->uid || credentials_capable(cred, LX_CAP_FOWNER);
}

uint64_t fs_orphans(void)
{
    return __atomic_load_n(&norphans, __ATOMIC_RELAXED);
}

uint64_t fs_frames_held(void)
{
    return page_cache_frames_held() + radix_frames_held() + dentry_frames_held() +
           slab_frames(inode_cache) + xattr_frames_held();
}
