/* SPDX-License-Identifier: MIT */
/*
 * open: from a path and flags to a file. The order of the checks is Linux's.
 *
 * Four ways in: a path that must exist, one that may be created, O_TMPFILE, and O_PATH, which opens
 * nothing. All but the last end in open_dentry, which makes the file and calls the operations'
 * open. That call may wait (a FIFO, a terminal) or make something (a pseudo-terminal); so
 * everything that may refuse comes before it, above all what is asked of the type: the kernel's own
 * opens, and execve, take regular files alone.
 *
 * Creating races with other calls that create and remove. Lookup says "not there", create says
 * "there is one": then the lookup is done again, a bounded number of times, unless O_EXCL asks for
 * exactly that error. The retry has a code of its own, ESTALE, that neither a walk nor a driver
 * gives: EAGAIN is an answer that programs get (RESOLVE_BENEATH, O_NONBLOCK).
 */
#include "kernel/fs/vfs/open.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/ramfs/ramfs_file.h"
#include "kernel/fs/vfs/lease.h"
#include "kernel/lib/assert.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define CREATE_RETRIES      100
#define FLAGS_OF_OTHER_WAYS (LX_O_PATH | LX_O_TMPFILE_BIT | LX_O_CREAT)

static uint32_t dentry_type(const struct dentry *dentry)
{
    return dentry->inode->mode & LX_S_IFMT;
}

/* What the flags ask of the file's permissions. */
static unsigned access_wanted(uint32_t flags)
{
    unsigned access = 0;

    if ((flags & LX_O_ACCMODE) != LX_O_WRONLY)
        access |= INODE_READ;
    if ((flags & LX_O_ACCMODE) != LX_O_RDONLY)
        access |= INODE_WRITE;
    if (flags & LX_O_TRUNC)
        access |= INODE_WRITE;
    return access;
}

static int may_open(struct fs_context *context, struct dentry *dentry, const struct open_how *how)
{
    unsigned access = how->exec ? INODE_EXEC : access_wanted(how->flags);
    int err;

    /* Only O_NOFOLLOW leads here with a symlink. */
    if (dentry_type(dentry) == LX_S_IFLNK)
        return -ELOOP;
    /* The type before the permissions, as on Linux. */
    if (dentry_type(dentry) == LX_S_IFDIR && (access & INODE_WRITE))
        return -EISDIR;
    /* Before anything is opened: opening a FIFO waits, opening a device may do anything. */
    if ((how->exec || how->regular) && dentry_type(dentry) != LX_S_IFREG)
        return -EACCES;
    err = inode_permission(dentry->inode, &context->cred, access);
    if (err)
        return err;
    if ((how->flags & LX_O_NOATIME) && !inode_owner_or_privileged(dentry->inode, &context->cred))
        return -EPERM;
    return 0;
}

/* Of most types the inode has them; those of a device are looked up by its number at each open. No
 * block device has any. */
static int operations_of(struct dentry *dentry, const struct file_ops **out_ops, void **out_context)
{
    struct char_device *device;

    *out_context = NULL;
    *out_ops = dentry->inode->file_ops;
    if (*out_ops)
        return 0;
    device = dentry_type(dentry) == LX_S_IFCHR ? devfs_find(dentry->inode->device) : NULL;
    if (!device)
        return -ENXIO;
    *out_ops = device->ops;
    *out_context = device->context;
    return 0;
}

static bool is_device(const struct dentry *dentry)
{
    return dentry_type(dentry) == LX_S_IFCHR || dentry_type(dentry) == LX_S_IFBLK;
}

/* What /proc/PID/fd makes of a file without a name. Pipes can be opened anew, others cannot. */
static bool is_nameless(const struct dentry *dentry)
{
    return !dentry->parent && !dentry->is_alias && dentry->inode->super->root != dentry;
}

/* The file takes over the reference to the dentry; without a file it is put. Two counts less that
 * all openers of one file share. */
static int open_dentry(struct fs_context *opener, struct dentry *dentry, uint32_t flags,
                       struct file **out_file)
{
    const struct file_ops *ops;
    struct file *file;
    void *context;
    bool nameless = is_nameless(dentry);
    int err = operations_of(dentry, &ops, &context);

    /* A walk can come to a file without a name by a magic link: there is nothing to open anew. */
    if (!err && nameless && dentry_type(dentry) != LX_S_IFIFO &&
        dentry->inode->data_kind != INODE_OBJECT)
        err = -ENXIO;
    if (!err && is_device(dentry) && (dentry_mount(dentry)->flags & LX_MS_NODEV))
        err = -EACCES;
    if (!err)
        err =
            file_create(ops, dentry->inode, nameless ? NULL : dentry, flags, &opener->cred, &file);
    if (err || nameless)
        dentry_put(dentry);
    if (err)
        return err;
    file->private = context;
    if (unlikely(file->dentry && file->dentry->is_alias) &&
        (file_mount_flags(file) & (LX_MS_NOATIME | LX_MS_RDONLY)))
        file->flags |= FILE_FLAG_NOATIME;
    /* Before the operations' own open, which may wait or have effects: ETXTBSY must not come after
     * it. */
    err = file_begin_write(file);
    if (!err)
        err = lease_break(file->inode, flags);
    if (!err && ops->open)
        err = ops->open(file);
    if (err) {
        file_discard(file); /* no release: that undoes an open that has succeeded */
        return err;
    }
    *out_file = file;
    return 0;
}

