/* SPDX-License-Identifier: MIT */
/*
 * Open files: life, position, and the calls that every kind of file shares.
 *
 * A file is counted: by each slot of a descriptor table that leads to it, and by each call that
 * uses it while its descriptor may be closed by another task. The last reference releases what the
 * file locks and what its operations made, then its name and its inode, in this order: the
 * operations may still look at the inode. file_put may sleep, so it is called under no spinlock.
 *
 * The position is used by read, write, lseek and getdents alone, one at a time: position_lock. It
 * is left out where it cannot matter: for streams, which have no position and would otherwise hold
 * the lock while they wait for input, and for a file with one reference, which is that of the
 * calling task's own unshared table. A second reference can appear only by the same task's doing,
 * and so not during the call.
 *
 * The number of open files has a bound, but not for root. It is read from the counts of the cache
 * that files are made of, so that opening writes no word that all processors share; openers on
 * several processors at once may pass the bound by one each.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/event/epoll.h"
#include "kernel/fs/event/notify.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mount.h"
#include "shared/linux/poll.h"
#include "shared/linux/stat.h"

#define FILE_NBYTES        1024 /* with what belongs to it: inode, name, pipe */
#define FILES_SHARE        10
#define FLAGS_OF_OPEN_ONLY (LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_CLOEXEC)

static struct slab_cache *file_cache;
static uint64_t nfiles_max;
static struct super_block anon_super;

void file_init_cache(void)
{
    file_cache = slab_cache_create("file", sizeof(struct file));
    super_init(&anon_super, "anonfs", LX_ANON_MAGIC);
    /* A tenth of memory, at what an open file costs with all that it brings. */
    nfiles_max = pmm_total_count() * PAGE_SIZE / FILE_NBYTES / FILES_SHARE;
}

uint64_t file_max_count(void)
{
    return nfiles_max;
}

/* As many as a tenth of memory holds, as on Linux; root may go on, so that it can help. */
static int file_check_max(bool privileged)
{
    if (likely(privileged || slab_objects_bound(file_cache) < nfiles_max ||
               slab_objects(file_cache) < nfiles_max))
        return 0;
    return -ENFILE;
}

uint64_t file_live_count(void)
{
    return slab_objects(file_cache);
}

/* What the flags of open mean for the calls to come, worked out once so that each of them tests a
 * bit. Access mode 3 opens for neither reading nor writing: ioctl only, as Linux has it. */
static uint32_t access_of(const struct file_ops *ops, uint32_t type, uint32_t flags)
{
    /* O_RDONLY, O_WRONLY and O_RDWR are 0, 1 and 2: plus one they are FILE_READ, FILE_WRITE and
     * both; 3 becomes neither. */
    uint32_t access = (flags + 1) & LX_O_ACCMODE;

    if (flags & LX_O_PATH)
        return FILE_PATH;
    if (type == LX_S_IFDIR)
        access |= FILE_DIRECTORY;
    if (ops->seek)
        access |= FILE_POSITION;
    if (flags & LX_O_NOCTTY)
        access |= FILE_NOCTTY;
    if (type == LX_S_IFREG || type == LX_S_IFDIR)
        access |= FILE_SERIAL;
    return access;
}

/* A regular file or directory that is open for reading alone: what leases on writing ask. */
static inline bool reads_alone(const struct file *file)
{
    return (file->access & (FILE_SERIAL | FILE_READ | FILE_WRITE)) == (FILE_SERIAL | FILE_READ);
}

