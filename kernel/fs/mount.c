/* SPDX-License-Identifier: MIT */
/* The list of mounts, and the start of this room. */
#include "kernel/fs/mount.h"
#include "kernel/fs/file.h"
#include "kernel/fs/flock.h"
#include "kernel/fs/pipe.h"
#include "kernel/fs/ramfs.h"
#include "kernel/fs/text.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

static struct list mounts = LIST_INIT(mounts); /* fs_tree_lock; entries are never taken away */
static struct super_block *root_super;
static uint64_t last_device; /* atomic: minor number with major 0, as Linux does */

void super_init(struct super_block *super, const char *type, const char *source, uint64_t magic)
{
    super->type = type;
    super->source = source;
    super->magic = magic;
    super->device = __atomic_add_fetch(&last_device, 1, __ATOMIC_RELAXED);
    list_init(&super->mounts);
}

void fs_init(void)
{
    int err;

    text_init_cache();
    radix_init_cache();
    inode_init_cache();
    dentry_init_cache();
    file_init_cache();
    pipe_init_cache();
    flock_init();
    err = ramfs_create("rootfs", "rootfs", 0755, &root_super);
    ASSERT(err == 0);
    list_push_back(&mounts, &root_super->mounts);
}

struct dentry *mount_root(void)
{
    return root_super->root;
}

int mount_attach(struct super_block *super, struct dentry *directory)
{
    int err = 0;

    if ((directory->inode->mode & LX_S_IFMT) != LX_S_IFDIR)
        return -ENOTDIR;
    spin_lock(&fs_tree_lock);
    if (directory->mounted) {
        err = -EBUSY;
    } else {
        dentry_get(directory);
        super->covered = directory;
        directory->mounted = super;
        list_push_back(&mounts, &super->mounts);
    }
    spin_unlock(&fs_tree_lock);
    return err;
}

int mount_at_boot(struct super_block *super, const char *name)
{
    struct dentry *root = root_super->root, *dir;
    size_t len = strlen(name);
    int err = root->inode->ops->lookup(root, name, len, dentry_hash(name, len), &dir);

    if (err)
        return err;
    err = mount_attach(super, dir);
    dentry_put(dir);
    return err;
}

void mount_for_each(bool (*visit)(struct super_block *super, void *context), void *context)
{
    list_for_each (node, &mounts)
        if (!visit(list_entry(node, struct super_block, mounts), context))
            break;
}
