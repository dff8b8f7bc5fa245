/* SPDX-License-Identifier: MIT */
/* Open files: life, position, and the calls that every kind of file shares. */
#include "kernel/fs/file.h"
#include "kernel/fs/dentry.h"
#include "kernel/fs/flock.h"
#include "kernel/fs/mount.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define FLAGS_OF_OPEN_ONLY (LX_O_CREAT | LX_O_EXCL | LX_O_NOCTTY | LX_O_TRUNC | LX_O_CLOEXEC)

static struct slab_cache *file_cache;
static uint64_t nfiles; /* atomic */
static struct super_block anon_super;

void file_init_cache(void)
{
    file_cache = slab_cache_create("file", sizeof(struct file));
    super_init(&anon_super, "anonfs", LX_ANON_MAGIC);
}

uint64_t file_live_count(void)
{
    return __atomic_load_n(&nfiles, __ATOMIC_RELAXED);
}

/* Access mode 3 opens for neither: ioctl only, as Linux has it. */
static uint32_t access_of(const struct file_ops *ops, uint32_t type, uint32_t flags)
{
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

int file_create(const struct file_ops *ops, struct inode *inode, struct dentry *dentry,
                uint32_t flags, struct file **out_file)
{
    struct file *file = slab_alloc(file_cache);

    if (!file)
        return -ENOMEM;
    inode_get(inode);
    if (dentry)
        dentry_get(dentry);
    file->ops = ops;
    file->inode = inode;
    file->dentry = dentry;
    file->context = NULL;
    file->refs = 1;
    file->access = access_of(ops, inode->mode & LX_S_IFMT, flags);
    file->flags = flags & ~FLAGS_OF_OPEN_ONLY;
    file->owner = 0;
    file->owner_signal = 0;
    mutex_init(&file->position_lock, MUTEX_EXEC);
    file->position = 0;
    __atomic_fetch_add(&nfiles, 1, __ATOMIC_RELAXED);
    *out_file = file;
    return 0;
}

void file_discard(struct file *file)
{
    if (file->access & (FILE_WRITER | FILE_RUNNER))
        inode_unclaim(file->inode, file->access & FILE_WRITER ? INODE_WRITER : INODE_RUNNER);
    dentry_put(file->dentry);
    inode_put(file->inode);
    slab_free(file_cache, file);
    __atomic_fetch_sub(&nfiles, 1, __ATOMIC_RELAXED);
}

void file_put(struct file *file)
{
    if (__atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    lock_release(file->inode, file);
    if (file->ops->release)
        file->ops->release(file);
    file_discard(file);
}

static const struct inode_ops anon_inode_ops = {0};

int file_create_anon(const struct file_ops *ops, void *context, uint32_t mode, uint32_t flags,
                     struct file **out_file)
{
    struct inode *inode;
    struct file *file;
    int err = inode_create(&anon_super, &anon_inode_ops, mode, NULL, &inode);

    if (err)
        return err;
    inode->file_ops = ops;
    err = file_create(ops, inode, NULL, flags, &file);
    inode_put(inode);
    if (err)
        return err;
    file->context = context;
    *out_file = file;
    return 0;
}

/* Nothing that is read one at a time: a device or a pipe, which looks after itself. */
static bool is_stream(const struct file *file)
{
    return likely(!(file->access & FILE_SERIAL));
}

/* A file with one holder cannot be used twice at a time: its position needs no lock. */
static bool position_lock(struct file *file)
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

static int64_t do_read(struct file *file, struct vm_io *io, int64_t *offset)
{
    if (!(file->access & FILE_READ))
        return -EBADF;
    return file->ops->read ? file->ops->read(file, io, offset) : -EINVAL;
}

static int64_t do_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    if (!(file->access & FILE_WRITE))
        return -EBADF;
    return file->ops->write ? file->ops->write(file, io, offset) : -EINVAL;
}

int64_t file_read(struct file *file, struct vm_io *io)
{
    int64_t result;
    bool locked;

    if (is_stream(file))
        return do_read(file, io, &file->position);
    locked = position_lock(file);
    result = do_read(file, io, &file->position);
    position_unlock(file, locked);
    return result;
}

int64_t file_write(struct file *file, struct vm_io *io)
{
    int64_t result;
    bool locked;

    if (is_stream(file))
        return do_write(file, io, &file->position);
    locked = position_lock(file);
    result = do_write(file, io, &file->position);
    position_unlock(file, locked);
    return result;
}

int64_t file_pread(struct file *file, struct vm_io *io, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    if (!(file->access & FILE_POSITION))
        return -ESPIPE;
    return do_read(file, io, &offset);
}

int64_t file_pwrite(struct file *file, struct vm_io *io, int64_t offset)
{
    if (offset < 0)
        return -EINVAL;
    if (!(file->access & FILE_POSITION))
        return -ESPIPE;
    return do_write(file, io, &offset);
}

int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    int64_t result;
    bool locked;

    if (whence < LX_SEEK_SET || whence > LX_SEEK_HOLE)
        return -EINVAL;
    if (!file->ops->seek)
        return -ESPIPE;
    locked = position_lock(file);
    result = file->ops->seek(file, offset, whence);
    position_unlock(file, locked);
    return result;
}

int64_t file_seek_bounded(struct file *file, int64_t offset, int whence, uint64_t size)
{
    int64_t base = 0;

    if (whence == LX_SEEK_CUR)
        base = file->position;
    else if (whence == LX_SEEK_END)
        base = (int64_t)size;
    else if (whence != LX_SEEK_SET)
        return -EINVAL;
    if (__builtin_add_overflow(base, offset, &offset))
        return -EOVERFLOW;
    if (offset < 0)
        return -EINVAL;
    file->position = offset;
    return offset;
}

int file_read_directory(struct file *file, struct dir_emit *emit)
{
    bool locked;
    int err;

    if (!file->ops->readdir)
        return -ENOTDIR;
    locked = position_lock(file);
    err = file->ops->readdir(file, emit);
    position_unlock(file, locked);
    return err;
}

int64_t file_read_kernel(struct file *file, void *dst, size_t nbytes, int64_t offset)
{
    struct vm_io io;

    vm_io_init_kernel(&io, dst, nbytes);
    return file_pread(file, &io, offset);
}

int64_t file_write_kernel(struct file *file, const void *src, size_t nbytes, int64_t offset)
{
    struct vm_io io;

    /* The buffer is only read from: writing takes bytes from it. */
    vm_io_init_kernel(&io, (void *)(uintptr_t)src, nbytes);
    return file_pwrite(file, &io, offset);
}

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

struct vm_pager *file_pager(struct file *file)
{
    if (file->ops->pager)
        return file->ops->pager;
    return file->inode->pager.ops && !(file->access & FILE_PATH) ? &file->inode->pager : NULL;
}

int file_begin_write(struct file *file)
{
    int err;

    if (!(file->access & FILE_WRITE) || (file->inode->mode & LX_S_IFMT) != LX_S_IFREG)
        return 0;
    err = inode_claim(file->inode, INODE_WRITER);
    if (!err)
        file->access |= FILE_WRITER;
    return err;
}

int file_begin_exec(struct file *file, const struct fs_context *context)
{
    int err;

    if ((file->inode->mode & LX_S_IFMT) != LX_S_IFREG || (file->inode->super->flags & LX_MS_NOEXEC))
        return -EACCES;
    err = inode_permission(file->inode, &context->cred, INODE_EXEC);
    if (!err)
        err = inode_claim(file->inode, INODE_RUNNER);
    if (!err)
        file->access |= FILE_RUNNER;
    return err;
}
