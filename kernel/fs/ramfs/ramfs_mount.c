/* SPDX-License-Identifier: MIT */
/*
 * tmpfs, mounted by programs: options, whether it is in use, emptying it.
 *
 * Nothing counts the users of a mount. They are found when it matters, by a walk over the whole
 * tree: each dentry and inode has a number of references that the tree itself explains (its
 * directory's, its children's, its names'), and any more are a user's: a file, a working directory,
 * a mapping, a walk on its way. Inodes without a name are not in the tree; they have a count of
 * their own.
 *
 * The walk holds no lock between two steps, so that it can be preempted, and keeps its way back on
 * a list, since directories may be renamed meanwhile and recursion has no bound. It is exact when
 * nothing changes, which is what mount.c makes of it.
 *
 * Emptying is for what is detached and not in use. Should it meet a user after all, or no memory,
 * it stops: what is gone is gone, the rest is tried again by the next sweep.
 */
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/dir.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* --- options --- */

struct options {
    uint64_t pages, inodes;
    uint32_t mode, uid, gid;
};

/* Digits in that base; *text goes behind them. False: there are none, or too many. */
static COLD bool option_number_parse(const char **text, unsigned base, uint64_t *out)
{
    const char *at = *text;

    *out = 0;
    for (; *at >= '0' && *at < (char)('0' + base); at++)
        if (__builtin_mul_overflow(*out, base, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*at - '0'), out))
            return false;
    if (at == *text)
        return false;
    *text = at;
    return true;
}

/* A number with one of Linux's letters for powers of 1024 behind it. */
static COLD bool option_amount_parse(const char **text, uint64_t *out)
{
    static const char letters[] = "kmgtpe";

    if (!option_number_parse(text, 10, out))
        return false;
    for (unsigned i = 0; **text && i < sizeof(letters) - 1; i++)
        if ((**text | 0x20) == letters[i]) {
            ++*text;
            *out <<= 10 * (i + 1);
            break;
        }
    return true;
}

static COLD bool option_value_parse(const char *name, const char *value, struct options *options)
{
    uint64_t number;

    if (!strcmp(name, "size")) {
        if (!option_amount_parse(&value, &number))
            return false;
        /* As on Linux, a share of all memory. */
        if (*value == '%') {
            value++;
            options->pages = pmm_total_count() * number / 100;
        } else {
            options->pages = (number >> PAGE_SHIFT) + ((number & PAGE_MASK) != 0);
        }
    } else if (!strcmp(name, "nr_blocks")) {
        if (!option_amount_parse(&value, &options->pages))
            return false;
    } else if (!strcmp(name, "nr_inodes")) {
        if (!option_amount_parse(&value, &options->inodes))
            return false;
    } else if (!strcmp(name, "mode")) {
        if (!option_number_parse(&value, 8, &number))
            return false;
        options->mode = (uint32_t)number & LX_S_IALL;
    } else if (!strcmp(name, "uid") || !strcmp(name, "gid")) {
        if (!option_number_parse(&value, 10, &number) || number >= UINT32_MAX)
            return false;
        *(*name == 'u' ? &options->uid : &options->gid) = (uint32_t)number;
    } else {
        return false;
    }
    return !*value;
}

/* NAME=VALUE, commas between; cuts the text up. */
static COLD bool options_parse(char *text, struct options *options)
{
    while (*text) {
        char *end = strchr(text, ','), *value;

        if (end)
            *end = '\0';
        value = strchr(text, '=');
        if (value)
            *value++ = '\0';
        if (*text && (!value || !option_value_parse(text, value, options)))
            return false;
        if (!end)
            break;
        text = end + 1;
    }
    return true;
}

static COLD int tmpfs_set_options(struct super_block *super, char *text, bool first)
{
    struct inode *root = super->root->inode;
    uint64_t limit = ramfs_limit_default(super);
    struct options o = {first ? limit : super->quota.max, first ? limit : super->inodes_max,
                        super->root_mode, super->root_uid, super->root_gid};

    if (!options_parse(text, &o))
        return -EINVAL;
    /* A limit below what is in use is refused, as by Linux; 0 is no limit. */
    if ((o.pages && o.pages < super->quota.used) || (o.inodes && o.inodes < super->ninodes))
        return -EINVAL;
    ramfs_set_limits(super, o.pages, o.inodes);
    if (!first)
        return 0;
    super->root_mode = o.mode;
    root->mode = LX_S_IFDIR | o.mode;
    root->uid = super->root_uid = o.uid;
    root->gid = super->root_gid = o.gid;
    return 0;
}

/* As Linux: only what is not as it would be without options. */
static COLD void tmpfs_show_options(const struct super_block *super, char *text, size_t size)
{
    size_t used = 0;

    if (super->quota.max != ramfs_limit_default(super) && !super->boot_directory)
        used += fmt_print(text, size, ",size=%luk", super->quota.max << (PAGE_SHIFT - 10));
    if (super->inodes_max != ramfs_limit_default(super) && !super->boot_directory)
        used += fmt_print(text + used, size - used, ",nr_inodes=%lu", super->inodes_max);
    if (super->root_mode != 01777 && !strcmp(super->type, "tmpfs"))
        used += fmt_print(text + used, size - used, ",mode=%03o", super->root_mode);
    if (super->root_uid)
        used += fmt_print(text + used, size - used, ",uid=%u", super->root_uid);
    if (super->root_gid)
        fmt_print(text + used, size - used, ",gid=%u", super->root_gid);
}

