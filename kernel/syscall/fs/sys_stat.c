/* SPDX-License-Identifier: MIT */
/*
 * What a file is: stat and its family, access, statfs.
 *
 * The fields of an inode are read one by one without its lock, as on Linux: a change that goes on
 * meanwhile may show in some of them. Files whose contents are made on reading (/proc) refresh
 * their fields before that.
 *
 * access asks for the real user, all other calls for the effective one: a copy of the caller's
 * context with other ids is used for the walk and the check, and nothing of the task is changed.
 *
 * Blocks are of 512 bytes (stat(2)), and count the pages that exist: a sparse file has few.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/task.h"
#include "kernel/sched/rcu.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define SECTORS_PER_PAGE (PAGE_SIZE / 512)
#define FLAGS_OF_MOUNT   0xc1fu /* ST_* that are the MS_* of mount(2) */
#define ST_NOSYMFOLLOW   0x2000

/* Only regular files have a page map. */
static bool is_regular(const struct inode *inode)
{
    return (inode->mode & LX_S_IFMT) == LX_S_IFREG;
}

static uint64_t blocks_of(const struct inode *inode)
{
    return is_regular(inode) ? inode->map.npages * SECTORS_PER_PAGE : 0;
}

/* Each field is one load, of whatever state: all of them together may be of several, as on Linux.
 * A lock would make all readers of one file wait for each other. */
static void stat_fill(struct inode *inode, struct lx_stat *st)
{
    if (inode->ops->refresh)
        inode->ops->refresh(inode);
    *st = (struct lx_stat){
        .st_dev = inode->super->device,
        .st_ino = inode->ino,
        .st_nlink = __atomic_load_n(&inode->nlink, __ATOMIC_RELAXED),
        .st_mode = inode->mode,
        .st_uid = inode->uid,
        .st_gid = inode->gid,
        .st_rdev = inode->device,
        .st_size = (int64_t)inode_size(inode),
        .st_blksize = PAGE_SIZE,
        .st_blocks = (int64_t)blocks_of(inode),
        .st_atime_sec = inode->atime.sec,
        .st_atime_nsec = inode->atime.nsec,
        .st_mtime_sec = inode->mtime.sec,
        .st_mtime_nsec = inode->mtime.nsec,
        .st_ctime_sec = inode->ctime.sec,
        .st_ctime_nsec = inode->ctime.nsec,
    };
}

static int64_t stat_to_user(struct inode *inode, struct uptr result)
{
    struct lx_stat st;

    stat_fill(inode, &st);
    return vm_user_write(result, &st, sizeof(st));
}

/* Also for O_PATH descriptors, as since Linux 3.6. */
int64_t sys_fstat(struct task *self, int fd, struct uptr result)
{
    struct fd_ref ref = fd_find_any(self->files, fd);
    int64_t err;

    if (!ref.file)
        return -EBADF;
    err = stat_to_user(ref.file->inode, result);
    fd_ref_put(ref);
    return err;
}

/* From AT_* to PATH_*; the calls have checked that no other bit is set. */
static unsigned walk_flags(int flags)
{
    return (flags & LX_AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW) |
           (flags & LX_AT_EMPTY_PATH ? PATH_EMPTY : 0);
}

/* For user_look. */
static void stat_fill_any(struct inode *inode, void *st)
{
    stat_fill(inode, st);
}

/* Without AT_EMPTY_PATH: this call is frequent, and needs no reference to what it looks at. */
static int64_t stat_path(struct task *self, int dirfd, struct uptr path, struct uptr result,
                         unsigned walk)
{
    struct lx_stat st;
    const struct path_look look = {stat_fill_any, &st};
    int err = user_look(self, dirfd, path, walk, &look);

    return err ? err : vm_user_write(result, &st, sizeof(st));
}

