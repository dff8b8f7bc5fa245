/* SPDX-License-Identifier: MIT */
/*
 * The path walk, from a path to a dentry. A path is text with a position in it; a symlink's text is
 * walked before the rest of the path it stands in, which waits on a stack. No recursion: the depth
 * is the user's choice.
 *
 * The walk holds one reference to where it is, and no lock between two steps: each lookup takes the
 * mutex of one directory. So everything may change between two steps. What that can do:
 *   - A name found is removed: the walk goes on in a directory that has gone, whose lookups find
 *     nothing and which takes no entries (dir_enter).
 *   - A directory on the way is moved: the walk goes with it. Each step was right when it was made,
 *     and permission was asked for each. Only a walk that must stay below its start cares, when it
 *     climbs: see may_climb.
 *   - Something is mounted or unmounted: a step sees it or not, as a whole (cross_mounts).
 *   - A symlink is removed while its text is walked: the walk holds its inode.
 * For the same reason what a caller looked up may be different when it acts on it; the operations
 * of the directory look again under its mutex (ramfs.c, ramfs_rename.c).
 *
 * Long because every step works on one state, struct walk, which nothing else may see.
 */
#include "kernel/fs/vfs/path.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/path_rcu.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

/* A path, or the text of a link, from the place that the walk has come to. */
struct walk_text {
    const char *next, *end;
    struct inode *hold; /* keeps the text alive; counted; NULL: it is the caller's */
    char *owned;        /* of LX_PATH_MAX bytes; NULL: in the inode */
};

struct walk {
    struct fs_context *context;
    struct dentry *root;  /* counted; NULL until it is needed */
    struct dentry *start; /* borrowed; for PATH_BENEATH; NULL: the working directory */
    struct dentry *at;    /* counted */
    uint64_t version;     /* of the tree when the walk began: see may_climb */
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

/* Nothing follows, neither here nor in the texts that wait. */
static bool walk_is_last(const struct walk *w)
{
    return w->text.next == w->text.end && w->depth == 0;
}

static void text_drop(struct walk_text *text)
{
    namebuf_free(text->owned, LX_PATH_MAX);
    if (text->hold)
        inode_put(text->hold);
}

/* After success, too: what the caller gets has been taken out of w. */
static void walk_end(struct walk *w)
{
    text_drop(&w->text);
    while (w->depth > 0)
        text_drop(&w->saved[--w->depth]);
    dentry_put(w->at);
    dentry_put(w->root);
}

/* Asked for once: a chroot by another thread meanwhile must not give a walk two roots. */
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
    /* At the beginning of a path w->at is NULL, and nothing is crossed. */
    if ((w->flags & PATH_NO_XDEV) && w->at && dentry_mount(w->at) != dentry_mount(root)) {
        dentry_put(root);
        return -EXDEV;
    }
    walk_go(w, root);
    return 0;
}

/* Whether the step from w->at up to its parent keeps to what the walk may see. A walk that must
 * stay below its start stops at the start when it climbs; but a directory that has been moved out
 * of it meanwhile climbs past. So no directory may have moved since the walk began: what it
 * descended into was below the start then, and is now. Looked at after the parent was taken: a
 * later move changes nothing about this step. */
static int may_climb(const struct walk *w, const struct dentry *parent)
{
    if ((w->flags & PATH_NO_XDEV) && dentry_mount(parent) != dentry_mount(w->at))
        return -EXDEV;
    if ((w->flags & (PATH_BENEATH | PATH_IN_ROOT)) && w->version != dentry_tree_version())
        return -EAGAIN;
    return 0;
}

static int walk_go_parent(struct walk *w)
{
    struct dentry *parent;
    int err;

    /* RESOLVE_BENEATH refuses to leave the start; with RESOLVE_IN_ROOT the start is the root, whose
     * parent is itself. */
    if ((w->flags & PATH_BENEATH) && vfs_path_same(dentry_to_path(w->at), dentry_to_path(w->start)))
        return -EXDEV;
    err = dentry_parent_get(w->at, walk_root(w), &parent);
    if (err)
        return err;
    err = may_climb(w, parent);
    if (err)
        dentry_put(parent);
    else
        walk_go(w, parent);
    return err;
}

/* The reference to the place becomes one to the root of what is mounted on it. */
static NOINLINE int cross_mounts(struct dentry **place, unsigned flags)
{
    int err = 0;

    while (!err && dentry_real(*place)->mounted) {
        struct vfs_path path = dentry_to_path(*place);
        struct mount *mounted;

        spin_lock(&fs_tree_lock);
        mounted = mount_on(path.mount, path.dentry);
        if (mounted) {
            path = mount_enter_locked(mounted);
            vfs_path_get(path);
        }
        spin_unlock(&fs_tree_lock);
        if (!mounted)
            break; /* unmounted at this very moment, or only elsewhere */
        dentry_put(*place);
        err = vfs_path_place(path, place);
        if (!err && (flags & PATH_NO_XDEV)) {
            dentry_put(*place);
            err = -EXDEV;
        }
        sched_preempt_point(); /* they may lie on each other in any number */
    }
    return err;
}

