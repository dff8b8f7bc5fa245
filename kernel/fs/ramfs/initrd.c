/* SPDX-License-Identifier: MIT */
/*
 * Fills the root file system from the archive, one entry after the other.
 *
 * The archive is read with lib/cpio, which keeps inside it; what an entry asks for is checked here.
 * The first entry that cannot be right ends the filling, with its name and the reason in the
 * report: half a root would fail later, and less clearly.
 *
 * Contents are not copied: pages of a file are those of the archive where they are aligned, and are
 * copied at their first access where they are not (page_cache.c). Link texts stay in it, too.
 *
 * As with Linux's initramfs a later entry replaces an earlier one of the same name, except that
 * directories are merged; and entries with one device and inode number are names of one file, any
 * of which may bring the contents. All of this is done by one thread before there are programs, so
 * attributes are set without locks. Limits come after the filling.
 */
#include "kernel/fs/ramfs/initrd.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/cpio.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* One file with several names, while the archive is read. There may be thousands: a tree. */
struct hard_link {
    struct rb_node node;
    uint64_t device;
    uint32_t ino;
    struct inode *inode; /* counted */
};

/* On the heap: two names of the archive are too large for a stack. */
struct populate {
    struct initrd_report *report;
    struct fs_context *context;
    struct rb_tree hard_links;
    struct dentry *dir; /* of the entry before: counted; most entries lie where it did */
    size_t dir_len;
    struct cpio_entry entry;
    char dir_path[CPIO_NAME_SIZE];
    char name_buffer[CPIO_NAME_SIZE];
};

/* Returns the error as it is; the report gets the entry's name with it. */
static COLD int initrd_fault(struct populate *p, int err, const char *what)
{
    if (err == -ENOMEM)
        what = "there is no memory for it";
    fmt_print(p->report->fault, sizeof(p->report->fault), "entry %.80s: %s", p->entry.name, what);
    return err;
}

/* --- files with several names --- */

static int compare_link(const struct hard_link *link, uint64_t device, uint32_t ino)
{
    if (link->device != device)
        return link->device < device ? -1 : 1;
    return link->ino == ino ? 0 : link->ino < ino ? -1 : 1;
}

/* The file that an earlier entry made, or a new record for this one. */
static int hard_link_get(struct populate *p, struct hard_link **out_link)
{
    uint64_t device = (uint64_t)p->entry.dev_major << 32 | p->entry.dev_minor;
    struct rb_node **at = &p->hard_links.root, *parent = NULL;
    struct hard_link *link;

    while (*at) {
        int order;

        link = rb_entry(*at, struct hard_link, node);
        order = compare_link(link, device, p->entry.ino);
        if (order == 0) {
            *out_link = link;
            return 0;
        }
        parent = *at;
        at = order > 0 ? &parent->left : &parent->right;
    }
    link = kzalloc(sizeof(*link));
    if (!link)
        return -ENOMEM;
    link->device = device;
    link->ino = p->entry.ino;
    rb_insert(&p->hard_links, &link->node, parent, at);
    *out_link = link;
    return 0;
}

/* The records only: the files live on by their names. */
static void hard_links_free(struct populate *p)
{
    struct rb_node *node;

    while ((node = p->hard_links.root) != NULL) {
        struct hard_link *link = rb_entry(node, struct hard_link, node);
        rb_erase(&p->hard_links, node);
        if (link->inode)
            inode_put(link->inode);
        kfree(link);
    }
}

/* --- one entry --- */

/* The archive has one time only: ctime is that of the filling, as if programs had made it. */
static void initrd_set_attributes(struct inode *inode, const struct cpio_entry *entry)
{
    inode->mode = (inode->mode & LX_S_IFMT) | (entry->mode & LX_S_IALL);
    inode->uid = entry->uid;
    inode->gid = entry->gid;
    inode->atime = inode->mtime = (struct fs_time){.sec = entry->mtime};
}

static void initrd_set_data(struct populate *p, struct inode *inode)
{
    const struct cpio_entry *entry = &p->entry;

    /* Another name of the file may have brought contents before: the later ones count. */
    page_cache_truncate(&inode->map, 0);
    page_cache_set_archive(&inode->map, entry->data, entry->size);
    inode->size = entry->size;
    /* Its pages can be mapped where they lie, without a copy. */
    if (IS_ALIGNED((uint64_t)entry->data, PAGE_SIZE))
        p->report->nbytes_in_place += entry->size;
}

