/* SPDX-License-Identifier: MIT */
/*
 * The walk. A path is text with a position in it; a symlink's text is walked before the rest of
 * the path it stands in, which waits on a stack. No recursion: the depth is the user's choice.
 */
#include "kernel/fs/path.h"
#include "kernel/fs/mount.h"
#include "kernel/fs/text.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

struct walk_text {
    const char *next, *end;
    struct inode *hold; /* keeps the text alive; counted; NULL: it is the caller's */
    char *owned;        /* of LX_PATH_MAX bytes; NULL: in the inode */
};

struct walk {
    struct fs_context *context;
    struct dentry *root;  /* counted; NULL until somebody asks */
    struct dentry *start; /* borrowed; for PATH_BENEATH; NULL: the working directory */
    struct dentry *at;    /* counted */
    unsigned flags;
    unsigned links;
    bool trailing; /* slashes behind the last component */
    enum path_last_kind kind;
    const char *name; /* of the component reached */
    size_t len;
    uint32_t hash;
    struct walk_text text;
    unsigned depth;
    struct walk_text saved[LX_SYMLOOP_MAX];
};

static bool is_type(const struct dentry *dentry, uint32_t type)
{
    return (dentry->inode->mode & LX_S_IFMT) == type;
}

static bool is_last(const struct walk *w)
{
    return w->text.next == w->text.end && w->depth == 0;
}

static void text_drop(struct walk_text *text)
{
    text_free(text->owned, LX_PATH_MAX);
    if (text->hold)
        inode_put(text->hold);
}

static void walk_end(struct walk *w)
{
    text_drop(&w->text);
    while (w->depth > 0)
        text_drop(&w->saved[--w->depth]);
    dentry_put(w->at);
    dentry_put(w->root);
}

static struct dentry *walk_root(struct walk *w)
{
    if (!w->root)
        w->root = fs_context_root(w->context);
    return w->root;
}

/* Takes over a reference. */
static void walk_go(struct walk *w, struct dentry *to)
{
    dentry_put(w->at);
    w->at = to;
}

/* An absolute path or symlink: back to the root. */
static int walk_go_root(struct walk *w)
{
    struct dentry *root;

    if (w->flags & PATH_BENEATH)
        return -EXDEV;
    if (w->root) {
        root = w->root;
        dentry_get(root);
    } else {
        root = fs_context_root(w->context);
    }
    if ((w->flags & PATH_NO_XDEV) && w->at && w->at->inode->super != root->inode->super) {
        dentry_put(root);
        return -EXDEV;
    }
    walk_go(w, root);
    return 0;
}

static int walk_go_parent(struct walk *w)
{
    struct dentry *parent;

    if ((w->flags & PATH_BENEATH) && w->at == w->start)
        return -EXDEV;
    parent = dentry_parent_get(w->at, walk_root(w));
    if ((w->flags & PATH_NO_XDEV) && parent->inode->super != w->at->inode->super) {
        dentry_put(parent);
        return -EXDEV;
    }
    walk_go(w, parent);
    return 0;
}

/* The dentry's reference becomes one to the root of what is mounted on it. */
static int cross_mounts(struct dentry **dentry, unsigned flags)
{
    while (unlikely((*dentry)->mounted)) {
        struct dentry *inside;

        if (flags & PATH_NO_XDEV) {
            dentry_put(*dentry);
            return -EXDEV;
        }
        inside = mount_inside_get(*dentry);
        if (!inside)
            break; /* unmounted at this very moment */
        dentry_put(*dentry);
        *dentry = inside;
    }
    return 0;
}

static int lookup_in(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                     unsigned flags, struct dentry **out_dentry)
{
    int err;

    if (len > LX_NAME_MAX)
        return -ENAMETOOLONG;
    err = dir->inode->ops->lookup(dir, name, len, hash, out_dentry);
    return err ? err : cross_mounts(out_dentry, flags);
}

/* Everything in front of the walk's last component must be a directory that may be searched. */
static int may_search(const struct walk *w)
{
    if (!is_type(w->at, LX_S_IFDIR))
        return -ENOTDIR;
    return inode_permission(w->at->inode, &w->context->cred, INODE_EXEC);
}

/* Reads a link's text that its inode does not keep ready. */
static int text_generate(struct inode *inode, struct walk_text *text)
{
    int64_t len;

    if (!inode->ops->readlink)
        return -EINVAL;
    text->owned = text_alloc(LX_PATH_MAX);
    if (!text->owned)
        return -ENOMEM;
    len = inode->ops->readlink(inode, text->owned, LX_PATH_MAX);
    if (len < 0 || len > LX_PATH_MAX) {
        text_free(text->owned, LX_PATH_MAX);
        return len < 0 ? (int)len : -ENAMETOOLONG;
    }
    text->next = text->owned;
    text->end = text->owned + len;
    return 0;
}