/* Honoured: SYMLINK_NOFOLLOW, EMPTY_PATH; NO_AUTOMOUNT means nothing here. */
int64_t sys_newfstatat(struct task *self, int dirfd, struct uptr path, struct uptr result,
                       int flags)
{
    struct inode *inode;
    int64_t err;

    if (flags &
        ~(LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH | LX_AT_STATX_SYNC_TYPE))
        return -EINVAL;
    if (!(flags & LX_AT_EMPTY_PATH))
        return stat_path(self, dirfd, path, result, walk_flags(flags));
    /* An empty path: the descriptor itself, also of a file without a name. */
    err = user_walk_inode(self, dirfd, path, walk_flags(flags), &inode);
    if (err)
        return err;
    err = stat_to_user(inode, result);
    inode_put(inode);
    return err;
}

int64_t sys_stat(struct task *self, struct uptr path, struct uptr result)
{
    return stat_path(self, LX_AT_FDCWD, path, result, PATH_FOLLOW);
}

int64_t sys_lstat(struct task *self, struct uptr path, struct uptr result)
{
    return stat_path(self, LX_AT_FDCWD, path, result, 0);
}

/* Times before 1970 have negative seconds, and nanoseconds from 0 up all the same. */
static struct lx_statx_time statx_time(struct fs_time time)
{
    return (struct lx_statx_time){.tv_sec = time.sec, .tv_nsec = time.nsec};
}

/* Linux's encoding of device numbers: minor bits 0-7 and 20-31, major bits 8-19 (kdev_t.h,
 * new_encode_dev). */
static uint32_t device_major(uint64_t device)
{
    return (device >> 8) & 0xfff;
}

static uint32_t device_minor(uint64_t device)
{
    return (device & 0xff) | ((device >> 12) & 0xfff00);
}

/* A file without a name is in its file system's first mount. */
static void statx_fill(struct inode *inode, struct dentry *dentry, struct lx_statx *sx)
{
    const struct mount *mount = dentry ? dentry_mount(dentry) : &inode->super->home;

    if (inode->ops->refresh)
        inode->ops->refresh(inode);
    *sx = (struct lx_statx){
        .stx_mask = LX_STATX_BASIC_STATS | LX_STATX_BTIME | LX_STATX_MNT_ID,
        .stx_blksize = PAGE_SIZE,
        .stx_attributes_mask = LX_STATX_ATTR_MOUNT_ROOT,
        .stx_nlink = __atomic_load_n(&inode->nlink, __ATOMIC_RELAXED),
        .stx_uid = inode->uid,
        .stx_gid = inode->gid,
        .stx_mode = (uint16_t)inode->mode,
        .stx_ino = inode->ino,
        .stx_size = inode_size(inode),
        .stx_blocks = blocks_of(inode),
        .stx_atime = statx_time(inode->atime),
        .stx_btime = statx_time(inode->btime),
        .stx_ctime = statx_time(inode->ctime),
        .stx_mtime = statx_time(inode->mtime),
        .stx_rdev_major = device_major(inode->device),
        .stx_rdev_minor = device_minor(inode->device),
        .stx_dev_major = device_major(inode->super->device),
        .stx_dev_minor = device_minor(inode->super->device),
        .stx_mnt_id = mount->id,
    };
    if (dentry && dentry_real(dentry) == mount->root)
        sx->stx_attributes |= LX_STATX_ATTR_MOUNT_ROOT;
}

/* Honoured: SYMLINK_NOFOLLOW, EMPTY_PATH. All that is known is always given, as the mask allows. */
COLD int64_t sys_statx(struct task *self, int dirfd, struct uptr path, unsigned flags,
                       unsigned mask, struct uptr result)
{
    struct user_object object;
    struct lx_statx sx;
    int err;

    if ((mask & LX_STATX_RESERVED) || (flags & LX_AT_STATX_SYNC_TYPE) == LX_AT_STATX_SYNC_TYPE ||
        (flags & ~(unsigned)(LX_AT_SYMLINK_NOFOLLOW | LX_AT_NO_AUTOMOUNT | LX_AT_EMPTY_PATH |
                             LX_AT_STATX_SYNC_TYPE)))
        return -EINVAL;
    err = user_walk_object(self, dirfd, path, walk_flags((int)flags), &object);
    if (err)
        return err;
    statx_fill(object.inode, object.dentry, &sx);
    user_object_put(&object);
    return vm_user_write(result, &sx, sizeof(sx));
}

