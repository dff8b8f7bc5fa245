/* SPDX-License-Identifier: MIT */
#include "kernel/fs/flock.h"
#include "kernel/fs/file.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

struct flock {
    struct list node; /* in inode->locks */
    struct file *owner;
    bool exclusive;
};

/* One queue for all: locks are rarely waited for, and whoever wakes looks again. */
static struct waitq released;

void flock_init(void)
{
    waitq_init(&released);
}

static struct flock *find_own_locked(struct file *file)
{
    list_for_each (node, &file->inode->locks)
        if (list_entry(node, struct flock, node)->owner == file)
            return list_entry(node, struct flock, node);
    return NULL;
}

static bool conflicts_locked(struct file *file, bool exclusive)
{
    list_for_each (node, &file->inode->locks) {
        struct flock *lock = list_entry(node, struct flock, node);
        if (lock->owner != file && (lock->exclusive || exclusive))
            return true;
    }
    return false;
}

static void drop_own(struct file *file)
{
    struct flock *own;

    mutex_lock(&file->inode->lock);
    own = find_own_locked(file);
    if (own)
        list_remove(&own->node);
    mutex_unlock(&file->inode->lock);
    if (own)
        waitq_wake_all(&released);
    kfree(own);
}

void flock_release_file(struct file *file)
{
    if (!list_empty(&file->inode->locks))
        drop_own(file);
}

/* Changing from shared to exclusive gives the old lock up first, as Linux does. */
static int acquire(struct file *file, struct flock *lock, bool wait)
{
    struct inode *inode = file->inode;
    int err = 0;

    mutex_lock(&inode->lock);
    while (!err && conflicts_locked(file, lock->exclusive))
        err = wait ? waitq_wait(&released, &inode->lock, 0) : -EAGAIN;
    if (!err)
        list_push_back(&inode->locks, &lock->node);
    mutex_unlock(&inode->lock);
    return err;
}

int flock_apply(struct file *file, int operation)
{
    int kind = operation & ~LX_LOCK_NB;
    struct flock *lock;
    int err;

    if (kind != LX_LOCK_SH && kind != LX_LOCK_EX && kind != LX_LOCK_UN)
        return -EINVAL;
    if (kind == LX_LOCK_UN) {
        drop_own(file);
        return 0;
    }
    lock = kmalloc(sizeof(*lock));
    if (!lock)
        return -ENOMEM;
    lock->owner = file;
    lock->exclusive = kind == LX_LOCK_EX;
    drop_own(file);
    err = acquire(file, lock, !(operation & LX_LOCK_NB));
    if (err)
        kfree(lock);
    return err;
}
