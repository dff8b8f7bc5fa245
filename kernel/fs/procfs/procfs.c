/* SPDX-License-Identifier: MIT */
/*
 * The directories of /proc and /sys, made out of tables of entries.
 *
 * Nothing is kept: each lookup makes an inode and a dentry that no directory holds (unhashed), and
 * they go with their last user. So two lookups of one name give two inodes, with the same number.
 *
 * An inode carries a procfs_node: the entry of the table, and for a file about a process its pid,
 * and a serial, which is never given twice and so keeps a process apart from a later one with the
 * same pid. No reference or lock keeps the process: each operation asks the room that knows
 * processes (ops), and fails when this one has gone.
 *
 * Access: by owner and mode as everywhere, and for `guarded` entries also by ops->access, at each
 * open, readlink and walk through a link. A `bound` entry notes at its lookup which program the
 * process ran (generation): a file that was opened before an exec does not show the program after
 * it.
 *
 * Positions in a directory: 0 and 1 are the dots, from 2 on the index in the table, from 256 on the
 * number of a process or descriptor. So they stay right whatever comes or goes. The tables are
 * filled at start-up, before there are readers, and have no lock.
 */
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/procfs/procfs_file.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

#define TABLES_MAX  6
#define ROOT_INO    1
#define DOTS        2
#define NUMBERS     256 /* position in a directory from which the numbers come, as on Linux */
#define DIGITS_MAX  9
#define LINK_NBYTES 64 /* st_size of a link to a descriptor */
#define TREES_MAX   2
#define NAME_SIZE   (LX_NAME_MAX + 1) /* of a name that is made out of a number */

static const struct procfs_ops *ops;
static struct procfs_dir root_tables[TABLES_MAX];
static unsigned tables_count;
static struct procfs_dir root_dir; /* no entries of its own: those of the tables */
static const struct procfs_entry root_entry = {
    .name = "", .mode = LX_S_IFDIR | 0555, .dir = &root_dir};
static const struct procfs_tree proc_tree = {"proc", LX_PROC_MAGIC, 0, &root_entry};
static const struct procfs_tree *trees[TREES_MAX] = {&proc_tree};

void procfs_register(const struct procfs_entry *entries, unsigned count)
{
    ASSERT(tables_count < TABLES_MAX);
    root_tables[tables_count++] = (struct procfs_dir){.entries = entries, .count = count};
}

/* The entries of a directory, by index; NULL behind the last. Those of the root are in several
 * tables, one behind the other. */
static const struct procfs_entry *procfs_entry_at(const struct procfs_dir *dir, unsigned index)
{
    if (dir != &root_dir)
        return index < dir->count ? &dir->entries[index] : NULL;
    for (unsigned i = 0; i < tables_count; index -= root_tables[i++].count)
        if (index < root_tables[i].count)
            return &root_tables[i].entries[index];
    return NULL;
}

#define INO_THREAD (1u << 19)

/* The same for the same thing, as long as the kernel runs: 20 bits of the pid, the highest for
 * threads, 20 of a descriptor, and 24 of the address of the entry, all of which lie in the kernel's
 * few MiB. */
static uint64_t procfs_ino_of(const struct procfs_node *node)
{
    unsigned number = node->tid ? (unsigned)node->tid | INO_THREAD : (unsigned)node->pid;

    return (uint64_t)number << 44 | (uint64_t)((unsigned)node->number & 0xfffffu) << 24 |
           ((uintptr_t)node->entry & 0xffffffu);
}

static int64_t procfs_node_readlink(struct inode *inode, char *text, size_t size)
{
    int err = inode_procfs(inode)->entry->guarded ? procfs_access(inode_procfs(inode)) : 0;

    return err ? err : inode_procfs(inode)->entry->readlink(inode_procfs(inode), text, size);
}

static int procfs_node_magic_link(struct inode *inode, struct dentry **out_target)
{
    int err = procfs_access(inode_procfs(inode));

    return err ? err : inode_procfs(inode)->entry->magic_link(inode_procfs(inode), out_target);
}

