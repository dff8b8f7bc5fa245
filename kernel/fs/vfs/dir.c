/* SPDX-License-Identifier: MIT */
/*
 * The index of a directory: two trees of the same dentries, by name for lookups, by cookie for
 * readdir. A cookie is never used twice in a directory, so a position stays right whatever is added
 * or removed.
 *
 * The trees are under the directory's mutex. The count of entries is not: it is one word with the
 * bit DIR_DEAD, so that "empty" and "removed" are decided in one step without the mutex of the
 * directory that is removed (its parent's is held, and a third would have no place in the order).
 *   - dir_enter counts an entry in before it is added, and fails once the bit is set;
 *   - dir_leave counts it out after it was removed;
 *   - dir_kill sets the bit if the count is 0, and nothing ever clears it.
 * So an addition either comes before the removal, which then fails, or finds the bit. A directory
 * with a name is killed under its parent's mutex, after a look whether something is mounted on it;
 * the mount looks for the bit under the same one.
 *
 * Lookups may do without the directory's mutex (dir_find_rcu): they go down the tree by name while
 * others change it, under rcu_read_lock, so that every node they meet is memory of a dentry. What
 * they found counts if the directory's count of changes is even and the same before and after; a
 * change is all that happens between dir_change_begin and dir_change_end, both of a rename
 * together. The number of steps is bounded: a tree in the middle of a rotation may lead in a
 * circle. A name that is being replaced may be seen half old and half new; its length then says
 * nothing about where the bytes are, so what is longer than the room inside a dentry is compared
 * only in a room of its own, which has space for the longest name.
 */
#include "kernel/fs/vfs/dir.h"
#include "kernel/fs/vfs/file.h"
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

/* The order of the names: by hash first, so that most steps compare one word. */
static int dir_compare(const struct dentry *entry, const char *name, size_t len, uint32_t hash)
{
    if (hash != entry->hash)
        return hash < entry->hash ? -1 : 1;
    if (len != entry->name_len)
        return len < entry->name_len ? -1 : 1;
    return memcmp(name, entry->name, len);
}

#define STEPS_MAX 64 /* down a tree of 2^32 names */

static int dir_compare_rcu(const struct dentry *entry, const char *name, size_t len, uint32_t hash)
{
    const char *own = __atomic_load_n(&entry->name, __ATOMIC_ACQUIRE);

    if (hash != entry->hash)
        return hash < entry->hash ? -1 : 1;
    if (len != entry->name_len)
        return len < entry->name_len ? -1 : 1;
    if (len > DENTRY_INLINE_NAME && own == entry->inline_name)
        return 1; /* it is being renamed */
    return memcmp(name, own, len);
}

int dir_find_rcu(struct inode *dir, const char *name, size_t len, uint32_t hash,
                 struct dentry **out_entry)
{
    struct dir_index *index = inode_dir(dir);
    uint32_t seen = seqcount_read(&index->changes);
    struct rb_node *node = __atomic_load_n(&index->names.root, __ATOMIC_ACQUIRE);
    unsigned steps = 0;

    for (; node && steps < STEPS_MAX; steps++) {
        int order = dir_compare_rcu(by_name(node), name, len, hash);

        if (order == 0)
            break;
        node = __atomic_load_n(order < 0 ? &node->left : &node->right, __ATOMIC_ACQUIRE);
    }
    /* Also that there is no such name counts only if nothing has changed meanwhile. */
    if (unlikely(steps == STEPS_MAX || seqcount_changed(&index->changes, seen)))
        return -EAGAIN;
    if (!node)
        return -ENOENT;
    *out_entry = by_name(node);
    return 0;
}

void dir_change_begin(struct inode *dir)
{
    ASSERT(mutex_is_held(&dir->lock) && !seqcount_is_writing(&inode_dir(dir)->changes));
    seqcount_write_begin(&inode_dir(dir)->changes);
}

void dir_change_end(struct inode *dir)
{
    ASSERT(seqcount_is_writing(&inode_dir(dir)->changes));
    seqcount_write_end(&inode_dir(dir)->changes);
}