int file_create(const struct file_ops *ops, struct inode *inode, struct dentry *dentry,
                uint32_t flags, const struct credentials *cred, struct file **out_file)
{
    bool privileged = !cred || credentials_capable(cred, LX_CAP_SYS_ADMIN);
    struct file *file;
    int err = file_check_max(privileged);

    if (err)
        return err;
    file = slab_alloc(file_cache);
    if (!file)
        return -ENOMEM;
    if (!dentry) /* which has one to the inode */
        inode_get(inode);
    file->ops = ops;
    file->inode = inode;
    file->dentry = dentry;
    file->private = NULL;
    file->private_state = 0;
    file->uid = cred ? cred->uid : 0;
    file->refs = 1;
    file->access = access_of(ops, inode->mode & LX_S_IFMT, flags);
    if (privileged)
        file->access |= FILE_PRIVILEGED;
    if (!cred || credentials_capable(cred, LX_CAP_SYS_RAWIO))
        file->access |= FILE_RAWIO;
    if (reads_alone(file))
        __atomic_fetch_add(&inode->readers, 1, __ATOMIC_SEQ_CST);
    /* What F_GETFL shows: the others are for open alone. */
    file->flags = flags & ~FLAGS_OF_OPEN_ONLY;
    file->owner = NULL;
    file->watches = NULL;
    file->flock = NULL;
    /* Taken before everything that a read or write takes: the ranks of VM, INODE and PIPE come
     * after. */
    mutex_init(&file->position_lock, MUTEX_EXEC);
    file->position = 0;
    *out_file = file;
    return 0;
}

const struct mount *file_mount(const struct file *file)
{
    return file->dentry ? dentry_mount(file->dentry) : &file->inode->super->home;
}

uint32_t file_mount_flags(const struct file *file)
{
    return file_mount(file)->flags;
}

/* Each mount has its count; those that are not the first of their file system have one together,
 * which is asked when that becomes read-only as a whole. */
static void mount_end_write(const struct file *file)
{
    struct super_block *super = file->inode->super;
    struct mount *mount = &super->home;

    if (unlikely(file->dentry && file->dentry->is_alias)) {
        mount = file->dentry->alias.mount;
        __atomic_fetch_sub(&super->clone_writers, 1, __ATOMIC_RELEASE);
    }
    __atomic_fetch_sub(&mount->writers, 1, __ATOMIC_RELEASE);
}

/* Undoes file_create alone: also for a file whose open has failed, which must not be released. */
void file_discard(struct file *file)
{
    /* The count of writers (or of running programs) of the inode, from file_begin_*. */
    if (file->access & FILE_WRITER)
        mount_end_write(file);
    if (file->access & (FILE_WRITER | FILE_DENY_WRITE))
        inode_write_count_put(file->inode,
                              file->access & FILE_WRITER ? INODE_WRITER : INODE_DENY_WRITE);
    if (reads_alone(file))
        __atomic_fetch_sub(&file->inode->readers, 1, __ATOMIC_RELAXED);
    if (file->dentry)
        dentry_put(file->dentry);
    else
        inode_put(file->inode);
    slab_free(file_cache, file);
}

void file_put(struct file *file)
{
    if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (unlikely(__atomic_load_n(&file->inode->locks, __ATOMIC_RELAXED)))
        lock_clear_file(file); /* flock and OFD locks: the file itself is their owner */
    if (unlikely(__atomic_load_n(&file->watches, __ATOMIC_RELAXED)))
        epoll_file_is_gone(file); /* before its poll_head goes */
    if (unlikely(__atomic_load_n(&file->owner, __ATOMIC_RELAXED))) {
        dnotify_remove(file); /* what reports to the owner first */
        file->owner->gone(file);
    }
    notify_file(file, file->access & FILE_WRITE ? LX_IN_CLOSE_WRITE : LX_IN_CLOSE_NOWRITE);
    if (file->ops->release)
        file->ops->release(file);
    file_discard(file);
    mount_sweep_later(); /* it may have been the last user of a file system without a place */
}

/* A file that no path leads to has an inode all the same: fstat and /proc/PID/fd look at it. */
static const struct inode_ops anon_inode_ops = {0};

int file_create_anon(const struct file_ops *ops, void *private, uint32_t mode, uint32_t flags,
                     const struct credentials *cred, struct file **out_file)
{
    struct inode *inode;
    struct file *file;
    int err = inode_create(&anon_super, &anon_inode_ops, mode, cred, &inode);

    if (err)
        return err;
    inode->file_ops = ops;
    err = file_create(ops, inode, NULL, flags, cred, &file);
    inode_put(inode);
    if (err)
        return err;
    file->private = private;
    file->access &= ~(uint32_t)FILE_POSITION; /* also if lseek does not fail */
    *out_file = file;
    return 0;
}