static int lookup_in(struct dentry *dir, const char *name, size_t len, uint32_t hash,
                     unsigned flags, struct dentry **out_dentry)
{
    bool mounted;
    int err;

    /* Not when the name is parsed: whether the directory may be searched is asked before. */
    if (len > LX_NAME_MAX)
        return -ENAMETOOLONG;
    err = dir->inode->ops->lookup(dentry_real(dir), name, len, hash, out_dentry);
    if (err)
        return err;
    mounted = (*out_dentry)->mounted;
    err = dentry_place_entry(dir, out_dentry);
    return unlikely(mounted && !err) ? cross_mounts(out_dentry, flags) : err;
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
    /* Such a text may be another at each reading (/proc/self): it is taken once. */
    text->owned = namebuf_alloc(LX_PATH_MAX);
    if (!text->owned)
        return -ENOMEM;
    len = inode->ops->readlink(inode, text->owned, LX_PATH_MAX);
    if (len < 0 || len > LX_PATH_MAX) {
        namebuf_free(text->owned, LX_PATH_MAX);
        return len < 0 ? (int)len : -ENAMETOOLONG;
    }
    text->next = text->owned;
    text->end = text->owned + len;
    return 0;
}

static int walk_magic_link(struct walk *w, struct inode *link)
{
    struct dentry *target;
    int err;

    /* It leads to wherever the object is: whether that is below the start is unknown. */
    if (w->flags & (PATH_NO_MAGIC | PATH_BENEATH | PATH_IN_ROOT))
        return w->flags & PATH_NO_MAGIC ? -ELOOP : -EXDEV;
    err = link->ops->magic_link(link, &target);
    if (err)
        return err;
    if ((w->flags & PATH_NO_XDEV) && dentry_mount(target) != dentry_mount(w->at)) {
        dentry_put(target);
        return -EXDEV;
    }
    walk_go(w, target);
    return 0;
}

/* In a sticky directory that all may write, a link at the end of a path leads on only if its owner
 * is also the follower, or owns the directory: no link of another user leads astray in /tmp. As
 * Debian's Linux.
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
    /* Links on the way are followed, of any owner, as with Linux's protected_symlinks. */
    err = walk_is_last(w) ? may_follow_last(w, link) : 0;
    if (err)
        return err;
    inode_touch_atime(link);
    if (unlikely(dentry_mount(w->at)->flags & LX_MS_NOSYMFOLLOW))
        return -ELOOP;
    sched_preempt_point(); /* forty links of 4,096 bytes are a long way */
    if (link->ops->magic_link)
        return walk_magic_link(w, link);
    if (link->ops->keeps_text) {
        text.next = inode_symlink(link)->text;
        text.end = text.next + link->size;
    } else {
        err = text_generate(link, &text);
        if (err)
            return err;
    }
    /* The caller puts the link's dentry; the text needs the inode. */
    inode_get(link);
    text.hold = link;
    /* A text that is used up need not wait: a chain of links at the ends of links, forty at most,
     * takes no room on the stack. */
    if (w->text.next < w->text.end) {
        ASSERT(w->depth < LX_SYMLOOP_MAX);
        w->saved[w->depth++] = w->text;
    } else {
        text_drop(&w->text);
    }
    w->text = text;
    if (text.next == text.end)
        return -ENOENT; /* a link cannot be made empty; one of procfs may be */
    return *text.next == '/' ? walk_go_root(w) : 0;
}

/* Back to the texts in which the links stood, as far as these have something left. */
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
    /* One pass finds the end and the hash. */
    for (; at < end && *at != '/'; at++)
        hash = dentry_hash_byte(hash, *at);
    w->len = (size_t)(at - w->name);
    w->hash = hash;
    w->text.next = skip_slashes(at, end);
    /* Slashes behind the very last component, even one in a link's text, ask for a directory. */
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
static int walk_step(struct walk *w)
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
        err = may_search(w); /* also for the last one: looking a name up is searching */
        if (err || walk_is_last(w))
            return err;
        err = walk_step(w);
        if (err)
            return err;
    }
}