/* Takes over the reference to the dentry in any case. */
static int open_existing(struct fs_context *context, struct dentry *dentry,
                         const struct open_how *how, struct file **out_file)
{
    uint32_t flags = how->flags;
    struct file *file;
    int err = -EISDIR;

    if (!(flags & LX_O_CREAT) || dentry_type(dentry) != LX_S_IFDIR)
        err = may_open(context, dentry, how);
    if (err) {
        dentry_put(dentry);
        return err;
    }
    err = open_dentry(context, dentry, flags, &file);
    if (err)
        return err;
    /* Last: an open that fails must not have emptied the file. */
    if ((flags & LX_O_TRUNC) && (file->inode->mode & LX_S_IFMT) == LX_S_IFREG) {
        err = dentry_check_writable(file->dentry);
        if (!err)
            err = fs_truncate(file->inode, 0, &context->cred);
        if (err) {
            file_put(file);
            return err;
        }
        notify_dentry(file->dentry, file->inode, LX_IN_MODIFY);
    }
    *out_file = file;
    return 0;
}

/* O_PATH: no operation at all, the file stands for a place in the tree. */
static const struct file_ops path_only_ops = {0};

/* Takes over the reference to the dentry. The only flags that count beside O_PATH, and that F_GETFL
 * shows. */
static int open_place(struct fs_context *context, struct dentry *dentry, uint32_t flags,
                      struct file **out_file)
{
    int err =
        file_create(&path_only_ops, dentry->inode, dentry,
                    flags & (LX_O_PATH | LX_O_DIRECTORY | LX_O_NOFOLLOW), &context->cred, out_file);

    if (err)
        dentry_put(dentry);
    return err;
}

int fs_open_dentry(struct fs_context *context, struct dentry *dentry, const struct open_how *how,
                   struct file **out_file)
{
    int err;

    if ((how->flags & LX_O_DIRECTORY) && dentry_type(dentry) != LX_S_IFDIR) {
        dentry_put(dentry);
        return -ENOTDIR;
    }
    err = how->flags & LX_O_PATH ? open_place(context, dentry, how->flags, out_file)
                                 : open_existing(context, dentry, how, out_file);
    if (!err)
        notify_file(*out_file, LX_IN_OPEN);
    return err;
}

static int open_path_only(struct fs_context *context, struct dentry *start, const char *path,
                          const struct open_how *how, struct file **out_file)
{
    unsigned walk = how->walk | (how->flags & LX_O_NOFOLLOW ? 0 : PATH_FOLLOW) |
                    (how->flags & LX_O_DIRECTORY ? PATH_DIRECTORY : 0);
    struct dentry *dentry;
    int err = path_walk(context, start, path, walk, &dentry);

    return err ? err : open_place(context, dentry, how->flags, out_file);
}

static int open_tmpfile(struct fs_context *context, struct dentry *start, const char *path,
                        const struct open_how *how, struct file **out_file)
{
    unsigned walk = how->walk | PATH_DIRECTORY | (how->flags & LX_O_NOFOLLOW ? 0 : PATH_FOLLOW);
    struct dentry *dir, *dentry;
    int err = path_walk(context, start, path, walk, &dir);

    if (err)
        return err;
    err = inode_permission(dir->inode, &context->cred, INODE_WRITE | INODE_EXEC);
    if (!err && !dir->inode->ops->create)
        err = -EOPNOTSUPP;
    if (!err)
        err = dentry_check_writable(dir);
    /* No name: an inode that no lookup finds. */
    if (!err)
        err = dir->inode->ops->create(dentry_real(dir), NULL, 0,
                                      LX_S_IFREG |
                                          fs_context_new_mode(context, dir->inode, how->mode),
                                      0, &context->cred, &dentry);
    if (!err)
        err = dentry_place_entry(dir, &dentry);
    dentry_put(dir);
    if (err)
        return err;
    /* Nothing else can reach it yet: no mutex is needed. */
    if (how->flags & LX_O_EXCL)
        dentry->inode->linkable = false;
    return open_dentry(context, dentry, how->flags, out_file);
}