static int initrd_set_link_text(struct populate *p, struct inode *inode)
{
    const struct cpio_entry *entry = &p->entry;

    if (entry->size == 0 || entry->size >= LX_PATH_MAX)
        return initrd_fault(p, -EINVAL, "a symbolic link must have a target of 1 to 4095 bytes");
    /* A walk would see all of it, readlink(2)'s callers only what comes before. */
    if (memchr(entry->data, '\0', entry->size))
        return initrd_fault(p, -EINVAL, "the target of a symbolic link contains a NUL byte");
    /* Used where it lies: the archive stays in memory. */
    return ramfs_link_set_text(inode, entry->data, entry->size, true);
}

static COLD int initrd_make_inode(struct populate *p, struct inode **out_inode)
{
    const struct cpio_entry *entry = &p->entry;
    uint32_t type = entry->mode & LX_S_IFMT;
    uint64_t device = 0;
    struct inode *inode;
    int err;

    if (type != LX_S_IFREG && type != LX_S_IFDIR && type != LX_S_IFLNK && type != LX_S_IFCHR &&
        type != LX_S_IFBLK && type != LX_S_IFIFO && type != LX_S_IFSOCK)
        return initrd_fault(p, -EINVAL, "its mode names no type of file");
    if (type == LX_S_IFCHR || type == LX_S_IFBLK)
        device = DEVICE(entry->rdev_major, entry->rdev_minor);
    err = ramfs_inode_create(mount_root()->inode->super, entry->mode, device, NULL, &inode);
    if (err)
        return initrd_fault(p, err, "");
    if (type == LX_S_IFLNK)
        err = initrd_set_link_text(p, inode);
    if (err) {
        inode->nlink = 1;
        inode_unlink(inode);
        inode_put(inode);
        return err;
    }
    if (type == LX_S_IFREG)
        initrd_set_data(p, inode);
    initrd_set_attributes(inode, entry);
    *out_inode = inode;
    return 0;
}

/* The inode for the entry, with its link counted: a new one, or that of an earlier name. */
static int find_or_make_inode(struct populate *p, struct inode **out_inode)
{
    const struct cpio_entry *entry = &p->entry;
    struct hard_link *link;
    int err;

    /* The count is the only mark of a hard link; a directory's is about its subdirectories. */
    if (entry->nlink < 2 || (entry->mode & LX_S_IFMT) == LX_S_IFDIR)
        return initrd_make_inode(p, out_inode);
    err = hard_link_get(p, &link);
    if (err)
        return initrd_fault(p, err, "");
    if (!link->inode) {
        err = initrd_make_inode(p, &link->inode);
        if (err)
            return err;
    } else {
        if ((link->inode->mode ^ entry->mode) & LX_S_IFMT)
            return initrd_fault(p, -EINVAL, "another name of the same file has another type");
        /* Every name but the first is charged, as those that link(2) makes are. */
        err = ramfs_charge(link->inode->super, NULL);
        if (err)
            return initrd_fault(p, err, "");
        inode_link(link->inode);
        if ((entry->mode & LX_S_IFMT) == LX_S_IFREG && entry->size > 0)
            initrd_set_data(p, link->inode);
    }
    inode_get(link->inode);
    *out_inode = link->inode;
    return 0;
}

/* A later entry wins: directories are merged, anything else is replaced. */
static int initrd_make_room(struct populate *p, struct dentry *dir, const char *name, size_t len,
                            bool *out_merged)
{
    bool directory = (p->entry.mode & LX_S_IFMT) == LX_S_IFDIR;
    struct dentry *old;
    bool old_directory;
    int err = dir->inode->ops->lookup(dir, name, len, dentry_hash(name, len), &old);

    *out_merged = false;
    if (err)
        return err == -ENOENT ? 0 : initrd_fault(p, err, "");
    old_directory = (old->inode->mode & LX_S_IFMT) == LX_S_IFDIR;
    if (directory && old_directory) {
        initrd_set_attributes(old->inode, &p->entry);
        *out_merged = true;
    } else {
        /* An empty directory is replaced, too; what is in a full one is not lost in silence. */
        err = ramfs_unlink(&(struct dir_place){dir, old, NULL, 0, 0}, old_directory);
        if (err)
            err = initrd_fault(p, -EINVAL, "a directory that is not empty is in its place");
    }
    dentry_put(old);
    return err;
}

/* The directory's own times came with its entry: names that are added do not count as changes. */
static int initrd_add_name(struct dentry *dir, const char *name, size_t len, struct inode *inode)
{
    struct fs_time mtime = dir->inode->mtime;
    int err = ramfs_add(dir, name, len, inode, NULL);

    dir->inode->mtime = mtime;
    return err;
}