/* --- access --- */

/* What the real user could do: a context like the task's own but for the user, and for what that
 * one can use of its capabilities. */
static struct fs_context real_user(const struct fs_context *context)
{
    struct fs_context real = *context;

    real.cred.fsuid = real.cred.uid;
    real.cred.fsgid = real.cred.gid;
    if (!(real.cred.securebits & LX_SECBIT_NO_SETUID_FIXUP))
        real.cred.effective = real.cred.uid ? 0 : real.cred.permitted;
    return real;
}

/* Mode 0 (F_OK) asks for existence alone. A file on a noexec mount cannot be executed whatever its
 * mode says. */
static int access_check(const struct fs_context *context, const struct user_object *object,
                        unsigned access)
{
    const struct inode *inode = object->inode;
    const struct mount *mount = object->dentry ? dentry_mount(object->dentry) : &inode->super->home;
    uint32_t type = inode->mode & LX_S_IFMT;
    int err = access ? inode_permission(inode, &context->cred, access) : 0;

    if ((access & INODE_EXEC) && type == LX_S_IFREG && (mount->flags & LX_MS_NOEXEC))
        return -EACCES;
    /* After the permissions, as on Linux, where it is not the file system as a whole. */
    if (!err && (access & INODE_WRITE) && (type == LX_S_IFREG || type == LX_S_IFDIR))
        err = dentry_check_writable(object->dentry);
    return err;
}

static int access_walk(struct task *self, struct fs_context *context, int dirfd, const char *path,
                       unsigned flags, unsigned access)
{
    struct path_start start;
    struct dentry *dentry;
    int err = path_start_get(self, dirfd, path, &start);

    if (err)
        return err;
    err = path_walk(context, start.dentry, path, flags, &dentry);
    path_start_put(&start);
    if (err)
        return err;
    err = access_check(context, &(struct user_object){dentry, dentry->inode}, access);
    dentry_put(dentry);
    return err;
}

/* AT_EMPTY_PATH: the descriptor itself, which may be of a file without a name. */
static int access_of_fd(struct task *self, const struct fs_context *context, int fd,
                        unsigned access)
{
    struct fd_ref ref = fd_find_any(self->files, fd);
    int err = -EBADF;

    if (ref.file)
        err =
            access_check(context, &(struct user_object){ref.file->dentry, ref.file->inode}, access);
    fd_ref_put(ref);
    return err;
}

/* Honoured: EACCESS, SYMLINK_NOFOLLOW, EMPTY_PATH. */
int64_t sys_faccessat2(struct task *self, int dirfd, struct uptr from, int mode, int flags)
{
    struct fs_context context = flags & LX_AT_EACCESS ? *self->fs : real_user(self->fs);
    struct user_path path;
    int err;

    if ((mode & ~(LX_R_OK | LX_W_OK | LX_X_OK)) ||
        (flags & ~(LX_AT_EACCESS | LX_AT_SYMLINK_NOFOLLOW | LX_AT_EMPTY_PATH)))
        return -EINVAL;
    err = user_path_get(&path, from);
    if (err)
        return err;
    if (path.text[0] == '\0' && !(flags & LX_AT_EMPTY_PATH))
        err = -ENOENT;
    else if (path.text[0] == '\0' && dirfd != LX_AT_FDCWD)
        err = access_of_fd(self, &context, dirfd, (unsigned)mode);
    else
        err = access_walk(self, &context, dirfd, path.text, walk_flags(flags), (unsigned)mode);
    user_path_put(&path);
    return err;
}