/* --- the whole tree --- */

/* Where a walk is: parents may be renamed meanwhile, so the way back is kept. */
struct level {
    struct level *up;
    struct dentry *dir; /* counted */
    uint64_t cookie;
};

/* The walk has one reference; the tree has those that are explained by names and entries. */
static COLD bool dentry_is_busy(const struct dentry *dentry, uint32_t *views)
{
    struct inode *inode = dentry->inode;
    uint32_t uses = dentry->refs - 2 + inode->refs;

    if (!dentry_is_directory(dentry))
        uses -= inode->nlink;
    else /* A directory has one name, and each of its entries holds it as the parent. */
        uses -= 1 + (inode_dir(inode)->state & ~DIR_DEAD);
    /* What is explained is taken off; the rest is in use, by aliases and mounts as far as these go.
     * Those of other mounts are no uses of the first one. Less than explained is in motion. */
    if (uses > *views)
        return true;
    *views -= uses;
    return false;
}

static COLD struct level *tmpfs_level_push(struct level *up, struct dentry *dir)
{
    struct level *level = kmalloc(sizeof(*level));

    if (level)
        *level = (struct level){up, dir, 0};
    return level;
}

static COLD struct level *tmpfs_level_pop(struct level *level)
{
    struct level *up = level->up;

    dentry_put(level->dir);
    kfree(level);
    return up;
}

/* An empty directory goes, or, without a parent, takes no entries any more. */
static COLD bool directory_clear(struct dentry *parent, struct dentry *dir)
{
    return parent ? ramfs_unlink(&(struct dir_place){parent, dir, NULL, 0, 0}, true) == 0
                  : dir_kill(dir->inode);
}

/* Goes through the tree, oldest entry first. Looking: true if none of it is in use. Clearing:
 * true if nothing is left. */
static COLD bool tmpfs_tree_walk(struct super_block *super, bool clear)
{
    struct level *level = tmpfs_level_push(NULL, super->root);
    uint32_t views = __atomic_load_n(&super->views, __ATOMIC_RELAXED);
    bool good = level && (clear || !dentry_is_busy(super->root, &views));

    if (level)
        dentry_get(super->root);
    while (level && good) {
        struct dentry *dir = level->dir, *entry = dir_next_get(dir->inode, level->cookie);

        sched_preempt_point();
        if (!entry) { /* done with this one, unless something was put in just now */
            good = !clear || directory_clear(level->up ? level->up->dir : NULL, dir);
            level = tmpfs_level_pop(level);
            continue;
        }
        /* When clearing, an entry that is done is gone, and the oldest one is another. */
        if (!clear)
            level->cookie = entry->cookie;
        good = clear || !dentry_is_busy(entry, &views);
        if (good && dentry_is_directory(entry)) {
            struct level *down = tmpfs_level_push(level, entry);

            good = down != NULL;
            /* The reference to the entry is the level's now. */
            level = down ? down : level;
            if (down)
                continue;
        } else if (clear) {
            good = ramfs_unlink(&(struct dir_place){dir, entry, NULL, 0, 0}, false) == 0;
        }
        dentry_put(entry);
    }
    while (level)
        level = tmpfs_level_pop(level);
    return good;
}

/* For file handles, which the privileged alone open: no index is kept for them. Numbers are never
 * used again, so what is found is what was meant. */
COLD static int tmpfs_find(struct super_block *super, uint64_t ino, struct dentry **out_dentry)
{
    struct level *level = tmpfs_level_push(NULL, super->root);
    struct dentry *found = super->root->inode->ino == ino ? super->root : NULL;
    int err = level ? 0 : -ENOMEM;

    dentry_get(super->root); /* the level's, or without one the caller's */
    if (found)
        dentry_get(found);
    if (err)
        dentry_put(super->root);
    while (level && !found && !err) {
        struct dentry *entry = dir_next_get(level->dir->inode, level->cookie);

        sched_preempt_point();
        if (vm_kill_pending())
            err = -EINTR;
        if (!entry) {
            level = tmpfs_level_pop(level);
            continue;
        }
        level->cookie = entry->cookie;
        if (entry->inode->ino == ino) {
            found = entry;
        } else if (dentry_is_directory(entry)) {
            struct level *down = tmpfs_level_push(level, entry);

            if (down)
                level = down;
            else
                err = -ENOMEM;
            if (err)
                dentry_put(entry);
        } else {
            dentry_put(entry);
        }
    }
    while (level)
        level = tmpfs_level_pop(level);
    *out_dentry = found;
    return found ? 0 : err ? err : -ESTALE;
}

COLD bool ramfs_is_busy(struct super_block *super)
{
    /* Of a file without a name it is not known by which mount it is used. */
    return (__atomic_load_n(&super->orphans, __ATOMIC_RELAXED) &&
            !__atomic_load_n(&super->clones, __ATOMIC_RELAXED)) ||
           !tmpfs_tree_walk(super, false);
}

COLD bool ramfs_clear(struct super_block *super)
{
    return tmpfs_tree_walk(super, true);
}

const struct super_ops ramfs_super_ops = {
    .is_busy = ramfs_is_busy,
    .clear = ramfs_clear,
    .set_options = tmpfs_set_options,
    .find = tmpfs_find,
    .show_options = tmpfs_show_options,
};
