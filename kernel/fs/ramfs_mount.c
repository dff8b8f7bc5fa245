/* SPDX-License-Identifier: MIT */
/* tmpfs, mounted by programs: options, whether it is in use, emptying it. */
#include "kernel/fs/dentry.h"
#include "kernel/fs/dir.h"
#include "kernel/fs/ramfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* --- options --- */

struct options {
    uint64_t pages;
    uint32_t inodes, mode, uid, gid;
};

/* Digits in that base; *text goes behind them. False: there are none, or too many. */
static bool number_parse(const char **text, unsigned base, uint64_t *out)
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
static bool amount_parse(const char **text, uint64_t *out)
{
    static const char letters[] = "kmgtpe";

    if (!number_parse(text, 10, out))
        return false;
    for (unsigned i = 0; **text && i < sizeof(letters) - 1; i++)
        if ((**text | 0x20) == letters[i]) {
            ++*text;
            *out <<= 10 * (i + 1);
            break;
        }
    return true;
}

static bool value_parse(const char *name, const char *value, struct options *options)
{
    uint64_t number;

    if (!strcmp(name, "size")) {
        if (!amount_parse(&value, &number))
            return false;
        if (*value == '%') {
            value++;
            options->pages = pmm_total_count() * number / 100;
        } else {
            options->pages = (number >> PAGE_SHIFT) + ((number & PAGE_MASK) != 0);
        }
    } else if (!strcmp(name, "nr_blocks")) {
        if (!amount_parse(&value, &options->pages))
            return false;
    } else if (!strcmp(name, "nr_inodes")) {
        if (!amount_parse(&value, &number))
            return false;
        options->inodes = (uint32_t)MIN(number, UINT32_MAX);
    } else if (!strcmp(name, "mode")) {
        if (!number_parse(&value, 8, &number))
            return false;
        options->mode = (uint32_t)number & LX_S_IALL;
    } else if (!strcmp(name, "uid") || !strcmp(name, "gid")) {
        if (!number_parse(&value, 10, &number) || number >= UINT32_MAX)
            return false;
        *(*name == 'u' ? &options->uid : &options->gid) = (uint32_t)number;
    } else {
        return false;
    }
    return !*value;
}

/* NAME=VALUE, commas between; cuts the text up. */
static bool options_parse(char *text, struct options *options)
{
    while (*text) {
        char *end = strchr(text, ','), *value;

        if (end)
            *end = '\0';
        value = strchr(text, '=');
        if (value)
            *value++ = '\0';
        if (*text && (!value || !value_parse(text, value, options)))
            return false;
        if (!end)
            break;
        text = end + 1;
    }
    return true;
}

static uint64_t pages_default(const struct super_block *super)
{
    return strcmp(super->type, "tmpfs") ? 0 : pmm_total_count() / 2;
}

static int set_options(struct super_block *super, char *text, bool first)
{
    struct inode *root = super->root->inode;
    struct options o = {first ? pages_default(super) : super->quota.max, super->inodes_max,
                        super->root_mode, super->root_uid, super->root_gid};

    if (!options_parse(text, &o))
        return -EINVAL;
    if ((o.pages && o.pages < super->quota.used) || (o.inodes && o.inodes < super->refs - 1))
        return -EINVAL;
    super->quota.max = o.pages;
    super->inodes_max = o.inodes;
    if (!first)
        return 0;
    super->root_mode = o.mode;
    root->mode = LX_S_IFDIR | o.mode;
    root->uid = super->root_uid = o.uid;
    root->gid = super->root_gid = o.gid;
    return 0;
}

static void show_options(const struct super_block *super, char *text, size_t size)
{
    size_t used = 0;

    if (super->quota.max != pages_default(super) && !super->home && super->covered)
        used += fmt_print(text, size, ",size=%luk", super->quota.max << (PAGE_SHIFT - 10));
    if (super->inodes_max)
        used += fmt_print(text + used, size - used, ",nr_inodes=%u", super->inodes_max);
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

static bool is_dir(const struct dentry *dentry)
{
    return (dentry->inode->mode & LX_S_IFMT) == LX_S_IFDIR;
}

/* The walk has one reference; the tree has those that are explained by names and entries. */
static bool dentry_is_busy(const struct dentry *dentry)
{
    const struct inode *inode = dentry->inode;

    if (!is_dir(dentry))
        return dentry->refs != 2 || inode->refs != inode->nlink;
    return inode->refs != 1 || dentry->refs != 2 + (inode->dir.state & ~DIR_DEAD);
}

static struct level *level_push(struct level *up, struct dentry *dir)
{
    struct level *level = kmalloc(sizeof(*level));

    if (level)
        *level = (struct level){up, dir, 0};
    return level;
}

static struct level *level_pop(struct level *level)
{
    struct level *up = level->up;

    dentry_put(level->dir);
    kfree(level);
    return up;
}

/* An empty directory goes, or, without a parent, takes no entries any more. */
static bool directory_clear(struct dentry *parent, struct dentry *dir)
{
    return parent ? parent->inode->ops->unlink(parent, dir, true) == 0 : dir_kill(dir->inode);
}

/* Goes through the tree, oldest entry first. Looking: true if nobody uses any of it. Clearing:
 * true if nothing is left. */
static bool tree_walk(struct super_block *super, bool clear)
{
    struct level *level = level_push(NULL, super->root);
    bool good = level != NULL;

    if (level)
        dentry_get(super->root);
    while (level && good) {
        struct dentry *dir = level->dir, *entry = dir_next_get(dir->inode, level->cookie);

        if (!entry) { /* done with this one, unless somebody has put something in just now */
            good = !clear || directory_clear(level->up ? level->up->dir : NULL, dir);
            level = level_pop(level);
            continue;
        }
        if (!clear)
            level->cookie = entry->cookie;
        good = clear || !dentry_is_busy(entry);
        if (good && is_dir(entry)) {
            struct level *down = level_push(level, entry);

            good = down != NULL;
            level = down ? down : level;
            if (down)
                continue;
        } else if (clear) {
            good = dir->inode->ops->unlink(dir, entry, false) == 0;
        }
        dentry_put(entry);
    }
    while (level)
        level = level_pop(level);
    return good;
}

static bool is_busy(struct super_block *super)
{
    return __atomic_load_n(&super->orphans, __ATOMIC_RELAXED) || dentry_is_busy(super->root) ||
           !tree_walk(super, false);
}

static bool clear(struct super_block *super)
{
    return tree_walk(super, true);
}

const struct super_ops ramfs_super_ops = {
    .is_busy = is_busy,
    .clear = clear,
    .set_options = set_options,
    .show_options = show_options,
};
