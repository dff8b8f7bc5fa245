/* SPDX-License-Identifier: MIT */
/*
 * The path walk without locks and references. It goes from name to name under rcu_read_lock, and
 * takes one reference, to what it arrives at. Names, inodes and file systems that it meets are
 * freed after a grace period only, so each pointer that it reads leads to one of those, at worst to
 * one that has just lost its name.
 *
 *   - A directory's index is read under its sequence count (dir_find_rcu): an entry that is found
 *     was there under that name, and one that is not found was not there.
 *   - From one name to the next the walk holds nothing, as the walk with references holds nothing
 *     but the directory itself: that may be moved or removed in between in both, and both then find
 *     what is in it. A removed directory is empty.
 *   - Rights are asked of the inode's fields, each one word, as the other walk does.
 *   - What is mounted is crossed by the same pointers. An unmount marks its mounts as leaving and
 *     changes mount_version before it looks for users, and changes it again when it takes a mount
 *     away. A walk that begins after the mark gives way at the mount; one that began before it
 *     compares the version after it has taken its reference. Both sides do so with a full fence in
 *     between, so either the unmount sees the reference or the walk sees the unmount.
 *   - A reference is only taken to a name that still has one (dentry_get_live).
 *
 * Everything else is doubt, and left to the walk in path.c, which begins anew: symlinks to follow,
 * "..", restrictions of openat2, file systems whose names are not kept (procfs), names that change
 * meanwhile, and every error but a name that is not there.
 */
#include "kernel/fs/vfs/path_rcu.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/string.h"
#include "kernel/sched/rcu.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

#define FLAGS_KNOWN (PATH_FOLLOW | PATH_DIRECTORY)
#define CROSS_MAX   64 /* mounts on each other; more are left to a walk that gives way */

struct rcu_walk {
    struct fs_context *context;
    struct dentry *at;   /* borrowed: read under rcu_read_lock; real */
    struct mount *mount; /* borrowed; NULL: the first of its file system */
    const char *next;    /* of the path */
    const char *name;    /* of the component reached */
    size_t len;
    uint32_t hash;
    unsigned flags;
    uint32_t version; /* mount_version at the start */
    bool trailing;    /* slashes behind the component reached */
    bool is_last;
};

static bool rcu_walk_is_type(const struct dentry *dentry, uint32_t type)
{
    return (dentry->inode->mode & LX_S_IFMT) == type;
}

/* Where the path begins; false: doubt. The place's directories may be replaced by tasks that share
 * it, and are then freed after a grace period. */
static bool rcu_walk_begin(struct rcu_walk *w, struct fs_context *context, struct dentry *start,
                           const char *path, unsigned flags)
{
    struct fs_struct *place = context->place;

    if ((flags & ~(unsigned)FLAGS_KNOWN) || *path == '\0')
        return false;
    w->context = context;
    w->next = path;
    w->flags = flags;
    w->version = mount_version();
    if (*path == '/')
        w->at = __atomic_load_n(&place->root, __ATOMIC_ACQUIRE);
    else
        w->at = start ? start : __atomic_load_n(&place->cwd, __ATOMIC_ACQUIRE);
    w->mount = NULL;
    if (unlikely(w->at->is_alias)) {
        w->mount = w->at->alias.mount;
        w->at = w->at->alias.real;
    }
    return true;
}

/* The next component into w. False: there is none. */
static bool rcu_walk_parse(struct rcu_walk *w)
{
    uint32_t hash = DENTRY_HASH_START;
    const char *at = w->next;

    while (*at == '/')
        at++;
    if (*at == '\0')
        return false;
    w->name = at;
    for (; *at != '\0' && *at != '/'; at++)
        hash = dentry_hash_byte(hash, *at);
    w->len = (size_t)(at - w->name);
    w->hash = hash;
    w->trailing = *at == '/';
    while (*at == '/')
        at++;
    w->is_last = *at == '\0';
    w->next = at;
    return true;
}

static inline bool is_dots(const struct rcu_walk *w)
{
    return w->name[0] == '.' && (w->len == 1 || (w->len == 2 && w->name[1] == '.'));
}

/* "." as a component of a directory that may be searched: the walk stays where it is. */
static bool is_one_dot(const struct rcu_walk *w)
{
    return w->name[0] == '.' && w->len == 1;
}

/* Over what is mounted there, in the view that the walk has. The pointers lead through a hash whose
 * chains change: what was found, or not, counts if nothing was mounted or unmounted meanwhile. */
static NOINLINE int rcu_walk_cross(struct rcu_walk *w, struct dentry *next)
{
    unsigned steps = 0;

    for (; next->mounted; steps++) {
        const struct mount *parent = w->mount ? w->mount : &next->inode->super->home;
        struct mount *mounted = mount_on(parent, next);

        if (!mounted)
            break;
        if (__atomic_load_n(&mounted->leaving, __ATOMIC_ACQUIRE) || steps == CROSS_MAX)
            return -EAGAIN;
        next = mounted->root;
        w->mount = mount_is_first(mounted) ? NULL : mounted;
    }
    w->at = next;
    return mount_version() == w->version ? 0 : -EAGAIN;
}

/* From w->at to the component's inode, over what is mounted there. 0, -ENOENT, or -EAGAIN: doubt.
 */
