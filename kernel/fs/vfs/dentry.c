/* SPDX-License-Identifier: MIT */
/*
 * Dentries: their life, their hash, and the way from one up to the root.
 *
 * A dentry is counted. Its directory holds one reference as long as the name is linked, each entry
 * below it holds one as its parent, and walks, files and working directories hold the others; so a
 * directory in use keeps all its ancestors, and a name that has been unlinked lives on for those
 * that have it open, with the parent it had last.
 *
 * What a dentry is called and whose child it is change only in dentry_move_locked and
 * dentry_swap_locked, under the mutexes of the directories and fs_tree_lock: the mutex is enough to
 * read one level, fs_tree_lock to climb any number. References to parents move in the same step.
 * If the new parent's were taken later, a second rename could put it in between: the directory
 * would be freed while the entry still points to it. The old parent's is put later, when no lock is
 * held, since that may free a chain of directories.
 *
 * tree_version counts what can change the ancestors of a directory. It lets a walk notice, without
 * a lock over the whole of it, that "below the start" may have stopped being true (path.c).
 */
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/ramfs/ramfs_rename.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

struct spinlock fs_tree_lock = SPINLOCK_INIT(SPIN_DENTRY);

static struct slab_cache *dentry_cache;
static uint64_t tree_version; /* atomic, changes under fs_tree_lock */

void dentry_init_cache(void)
{
    dentry_cache = slab_cache_create("dentry", sizeof(struct dentry));
}

uint64_t dentry_frames_held(void)
{
    return slab_frames(dentry_cache) + namebuf_frames_held();
}

uint32_t dentry_hash(const char *name, size_t len)
{
    uint32_t hash = DENTRY_HASH_START;

    for (size_t i = 0; i < len; i++)
        hash = dentry_hash_byte(hash, name[i]);
    return hash;
}

uint64_t dentry_tree_version(void)
{
    return __atomic_load_n(&tree_version, __ATOMIC_ACQUIRE);
}

void dentry_tree_changed_locked(void)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    __atomic_fetch_add(&tree_version, 1, __ATOMIC_RELEASE);
}

/* NULL: the name lies in the dentry itself. */
static char *long_name(const struct dentry *dentry)
{
    return dentry->name == dentry->inline_name ? NULL : (char *)(uintptr_t)dentry->name;
}

int dentry_room_alloc(size_t len, char **out_room)
{
    *out_room = NULL;
    if (len <= DENTRY_INLINE_NAME)
        return 0;
    *out_room = namebuf_alloc(LX_NAME_MAX);
    return *out_room ? 0 : -ENOMEM;
}

void dentry_room_free(char *room)
{
    namebuf_free(room, LX_NAME_MAX);
}

/* The head lies over the name's first bytes: a reader that compares them finds out that the
 * directory changed. */
static void room_free_rcu(struct rcu_head *head)
{
    dentry_room_free((char *)head);
}

void dentry_room_free_later(char *room)
{
    if (room)
        rcu_call((struct rcu_head *)(void *)room, room_free_rcu);
}

static void set_name(struct dentry *dentry, const char *name, size_t len, uint32_t hash, char *room)
{
    char *to = room ? room : dentry->inline_name;

    memcpy(to, name, len);
    dentry->name = to;
    dentry->name_len = (uint16_t)len;
    dentry->hash = hash;
}

char *dentry_move_locked(struct dentry *dentry, struct dentry *parent, const char *name, size_t len,
                         uint32_t hash, char *room)
{
    char *old = long_name(dentry);

    ASSERT(spin_is_held(&fs_tree_lock));
    /* In the same step as the pointer: the top of this file says why. */
    dentry_get(parent);
    dentry->parent = parent;
    if (dentry_is_directory(dentry))
        dentry_tree_changed_locked();
    set_name(dentry, name, len, hash, room);
    return old;
}

void dentry_swap_locked(struct dentry *one, struct dentry *other)
{
    char *one_long = long_name(one);
    char *other_long = long_name(other);
    struct dentry was = *one;

    ASSERT(spin_is_held(&fs_tree_lock));
    /* Each keeps the reference that the other had: none changes. */
    if (dentry_is_directory(one) || dentry_is_directory(other))
        dentry_tree_changed_locked();

    one->parent = other->parent;
    /* A name inside the dentry is copied, a long one changes its owner. */
    memcpy(one->inline_name, other->inline_name, DENTRY_INLINE_NAME);
    one->name = other_long ? other_long : one->inline_name;
    one->name_len = other->name_len;
    one->hash = other->hash;

    other->parent = was.parent;
    memcpy(other->inline_name, was.inline_name, DENTRY_INLINE_NAME);
    other->name = one_long ? one_long : other->inline_name;
    other->name_len = was.name_len;
    other->hash = was.hash;
}