static int create_and_open(struct fs_context *context, struct path_last *last,
                           const struct open_how *how, struct file **out_file)
{
    struct inode *dir = last->parent->inode;
    uint32_t mode = LX_S_IFREG | fs_context_new_mode(context, dir, how->mode);
    struct dentry *dentry;
    bool taken_back = false;
    struct dentry *place;
    int err = dentry_check_writable(last->place);

    if (!err)
        err = inode_permission(dir, &context->cred, INODE_WRITE | INODE_EXEC);
    if (err)
        return err;
    /* EACCES, as Linux has it here; mknod(2) and mkdir(2) answer EPERM. */
    if (!dir->ops->create)
        return -EACCES;
    err = dir->ops->create(last->parent, last->name, last->len, mode, 0, &context->cred, &dentry);
    if (err)
        return err;
    notify_name(dir, last->name, last->len, LX_IN_CREATE);
    dentry_get(dentry); /* the file's */
    place = dentry;
    err = dentry_place_entry(last->place, &place);
    /* The new file's own mode does not bind its maker. */
    if (!err)
        err = open_dentry(context, place, how->flags & ~LX_O_TRUNC, out_file);
    /* The file is there but cannot be opened (memory, a limit): it goes again, as if this call had
     * not been made. */
    if (err) {
        taken_back =
            dir->ops->unlink(&(struct dir_place){last->parent, dentry, NULL, 0, 0}, false) == 0;
        if (!taken_back)
            err = -ENOENT; /* it has been removed already */
    }
    dentry_put(dentry);
    if (taken_back)
        notify_name(dir, last->name, last->len, LX_IN_DELETE);
    return err;
}

/* One try at the last component. -ESTALE: look again, which no walk and no file answers itself. */
static int open_or_create_last(struct fs_context *context, struct path_last *last,
                               const struct open_how *how, struct file **out_file)
{
    struct dentry *dentry;
    int err;

    /* "name/" can only be a directory, and open makes none. */
    if (last->kind == PATH_LAST_NAME && last->trailing)
        return -EISDIR;
    err = path_last_lookup(context, last, &dentry);
    if (err == -ENOENT) {
        err = create_and_open(context, last, how, out_file);
        return err == -EEXIST && !(how->flags & LX_O_EXCL) ? -ESTALE : err;
    }
    if (err)
        return err;

    if (how->flags & LX_O_EXCL) { /* also for a symlink, wherever it leads */
        err = -EEXIST;
    } else if (dentry_type(dentry) == LX_S_IFLNK && !(how->flags & LX_O_NOFOLLOW)) {
        /* The link leads to another last component, which may be missing in its turn: that is what
         * is created then. */
        err = path_last_follow(context, last, dentry->inode);
        if (!err)
            err = -ESTALE;
    } else {
        return open_existing(context, dentry, how, out_file);
    }
    dentry_put(dentry);
    return err;
}

static int open_or_create(struct fs_context *context, struct dentry *start, const char *path,
                          const struct open_how *how, struct file **out_file)
{
    struct path_last last;
    int err = path_walk_parent(context, start, path, how->walk, &last);

    if (err)
        return err;
    err = -ESTALE;
    for (int tries = 0; err == -ESTALE && tries < CREATE_RETRIES; tries++)
        err = open_or_create_last(context, &last, how, out_file);
    path_last_put(&last);
    /* Other calls have created and removed the file a hundred times in between. */
    return err == -ESTALE ? -EBUSY : err;
}

/* All but an open of what has to be there. */
static NOINLINE int open_other_way(struct fs_context *context, struct dentry *start,
                                   const char *path, const struct open_how *how,
                                   struct file **out_file)
{
    if (how->flags & LX_O_PATH)
        return open_path_only(context, start, path, how, out_file);
    if (how->flags & LX_O_TMPFILE_BIT)
        return open_tmpfile(context, start, path, how, out_file);
    return open_or_create(context, start, path, how, out_file);
}

static int open_by_flags(struct fs_context *context, struct dentry *start, const char *path,
                         const struct open_how *how, struct file **out_file)
{
    struct dentry *dentry;
    unsigned walk;
    int err;

    if (how->flags & FLAGS_OF_OTHER_WAYS)
        return open_other_way(context, start, path, how, out_file);
    walk = how->walk | (how->flags & LX_O_NOFOLLOW ? 0 : PATH_FOLLOW) |
           (how->flags & LX_O_DIRECTORY ? PATH_DIRECTORY : 0);
    err = path_walk(context, start, path, walk, &dentry);
    if (err)
        return err;
    return open_existing(context, dentry, how, out_file);
}

int fs_open(struct fs_context *context, struct dentry *start, const char *path,
            const struct open_how *how, struct file **out_file)
{
    int err = open_by_flags(context, start, path, how, out_file);

    if (!err)
        notify_file(*out_file, LX_IN_OPEN);
    return err;
}

int fs_open_path(struct fs_context *context, const char *path, uint32_t flags, uint32_t mode,
                 struct file **out_file)
{
    struct open_how how = {.flags = flags, .mode = mode, .regular = true};

    return fs_open(context, NULL, path, &how, out_file);
}

/* The kernel's own opens: by number, so that no file that a program put into /dev is opened for a
 * device. */
int fs_open_device(struct fs_context *context, uint64_t device, uint32_t flags,
                   struct file **out_file)
{
    struct dentry *node;
    int err = devfs_node_get(device, &node);

    if (err)
        return err;
    return open_dentry(context, node, flags, out_file);
}

/* Needs the permission to execute, not to read. */
int fs_open_exec(struct fs_context *context, const char *path, struct file **out_file)
{
    struct open_how how = {.flags = LX_O_RDONLY, .exec = true};

    return fs_open(context, NULL, path, &how, out_file);
}