/* A device or a pipe: its operations lock what they need themselves, and may wait for long. */
static bool is_stream(const struct file *file)
{
    return likely(!(file->access & FILE_SERIAL));
}

/* A file with one holder cannot be used twice at a time: its position needs no lock. */
static inline bool position_lock(struct file *file)
{
    if (is_stream(file) || __atomic_load_n(&file->refs, __ATOMIC_ACQUIRE) == 1)
        return false;
    mutex_lock(&file->position_lock);
    return true;
}

static void position_unlock(struct file *file, bool locked)
{
    if (locked)
        mutex_unlock(&file->position_lock);
}

static NOINLINE int64_t file_read_notify(struct file *file, struct user_iter *io, int64_t *offset)
{
    int64_t result = file->ops->read ? file->ops->read(file, io, offset) : -EINVAL;

    if (result > 0)
        notify_file(file, LX_IN_ACCESS);
    return result;
}

static NOINLINE int64_t file_write_notify(struct file *file, struct user_iter *io, int64_t *offset)
{
    int64_t result = file->ops->write ? file->ops->write(file, io, offset) : -EINVAL;

    if (result > 0)
        notify_file(file, LX_IN_MODIFY);
    return result;
}

/* Whether the file was opened for it is asked here, for the kernel's own calls, too. That something
 * is watched is asked first: so the operations' call can be the last thing done. */
static int64_t file_do_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    if (!(file->access & FILE_READ))
        return -EBADF;
    if (notify_is_used())
        return file_read_notify(file, io, offset);
    return file->ops->read ? file->ops->read(file, io, offset) : -EINVAL;
}

static int64_t file_do_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    if (!(file->access & FILE_WRITE))
        return -EBADF;
    if (notify_is_used())
        return file_write_notify(file, io, offset);
    return file->ops->write ? file->ops->write(file, io, offset) : -EINVAL;
}

/* No byte of a file has a number above 2^63 - 1. */
static bool position_ends_too_far(const struct file *file, const struct user_iter *io)
{
    return (int64_t)((uint64_t)file->position + io->left) < 0;
}

static NOINLINE int64_t file_read_serial(struct file *file, struct user_iter *io)
{
    bool locked = position_lock(file);
    int64_t result =
        position_ends_too_far(file, io) ? -EINVAL : file_do_read(file, io, &file->position);

    position_unlock(file, locked);
    return result;
}

/* A stream does not look at the offset, so there is none to protect and no end to check. */
int64_t file_read(struct file *file, struct user_iter *io)
{
    return is_stream(file) ? file_do_read(file, io, &file->position) : file_read_serial(file, io);
}

static NOINLINE int64_t file_write_serial(struct file *file, struct user_iter *io)
{
    bool locked = position_lock(file);
    int64_t result =
        position_ends_too_far(file, io) ? -EINVAL : file_do_write(file, io, &file->position);

    position_unlock(file, locked);
    return result;
}

int64_t file_write(struct file *file, struct user_iter *io)
{
    return is_stream(file) ? file_do_write(file, io, &file->position) : file_write_serial(file, io);
}

/* pread and pwrite work on a copy of the offset: no lock, and the position stays as it is. */
int64_t file_pread(struct file *file, struct user_iter *io, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    if (!(file->access & FILE_POSITION))
        return -ESPIPE;
    return file_do_read(file, io, &offset);
}

int64_t file_pwrite(struct file *file, struct user_iter *io, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    if (!(file->access & FILE_POSITION))
        return -ESPIPE;
    return file_do_write(file, io, &offset);
}

int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    int64_t result;
    bool locked;

    /* EINVAL before ESPIPE, as on Linux. */
    if (whence < LX_SEEK_SET || whence > LX_SEEK_HOLE)
        return -EINVAL;
    if (!file->ops->seek)
        return -ESPIPE;
    locked = position_lock(file);
    result = file->ops->seek(file, offset, whence);
    position_unlock(file, locked);
    return result;
}

/* Beyond the end is allowed, below 0 is not. A sum that does not fit into 63 bits counts as below.
 */