struct dentry *dir_find_locked(struct inode *dir, const char *name, size_t len, uint32_t hash)
{
    struct rb_node *node = inode_dir(dir)->names.root;

    ASSERT(mutex_is_held(&dir->lock));
    while (node) {
        int order = dir_compare(by_name(node), name, len, hash);
        if (order == 0)
            return by_name(node);
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

bool dir_has_locked(const struct dir_place *place)
{
    const struct dentry *entry = place->entry;

    ASSERT(mutex_is_held(&place->dir->inode->lock));
    /* A name in a directory has one entry: nothing has to be looked up. */
    return entry->linked && entry->parent == place->dir &&
           (!place->name ||
            (entry->name_len == place->len && memcmp(entry->name, place->name, place->len) == 0));
}

bool dir_enter(struct inode *dir)
{
    uint32_t state = __atomic_load_n(&inode_dir(dir)->state, __ATOMIC_RELAXED);

    while (!(state & DIR_DEAD))
        if (__atomic_compare_exchange_n(&inode_dir(dir)->state, &state, state + 1, true,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    return false;
}

/* Release: where dir_kill finds the count at 0, the entries are out of the trees. */
void dir_leave(struct inode *dir)
{
    __atomic_fetch_sub(&inode_dir(dir)->state, 1, __ATOMIC_RELEASE);
}

bool dir_kill(struct inode *dir)
{
    uint32_t empty = 0;

    return __atomic_compare_exchange_n(&inode_dir(dir)->state, &empty, DIR_DEAD, false,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

bool dir_is_empty(struct inode *dir)
{
    return (__atomic_load_n(&inode_dir(dir)->state, __ATOMIC_RELAXED) & ~DIR_DEAD) == 0;
}

bool dir_is_dead(struct inode *dir)
{
    return inode_has_dir(dir) &&
           (__atomic_load_n(&inode_dir(dir)->state, __ATOMIC_RELAXED) & DIR_DEAD);
}

static void dir_insert_name(struct inode *dir, struct dentry *entry)
{
    struct rb_node **link = &inode_dir(dir)->names.root, *parent = NULL;

    while (*link) {
        int order = dir_compare(by_name(*link), entry->name, entry->name_len, entry->hash);
        /* The caller has looked for the name under the same mutex. */
        ASSERT(order != 0);
        parent = *link;
        link = order < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&inode_dir(dir)->names, &entry->by_name, parent, link);
}

/* Cookies only grow: an entry that is renamed gets a new one, as if it had been made just now. A
 * reader may then meet it twice or not at all, as POSIX allows. */
static void dir_insert_order(struct inode *dir, struct dentry *entry)
{
    struct rb_node **link = &inode_dir(dir)->order.root, *parent = NULL;

    while (*link) { /* the newest is always the rightmost */
        parent = *link;
        link = &parent->right;
    }
    entry->cookie = POSITION_DOTDOT + ++inode_dir(dir)->last_cookie;
    rb_insert(&inode_dir(dir)->order, &entry->by_order, parent, link);
}

static void dir_insert(struct inode *dir, struct dentry *entry)
{
    dir_insert_name(dir, entry);
    dir_insert_order(dir, entry);
}

static void dir_erase(struct inode *dir, struct dentry *entry)
{
    rb_erase(&inode_dir(dir)->names, &entry->by_name);
    rb_erase(&inode_dir(dir)->order, &entry->by_order);
}

void dir_add_locked(struct inode *dir, struct dentry *entry)
{
    ASSERT(mutex_is_held(&dir->lock));
    ASSERT(seqcount_is_writing(&inode_dir(dir)->changes) && !entry->linked);
    dir_insert(dir, entry);
    entry->linked = true;
}

void dir_remove_locked(struct inode *dir, struct dentry *entry)
{
    ASSERT(mutex_is_held(&dir->lock));
    ASSERT(seqcount_is_writing(&inode_dir(dir)->changes) && entry->linked);
    dir_erase(dir, entry);
    entry->linked = false;
}

void dir_move_locked(struct inode *old_dir, struct inode *new_dir, struct dentry *entry)
{
    ASSERT(mutex_is_held(&old_dir->lock) && mutex_is_held(&new_dir->lock));
    ASSERT(seqcount_is_writing(&inode_dir(old_dir)->changes) &&
           seqcount_is_writing(&inode_dir(new_dir)->changes) && entry->linked);
    dir_erase(old_dir, entry);
    dir_insert(new_dir, entry);
}

void dir_swap_locked(struct inode *one_dir, struct dentry *one, struct inode *other_dir,
                     struct dentry *other)
{
    struct rb_node one_order = one->by_order;
    uint64_t cookie = one->cookie;

    ASSERT(mutex_is_held(&one_dir->lock) && mutex_is_held(&other_dir->lock));
    ASSERT(seqcount_is_writing(&inode_dir(one_dir)->changes) &&
           seqcount_is_writing(&inode_dir(other_dir)->changes));
    /* Lookups without the mutex go down the trees by name: these hold nothing but entries. In the
     * order of creation `one` steps out for a moment, so that no node is ever in two places. */
    rb_erase(&inode_dir(one_dir)->names, &one->by_name);
    rb_erase(&inode_dir(other_dir)->names, &other->by_name);
    rb_replace(&inode_dir(one_dir)->order, &one->by_order, &one_order);
    rb_replace(&inode_dir(other_dir)->order, &other->by_order, &one->by_order);
    rb_replace(&inode_dir(one_dir)->order, &one_order, &other->by_order);
    one->cookie = other->cookie;
    other->cookie = cookie;
    dentry_swap_locked(one, other);
    dir_insert_name(other_dir, one);
    dir_insert_name(one_dir, other);
}

/* The newest entry older than the position, or NULL. The entry at the position may be gone by now:
 * its cookie still says where to go on. */
static struct dentry *entry_before(struct inode *dir, int64_t position)
{
    uint64_t bound = position <= POSITION_DOTDOT ? UINT64_MAX : (uint64_t)position;
    struct rb_node *node = inode_dir(dir)->order.root;
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

/* The oldest entry that is newer than the cookie: for walks that hold nothing but a reference. */
struct dentry *dir_next_get(struct inode *dir, uint64_t cookie)
{
    struct dentry *best = NULL;
    struct rb_node *node;

    mutex_lock(&dir->lock);
    for (node = inode_dir(dir)->order.root; node;) {
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

static bool dir_emit_dots(struct file *file, struct dir_emit *emit)
{
    struct dentry *dentry = dentry_real(file->dentry);

    if (file->position == POSITION_START) {
        if (!emit->emit(emit, ".", 1, file->inode->ino, LX_S_IFDIR, POSITION_DOT))
            return false;
        file->position = POSITION_DOT;
    }
    if (file->position == POSITION_DOT) {
        uint64_t ino;

        spin_lock(&fs_tree_lock); /* a rename may change the parent */
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
    if (!dir_emit_dots(file, emit))
        return 0;
    /* Under the mutex for one buffer of the kernel's, a page: emit stops when it is full. The
     * position is stored after each entry that was taken. */
    mutex_lock(&dir->lock);
    /* From the newest to the oldest: what is made meanwhile does not keep a reader from the end. */
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
    if (!(file->flags & FILE_FLAG_NOATIME))
        inode_touch_atime(dir);
    return 0;
}

int64_t dir_seek(struct file *file, int64_t offset, int whence)
{
    /* A position is whatever the program says: any value is one, and only a negative sum is none.
     */
    if (whence != LX_SEEK_CUR && whence != LX_SEEK_SET)
        return -EINVAL;
    if (whence == LX_SEEK_CUR && __builtin_add_overflow(offset, file->position, &offset))
        return -EINVAL;
    if (offset < 0)
        return -EINVAL;
    file->position = offset;
    return offset;
}
