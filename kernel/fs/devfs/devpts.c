/* SPDX-License-Identifier: MIT */
/*
 * The file system of /dev/pts. It is a ramfs whose directory has one operation for programs, the
 * lookup: everything else in the table is missing, and the path walk's callers answer for it
 * (EPERM, EACCES for O_CREAT). So whatever lies in the directory was put there by devpts_add, and
 * devpts_remove finds it by the dentry that devpts_add returned, not by a name.
 *
 * The file system is start-up's own: its directory in /dev can be neither renamed nor removed, and
 * an unmount is undone after the test. While it is unmounted, or something lies over it, pairs are
 * made and closed as ever; their nodes cannot be reached, that is all.
 */
#include "kernel/fs/devfs/devpts.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define NODE_MODE  0620
#define NUMBER_MAX 12

static const struct inode_ops dir_ops = {.lookup = ramfs_lookup, .release = ramfs_dir_release};

static struct super_block *devpts;

static void show_devpts_options(const struct super_block *super, char *text, size_t size)
{
    (void)super;
    fmt_print(text, size, ",mode=%o", NODE_MODE);
}

static bool devpts_is_busy(struct super_block *super)
{
    return ramfs_super_ops.is_busy(super);
}

/* Never asked: what start-up mounted keeps what is in it. */
static bool devpts_clear(struct super_block *super)
{
    (void)super;
    return false;
}

static const struct super_ops devpts_super_ops = {
    .is_busy = devpts_is_busy, .clear = devpts_clear, .show_options = show_devpts_options};

int devpts_mount(void)
{
    struct super_block *super;
    int err = devfs_make_directory("pts");

    if (!err)
        err = ramfs_create("devpts", "devpts", 0755, &super);
    if (err)
        return err;
    super->ops = &devpts_super_ops;
    super->magic = LX_DEVPTS_MAGIC;
    super->root->inode->ops = &dir_ops; /* before anything can reach it */
    err = mount_at_boot(super, "dev/pts");
    if (err) {
        dentry_put(super->root);
        super_put(super);
        return err;
    }
    devpts = super;
    return 0;
}

int devpts_add(unsigned number, uint64_t device, uint32_t uid, uint32_t gid,
               struct dentry **out_node)
{
    struct credentials owner = credentials_of_user(uid);
    char name[NUMBER_MAX];
    struct inode *inode;
    int err;

    owner.fsgid = gid;
    err = ramfs_inode_create(devpts, LX_S_IFCHR | NODE_MODE, device, &owner, &inode);
    if (err)
        return err;
    fmt_print(name, sizeof(name), "%u", number);
    err = ramfs_add(devpts->root, name, strlen(name), inode, out_node);
    if (err)
        inode_unlink(inode);
    inode_put(inode);
    return err;
}

void devpts_remove(struct dentry *node)
{
    int err = ramfs_unlink(&(struct dir_place){devpts->root, node, NULL, 0, 0}, false);

    ASSERT(err == 0); /* nothing else removes a name here */
}