int64_t sys_faccessat(struct task *self, int dirfd, struct uptr path, int mode)
{
    return sys_faccessat2(self, dirfd, path, mode, 0);
}

int64_t sys_access(struct task *self, struct uptr path, int mode)
{
    return sys_faccessat2(self, LX_AT_FDCWD, path, mode, 0);
}

/* --- statfs --- */

static uint64_t free_blocks(const struct super_block *super)
{
    uint64_t max = super->quota.max;

    return max ? max - MIN(super->quota.used, max) : pmm_free_count();
}

static uint64_t free_inodes(const struct super_block *super)
{
    return super->inodes_max - MIN(super->ninodes, super->inodes_max);
}

/* tmpfs without a limit shows all memory as its size; file systems without storage of their own
 * show zeroes, as on Linux. */
static COLD int64_t statfs_to_user(const struct mount *mount, struct uptr result)
{
    const struct super_block *super = mount->super;
    uint64_t nblocks = super->quota.max ? super->quota.max : pmm_total_count();
    uint64_t nfree = free_blocks(super);
    /* Of the file systems here only tmpfs counts blocks and inodes. */
    bool sized = super->magic == LX_TMPFS_MAGIC;
    struct lx_statfs st = {
        .f_type = (int64_t)super->magic,
        .f_bsize = PAGE_SIZE,
        .f_blocks = sized ? nblocks : 0,
        .f_bfree = sized ? nfree : 0,
        .f_bavail = sized ? nfree : 0,
        .f_files = sized ? super->inodes_max : 0,
        .f_ffree = sized ? free_inodes(super) : 0,
        .f_namelen = LX_NAME_MAX,
        .f_frsize = PAGE_SIZE,
        .f_flags = LX_ST_VALID | ((mount->flags | super->readonly) & FLAGS_OF_MOUNT) |
                   (mount->flags & LX_MS_NOSYMFOLLOW ? ST_NOSYMFOLLOW : 0) |
                   (mount->flags & (LX_MS_NOATIME | LX_MS_STRICTATIME) ? 0 : LX_ST_RELATIME),
    };

    return vm_user_write(result, &st, sizeof(st));
}

int64_t sys_statfs(struct task *self, struct uptr path, struct uptr result)
{
    struct dentry *dentry;
    int64_t err = user_walk(self, LX_AT_FDCWD, path, PATH_FOLLOW, &dentry);

    if (err)
        return err;
    err = statfs_to_user(dentry_mount(dentry), result);
    dentry_put(dentry);
    return err;
}

int64_t sys_fstatfs(struct task *self, int fd, struct uptr result)
{
    struct fd_ref ref = fd_find_any(self->files, fd);
    int64_t err;

    if (!ref.file)
        return -EBADF;
    err = statfs_to_user(file_mount(ref.file), result);
    fd_ref_put(ref);
    return err;
}

/* What a mounted file system has free, by its device number. It has neither a name nor a pack. */
COLD int64_t sys_ustat(struct task *self, unsigned device, struct uptr result)
{
    struct lx_ustat answer = {.nblocks = 0};
    struct dentry *root = fs_context_root(self->fs);
    uint32_t id = 0;
    bool found;

    do {
        const struct mount *mount;

        rcu_read_lock();
        mount = mount_next(dentry_mount(root), id);
        found = mount && mount->super->device == device;
        if (found && mount->super->magic == LX_TMPFS_MAGIC) {
            answer.nblocks = (int32_t)MIN(free_blocks(mount->super), (uint64_t)INT32_MAX);
            answer.ninodes = free_inodes(mount->super);
        }
        id = mount ? mount->id : 0;
        rcu_read_unlock();
        sched_preempt_point();
    } while (id && !found);
    dentry_put(root);
    return !found ? -EINVAL : vm_user_write(result, &answer, sizeof(answer));
}
