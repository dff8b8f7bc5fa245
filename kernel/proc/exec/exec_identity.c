/* SPDX-License-Identifier: MIT */
/*
 * execve: what a program runs as, by set-ID bits and capabilities of its file.
 *
 * They are read in one step under the inode's mutex, together with the right to run the file: a
 * file that gets another owner loses both, and one that gets them may be for fewer users from then
 * on. The rules are those of proc/capability.c.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/xattr.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/capability.h"
#include "kernel/proc/exec/exec.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

/* Of the attribute security.capability, whose form was checked when it was set. With a root that is
 * not that of this user name space, the only one, it counts for none. */
static COLD struct capability_file file_capabilities_locked(struct inode *inode)
{
    struct capability_file file = {.present = false};
    struct lx_vfs_cap caps = {0};

    ASSERT(mutex_is_held(&inode->lock));
    if (xattr_get_locked(inode, XATTR_CAPABILITIES, &caps, sizeof(caps)) < LX_XATTR_CAPS_SZ_2 ||
        caps.root)
        return file;
    file.present = true;
    file.effective = caps.magic & LX_VFS_CAP_FLAGS_EFFECTIVE;
    file.permitted = (caps.data[0] | (uint64_t)caps.data[2] << 32) & CAPABILITIES_ALL;
    file.inheritable = (caps.data[1] | (uint64_t)caps.data[3] << 32) & CAPABILITIES_ALL;
    return file;
}

static void set_ids_take(const struct inode *inode, uint32_t mode, struct credentials *new)
{
    const uint32_t group = LX_S_ISGID | LX_S_IXGRP;

    if (mode & LX_S_ISUID)
        new->euid = inode->uid;
    /* Set-group-ID without the group's execute bit meant mandatory locking. */
    if ((mode & group) == group)
        new->egid = inode->gid;
}

int exec_identity_find(const struct file *file, const struct credentials *old,
                       const struct exec_strings *strings, struct exec_program *program)
{
    struct credentials *new = &program->cred;
    struct inode *inode = file->inode;
    struct capability_exec how = {
        .no_new_rights = strings->no_new_privs || strings->shared_fs,
        .no_new_privs = strings->no_new_privs,
    };

    *new = *old;
    mutex_lock(&inode->lock);
    if (!(file_mount_flags(file) & LX_MS_NOSUID) && inode_permission(inode, old, INODE_EXEC) == 0) {
        if (!strings->no_new_privs)
            set_ids_take(inode, inode->mode, new);
        if (unlikely(inode->xattrs))
            how.file = file_capabilities_locked(inode);
    }
    mutex_unlock(&inode->lock);
    how.ids_changed = new->euid != old->euid || new->egid != old->egid;
    return capability_exec(old, new, &how, &program->secure);
}
