/* SPDX-License-Identifier: MIT */
/* /proc/PID/mounts and mountinfo: what the process sees of the mounts. */
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/text.h"
#include "kernel/proc/procfs_inside.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/mount.h"

#define OPTIONS_MAX 128

/* Blanks and what else would break the line, as backslash and octal digits. */
static void put_escaped(struct procfs_text *text, const char *word)
{
    for (; *word; word++)
        if (*word == ' ' || *word == '\t' || *word == '\n' || *word == '\\')
            procfs_print(text, "\\%03o", (unsigned char)*word);
        else
            procfs_put(text, word, 1);
}

/* What the flags are called, the read-only one left out; the options of the file system follow. */
static void put_flags(struct procfs_text *text, uint32_t flags)
{
    procfs_print(text, "%s%s%s%s%s%s", flags & LX_MS_NOSUID ? ",nosuid" : "",
                 flags & LX_MS_NODEV ? ",nodev" : "", flags & LX_MS_NOEXEC ? ",noexec" : "",
                 flags & LX_MS_NOATIME ? ",noatime" : "",
                 flags & LX_MS_NODIRATIME ? ",nodiratime" : "",
                 flags & (LX_MS_NOATIME | LX_MS_STRICTATIME) ? "" : ",relatime");
}

static void put_mount(struct procfs_text *text, const struct super_block *super, const char *path,
                      bool info)
{
    const char *rights = super->readonly ? "ro" : "rw";
    char options[OPTIONS_MAX] = "";

    if (super->ops && super->ops->show_options)
        super->ops->show_options(super, options, sizeof(options));
    if (info) {
        procfs_print(text, "%lu %lu 0:%lu / ", super->device,
                     super->parent_device ? super->parent_device : super->device, super->device);
        put_escaped(text, path);
        procfs_print(text, " %s", rights);
        put_flags(text, super->flags);
        procfs_print(text, " - %s ", super->type);
        put_escaped(text, super->source);
        procfs_print(text, " %s%s\n", rights, options);
    } else {
        put_escaped(text, super->source);
        procfs_put(text, " ", 1);
        put_escaped(text, path);
        procfs_print(text, " %s %s", super->type, rights);
        put_flags(text, super->flags);
        procfs_print(text, "%s 0 0\n", options);
    }
}

static int show(const struct procfs_node *node, struct procfs_text *text, bool info)
{
    struct super_block *super = NULL;
    struct dentry *root;
    char *buffer, *path;
    unsigned flags;
    int err = procfs_get_root(node, &root);

    if (err)
        return err == -ENOENT ? -EINVAL : err;
    buffer = text_alloc(LX_PATH_MAX);
    while (buffer && (super = mount_next(super)) != NULL)
        if (dentry_path(super->root, root, buffer, LX_PATH_MAX, &path, &flags) > 0 &&
            !(flags & DENTRY_PATH_UNREACHABLE))
            put_mount(text, super, path, info);
    dentry_put(root);
    text_free(buffer, LX_PATH_MAX);
    return buffer ? 0 : -ENOMEM;
}

int procfs_show_mounts(const struct procfs_node *node, struct procfs_text *text)
{
    return show(node, text, false);
}

int procfs_show_mountinfo(const struct procfs_node *node, struct procfs_text *text)
{
    return show(node, text, true);
}