int64_t file_seek_bounded(struct file *file, int64_t offset, int whence, uint64_t size)
{
    int64_t base = 0;

    if (whence == LX_SEEK_CUR)
        base = file->position;
    else if (whence == LX_SEEK_END)
        base = (int64_t)size;
    else if (whence != LX_SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
        return -EINVAL;
    file->position = offset;
    return offset;
}

uint32_t file_async_input(struct file *file, uint32_t events)
{
    return events & LX_POLLIN ? file->ops->poll(file, NULL) & LX_POLLIN : 0;
}

int file_read_directory(struct file *file, struct dir_emit *emit)
{
    bool locked;
    int err;

    if (!file->ops->readdir)
        return -ENOTDIR;
    /* The position in a directory is a cookie of its operations: moved under the same lock. */
    locked = position_lock(file);
    err = file->ops->readdir(file, emit);
    position_unlock(file, locked);
    notify_file(file, LX_IN_ACCESS);
    return err;
}

int64_t file_read_kernel(struct file *file, void *dst, size_t nbytes, int64_t offset)
{
    struct user_iter io;

    user_iter_init_kernel(&io, dst, nbytes);
    return file_pread(file, &io, offset);
}

int64_t file_write_kernel(struct file *file, const void *src, size_t nbytes, int64_t offset)
{
    struct user_iter io;

    /* The buffer is only read from: writing takes bytes from it. */
    user_iter_init_kernel(&io, (void *)(uintptr_t)src, nbytes);
    return file_pwrite(file, &io, offset);
}

/* Under the mutex: no write or truncation is halfway through. */
uint64_t file_size(struct file *file)
{
    uint64_t size;

    mutex_lock(&file->inode->lock);
    size = file->inode->size;
    mutex_unlock(&file->inode->lock);
    return size;
}

uint32_t file_mode(const struct file *file)
{
    return file->inode->mode;
}

/* The pager of a device comes from its operations; a regular file's is in its inode, so that
 * all mappings of the file share its pages. */
struct vm_pager *file_pager(struct file *file)
{
    if (file->ops->pager)
        return file->ops->pager;
    return file->inode->pager.ops && !(file->access & FILE_PATH) ? &file->inode->pager : NULL;
}

/* Of two steps at once, opening for writing and making read-only, each changes its word before it
 * looks at the other's (mount_change): one of them is refused. */
static int mount_begin_write(const struct file *file)
{
    struct super_block *super = file->inode->super;
    struct mount *mount = &super->home;

    if (unlikely(file->dentry && file->dentry->is_alias)) {
        mount = file->dentry->alias.mount;
        __atomic_fetch_add(&super->clone_writers, 1, __ATOMIC_SEQ_CST);
    }
    __atomic_fetch_add(&mount->writers, 1, __ATOMIC_SEQ_CST);
    if (likely(!__atomic_load_n(&super->readonly, __ATOMIC_SEQ_CST) &&
               !(__atomic_load_n(&mount->flags, __ATOMIC_SEQ_CST) & LX_MS_RDONLY)))
        return 0;
    mount_end_write(file);
    return -EROFS;
}

/* Writers and running programs exclude each other (ETXTBSY): the inode counts one as positive, the
 * other as negative, and the file remembers which it has added, for file_discard. */
int file_begin_write(struct file *file)
{
    int err;

    if (!(file->access & FILE_WRITE) || (file->inode->mode & LX_S_IFMT) != LX_S_IFREG)
        return 0;
    err = inode_write_count_get(file->inode, INODE_WRITER);
    if (err)
        return err;
    err = mount_begin_write(file);
    if (err)
        inode_write_count_put(file->inode, INODE_WRITER);
    else
        file->access |= FILE_WRITER;
    return err;
}

int file_begin_exec(struct file *file, const struct fs_context *context)
{
    int err;

    if ((file->inode->mode & LX_S_IFMT) != LX_S_IFREG || (file_mount_flags(file) & LX_MS_NOEXEC))
        return -EACCES;
    err = inode_permission(file->inode, &context->cred, INODE_EXEC);
    if (!err)
        err = inode_write_count_get(file->inode, INODE_DENY_WRITE);
    if (!err)
        file->access |= FILE_DENY_WRITE;
    return err;
}
