/* SPDX-License-Identifier: MIT */
#include "kernel/fs/devfs.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/path.h"
#include "kernel/fs/ramfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

static struct list devices = LIST_INIT(devices); /* fs_tree_lock; never taken away */
static struct dentry *devfs_root;                /* NULL: not mounted yet */

struct char_device *devfs_find(uint64_t device)
{
    list_for_each (node, &devices)
        if (list_entry(node, struct char_device, node)->device == device)
            return list_entry(node, struct char_device, node);
    return NULL;
}

/* A node, or a symlink if text is not NULL. */
static int add_entry(struct dentry *dir, const char *name, size_t len, uint32_t mode,
                     uint64_t device, const char *text, const struct credentials *owner)
{
    struct inode *inode;
    int err = ramfs_inode_create(dir->inode->super, mode, device, owner, &inode);

    if (err)
        return err;
    if (text)
        err = ramfs_link_set_text(inode, text, strlen(text), false);
    if (!err)
        err = ramfs_add(dir, name, len, inode, NULL);
    while (err && inode->nlink > 0)
        inode_unlink(inode);
    inode_put(inode);
    return err;
}

/* The directory a name lies in, made if it is not there; *name goes on to what follows. */
static int find_directory(const char **name, struct dentry **out_dir)
{
    const char *slash = strchr(*name, '/');
    size_t len = slash ? (size_t)(slash - *name) : 0;
    int err;

    if (!slash) {
        dentry_get(devfs_root);
        *out_dir = devfs_root;
        return 0;
    }
    /* Looked for first: what is there is found without memory. */
    for (unsigned tries = 0;; tries++) {
        err = devfs_root->inode->ops->lookup(devfs_root, *name, len, dentry_hash(*name, len),
                                             out_dir);
        if (err != -ENOENT || tries)
            break;
        err = add_entry(devfs_root, *name, len, LX_S_IFDIR | 0755, 0, NULL, NULL);
        if (err && err != -EEXIST)
            return err;
    }
    *name = slash + 1;
    return err;
}

static int make_owned_entry(const char *name, uint32_t mode, uint64_t device, const char *text,
                            const struct credentials *owner)
{
    struct dentry *dir;
    int err = find_directory(&name, &dir);

    if (err)
        return err;
    err = add_entry(dir, name, strlen(name), mode, device, text, owner);
    dentry_put(dir);
    return err;
}

static int make_entry(const char *name, uint32_t mode, uint64_t device, const char *text)
{
    return make_owned_entry(name, mode, device, text, NULL);
}

int devfs_register(struct char_device *device)
{
    bool taken;

    spin_lock(&fs_tree_lock);
    taken = devfs_find(device->device) != NULL;
    if (!taken)
        list_push_back(&devices, &device->node);
    spin_unlock(&fs_tree_lock);
    if (taken)
        return -EEXIST;
    if (!devfs_root || device->hidden)
        return 0;
    return make_entry(device->name, LX_S_IFCHR | device->mode, device->device, NULL);
}

int devfs_make_directory(const char *name)
{
    return add_entry(devfs_root, name, strlen(name), LX_S_IFDIR | 0755, 0, NULL, NULL);
}

int devfs_show(const struct char_device *device, uint32_t uid, uint32_t gid)
{
    struct credentials owner = {
        .uid = uid, .euid = uid, .fsuid = uid, .gid = gid, .egid = gid, .fsgid = gid};

    return make_owned_entry(device->name, LX_S_IFCHR | device->mode, device->device, NULL, &owner);
}

/* A program may have removed or renamed the node: then there is nothing to do. */
void devfs_hide(const struct char_device *device)
{
    const char *name = device->name;
    struct dentry *dir, *entry;
    size_t len;

    if (find_directory(&name, &dir))
        return;
    len = strlen(name);
    if (dir->inode->ops->lookup(dir, name, len, dentry_hash(name, len), &entry) == 0) {
        int err = entry->inode->device == device->device
                      ? dir->inode->ops->unlink(dir, entry, false)
                      : -ENOENT;
        (void)err;
        dentry_put(entry);
    }
    dentry_put(dir);
}

int devfs_symlink(const char *name, const char *text)
{
    ASSERT(devfs_root);
    return make_entry(name, LX_S_IFLNK | 0777, 0, text);
}

static int make_links(void)
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
    return err ? err : mount_at_boot(super, "dev/shm");
}

int devfs_mount(void)
{
    struct super_block *super;
    int err = ramfs_create("devtmpfs", "devtmpfs", 0755, &super);

    if (!err)
        err = mount_at_boot(super, "dev");
    if (err)
        return err;
    devfs_root = super->root;
    list_for_each (node, &devices) {
        struct char_device *device = list_entry(node, struct char_device, node);
        if (device->hidden)
            continue;
        err = make_entry(device->name, LX_S_IFCHR | device->mode, device->device, NULL);
        if (err)
            return err;
    }
    err = make_links();
    return err ? err : shm_mount();
}
