/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/fd and fdinfo: descriptors as magic links, and their state.
 *
 * Another task's table is read under process_tree_lock: exit and exec replace the pointer under the
 * same lock, and the table has its own for the entries. What is found there is referenced and used
 * without locks. Entries are made anew at each look: a number that was closed gives ENOENT.
 */
#include "kernel/fs/event/inotify.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/lib/fmt.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

static COLD int link_next(const struct procfs_node *dir, int number)
{
    struct fd_table *files;
    uint64_t tree;

    if (procfs_lock_files(dir, &files, &tree))
        return -ENOENT;
    /* Numbers from that one on, for getdents. */
    number = files ? fd_next_used(files, number) : PROCFS_NONE;
    procfs_unlock(tree);
    return number;
}

/* The open file behind the number, referenced. */
static COLD int file_find(const struct procfs_node *node, int number, struct file **out_file)
{
    struct fd_table *files;
    uint64_t tree;
    int err = procfs_lock_files(node, &files, &tree);

    if (err)
        return err;
    /* A process that exits has no table any more: no descriptor, not an error of its own. */
    *out_file = files ? fd_get(files, number) : NULL;
    procfs_unlock(tree);
    return *out_file ? 0 : -ENOENT;
}

/* A file without a name becomes a place without a parent: opening it again goes on from there. */
static COLD int fd_jump(const struct procfs_node *node, struct dentry **out_target)
{
    struct file *file;
    int err = file_find(node, node->number, &file);

    if (err)
        return err;
    /* Opening a pipe or a deleted file by this link gives another open file of the same inode. */
    if (file->dentry) {
        dentry_get(file->dentry);
        *out_target = file->dentry;
    } else {
        err = dentry_create(NULL, "", 0, 0, file->inode, out_target);
    }
    file_put(file);
    return err;
}

/* Pipes, sockets and name spaces are told apart by their inode's number. */
static COLD bool has_number(const struct inode *inode)
{
    uint32_t type = inode->mode & LX_S_IFMT;

    return type == LX_S_IFIFO || type == LX_S_IFSOCK || inode->data_kind == INODE_OBJECT;
}

static COLD int64_t fd_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct dentry *dentry;
    struct file *file;
    int64_t len;
    int err = file_find(node, node->number, &file);

    if (err)
        return err;
    dentry = file->dentry;
    if (dentry)
        dentry_get(dentry);
    /* Linux's names for what has none: pipe:[inode], anon_inode:[eventfd], but anon_inode:inotify.
     */
    len = dentry ? 0
                 : (int64_t)fmt_print(text, size,
                                      has_number(file->inode) ? "%s:[%llu]"
                                      : file_is_inotify(file) ? "anon_inode:%s"
                                                              : "anon_inode:[%s]",
                                      file->ops->anon_name, (unsigned long long)file->inode->ino);
    /* The path is made from the dentry, which has a reference of its own. */
    file_put(file);
    return dentry ? procfs_path_text(dentry, text, size) : len;
}

#define FD_LINK(permissions)                                                                       \
    {                                                                                              \
        .mode = LX_S_IFLNK | (permissions), .guarded = true, .readlink = fd_readlink,              \
        .magic_link = fd_jump                                                                      \
    }

/* By what the descriptor is open for: nothing, reading, writing, both. */
static const struct procfs_entry links[] = {FD_LINK(0), FD_LINK(0500), FD_LINK(0300),
                                            FD_LINK(0700)};

static COLD int link_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    struct file *file;

    if (file_find(dir, number, &file))
        return -ENOENT;
    /* proc(5): the owner's permission bits of the link show how the file is open. */
    out->entry = &links[file->access & (FILE_READ | FILE_WRITE)];
    out->number = number;
    file_put(file);
    return 0;
}

const struct procfs_dir procfs_fd_dir = {.next = link_next, .find = link_find};

/* --- fdinfo --- */

static COLD int show_fdinfo(const struct procfs_node *node, struct procfs_text *text)
{
    struct fd_table *files;
    struct file *file = NULL;
    int cloexec = 0;
    uint64_t tree;
    int err = procfs_lock_files(node, &files, &tree);

    if (err)
        return err;
    if (files) {
        file = fd_get(files, node->number);
        /* A property of the number and not of the file, so it is read in the same hold of the
         * lock. */
        cloexec = fd_get_cloexec(files, node->number);
    }
    procfs_unlock(tree);
    if (!file)
        return -ENOENT;
    /* proc_pid_fdinfo(5): flags in octal, with O_CLOEXEC where it is set. */
    procfs_print(text, "pos:\t%lld\nflags:\t0%o\nmnt_id:\t%llu\nino:\t%llu\n",
                 file->access & FILE_POSITION ? (long long)file->position : 0,
                 (file->flags & ~FILE_FLAG_NOATIME) | (cloexec == 1 ? LX_O_CLOEXEC : 0),
                 (unsigned long long)file_mount(file)->id, (unsigned long long)file->inode->ino);
    if (file->ops->fdinfo)
        file->ops->fdinfo(file, text);
    file_put(file);
    return 0;
}

static const struct procfs_entry info_entry = {
    .mode = LX_S_IFREG | 0444, .guarded = true, .show = show_fdinfo};

/* The same search, another file: closed numbers are refused alike. */
static COLD int fdinfo_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    int err = link_find(dir, number, out);

    out->entry = &info_entry;
    return err;
}

const struct procfs_dir procfs_fdinfo_dir = {.next = link_next, .find = fdinfo_find};
