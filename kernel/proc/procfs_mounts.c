/* SPDX-License-Identifier: MIT */
/* /proc/PID/mounts and mountinfo: what the process sees of the mounts. */
#include "kernel/fs/fs_context.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/text.h"
#include "kernel/proc/procfs_inside.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"

struct listing {
    struct procfs_text *text;
    struct dentry *root; /* the process's */
    char *path;
    bool info;
};

/* Blanks and what else would break the line, as backslash and octal digits. */
static void put_escaped(struct procfs_text *text, const char *word)
{
    for (; *word; word++)
        if (*word == ' ' || *word == '\t' || *word == '\n' || *word == '\\')
            procfs_print(text, "\\%03o", (unsigned char)*word);
        else
            procfs_put(text, word, 1);
}

static uint64_t parent_of(const struct super_block *super)
{
    return super->covered ? super->covered->inode->super->device : super->device;
}

static bool visit(struct super_block *super, void *context)
{
    struct listing *l = context;
    const char *rights = super->readonly ? "ro" : "rw";
    unsigned flags;
    char *path;

    if (dentry_path(super->root, l->root, l->path, LX_PATH_MAX, &path, &flags) < 0 ||
        (flags & DENTRY_PATH_UNREACHABLE))
        return true;
    if (l->info) {
        procfs_print(l->text, "%lu %lu 0:%lu / ", super->device, parent_of(super), super->device);
        put_escaped(l->text, path);
        procfs_print(l->text, " %s,relatime - %s ", rights, super->type);
        put_escaped(l->text, super->source);
        procfs_print(l->text, " %s\n", rights);
    } else {
        put_escaped(l->text, super->source);
        procfs_put(l->text, " ", 1);
        put_escaped(l->text, path);
        procfs_print(l->text, " %s %s,relatime 0 0\n", super->type, rights);
    }
    return true;
}

static int show(const struct procfs_node *node, struct procfs_text *text, bool info)
{
    struct listing listing = {.text = text, .info = info};
    int err = procfs_get_root(node, &listing.root);

    if (err)
        return err == -ENOENT ? -EINVAL : err;
    listing.path = text_alloc(LX_PATH_MAX);
    if (listing.path)
        mount_for_each(visit, &listing);
    dentry_put(listing.root);
    text_free(listing.path, LX_PATH_MAX);
    return listing.path ? 0 : -ENOMEM;
}

int procfs_show_mounts(const struct procfs_node *node, struct procfs_text *text)
{
    return show(node, text, false);
}

int procfs_show_mountinfo(const struct procfs_node *node, struct procfs_text *text)
{
    return show(node, text, true);
}