static int procfs_node_owner(const struct procfs_node *node, uint32_t *uid, uint32_t *gid)
{
    *uid = *gid = 0;
    return node->serial ? ops->owner(node, uid, gid) : 0;
}

static const struct inode_ops dir_ops;

/* Directories whose names are numbers may be counted. */
static uint32_t procfs_nlink_of(const struct procfs_node *node)
{
    return 2 + (node->entry->sized ? (uint32_t)node->entry->size(node) : 0);
}

/* An open file outlives changes of the process's user. */
static void procfs_node_refresh(struct inode *inode)
{
    uint32_t uid, gid;

    /* A process that has gone leaves the owner that its file had last. */
    if (procfs_node_owner(inode_procfs(inode), &uid, &gid))
        return;
    mutex_lock(&inode->lock);
    inode->uid = uid;
    inode->gid = gid;
    if (inode->ops == &dir_ops)
        inode->nlink = procfs_nlink_of(inode_procfs(inode));
    mutex_unlock(&inode->lock);
}

int procfs_access(const struct procfs_node *node)
{
    return node->serial ? ops->access(node) : 0;
}

static int procfs_lookup(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                         struct dentry **out_entry);

/* Nothing can be made here; Linux says it thus. */
static int procfs_create(struct dentry *dir, const char *name, size_t len, uint32_t mode,
                         uint64_t device, const struct credentials *cred, struct dentry **out_entry)
{
    (void)dir, (void)name, (void)len, (void)mode, (void)device, (void)cred, (void)out_entry;
    return name ? -ENOENT : -EOPNOTSUPP;
}

static int procfs_symlink(struct dentry *dir, const char *name, size_t len, const char *text,
                          size_t text_len, const struct credentials *cred)
{
    (void)dir, (void)name, (void)len, (void)text, (void)text_len, (void)cred;
    return -ENOENT;
}

static const struct inode_ops dir_ops = {.lookup = procfs_lookup,
                                         .create = procfs_create,
                                         .symlink = procfs_symlink,
                                         .refresh = procfs_node_refresh};
static const struct inode_ops link_ops = {.readlink = procfs_node_readlink,
                                          .refresh = procfs_node_refresh};
static const struct inode_ops magic_link_ops = {.readlink = procfs_node_readlink,
                                                .magic_link = procfs_node_magic_link,
                                                .refresh = procfs_node_refresh};
static const struct inode_ops text_ops = {.refresh = procfs_node_refresh};

static int procfs_readdir(struct file *file, struct dir_emit *emit);

static int64_t procfs_dir_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, 0);
}

static int64_t procfs_dir_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -EISDIR;
}

static const struct file_ops dir_file_ops = {
    .read = procfs_dir_read, .readdir = procfs_readdir, .seek = procfs_dir_seek};

/* Linux gives every file of sysfs a page, and those of /proc nothing. */
static uint64_t procfs_size_of(const struct super_block *super, const struct procfs_node *node)
{
    if (node->entry->sized)
        return node->entry->size(node);
    for (unsigned i = 0; i < TREES_MAX && trees[i]; i++)
        if (trees[i]->magic == super->magic)
            return trees[i]->file_nbytes;
    return 0;
}

static int procfs_node_create(struct super_block *super, const struct procfs_node *node,
                              struct inode **out_inode)
{
    const struct procfs_entry *entry = node->entry;
    uint32_t type = entry->mode & LX_S_IFMT;
    uint32_t uid, gid;
    struct inode *inode;
    int err = procfs_node_owner(node, &uid, &gid);

    if (!err)
        err = inode_create(super, &text_ops, entry->mode, NULL, &inode);
    if (err)
        return err;
    inode_set_data_kind(inode, INODE_PROCFS);
    /* The inode is the caller's alone until its dentry is handed out: no lock. */
    *inode_procfs(inode) = *node;
    inode->ino = procfs_ino_of(node);
    inode->uid = uid;
    inode->gid = gid;
    if (type == LX_S_IFLNK) {
        inode->ops = entry->magic_link ? &magic_link_ops : &link_ops;
        /* Links of descriptors have no name in a table: lstat gives them 64 bytes, as on Linux. */
        inode->size = entry->name ? 0 : LINK_NBYTES;
    } else if (type == LX_S_IFDIR) {
        inode->ops = &dir_ops;
        inode->file_ops = &dir_file_ops;
        inode->nlink = procfs_nlink_of(node);
    } else {
        inode->file_ops = entry->own_ops ? entry->file_ops : &procfs_file_ops;
        inode->size = procfs_size_of(super, node);
    }
    *out_inode = inode;
    return 0;
}