int dentry_create(struct dentry *parent, const char *name, size_t len, uint32_t hash,
                  struct inode *inode, struct dentry **out_dentry)
{
    struct dentry *dentry = slab_alloc(dentry_cache);
    char *room;

    if (!dentry)
        return -ENOMEM;
    if (dentry_room_alloc(len, &room) != 0) {
        slab_free(dentry_cache, dentry);
        return -ENOMEM;
    }
    set_name(dentry, name, len, hash, room);
    inode_get(inode);
    if (parent)
        dentry_get(parent);
    dentry->inode = inode;
    dentry->parent = parent;
    dentry->mounted = NULL;
    /* The caller's; adding the name makes it the directory's. */
    dentry->refs = 1;
    dentry->linked = false;
    dentry->unhashed = dentry->is_alias = false;
    dentry->is_boot_mount = false;
    dentry->cookie = 0;
    *out_dentry = dentry;
    return 0;
}

static void dentry_free_rcu(struct rcu_head *head)
{
    struct dentry *dentry = container_of(head, struct dentry, rcu);

    dentry_room_free(long_name(dentry));
    slab_free(dentry_cache, dentry);
}

/* --- places --- */

struct mount *dentry_mount(const struct dentry *dentry)
{
    return unlikely(dentry->is_alias) ? dentry->alias.mount : &dentry->inode->super->home;
}

/* No reference is taken: it is as good as that to the place. */
struct vfs_path dentry_to_path(struct dentry *dentry)
{
    return (struct vfs_path){dentry_mount(dentry), dentry_real(dentry)};
}

/* A look alone, as are those at the rest of a mount's flags: a remount comes before or after it.
 * Only files that are open for writing hold it off (file_begin_write). */
int dentry_check_writable(const struct dentry *dentry)
{
    return dentry && (dentry_mount(dentry)->flags & LX_MS_RDONLY) ? -EROFS : 0;
}

int dentry_alias_entry(const struct dentry *dir, struct dentry **entry)
{
    __atomic_fetch_add(&dir->alias.mount->refs, 1, __ATOMIC_RELAXED);
    return vfs_path_place((struct vfs_path){dir->alias.mount, *entry}, entry);
}

void vfs_path_get(struct vfs_path path)
{
    dentry_get(path.dentry);
    if (!mount_is_first(path.mount))
        __atomic_fetch_add(&path.mount->refs, 1, __ATOMIC_RELAXED);
}

/* The alias's inode is that of the dentry, and counted by it. */
int vfs_path_place(struct vfs_path path, struct dentry **out_dentry)
{
    struct dentry *alias = path.dentry;

    /* In the first mount the dentry is the place: nothing is made, and the reference goes on. */
    if (unlikely(!mount_is_first(path.mount))) {
        alias = slab_alloc(dentry_cache);
        if (!alias) {
            dentry_put(path.dentry);
            mount_put(path.mount);
            return -ENOMEM;
        }
        *alias = (struct dentry){.inode = path.dentry->inode,
                                 .name = alias->inline_name,
                                 .is_alias = true,
                                 .alias = {path.mount, path.dentry},
                                 .refs = 1};
        __atomic_fetch_add(&path.mount->super->views, 1, __ATOMIC_RELAXED);
    }
    *out_dentry = alias;
    return 0;
}

/* Returns the reference that it had to the real one, whose inode may go with that. */
static NOINLINE struct dentry *alias_end(struct dentry *alias)
{
    __atomic_fetch_sub(&alias->alias.mount->super->views, 1, __ATOMIC_RELAXED);
    mount_put(alias->alias.mount);
    return alias->alias.real;
}

/* A chain of parents may go with the last name in it: a loop, since recursion has no bound. */
static NOINLINE void dentry_free(struct dentry *dentry)
{
    struct dentry *parent;

    do {
        ASSERT(!dentry->linked);
        if (unlikely(dentry->is_alias)) {
            parent = alias_end(dentry);
        } else {
            parent = dentry->parent;
            if (unlikely(dentry->inode->watches.next && !dentry->inode->nlink))
                notify_deleted(dentry->inode);
            inode_put(dentry->inode);
        }
        rcu_call(&dentry->rcu, dentry_free_rcu);
        dentry = parent;
        if (dentry)
            sched_preempt_point();
    } while (dentry && __atomic_sub_fetch(&dentry->refs, 1, __ATOMIC_ACQ_REL) == 0);
}