static int path_walk_begin(struct walk *w, struct fs_context *context, struct dentry *start,
                           const char *path, unsigned flags)
{
    w->context = context;
    w->root = w->at = NULL;
    w->start = start;
    w->version = dentry_tree_version();
    w->flags = flags;
    w->links = 0;
    w->trailing = false;
    w->depth = 0;
    w->text = (struct walk_text){.next = path, .end = path + strlen(path)};

    /* The version before the start is used: what moves from now on is noticed. The start is the
     * root of such a walk, also of one that stops there only when it would leave. */
    if (flags & (PATH_IN_ROOT | PATH_BENEATH)) {
        struct dentry *base = start ? start : fs_context_cwd(context);
        if (start)
            dentry_get(start);
        w->start = w->root = base;
        if (flags & PATH_BENEATH)
            w->start = base;
    }
    /* AT_EMPTY_PATH: the start itself. */
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
    /* "name/" is a directory, or an error. */
    if ((w->trailing || (w->flags & PATH_DIRECTORY)) && !is_type(w->at, LX_S_IFDIR))
        return -ENOTDIR;
    return 0;
}

int path_walk(struct fs_context *context, struct dentry *start, const char *path, unsigned flags,
              struct dentry **out_dentry)
{
    struct walk w;
    int err = path_walk_rcu(context, start, path, flags, out_dentry);

    /* Nearly always the walk without locks has the answer. Where it met something that it cannot
     * decide, all begins anew here. */
    if (likely(err != -EAGAIN))
        return err;
    err = path_walk_begin(&w, context, start, path, flags);
    if (!err)
        err = walk_whole(&w);
    if (!err) {
        *out_dentry = w.at;
        /* The walk's reference is the caller's from here on. */
        w.at = NULL;
    }
    walk_end(&w);
    return err;
}

int path_look(struct fs_context *context, struct dentry *start, const char *path, unsigned flags,
              const struct path_look *look)
{
    struct dentry *dentry;
    int err = path_look_rcu(context, start, path, flags, look);

    if (likely(err != -EAGAIN))
        return err;
    err = path_walk(context, start, path, flags, &dentry);
    if (err)
        return err;
    look->fill(dentry->inode, look->result);
    dentry_put(dentry);
    return 0;
}

/* --- the parent of the last component --- */

/* Hands over what the walk holds; walk_end then has little left to do. */
static void last_from_walk(struct path_last *last, struct walk *w)
{
    last->place = w->at;
    last->parent = dentry_real(w->at);
    last->name = w->name;
    last->len = w->kind == PATH_LAST_ROOT ? 0 : w->len;
    last->hash = w->hash;
    last->kind = (uint8_t)w->kind;
    last->trailing = w->trailing;
    /* The count goes on, so that a chain of links has one bound over all tries. */
    last->links = w->links;
    last->flags = w->flags;
    last->root = w->root;
    last->start = w->start;
    last->version = w->version;
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
    int err = path_walk_parent_rcu(context, start, path, flags, out_last);

    if (likely(err != -EAGAIN))
        return err;
    err = path_walk_begin(&w, context, start, path, flags);
    if (!err)
        err = walk_to_last(&w);
    if (!err)
        last_from_walk(out_last, &w);
    walk_end(&w);
    return err;
}

void path_last_put(struct path_last *last)
{
    namebuf_free(last->owned, LX_PATH_MAX);
    if (last->hold)
        inode_put(last->hold);
    dentry_put(last->place);
    dentry_put(last->root);
}

/* The name itself, not what is mounted there or a link leads to: for calls that change names. */
int path_last_entry(struct path_last *last, struct dentry **out_dentry)
{
    if (last->len > LX_NAME_MAX)
        return -ENAMETOOLONG;
    return last->parent->inode->ops->lookup(last->parent, last->name, last->len, last->hash,
                                            out_dentry);
}

static int last_lookup_parent(struct fs_context *context, struct path_last *last,
                              struct dentry **out_dentry)
{
    struct walk w = {.context = context,
                     .root = last->root,
                     .start = last->start,
                     .at = last->place,
                     .version = last->version,
                     .flags = last->flags};
    int err;

    dentry_get(last->place); /* the walk's, and what is found instead */
    err = walk_go_parent(&w);
    /* Counted, and kept: it may have been asked for only now. */
    last->root = w.root;
    if (err)
        dentry_put(w.at);
    else
        *out_dentry = w.at;
    return err;
}

int path_last_lookup(struct fs_context *context, struct path_last *last, struct dentry **out_dentry)
{
    switch (last->kind) {
    case PATH_LAST_NAME:
        return lookup_in(last->place, last->name, last->len, last->hash, last->flags, out_dentry);
    case PATH_LAST_DOTDOT:
        return last_lookup_parent(context, last, out_dentry);
    /* PATH_LAST_ROOT and PATH_LAST_DOT: the parent is what is meant. */
    default:
        dentry_get(last->place);
        *out_dentry = last->place;
        return 0;
    }
}

/* The walk takes over what `last` holds, and gives it back with a new last component. */
int path_last_follow(struct fs_context *context, struct path_last *last, struct inode *link)
{
    struct walk w = {.context = context,
                     .root = last->root,
                     .start = last->start,
                     .at = last->place,
                     .version = last->version,
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