/* A number as it is printed: no sign, no zero in front; or PROCFS_NONE. */
static int procfs_number_parse(const char *name, size_t len)
{
    int number = 0;

    if (len == 0 || len > DIGITS_MAX || (len > 1 && name[0] == '0'))
        return PROCFS_NONE;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return PROCFS_NONE;
        number = number * 10 + (name[i] - '0');
    }
    return number;
}

/* The name under which a number stands in the directory; its length. */
static size_t procfs_name_of(const struct procfs_node *dir, int number,
                             const struct procfs_node *node, char text[NAME_SIZE])
{
    if (dir->entry->dir->name_of)
        dir->entry->dir->name_of(node, text, NAME_SIZE);
    else
        fmt_print(text, NAME_SIZE, "%d", number);
    return strlen(text);
}

/* Names that are not digits have no inverse: each is made and compared. There are few. */
static int procfs_named_find(const struct procfs_node *dir, const char *name, size_t len,
                             struct procfs_node *out)
{
    const struct procfs_dir *table = dir->entry->dir;
    char text[NAME_SIZE];

    for (int number = -1; (number = table->next(dir, number + 1)) >= 0;) {
        *out = *dir;
        if (table->find(dir, number, out) == 0 && procfs_name_of(dir, number, out, text) == len &&
            !memcmp(text, name, len))
            return 0;
    }
    return -ENOENT;
}

static int procfs_node_find(const struct procfs_node *dir, const char *name, size_t len,
                            struct procfs_node *out)
{
    const struct procfs_entry *entry;
    /* Before the table, which is longer: no entry of one has a number for its name. */
    bool named = dir->entry->dir->name_of != NULL;
    int number = dir->entry->dir->find && !named ? procfs_number_parse(name, len) : PROCFS_NONE;

    /* What the directory is about, its entries are about, too. */
    *out = *dir;
    if (number >= 0)
        return dir->entry->dir->find(dir, number, out);
    for (unsigned i = 0; (entry = procfs_entry_at(dir->entry->dir, i)) != NULL; i++) {
        if (*entry->name != *name || strncmp(entry->name, name, len) || entry->name[len])
            continue;
        out->entry = entry;
        out->generation = entry->bound ? ops->generation(out) : 0;
        return 0;
    }
    return named ? procfs_named_find(dir, name, len, out) : -ENOENT;
}

static int procfs_lookup(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                         struct dentry **out_entry)
{
    struct super_block *super = dir->inode->super;
    struct procfs_node node;
    struct inode *inode;
    int err = procfs_node_find(inode_procfs(dir->inode), name, len, &node);

    if (!err && (node.entry->mode & LX_S_IFMT) == LX_S_IFDIR && !node.entry->sized &&
        node.entry->super)
        super = *node.entry->super;
    if (!err)
        err = procfs_node_create(super, &node, &inode);
    if (err)
        return err;
    err = dentry_create(dir, name, len, hash, inode, out_entry);
    inode_put(inode);
    /* It is in no index. So nothing is mounted on it, and its path is not shown as deleted. */
    if (!err)
        (*out_entry)->unhashed = true;
    return err;
}

/* --- readdir: the dots, the entries, the numbers --- */

static bool emit_node(struct dir_emit *emit, const char *name, const struct procfs_node *node,
                      int64_t next)
{
    return emit->emit(emit, name, strlen(name), procfs_ino_of(node), node->entry->mode, next);
}

/* An entry that did not fit into the buffer is given first by the next call: the position moves
 * only past what was taken. False: the buffer is full. */