/* Nearly every name is new: only when it turns out not to be is the old one looked at. */
static int initrd_add_entry(struct populate *p, struct dentry *dir, const char *name, size_t len)
{
    struct inode *inode;
    bool merged = false;
    int err;

    if (len > LX_NAME_MAX)
        return initrd_fault(p, -EINVAL, "its name is longer than 255 bytes");
    err = find_or_make_inode(p, &inode);
    if (err)
        return err;
    err = initrd_add_name(dir, name, len, inode);
    if (err == -EEXIST) {
        err = initrd_make_room(p, dir, name, len, &merged);
        if (!err && !merged)
            err = initrd_add_name(dir, name, len, inode);
    }
    /* It has no name after all, so the link that it was counted with goes. */
    if (err || merged)
        ramfs_drop_links(inode);
    inode_put(inode);
    return err && !p->report->fault[0] ? initrd_fault(p, err, "its name cannot be added") : err;
}

/* The directory of an entry whose name has dir_len bytes before its last slash. */
static int initrd_enter_directory(struct populate *p, size_t dir_len)
{
    struct dentry *dir;
    int err;

    if (p->dir && dir_len == p->dir_len && memcmp(p->dir_path, p->entry.name, dir_len) == 0)
        return 0;
    /* A string of its own for the walk: the name goes on behind the slash. */
    memcpy(p->dir_path, p->entry.name, dir_len);
    p->dir_path[dir_len] = '\0';
    p->dir_len = dir_len;
    /* Through symlinks, which earlier entries made, as Linux does. */
    err = path_walk(p->context, NULL, dir_len ? p->dir_path : "/", PATH_FOLLOW | PATH_DIRECTORY,
                    &dir);
    if (err)
        return initrd_fault(p, err == -ENOMEM ? err : -EINVAL,
                            "the directory it lies in is not in the archive before it");
    dentry_put(p->dir);
    p->dir = dir;
    return 0;
}

static int add_cpio_entry(struct populate *p)
{
    const char *name = p->entry.name;
    const char *slash = strrchr(name, '/');
    size_t dir_len = slash ? (size_t)(slash - name) : 0;
    size_t skip = slash ? dir_len + 1 : 0;
    int err;

    p->report->nentries++;
    /* The root itself, of which the archive gives the attributes only. */
    if (p->entry.name_length == 0) {
        if ((p->entry.mode & LX_S_IFMT) != LX_S_IFDIR)
            return initrd_fault(p, -EINVAL, "the root must be a directory");
        initrd_set_attributes(mount_root()->inode, &p->entry);
        return 0;
    }
    err = initrd_enter_directory(p, dir_len);
    return err ? err : initrd_add_entry(p, p->dir, name + skip, p->entry.name_length - skip);
}

/* --- the whole --- */

static int initrd_add_all(struct populate *p, const void *archive, size_t nbytes)
{
    struct cpio_reader reader;
    int more, err = 0;

    cpio_init(&reader, archive, nbytes, p->name_buffer);
    while ((more = cpio_next(&reader, &p->entry)) > 0 && !err)
        err = add_cpio_entry(p);
    /* The archive itself is damaged: no entry can be named, but the place can. */
    if (more < 0 && !err) {
        fmt_print(p->report->fault, sizeof(p->report->fault), "byte %llu of the archive: %s",
                  (unsigned long long)reader.position, reader.reason);
        err = -EINVAL;
    }
    return err;
}

/* What every program may rely on. */
static int add_standard_directories(struct fs_context *context)
{
    static const struct {
        const char *path;
        uint32_t mode;
    } wanted[] = {{"/dev", 0755}, {"/proc", 0555}, {"/tmp", 01777}};
    int err = 0;

    /* The modes are meant as they stand. */
    __atomic_store_n(&context->place->umask, 0, __ATOMIC_RELAXED);
    for (size_t i = 0; i < ARRAY_SIZE(wanted) && (!err || err == -EEXIST); i++)
        err = fs_mkdir(context, NULL, wanted[i].path, wanted[i].mode);
    return err == -EEXIST ? 0 : err;
}

COLD int initrd_populate(const void *archive, size_t nbytes, struct initrd_report *report)
{
    struct populate *p = kzalloc(sizeof(*p));
    int err;

    *report = (struct initrd_report){0};
    if (!p)
        return -ENOMEM;
    p->report = report;
    err = fs_context_create(&p->context);
    if (!err) {
        err = initrd_add_all(p, archive, nbytes);
        if (!err)
            err = add_standard_directories(p->context);
        /* After the filling: the archive may hold more than programs may add. */
        ramfs_set_default_limits(mount_root()->inode->super, true);
        hard_links_free(p);
        dentry_put(p->dir);
        fs_context_destroy(p->context);
    }
    if (err && report->fault[0] == '\0')
        fmt_print(report->fault, sizeof(report->fault), "error %d while the root was filled", -err);
    kfree(p);
    return err;
}
