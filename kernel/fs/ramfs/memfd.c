/* SPDX-License-Identifier: MIT */
/*
 * memfd_create: files of ramfs that no directory holds; and seals, which take from a file for good
 * what may be done with its contents.
 *
 * The files are of a file system that is mounted nowhere, with limits as any other of its kind. A
 * file's dentry was never linked, so that its path is its name and "(deleted)". An ordinary file
 * has the one seal that forbids others.
 *
 * Writes look at the seals under the mutex that a seal is set under. Two kinds of change begin
 * without it: what takes pages out (inode_cut_begin), whose first step must not be done in vain,
 * and a mapping that will write, which is counted by the reverse map only at its end. Each first
 * counts itself, then looks at the seals; a seal is first set, then the counts are looked at. So
 * one of the two sees the other:
 *   - with a cutter under way the seal is taken back and the call waits for it;
 *   - with a writable mapping, there or being made, the seal is taken back: EBUSY;
 *   - a call that finds a seal takes the mutex to see whether it is there for good.
 */
#include "kernel/fs/ramfs/memfd.h"

#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

static struct super_block *memfd_super; /* constant after start-up */

COLD void memfd_init(void)
{
    int err = ramfs_create("tmpfs", "tmpfs", 01777, &memfd_super);

    ASSERT(err == 0);
    ramfs_set_default_limits(memfd_super, true);
    memfd_super->home.flags |= LX_MS_NOSUID; /* as Linux: a file of no mount gives no rights */
}

/* The inode has no name, and gets none: linkat(2) finds it dead. */
static int memfd_inode_create(bool can_be_sealed, const struct credentials *cred,
                              struct inode **out_inode)
{
    int err = ramfs_inode_create(memfd_super, LX_S_IFREG | 0777, 0, cred, out_inode);

    if (err)
        return err;
    inode_unlink(*out_inode);
    if (can_be_sealed)
        (*out_inode)->seals = 0;
    return 0;
}

int memfd_create(const char *name, bool can_be_sealed, const struct credentials *cred,
                 struct file **out_file)
{
    struct dentry *dentry;
    struct inode *inode;
    size_t len = strlen(name);
    int err = memfd_inode_create(can_be_sealed, cred, &inode);

    if (err)
        return err;
    err = dentry_create(memfd_super->root, name, len, dentry_hash(name, len), inode, &dentry);
    if (!err) {
        /* Its opener does not count as a writer that keeps it from being executed: as on Linux. */
        err =
            file_create(inode->file_ops, inode, dentry, LX_O_RDWR | LX_O_LARGEFILE, cred, out_file);
        if (err)
            dentry_put(dentry);
    }
    inode_put(inode);
    return err;
}

/* --- seals --- */

bool file_is_memory(const struct file *file)
{
    return (file->inode->mode & LX_S_IFMT) == LX_S_IFREG &&
           file->inode->super->magic == LX_TMPFS_MAGIC;
}

int memfd_get_seals(const struct file *file)
{
    int seals;

    if (!file_is_memory(file))
        return -EINVAL;
    /* Without the mutex one might be seen that is about to be taken back. */
    mutex_lock(&file->inode->lock);
    seals = (int)file->inode->seals;
    mutex_unlock(&file->inode->lock);
    return seals;
}

bool memfd_is_sealed_slow(struct inode *inode, uint32_t seals)
{
    bool sealed;

    mutex_lock(&inode->lock);
    sealed = inode->seals & seals;
    mutex_unlock(&inode->lock);
    return sealed;
}

/* -EAGAIN: pages are just being taken out. */
static int memfd_add_seals_locked(struct inode *inode, uint32_t seals)
{
    uint32_t old = inode->seals;
    int err = 0;

    ASSERT(mutex_is_held(&inode->lock));
    if (old & LX_F_SEAL_SEAL)
        return -EPERM;
    __atomic_store_n(&inode->seals, old | seals, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (inode_is_cut(inode))
        err = -EAGAIN;
    else if ((seals & ~old & LX_F_SEAL_WRITE) &&
             (__atomic_load_n(&inode->mappers, __ATOMIC_SEQ_CST) ||
              __atomic_load_n(&inode->pager.writers, __ATOMIC_SEQ_CST)))
        err = -EBUSY;
    if (err)
        __atomic_store_n(&inode->seals, old, __ATOMIC_SEQ_CST);
    return err;
}

int memfd_add_seals(struct file *file, uint32_t seals)
{
    struct inode *inode = file->inode;
    int err;

    if (!(file->access & FILE_WRITE))
        return -EPERM;
    if ((seals & ~(uint32_t)LX_F_ALL_SEALS) || !file_is_memory(file))
        return -EINVAL;
    do {
        mutex_lock(&inode->lock);
        err = memfd_add_seals_locked(inode, seals);
        mutex_unlock(&inode->lock);
    } while (err == -EAGAIN && !(err = inode_cut_await(inode)));
    return err;
}

bool memfd_map_begin(struct inode *inode)
{
    __atomic_fetch_add(&inode->mappers, 1, __ATOMIC_SEQ_CST);
    if (likely(!memfd_is_sealed(inode, MEMFD_SEALS_WRITE)))
        return true;
    memfd_map_end(inode);
    return false;
}

void memfd_map_end(struct inode *inode)
{
    __atomic_fetch_sub(&inode->mappers, 1, __ATOMIC_SEQ_CST);
}
