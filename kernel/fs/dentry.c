/* SPDX-License-Identifier: MIT */
/* Names: their life, their hash, and the way from one up to the root. */
#include "kernel/fs/dentry.h"
#include "kernel/fs/text.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"

struct spinlock fs_tree_lock = SPINLOCK_INIT(SPIN_FDTABLE);

static struct slab_cache *dentry_cache;

void dentry_init_cache(void)
{
    dentry_cache = slab_cache_create("dentry", sizeof(struct dentry));
}

uint64_t dentry_frames_held(void)
{
    return slab_frames(dentry_cache) + text_frames_held();
}

uint32_t dentry_hash(const char *name, size_t len)
{
    uint32_t hash = DENTRY_HASH_START;

    for (size_t i = 0; i < len; i++)
        hash = dentry_hash_byte(hash, name[i]);
    return hash;
}

static char *long_name(const struct dentry *dentry)
{
    return dentry->name == dentry->inline_name ? NULL : (char *)(uintptr_t)dentry->name;
}

int dentry_room_alloc(size_t len, char **out_room)
{
    *out_room = NULL;
    if (len <= DENTRY_INLINE_NAME)
        return 0;
    *out_room = text_alloc(LX_NAME_MAX);
    return *out_room ? 0 : -ENOMEM;
}

void dentry_room_free(char *room)
{
    text_free(room, LX_NAME_MAX);
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

    dentry->parent = parent;
    set_name(dentry, name, len, hash, room);
    return old;
}

void dentry_swap_locked(struct dentry *one, struct dentry *other)
{
    char *one_long = long_name(one);
    char *other_long = long_name(other);
    struct dentry was = *one;

    one->parent = other->parent;
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
    dentry->refs = 1;
    dentry->linked = false;
    dentry->floating = false;
    dentry->is_home = false;
    dentry->cookie = 0;
    *out_dentry = dentry;
    return 0;
}

/* A chain of parents may go with the last name in it: a loop, since recursion has no bound. */
void dentry_free(struct dentry *dentry)
{
    struct dentry *parent;

    do {
        parent = dentry->parent;
        ASSERT(!dentry->linked);
        dentry_room_free(long_name(dentry));
        inode_put(dentry->inode);
        slab_free(dentry_cache, dentry);
        dentry = parent;
    } while (dentry && __atomic_sub_fetch(&dentry->refs, 1, __ATOMIC_ACQ_REL) == 0);
}

struct dentry *dentry_parent_get(struct dentry *dentry, struct dentry *root)
{
    struct dentry *parent = dentry;

    spin_lock(&fs_tree_lock);
    while (parent != root && !parent->parent && parent->inode->super->covered)
        parent = parent->inode->super->covered;
    if (parent != root && parent->parent)
        parent = parent->parent;
    while (parent != root && parent->mounted)
        parent = parent->mounted->root;
    dentry_get(parent);
    spin_unlock(&fs_tree_lock);
    return parent;
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

static int64_t path_locked(struct dentry *dentry, struct dentry *root, char *buffer, size_t *at,
                           unsigned *flags)
{
    while (dentry != root) {
        int err;

        if (!dentry->parent) {
            dentry = dentry->inode->super->covered;
            if (!dentry) {
                *flags |= DENTRY_PATH_UNREACHABLE;
                break;
            }
            continue;
        }
        err = prepend(buffer, at, dentry);
        if (err)
            return err;
        dentry = dentry->parent;
    }
    return 0;
}

int64_t dentry_path(struct dentry *dentry, struct dentry *root, char *buffer, size_t size,
                    char **out_path, unsigned *out_flags)
{
    size_t at = size - 1;
    int64_t err;

    *out_flags = dentry->parent && !dentry->linked && !dentry->floating ? DENTRY_PATH_DELETED : 0;
    buffer[at] = '\0';
    spin_lock(&fs_tree_lock);
    err = path_locked(dentry, root, buffer, &at, out_flags);
    spin_unlock(&fs_tree_lock);
    if (err)
        return err;
    if (at == size - 1) {
        if (at == 0)
            return -ENAMETOOLONG;
        buffer[--at] = '/';
    }
    *out_path = buffer + at;
    return (int64_t)(size - 1 - at);
}
