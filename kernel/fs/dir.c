/* SPDX-License-Identifier: MIT */
/*
 * Two trees hold the same dentries: by name for lookups, by cookie for readdir. A cookie is never
 * used twice in a directory, so a position stays right whatever is added or removed.
 */
#include "kernel/fs/dir.h"
#include "kernel/fs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

/* Positions of an open directory: nothing yet, "." given, ".." given; above, the cookie of the
 * entry given last. */
enum { POSITION_START = 0, POSITION_DOT = 1, POSITION_DOTDOT = 2 };

static struct dentry *by_name(struct rb_node *node)
{
    return rb_entry(node, struct dentry, by_name);
}

static struct dentry *by_order(struct rb_node *node)
{
    return rb_entry(node, struct dentry, by_order);
}

static int compare(const struct dentry *entry, const char *name, size_t len, uint32_t hash)
{
    if (hash != entry->hash)
        return hash < entry->hash ? -1 : 1;
    if (len != entry->name_len)
        return len < entry->name_len ? -1 : 1;
    return memcmp(name, entry->name, len);
}

struct dentry *dir_find_locked(struct inode *dir, const char *name, size_t len, uint32_t hash)
{
    struct rb_node *node = dir->dir.names.root;

    while (node) {
        int order = compare(by_name(node), name, len, hash);
        if (order == 0)
            return by_name(node);
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

bool dir_enter(struct inode *dir)
{
    uint32_t state = __atomic_load_n(&dir->dir.state, __ATOMIC_RELAXED);

    while (!(state & DIR_DEAD))
        if (__atomic_compare_exchange_n(&dir->dir.state, &state, state + 1, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return true;
    return false;
}

void dir_leave(struct inode *dir)
{
    __atomic_fetch_sub(&dir->dir.state, 1, __ATOMIC_RELEASE);
}

bool dir_kill(struct inode *dir)
{
    uint32_t empty = 0;

    return __atomic_compare_exchange_n(&dir->dir.state, &empty, DIR_DEAD, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

bool dir_is_empty(const struct inode *dir)
{
    return (__atomic_load_n(&dir->dir.state, __ATOMIC_RELAXED) & ~DIR_DEAD) == 0;
}

static void insert_name(struct inode *dir, struct dentry *entry)
{
    struct rb_node **link = &dir->dir.names.root, *parent = NULL;

    while (*link) {
        int order = compare(by_name(*link), entry->name, entry->name_len, entry->hash);
        ASSERT(order != 0);
        parent = *link;
        link = order < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&dir->dir.names, &entry->by_name, parent, link);
}

static void insert_order(struct inode *dir, struct dentry *entry)
{
    struct rb_node **link = &dir->dir.order.root, *parent = NULL;

    while (*link) { /* the newest is always the rightmost */
        parent = *link;
        link = &parent->right;
    }
    entry->cookie = POSITION_DOTDOT + ++dir->dir.last_cookie;
    rb_insert(&dir->dir.order, &entry->by_order, parent, link);
}

static void insert(struct inode *dir, struct dentry *entry)
{
    insert_name(dir, entry);
    insert_order(dir, entry);
}

static void erase(struct inode *dir, struct dentry *entry)
{
    rb_erase(&dir->dir.names, &entry->by_name);
    rb_erase(&dir->dir.order, &entry->by_order);
}

void dir_add_locked(struct inode *dir, struct dentry *entry)
{
    ASSERT(mutex_is_held(&dir->lock) && !entry->linked);
    insert(dir, entry);
    entry->linked = true;
}

void dir_remove_locked(struct inode *dir, struct dentry *entry)
{
    ASSERT(mutex_is_held(&dir->lock) && entry->linked);
    erase(dir, entry);
    entry->linked = false;
}

void dir_move_locked(struct inode *old_dir, struct inode *new_dir, struct dentry *entry)
{
    ASSERT(mutex_is_held(&old_dir->lock) && mutex_is_held(&new_dir->lock) && entry->linked);
    erase(old_dir, entry);
    insert(new_dir, entry);
}

void dir_swap_locked(struct inode *one_dir, struct dentry *one, struct inode *other_dir,
                     struct dentry *other)
{
    struct rb_node one_name = one->by_name, one_order = one->by_order;
    uint64_t cookie = one->cookie;

    /* `one` steps out for a moment, so that no node is ever in two places. */
    rb_replace(&one_dir->dir.names, &one->by_name, &one_name);
    rb_replace(&one_dir->dir.order, &one->by_order, &one_order);
    rb_replace(&other_dir->dir.names, &other->by_name, &one->by_name);
    rb_replace(&other_dir->dir.order, &other->by_order, &one->by_order);
    rb_replace(&one_dir->dir.names, &one_name, &other->by_name);
    rb_replace(&one_dir->dir.order, &one_order, &other->by_order);
    one->cookie = other->cookie;
    other->cookie = cookie;
}

/* The newest entry older than the position, or NULL. */
static struct dentry *entry_before(struct inode *dir, int64_t position)
{
    uint64_t bound = position <= POSITION_DOTDOT ? UINT64_MAX : (uint64_t)position;
    struct rb_node *node = dir->dir.order.root;
    struct dentry *best = NULL;

    while (node) {
        if (by_order(node)->cookie < bound) {
            best = by_order(node);
            node = node->right;
        } else {
            node = node->left;
        }
    }
    return best;
}

struct dentry *dir_next_get(struct inode *dir, uint64_t cookie)
{
    struct dentry *best = NULL;
    struct rb_node *node;

    mutex_lock(&dir->lock);
    for (node = dir->dir.order.root; node;) {
        bool behind = by_order(node)->cookie > cookie;

        if (behind)
            best = by_order(node);
        node = behind ? node->left : node->right;
    }
    if (best)
        dentry_get(best);
    mutex_unlock(&dir->lock);
    return best;
}

static bool emit_dots(struct file *file, struct dir_emit *emit)
{
    struct dentry *dentry = file->dentry;

    if (file->position == POSITION_START) {
        if (!emit->emit(emit, ".", 1, file->inode->ino, LX_S_IFDIR, POSITION_DOT))
            return false;
        file->position = POSITION_DOT;
    }
    if (file->position == POSITION_DOT) {
        uint64_t ino;

        spin_lock(&fs_tree_lock);
        ino = (dentry->parent ? dentry->parent : dentry)->inode->ino;
        spin_unlock(&fs_tree_lock);
        if (!emit->emit(emit, "..", 2, ino, LX_S_IFDIR, POSITION_DOTDOT))
            return false;
        file->position = POSITION_DOTDOT;
    }
    return true;
}

int dir_read(struct file *file, struct dir_emit *emit)
{
    struct inode *dir = file->inode;
    struct dentry *entry;

    if (!dir->nlink)
        return -ENOENT; /* removed */
    if (!emit_dots(file, emit))
        return 0;
    mutex_lock(&dir->lock);
    entry = entry_before(dir, file->position);
    while (entry) {
        struct inode *inode = entry->inode;
        struct rb_node *older = rb_prev(&entry->by_order);

        if (!emit->emit(emit, entry->name, entry->name_len, inode->ino, inode->mode,
                        (int64_t)entry->cookie))
            break;
        file->position = (int64_t)entry->cookie;
        entry = older ? by_order(older) : NULL;
    }
    mutex_unlock(&dir->lock);
    inode_touch_atime(dir);
    return 0;
}

int64_t dir_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == LX_SEEK_CUR)
        offset += file->position;
    else if (whence != LX_SEEK_SET)
        return -EINVAL;
    if (offset < 0)
        return -EINVAL;
    file->position = offset;
    return offset;
}