static bool emit_entries(struct file *file, const struct procfs_node *dir, struct dir_emit *emit)
{
    struct procfs_node node = *dir;

    while (file->position >= DOTS && file->position < NUMBERS) {
        node.entry = procfs_entry_at(dir->entry->dir, (unsigned)(file->position - DOTS));
        if (!node.entry)
            file->position = NUMBERS;
        else if (emit_node(emit, node.entry->name, &node, file->position + 1))
            file->position++;
        else
            return false;
    }
    return true;
}

static int emit_numbers(struct file *file, const struct procfs_node *dir, struct dir_emit *emit)
{
    struct procfs_node node;
    char name[NAME_SIZE];
    int number;

    if (!dir->entry->dir->next || file->position < NUMBERS || file->position > INT32_MAX)
        return 0;
    /* The position is the number itself, not a count: processes that come and go shift nothing. One
     * that goes between next and find is left out. */
    while ((number = dir->entry->dir->next(dir, (int)file->position - NUMBERS)) >= 0) {
        file->position = NUMBERS + number;
        node = *dir;
        if (dir->entry->dir->find(dir, number, &node) == 0) {
            procfs_name_of(dir, number, &node, name);
            if (!emit_node(emit, name, &node, file->position + 1))
                return 0;
        }
        file->position++;
    }
    return number == PROCFS_NONE ? 0 : number;
}

static int procfs_readdir(struct file *file, struct dir_emit *emit)
{
    const struct procfs_node *dir = inode_procfs(file->inode);
    uint32_t uid, gid;
    int err = procfs_node_owner(dir, &uid, &gid);

    if (err)
        return err;
    /* One string for both names: "." is its first byte. Each has the number of the directory
     * itself. */
    for (; file->position < DOTS; file->position++)
        if (!emit->emit(emit, "..", (size_t)file->position + 1, file->inode->ino, LX_S_IFDIR,
                        file->position + 1))
            return 0;
    return emit_entries(file, dir, emit) ? emit_numbers(file, dir, emit) : 0;
}

/* --- mounting --- */

/* Busy is what holds more than the mount does (its root, and the inode of that) and the caller. */
static bool procfs_is_busy(struct super_block *super)
{
    /* Inodes do not say in which mount they are looked at. */
    return !super->clones && (super->refs > 2 || super->root->refs > 2);
}

/* Nothing is kept, so nothing is to be emptied. */
static bool procfs_clear(struct super_block *super)
{
    (void)super;
    return true;
}

static const struct super_ops procfs_super_ops = {.is_busy = procfs_is_busy, .clear = procfs_clear};

static int procfs_tree_create(const struct procfs_tree *tree, const char *source,
                              struct super_block **out_super)
{
    struct procfs_node node = {.entry = tree->root};
    struct super_block *super;
    struct inode *inode;
    int err = super_create(tree->type, source, tree->magic, &super);

    if (err)
        return err;
    super->ops = &procfs_super_ops;
    err = procfs_node_create(super, &node, &inode);
    if (err) {
        super_put(super);
        return err;
    }
    inode->ino = ROOT_INO;
    return super_make_root(super, inode, out_super);
}

int procfs_super_create(const char *type, const char *source, struct super_block **out_super)
{
    for (unsigned i = 0; i < TREES_MAX && trees[i]; i++)
        if (!strcmp(trees[i]->type, type))
            return procfs_tree_create(trees[i], source, out_super);
    return -ENODEV;
}

int procfs_tree_mount(const struct procfs_tree *tree, const char *path)
{
    struct super_block *super;
    int err;

    ASSERT(!trees[TREES_MAX - 1]);
    trees[TREES_MAX - 1] = tree;
    err = procfs_tree_create(tree, tree->type, &super);
    return err ? err : mount_at_boot(super, path);
}

int procfs_mount(const struct procfs_ops *given)
{
    struct super_block *super;
    int err = procfs_tree_create(&proc_tree, "proc", &super);

    if (err)
        return err;
    /* Before it is mounted: from then on a walk may come in. */
    ops = given;
    root_dir.next = ops->processes.next;
    root_dir.find = ops->processes.find;
    return mount_at_boot(super, "proc");
}
