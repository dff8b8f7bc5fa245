/* SPDX-License-Identifier: MIT */
/*
 * /dev: a ramfs that start-up fills with nodes, and the table from device numbers to operations.
 *
 * The two are independent. A node is a type and a number; opening one anywhere in the tree asks the
 * table (devfs_find), and what programs do to the nodes in /dev changes nothing in it. So the
 * kernel never looks for a device by path: devfs_node_get starts from the number, and uses the node
 * in /dev only if it is the one that start-up made.
 *
 * The table is filled at start-up and only grows; devices live for ever. devfs_find therefore reads
 * it without the lock.
 */
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

static struct list devices = LIST_INIT(devices); /* fs_tree_lock; never taken away */
static struct dentry *devfs_root;                /* NULL: not mounted yet */

struct char_device *devfs_find(uint64_t device)
{
    list_for_each (node, &devices) {
        struct char_device *at = list_entry(node, struct char_device, node);

        /* Below the first number the difference wraps. */
        if (device - at->device <= at->nminors - (uint64_t)(at->nminors != 0))
            return at;
    }
    return NULL;
}

/* A node, a directory, or a symlink if text is not NULL. Start-up only. */
static int devfs_make_entry_in(struct dentry *dir, const char *name, uint32_t mode, uint64_t device,
                               const char *text)
{
    struct inode *inode;
    int err = ramfs_inode_create(dir->inode->super, mode, device, NULL, &inode);

    if (err)
        return err;
    if (text)
        err = ramfs_link_set_text(inode, text, strlen(text), false);
    if (!err)
        err = ramfs_add(dir, name, strlen(name), inode, NULL);
    /* It got no name: it goes as an inode whose names have been unlinked. */
    while (err && inode->nlink > 0)
        inode_unlink(inode);
    inode_put(inode);
    return err;
}

static int devfs_make_entry(const char *name, uint32_t mode, uint64_t device, const char *text)
{
    return devfs_make_entry_in(devfs_root, name, mode, device, text);
}

int devfs_make_node(const char *path, uint32_t mode, uint64_t device)
{
    struct dentry *dir = devfs_root, *next;
    char name[16];
    int err = 0;

    dentry_get(dir);
    for (const char *slash; !err && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        size_t len = (size_t)(slash - path);

        str_copy(name, MIN(len + 1, sizeof(name)), path);
        err = devfs_make_entry_in(dir, name, LX_S_IFDIR | 0755, 0, NULL);
        if (err == -EEXIST)
            err = 0;
        if (!err)
            err = dir->inode->ops->lookup(dir, name, len, dentry_hash(name, len), &next);
        if (!err) {
            dentry_put(dir);
            dir = next;
        }
    }
    if (!err)
        err = devfs_make_entry_in(dir, path, LX_S_IFCHR | mode, device, NULL);
    dentry_put(dir);
    return err;
}

int devfs_register(struct char_device *device)
{
    bool taken;

    spin_lock(&fs_tree_lock);
    /* Looked and added in one locking: a number has one driver. */
    taken = devfs_find(device->device) != NULL;
    if (!taken)
        list_push_back(&devices, &device->node);
    spin_unlock(&fs_tree_lock);
    if (taken)
        return -EEXIST;
    /* Until /dev is there the table is all; devfs_mount makes the nodes of what it holds. */
    if (!devfs_root || device->hidden)
        return 0;
    return devfs_make_entry(device->name, LX_S_IFCHR | device->mode, device->device, NULL);
}

int devfs_make_directory(const char *name)
{
    return devfs_make_entry(name, LX_S_IFDIR | 0755, 0, NULL);
}

/* The node as it was made, if it is still in its place. */
static int devfs_node_find(const struct char_device *device, struct dentry **out_dentry)
{
    size_t len = strlen(device->name);
    struct dentry *entry;
    int err = devfs_root->inode->ops->lookup(devfs_root, device->name, len,
                                             dentry_hash(device->name, len), &entry);

    if (err)
        return err;
    if ((entry->inode->mode & LX_S_IFMT) == LX_S_IFCHR && entry->inode->device == device->device) {
        *out_dentry = entry;
        return 0;
    }
    dentry_put(entry);
    return -ENOENT;
}

int devfs_node_get(uint64_t number, struct dentry **out_dentry)
{
    const struct char_device *device = devfs_find(number);
    struct inode *inode;
    size_t len;
    int err;

    if (!devfs_root || !device)
        return -ENXIO;
    if (devfs_node_find(device, out_dentry) == 0)
        return 0;
    /* A program has removed or replaced the node: another one with the same number, for this open
     * alone, which is in no directory. */
    len = strlen(device->name);
    err = ramfs_inode_create(devfs_root->inode->super, LX_S_IFCHR | device->mode, number, NULL,
                             &inode);
    if (err)
        return err;
    err = dentry_create(devfs_root, device->name, len, dentry_hash(device->name, len), inode,
                        out_dentry);
    inode_put(inode);
    if (!err)
        (*out_dentry)->unhashed = true;
    return err;
}

int devfs_symlink(const char *name, const char *text)
{
    ASSERT(devfs_root);
    return devfs_make_entry(name, LX_S_IFLNK | 0777, 0, text);
}

/* What a Linux system's start-up makes and programs take for granted, such as bash's <(...). */
static int devfs_make_links(void)
{
    static const char *const links[][2] = {
        {"fd", "/proc/self/fd"},
        {"stdin", "/proc/self/fd/0"},
        {"stdout", "/proc/self/fd/1"},
        {"stderr", "/proc/self/fd/2"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        int err = devfs_symlink(links[i][0], links[i][1]);
        if (err)
            return err;
    }
    return 0;
}

/* Shared memory with names: shm_open. */
static int shm_mount(void)
{
    struct super_block *super;
    int err = devfs_make_directory("shm");

    if (!err)
        err = ramfs_create("tmpfs", "tmpfs", 01777, &super);
    if (err)
        return err;
    ramfs_set_default_limits(super, true);
    return mount_at_boot(super, "dev/shm");
}

int devfs_mount(void)
{
    struct super_block *super;
    int err = ramfs_create("devtmpfs", "devtmpfs", 0755, &super);

    if (!err)
        err = mount_at_boot(super, "dev");
    if (err)
        return err;
    ramfs_set_default_limits(super, true);
    /* From here on devfs_register makes the nodes itself. Start-up is one thread: none is made
     * twice. */
    devfs_root = super->root;
    list_for_each (node, &devices) {
        struct char_device *device = list_entry(node, struct char_device, node);
        if (device->hidden)
            continue;
        err = devfs_make_entry(device->name, LX_S_IFCHR | device->mode, device->device, NULL);
        if (err)
            return err;
    }
    err = devfs_make_links();
    return err ? err : shm_mount();
}