static int walk_jump(struct walk *w, struct inode *link)
{
    struct dentry *target;
    int err;

    if (w->flags & (PATH_NO_MAGIC | PATH_BENEATH | PATH_IN_ROOT))
        return w->flags & PATH_NO_MAGIC ? -ELOOP : -EXDEV;
    err = link->ops->jump(link, &target);
    if (!err)
        walk_go(w, target);
    return err;
}

/* In a sticky directory that all may write, a link at the end of a path leads on only if its owner
 * is the one who follows, or owns the directory: nobody is led astray in /tmp. As Debian's Linux.
 */
static int may_follow_last(const struct walk *w, const struct inode *link)
{
    const struct inode *dir = w->at->inode;

    if (link->uid == w->context->cred.fsuid || link->uid == dir->uid)
        return 0;
    return (~dir->mode & (LX_S_ISVTX | 0002)) ? 0 : -EACCES;
}

/* Goes on with the text of a symlink in w->at's directory. */
static int walk_follow(struct walk *w, struct inode *link)
{
    struct walk_text text = {0};
    int err;

    if (++w->links > LX_SYMLOOP_MAX || (w->flags & PATH_NO_SYMLINKS))
        return -ELOOP;
    err = is_last(w) ? may_follow_last(w, link) : 0;
    if (err)
        return err;
    inode_touch_atime(link);
    if (link->ops->jump)
        return walk_jump(w, link);
    if (link->ops->keeps_text) {
        text.next = link->link.text;
        text.end = text.next + link->size;
    } else {
        err = text_generate(link, &text);
        if (err)
            return err;
    }
    inode_get(link);
    text.hold = link;
    if (w->text.next < w->text.end) {
        ASSERT(w->depth < LX_SYMLOOP_MAX);
        w->saved[w->depth++] = w->text;
    } else {
        text_drop(&w->text);
    }
    w->text = text;
    if (text.next == text.end)
        return -ENOENT;
    return *text.next == '/' ? walk_go_root(w) : 0;
}

static void pop_finished_texts(struct walk *w)
{
    while (w->text.next == w->text.end && w->depth > 0) {
        text_drop(&w->text);
        w->text = w->saved[--w->depth];
    }
}

static const char *skip_slashes(const char *at, const char *end)
{
    while (at < end && *at == '/')
        at++;
    return at;
}

/* Sets name, len, hash and kind to the component at the walk's position, which goes behind it
 * and the slashes that follow. False: there is none, the path has ended. */
static bool parse_component(struct walk *w)
{
    uint32_t hash = DENTRY_HASH_START;
    const char *at, *end;

    w->text.next = skip_slashes(w->text.next, w->text.end);
    pop_finished_texts(w);
    at = w->text.next;
    end = w->text.end;
    if (at == end)
        return false;
    w->name = at;
    for (; at < end && *at != '/'; at++)
        hash = dentry_hash_byte(hash, *at);
    w->len = (size_t)(at - w->name);
    w->hash = hash;
    w->text.next = skip_slashes(at, end);
    if (w->text.next == end && w->depth == 0 && at < end)
        w->trailing = true;

    w->kind = PATH_LAST_NAME;
    if (w->name[0] == '.' && w->len == 1)
        w->kind = PATH_LAST_DOT;
    if (w->name[0] == '.' && w->len == 2 && w->name[1] == '.')
        w->kind = PATH_LAST_DOTDOT;
    return true;
}

/* One component that is not the last. */
static int step(struct walk *w)
{
    struct dentry *next;
    int err;

    if (w->kind == PATH_LAST_DOT)
        return 0;
    if (w->kind == PATH_LAST_DOTDOT)
        return walk_go_parent(w);
    err = lookup_in(w->at, w->name, w->len, w->hash, w->flags, &next);
    if (err)
        return err;
    if (unlikely(is_type(next, LX_S_IFLNK))) {
        err = walk_follow(w, next->inode);
        dentry_put(next);
        return err;
    }
    walk_go(w, next);
    return 0;
}

/* Everything but the last component, which is parsed; w->at is where it is to be looked up. */
static int walk_to_last(struct walk *w)
{
    int err;

    for (;;) {
        if (!parse_component(w)) {
            w->kind = PATH_LAST_ROOT; /* nothing but slashes: w->at itself */
            return 0;
        }
        err = may_search(w);
        if (err || is_last(w))
            return err;
        err = step(w);
        if (err)
            return err;
    }
}

static int walk_begin(struct walk *w, struct fs_context *context, struct dentry *start,
                      const char *path, unsigned flags)
{
    w->context = context;
    w->root = w->at = NULL;
    w->start = start;
    w->flags = flags;
    w->links = 0;
    w->trailing = false;
    w->depth = 0;
    w->text = (struct walk_text){.next = path, .end = path + strlen(path)};

    if (flags & (PATH_IN_ROOT | PATH_BENEATH)) {
        struct dentry *base = start ? start : fs_context_cwd(context);
        if (start)
            dentry_get(start);
        w->start = w->root = base;
        if (flags & PATH_BENEATH)
            w->start = base;
    }
    if (*path == '\0' && !(flags & PATH_EMPTY))
        return -ENOENT;
    if (*path == '/')
        return walk_go_root(w);
    if (w->start)
        dentry_get(w->start);
    walk_go(w, w->start ? w->start : fs_context_cwd(context));
    return 0;
}