void dentry_put(struct dentry *dentry)
{
    if (dentry && __atomic_sub_fetch(&dentry->refs, 1, __ATOMIC_ACQ_REL) == 0)
        dentry_free(dentry);
}

int dentry_parent_get(struct dentry *dentry, struct dentry *root_place, struct dentry **out_parent)
{
    struct vfs_path at = dentry_to_path(dentry);
    const struct vfs_path root = dentry_to_path(root_place);
    const struct dentry *shown = NULL;
    struct dentry *up = NULL;
    struct mount *mounted;
    int err = 0;

    /* From the root of a mount down to the directory it covers, up one name, and into whatever is
     * mounted there. In one locking, so that no rename or unmount comes between; and never down
     * past the caller's root, which may be anywhere in this. */
    spin_lock(&fs_tree_lock);
    while (!vfs_path_same(at, root) && at.dentry == at.mount->root && at.mount->parent)
        at = (struct vfs_path){at.mount->parent, at.mount->point};
    if (!vfs_path_same(at, root) && at.dentry != at.mount->root && at.dentry->parent) {
        at.dentry = at.dentry->parent;
        shown = at.mount->root;
        if (unlikely(shown != at.mount->super->root)) { /* a part of the file system */
            up = at.dentry;
            dentry_get(up);
        }
    }
    while ((mounted = mount_on(at.mount, at.dentry)) != NULL)
        at = mount_enter_locked(mounted);
    vfs_path_get(at);
    spin_unlock(&fs_tree_lock);
    /* A rename may have moved it, or one above it, out of what the mount shows. Not under the lock:
     * that is as far as a program has made the tree deep. */
    if (unlikely(up)) {
        err = dentry_is_inside(up, shown) ? 0 : -ENOENT;
        dentry_put(up);
        if (err) {
            dentry_put(at.dentry);
            mount_put(at.mount);
            return err;
        }
    }
    return vfs_path_place(at, out_parent);
}

/* Puts "/name" in front of what is there. */
static int prepend(char *buffer, size_t *at, const struct dentry *dentry)
{
    if (*at < (size_t)dentry->name_len + 1)
        return -ENAMETOOLONG;
    *at -= dentry->name_len;
    memcpy(buffer + *at, dentry->name, dentry->name_len);
    buffer[--*at] = '/';
    return 0;
}

static int64_t path_locked(struct vfs_path path, struct vfs_path root, char *buffer, size_t *at,
                           unsigned *flags)
{
    ASSERT(spin_is_held(&fs_tree_lock));
    while (!vfs_path_same(path, root)) {
        int err;

        /* The root of a mount has no name of its own: that of what is below counts. A detached
         * file system, and a root elsewhere, end the way up. */
        if (path.dentry == path.mount->root && path.mount->parent) {
            path = (struct vfs_path){path.mount->parent, path.mount->point};
            continue;
        }
        if (path.dentry == path.mount->root || !path.dentry->parent) {
            *flags |= DENTRY_PATH_UNREACHABLE;
            break;
        }
        err = prepend(buffer, at, path.dentry);
        if (err)
            return err;
        path.dentry = path.dentry->parent;
    }
    return 0;
}

int64_t vfs_path_text(struct vfs_path path, struct vfs_path root, char *buffer, size_t size,
                      char **out_path, unsigned *out_flags)
{
    /* Filled from the end: the way leads from the name to the root. */
    size_t at = size - 1;
    int64_t err;

    *out_flags = path.dentry->parent && !path.dentry->linked && !path.dentry->unhashed
                     ? DENTRY_PATH_DELETED
                     : 0;
    buffer[at] = '\0';
    spin_lock(&fs_tree_lock);
    /* In one locking, so that the path is one that existed as a whole. */
    err = path_locked(path, root, buffer, &at, out_flags);
    spin_unlock(&fs_tree_lock);
    if (err)
        return err;
    /* Nothing was put in front of it: it is the root itself. */
    if (at == size - 1) {
        if (at == 0)
            return -ENAMETOOLONG;
        buffer[--at] = '/';
    }
    *out_path = buffer + at;
    return (int64_t)(size - 1 - at);
}

/* Without a root, of a task that has none any more, all is shown. */
int64_t dentry_path(struct dentry *dentry, struct dentry *root, char *buffer, size_t size,
                    char **out_path, unsigned *out_flags)
{
    return vfs_path_text(dentry_to_path(dentry), root ? dentry_to_path(root) : (struct vfs_path){0},
                         buffer, size, out_path, out_flags);
}