static int rcu_walk_step(struct rcu_walk *w)
{
    const struct inode *dir = w->at->inode;
    struct dentry *next;
    int err;

    if (w->len > LX_NAME_MAX || !dir->ops->lookup_rcu)
        return -EAGAIN;
    err = dir->ops->lookup_rcu(w->at->inode, w->name, w->len, w->hash, &next);
    if (err)
        return err;
    if (unlikely(next->mounted))
        return rcu_walk_cross(w, next);
    w->at = next;
    return 0;
}

/* Whether w->at is a directory that may be searched. */
static inline bool rcu_walk_may_search(const struct rcu_walk *w)
{
    return rcu_walk_is_type(w->at, LX_S_IFDIR) &&
           inode_permission(w->at->inode, &w->context->cred, INODE_EXEC) == 0;
}

/* In a mount that is counted. What has a reference cannot be put here: a walk that got only one of
 * the two is made to look out of date. */
static NOINLINE bool rcu_walk_end_counted(struct rcu_walk *w)
{
    if (!mount_get_live(w->mount))
        return false;
    if (!dentry_get_live(w->at)) {
        w->at = NULL;
        w->version--;
    }
    return true;
}

/* Takes the references. False: the name has gone, or file systems have. */
static inline bool rcu_walk_end(struct rcu_walk *w)
{
    return likely(!w->mount) ? dentry_get_live(w->at) : rcu_walk_end_counted(w);
}

static NOINLINE int rcu_walk_finish_slow(struct rcu_walk *w)
{
    if (mount_version() == w->version)
        return vfs_path_place((struct vfs_path){w->mount, w->at}, &w->at);
    dentry_put(w->at);
    if (w->mount)
        mount_put(w->mount);
    return -EAGAIN;
}

/* After rcu_read_unlock: whether the references count; then w->at is the place. */
static inline int rcu_walk_finish(struct rcu_walk *w)
{
    return likely(mount_version() == w->version && !w->mount) ? 0 : rcu_walk_finish_slow(w);
}

/* The whole path. 0: w->at is borrowed still. */
static int rcu_walk_whole(struct rcu_walk *w)
{
    w->trailing = false;
    while (rcu_walk_parse(w)) {
        int err;

        if (!rcu_walk_may_search(w))
            return -EAGAIN;
        if (unlikely(w->name[0] == '.')) {
            if (is_one_dot(w))
                continue;
            if (is_dots(w))
                return -EAGAIN;
        }
        err = rcu_walk_step(w);
        if (err)
            return err;
        if (unlikely(rcu_walk_is_type(w->at, LX_S_IFLNK)) &&
            (!w->is_last || w->trailing || (w->flags & PATH_FOLLOW)))
            return -EAGAIN;
    }
    if ((w->trailing || (w->flags & PATH_DIRECTORY)) && !rcu_walk_is_type(w->at, LX_S_IFDIR))
        return -EAGAIN;
    return 0;
}

int path_walk_rcu(struct fs_context *context, struct dentry *start, const char *path,
                  unsigned flags, struct dentry **out_dentry)
{
    struct rcu_walk w;
    int err = -EAGAIN;

    rcu_read_lock();
    if (rcu_walk_begin(&w, context, start, path, flags))
        err = rcu_walk_whole(&w);
    if (!err && !rcu_walk_end(&w))
        err = -EAGAIN;
    rcu_read_unlock();
    if (!err)
        err = rcu_walk_finish(&w);
    if (!err)
        *out_dentry = w.at;
    return err;
}

/* No reference is taken, so that two processors which look at one file share no word that they
 * write; an unmount has nothing to wait for, and the version plays no part. */
int path_look_rcu(struct fs_context *context, struct dentry *start, const char *path,
                  unsigned flags, const struct path_look *look)
{
    struct rcu_walk w;
    int err = -EAGAIN;

    rcu_read_lock();
    if (rcu_walk_begin(&w, context, start, path, flags))
        err = rcu_walk_whole(&w);
    if (!err && w.at->inode->ops->refresh) /* may sleep */
        err = -EAGAIN;
    if (!err)
        look->fill(w.at->inode, look->result);
    rcu_read_unlock();
    return err;
}

/* Up to the last component, which is a plain name. */
static int rcu_walk_parent(struct rcu_walk *w)
{
    while (rcu_walk_parse(w)) {
        if (!rcu_walk_may_search(w) || is_dots(w))
            return -EAGAIN;
        if (w->is_last)
            return rcu_walk_end(w) ? 0 : -EAGAIN;
        if (rcu_walk_step(w) != 0 || rcu_walk_is_type(w->at, LX_S_IFLNK))
            return -EAGAIN;
    }
    return -EAGAIN;
}

int path_walk_parent_rcu(struct fs_context *context, struct dentry *start, const char *path,
                         unsigned flags, struct path_last *out_last)
{
    struct rcu_walk w;
    int err = -EAGAIN;

    rcu_read_lock();
    if (rcu_walk_begin(&w, context, start, path, flags))
        err = rcu_walk_parent(&w);
    rcu_read_unlock();
    if (!err)
        err = rcu_walk_finish(&w);
    if (err)
        return err;
    *out_last = (struct path_last){.place = w.at,
                                   .parent = dentry_real(w.at),
                                   .name = w.name,
                                   .len = w.len,
                                   .hash = w.hash,
                                   .kind = PATH_LAST_NAME,
                                   .trailing = w.trailing,
                                   .flags = flags,
                                   .start = start};
    return 0;
}