/* The last component: what it names, or for a symlink that is to be followed, *out_link. */
static int walk_last(struct walk *w, struct dentry **out_link)
{
    struct dentry *next;
    int err;

    *out_link = NULL;
    if (w->kind == PATH_LAST_ROOT || w->kind == PATH_LAST_DOT)
        return 0;
    if (w->kind == PATH_LAST_DOTDOT)
        return walk_go_parent(w);
    err = lookup_in(w->at, w->name, w->len, w->hash, w->flags, &next);
    if (err)
        return err;
    if (is_type(next, LX_S_IFLNK) && ((w->flags & PATH_FOLLOW) || w->trailing))
        *out_link = next;
    else
        walk_go(w, next);
    return 0;
}

static int walk_whole(struct walk *w)
{
    struct dentry *link;
    int err;

    for (;;) {
        err = walk_to_last(w);
        if (err)
            return err;
        err = walk_last(w, &link);
        if (err)
            return err;
        if (!link)
            break;
        err = walk_follow(w, link->inode);
        dentry_put(link);
        if (err)
            return err;
    }
    if ((w->trailing || (w->flags & PATH_DIRECTORY)) && !is_type(w->at, LX_S_IFDIR))
        return -ENOTDIR;
    return 0;
}

int path_walk(struct fs_context *context, struct dentry *start, const char *path, unsigned flags,
              struct dentry **out_dentry)
{
    struct walk w;
    int err = walk_begin(&w, context, start, path, flags);

    if (!err)
        err = walk_whole(&w);
    if (!err) {
        *out_dentry = w.at;
        w.at = NULL;
    }
    walk_end(&w);
    return err;
}

/* --- the parent of the last component --- */

/* Hands over what the walk holds; walk_end then has little left to do. */
static void last_from_walk(struct path_last *last, struct walk *w)
{
    last->parent = w->at;
    last->name = w->name;
    last->len = w->kind == PATH_LAST_ROOT ? 0 : w->len;
    last->hash = w->hash;
    last->kind = (uint8_t)w->kind;
    last->trailing = w->trailing;
    last->links = w->links;
    last->flags = w->flags;
    last->root = w->root;
    last->start = w->start;
    last->hold = w->text.hold;
    last->owned = w->text.owned;
    w->at = w->root = NULL;
    w->text.hold = NULL;
    w->text.owned = NULL;
}

int path_walk_parent(struct fs_context *context, struct dentry *start, const char *path,
                     unsigned flags, struct path_last *out_last)
{
    struct walk w;
    int err = walk_begin(&w, context, start, path, flags);

    if (!err)
        err = walk_to_last(&w);
    if (!err)
        last_from_walk(out_last, &w);
    walk_end(&w);
    return err;
}

void path_last_put(struct path_last *last)
{
    text_free(last->owned, LX_PATH_MAX);
    if (last->hold)
        inode_put(last->hold);
    dentry_put(last->parent);
    dentry_put(last->root);
}

int path_last_entry(struct path_last *last, struct dentry **out_dentry)
{
    if (last->len > LX_NAME_MAX)
        return -ENAMETOOLONG;
    return last->parent->inode->ops->lookup(last->parent, last->name, last->len, last->hash,
                                            out_dentry);
}

int path_last_lookup(struct fs_context *context, struct path_last *last, struct dentry **out_dentry)
{
    switch (last->kind) {
    case PATH_LAST_NAME:
        return lookup_in(last->parent, last->name, last->len, last->hash, last->flags, out_dentry);
    case PATH_LAST_DOTDOT:
        if (!last->root)
            last->root = fs_context_root(context);
        *out_dentry = dentry_parent_get(last->parent, last->root);
        return 0;
    default:
        dentry_get(last->parent);
        *out_dentry = last->parent;
        return 0;
    }
}

int path_last_follow(struct fs_context *context, struct path_last *last, struct inode *link)
{
    struct walk w = {.context = context,
                     .root = last->root,
                     .start = last->start,
                     .at = last->parent,
                     .flags = last->flags,
                     .links = last->links,
                     .trailing = last->trailing,
                     .text = {.hold = last->hold, .owned = last->owned}};
    int err = walk_follow(&w, link);

    if (!err)
        err = walk_to_last(&w);
    if (err)
        *last = (struct path_last){0}; /* everything in it went with the walk */
    else
        last_from_walk(last, &w);
    walk_end(&w);
    return err;
}
