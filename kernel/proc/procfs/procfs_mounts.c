/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mounts and mountinfo: mount points as the process sees them.
 *
 * Paths are relative to the root directory of the process, and mounts that it cannot reach are left
 * out. mounts has the format of fstab(5), mountinfo that of proc_pid_mountinfo(5).
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/mount.h"

#define OPTIONS_MAX 128

/* Blanks and what else would break the line, as backslash and octal digits. getmntent(3) undoes
 * it. */
static COLD void put_escaped(struct procfs_text *text, const char *word)
{
    for (; *word; word++)
        if (*word == ' ' || *word == '\t' || *word == '\n' || *word == '\\')
            procfs_print(text, "\\%03o", (unsigned char)*word);
        else
            procfs_put(text, word, 1);
}

/* What the flags are called, the read-only one left out; the options of the file system follow. */
static COLD void put_flags(struct procfs_text *text, uint32_t flags)
{
    procfs_print(text, "%s%s%s%s%s%s%s", flags & LX_MS_NOSUID ? ",nosuid" : "",
                 flags & LX_MS_NODEV ? ",nodev" : "", flags & LX_MS_NOEXEC ? ",noexec" : "",
                 flags & LX_MS_NOATIME ? ",noatime" : "",
                 flags & LX_MS_NODIRATIME ? ",nodiratime" : "",
                 flags & (LX_MS_NOATIME | LX_MS_STRICTATIME) ? "" : ",relatime",
                 flags & LX_MS_NOSYMFOLLOW ? ",nosymfollow" : "");
}

/* The directory of its file system that the mount shows. */
static COLD void put_root(struct procfs_text *text, const struct mount *mount, char *buffer)
{
    struct mount *first = &mount->super->home;
    char *path;
    unsigned flags;

    if (vfs_path_text((struct vfs_path){first, mount->root},
                      (struct vfs_path){first, mount->super->root}, buffer, LX_PATH_MAX, &path,
                      &flags) <= 0)
        return;
    put_escaped(text, path);
    /* Removed under the mount, which keeps it. */
    if (flags & DENTRY_PATH_DELETED)
        procfs_print(text, "//deleted");
}

static COLD void put_mount(struct procfs_text *text, const struct mount *mount, const char *path,
                           char *root_buffer)
{
    const struct super_block *super = mount->super;
    const struct mount *parent = __atomic_load_n(&mount->parent, __ATOMIC_RELAXED);
    /* fstab(5) has one word for both, mountinfo one for the mount and one for the file system. */
    const char *rights = super->readonly || (mount->flags & LX_MS_RDONLY) ? "ro" : "rw";
    char options[OPTIONS_MAX] = "";

    /* With a comma in front of each. */
    if (super->ops && super->ops->show_options)
        super->ops->show_options(super, options, sizeof(options));
    /* mountinfo's second number is the parent's; the root is its own, so findmnt ends there. */
    if (root_buffer) {
        procfs_print(text, "%u %u 0:%lu ", mount->id, (parent ? parent : mount)->id, super->device);
        put_root(text, mount, root_buffer);
        procfs_put(text, " ", 1);
        put_escaped(text, path);
        procfs_print(text, " %s", mount->flags & LX_MS_RDONLY ? "ro" : "rw");
        put_flags(text, mount->flags);
        procfs_print(text, "%s - %s ", mount->unbindable ? " unbindable" : "", super->type);
        put_escaped(text, mount->source);
        procfs_print(text, " %s%s\n", super->readonly ? "ro" : "rw", options);
    } else {
        put_escaped(text, mount->source);
        procfs_put(text, " ", 1);
        put_escaped(text, path);
        procfs_print(text, " %s %s", super->type, rights);
        put_flags(text, mount->flags);
        procfs_print(text, "%s 0 0\n", options);
    }
}

/* The mount behind the cursor. No reference to it is held: none is to find it in use. False: that
 * was the last, or the piece is full, and what did not fit is left to the next one. */
static COLD bool put_next(struct procfs_text *text, struct dentry *root, char *buffer,
                          char *root_buffer)
{
    size_t used = text->used;
    struct mount *mount;
    char *path;
    unsigned flags;

    rcu_read_lock();
    mount = mount_next(dentry_mount(root), (uint32_t)text->cursor);
    if (mount &&
        vfs_path_text((struct vfs_path){mount, mount->root}, dentry_to_path(root), buffer,
                      LX_PATH_MAX, &path, &flags) > 0 &&
        !(flags & DENTRY_PATH_UNREACHABLE))
        put_mount(text, mount, path, root_buffer);
    text->more = used && text->used >= text->size;
    if (text->more)
        text->used = used;
    else if (mount)
        text->cursor = mount->id;
    rcu_read_unlock();
    return mount && text->used < text->size && !text->more;
}

static COLD int mounts_show(const struct procfs_node *node, struct procfs_text *text, bool info)
{
    struct dentry *root;
    char *buffer, *root_buffer = NULL;
    int err = procfs_get_root(node, &root);

    /* A process that exits has no root: EINVAL, as Linux gives for it. */
    if (err)
        return err == -ENOENT ? -EINVAL : err;
    /* One for the mount point, and in mountinfo another for what is shown there. */
    buffer = namebuf_alloc(LX_PATH_MAX);
    if (buffer && info)
        root_buffer = namebuf_alloc(LX_PATH_MAX);
    err = buffer && (root_buffer || !info) ? 0 : -ENOMEM;
    while (!err && put_next(text, root, buffer, root_buffer))
        sched_preempt_point(); /* there may be MOUNT_MAX */
    dentry_put(root);
    namebuf_free(buffer, LX_PATH_MAX);
    namebuf_free(root_buffer, LX_PATH_MAX);
    return err;
}

COLD int procfs_show_mounts(const struct procfs_node *node, struct procfs_text *text)
{
    return mounts_show(node, text, false);
}

COLD int procfs_show_mountinfo(const struct procfs_node *node, struct procfs_text *text)
{
    return mounts_show(node, text, true);
}
