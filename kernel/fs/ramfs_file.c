/* SPDX-License-Identifier: MIT */
/* Reading, writing and mapping the pages of a regular file. */
#include "kernel/fs/ramfs_file.h"
#include "kernel/fs/dentry.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/vm/vm_mappings.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define FILE_SIZE_MAX INT64_MAX
#define BATCH_PAGES   16 /* read under one locking */

/* --- reading --- */

/* Pages that lie behind each other, held for the reader. */
struct batch {
    struct frame *frames[BATCH_PAGES]; /* NULL: a hole */
    unsigned count;
    size_t nbytes; /* there to be read, from the offset on; 0 at the end of the file */
};

/* The pages under the mutex, the bytes outside it: a reader keeps its frames, whatever happens to
 * the file meanwhile. An error counts only where there is nothing before it. */
static int batch_get(struct inode *inode, uint64_t offset, size_t wanted, struct batch *batch)
{
    uint64_t index = offset >> PAGE_SHIFT;
    size_t within = offset & PAGE_MASK;
    int err = 0;

    batch->count = 0;
    wanted = MIN(wanted, BATCH_PAGES * PAGE_SIZE - within);
    mutex_lock(&inode->lock);
    wanted = offset < inode->size ? MIN(wanted, inode->size - offset) : 0;
    while (batch->count * PAGE_SIZE < within + wanted && wanted > 0) {
        err = filemap_get(&inode->map, index + batch->count, &batch->frames[batch->count]);
        if (err)
            break;
        batch->count++;
    }
    mutex_unlock(&inode->lock);
    batch->nbytes = batch->count > 0 ? MIN(wanted, batch->count * PAGE_SIZE - within) : 0;
    return batch->count > 0 ? 0 : err;
}

/* Gives the frames back, too. Bytes moved: fewer only at a fault. */
static size_t batch_put(struct vm_io *io, const struct batch *batch, size_t within)
{
    size_t done = 0, end = batch->nbytes;

    for (unsigned i = 0; i < batch->count; i++, within = 0) {
        struct frame *frame = batch->frames[i];
        size_t piece = MIN(PAGE_SIZE - within, end - done), moved;

        if (frame) {
            moved = vm_io_put(io, (char *)frame_address(frame) + within, piece);
            frame_put(frame);
        } else {
            moved = vm_io_put_zero(io, piece);
        }
        done += moved;
        if (moved < piece)
            end = done; /* the other frames are only given back */
    }
    return done;
}

static int64_t ramfs_read(struct file *file, struct vm_io *io, int64_t *offset)
{
    struct inode *inode = file->inode;
    int64_t start = *offset;
    int err = 0;

    while (io->left > 0) {
        struct batch batch;
        size_t moved;

        err = batch_get(inode, (uint64_t)*offset, io->left, &batch);
        if (err || batch.nbytes == 0)
            break;
        moved = batch_put(io, &batch, *offset & PAGE_MASK);
        *offset += (int64_t)moved;
        if (moved < batch.nbytes) {
            err = -EFAULT;
            break;
        }
    }
    if (!(file->flags & LX_O_NOATIME))
        inode_touch_atime(inode);
    return *offset > start ? *offset - start : err;
}

/* --- writing --- */

/* What programs wrote behind the end through a mapping must not appear when the file grows. */
static void zero_behind_end_locked(struct inode *inode)
{
    if (inode->map.mapped_writable && (inode->size & PAGE_MASK))
        filemap_truncate(&inode->map, inode->size);
}

/* Copies into the page with faults disabled, and returns how much went. */
static int64_t write_page_locked(struct inode *inode, struct vm_io *io, uint64_t offset)
{
    size_t within = offset & PAGE_MASK;
    size_t nbytes = MIN(PAGE_SIZE - within, io->left);
    uint64_t index = offset >> PAGE_SHIFT;
    struct frame *frame;
    bool is_new;
    size_t moved;
    char *page;
    int err;

    err = filemap_get_own(&inode->map, index, nbytes == PAGE_SIZE, &is_new, &frame);
    if (err)
        return err;
    page = frame_address(frame);
    moved = vm_io_get_nofault(io, page + within, nbytes);
    if (is_new && moved == 0)
        filemap_drop(&inode->map, index);
    else if (is_new && nbytes == PAGE_SIZE && moved < nbytes)
        memset(page + moved, 0, nbytes - moved);
    frame_put(frame);
    if (moved > 0 && offset + moved > inode->size)
        inode->size = offset + moved;
    return (int64_t)moved;
}

/* New times; and whoever is not privileged and changes a set-user-ID file takes that bit away. */
static void modified_locked(struct file *file)
{
    struct inode *inode = file->inode;

    inode_touch_locked(inode);
    if (file->access & FILE_PRIVILEGED)
        return;
    if (inode->mode & LX_S_ISUID)
        inode->mode &= ~LX_S_ISUID;
    if ((inode->mode & (LX_S_ISGID | LX_S_IXGRP)) == (LX_S_ISGID | LX_S_IXGRP))
        inode->mode &= ~LX_S_ISGID;
}

static void begin_write_locked(struct file *file, int64_t *offset)
{
    struct inode *inode = file->inode;

    if (file->flags & LX_O_APPEND)
        *offset = (int64_t)inode->size;
    if ((uint64_t)*offset > inode->size)
        zero_behind_end_locked(inode);
}

/* As much as goes without a page fault. Returns bytes, or an error if there were none. */
static int64_t write_locked(struct inode *inode, struct vm_io *io, int64_t *offset)
{
    int64_t start = *offset, max = FILE_SIZE_MAX - (int64_t)io->forbidden;
    int64_t moved = 0;

    while (io->left > 0) {
        size_t wanted = MIN(PAGE_SIZE - ((uint64_t)*offset & PAGE_MASK), io->left);
        if (*offset >= max) {
            moved = -EFBIG;
            break;
        }
        if (wanted > (uint64_t)(max - *offset))
            io->left = wanted = (uint64_t)(max - *offset);
        moved = write_page_locked(inode, io, (uint64_t)*offset);
        if (moved <= 0)
            break;
        *offset += moved;
        if ((size_t)moved < wanted)
            break;
    }
    return *offset > start ? *offset - start : moved;
}

/* At the end of the file, all of it or nothing: what others append must not come into the middle
 * while pages of the program's are brought in. */
static int64_t append_locked(struct inode *inode, struct vm_io *io, int64_t *offset)
{
    struct vm_io before = *io;
    int64_t start = *offset;
    int64_t moved = write_locked(inode, io, offset);

    if (likely(!io->left) || moved <= 0)
        return moved;
    *io = before;
    *offset = start;
    return ramfs_truncate_locked(inode, (uint64_t)start);
}

static int64_t ramfs_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    bool append = file->flags & LX_O_APPEND;
    bool first = true;
    struct inode *inode = file->inode;
    const struct vm_io before = *io;
    int64_t start = *offset;
    int64_t total = 0;
    int64_t moved = 0;

    while (io->left > 0) {
        mutex_lock(&inode->lock);
        begin_write_locked(file, offset);
        moved =
            first && append ? append_locked(inode, io, offset) : write_locked(inode, io, offset);
        if (moved > 0) {
            modified_locked(file);
            total += moved;
        }
        mutex_unlock(&inode->lock);
        if (moved < 0 || io->left == 0)
            break;
        /* A page of the program's was not there: bring all of them in, outside the mutex, and begin
         * anew, so that two who write one place do not mix. Later, as much as there is. */
        if (first) {
            *io = before;
            if (!append)
                *offset = start;
            total = 0;
            vm_io_fault_in_all(io);
        }
        moved = vm_io_fault_in(io, false);
        first = false;
        if (moved < 0)
            break;
    }
    if (total == 0)
        *offset = start;
    return total > 0 ? total : moved;
}

/* --- position, size, mapping --- */

/* SEEK_DATA and SEEK_HOLE: pages that were never written are holes. */
static int64_t seek_data_or_hole(struct inode *inode, int64_t offset, int whence)
{
    uint64_t at = (uint64_t)offset;
    uint64_t index = at >> PAGE_SHIFT;
    int64_t found;

    mutex_lock(&inode->lock);
    if (offset < 0 || at >= inode->size) {
        found = -ENXIO;
    } else if (whence == LX_SEEK_DATA) {
        bool any = filemap_find_data(&inode->map, &index);
        at = MAX(at, index << PAGE_SHIFT);
        found = any && at < inode->size ? (int64_t)at : -ENXIO;
    } else {
        while ((index << PAGE_SHIFT) < inode->size && filemap_has_page(&inode->map, index))
            index++;
        at = MAX(at, index << PAGE_SHIFT);
        found = (int64_t)MIN(at, inode->size);
    }
    mutex_unlock(&inode->lock);
    return found;
}

static int64_t ramfs_seek(struct file *file, int64_t offset, int whence)
{
    if (whence == LX_SEEK_DATA || whence == LX_SEEK_HOLE) {
        int64_t found = seek_data_or_hole(file->inode, offset, whence);
        if (found >= 0)
            file->position = found;
        return found;
    }
    return file_seek_bounded(file, offset, whence, file->inode->size);
}

static int ramfs_sync(struct file *file)
{
    (void)file; /* memory is all there is */
    return 0;
}

int ramfs_truncate_locked(struct inode *inode, uint64_t nbytes)
{
    if (nbytes > FILE_SIZE_MAX)
        return -EFBIG;
    if (nbytes < inode->size)
        filemap_truncate(&inode->map, nbytes);
    else if (nbytes > inode->size)
        zero_behind_end_locked(inode);
    inode->size = nbytes;
    return 0;
}

static int punch_locked(struct inode *inode, uint64_t offset, uint64_t end)
{
    uint64_t first = (offset + PAGE_MASK) >> PAGE_SHIFT;
    uint64_t last = end >> PAGE_SHIFT;
    int err;

    if (first > last) /* within one page */
        return filemap_zero_bytes(&inode->map, last, offset & PAGE_MASK, end & PAGE_MASK);
    err = filemap_punch_pages(&inode->map, first, last);
    if (!err && (offset & PAGE_MASK))
        err = filemap_zero_bytes(&inode->map, first - 1, offset & PAGE_MASK, PAGE_SIZE);
    if (!err)
        err = filemap_zero_bytes(&inode->map, last, 0, end & PAGE_MASK);
    return err;
}

/* Nothing is done where it cannot be done whole. */
static int reserve_locked(struct inode *inode, uint64_t offset, uint64_t end)
{
    if ((end - offset) >> PAGE_SHIFT > filemap_room() + inode->map.npages)
        return -ENOSPC;
    for (uint64_t index = offset >> PAGE_SHIFT; index << PAGE_SHIFT < end; index++) {
        struct frame *frame;
        bool is_new;
        int err;

        if (filemap_has_page(&inode->map, index))
            continue;
        err = filemap_get_own(&inode->map, index, false, &is_new, &frame);
        if (err)
            return err;
        frame_put(frame);
    }
    return 0;
}

int ramfs_allocate(struct file *file, uint32_t mode, uint64_t offset, uint64_t nbytes)
{
    struct inode *inode = file->inode;
    uint64_t end = offset + nbytes;
    int err;

    mutex_lock(&inode->lock);
    if (mode & LX_FALLOC_PUNCH_HOLE)
        err = punch_locked(inode, offset, end);
    else
        err = reserve_locked(inode, offset, end);
    if (!err && !(mode & LX_FALLOC_KEEP_SIZE) && end > inode->size) {
        zero_behind_end_locked(inode);
        inode->size = end;
    }
    if (!err)
        modified_locked(file);
    mutex_unlock(&inode->lock);
    if (mode & LX_FALLOC_PUNCH_HOLE)
        vm_mappings_drop(&inode->pager, offset >> PAGE_SHIFT, (end + PAGE_MASK) >> PAGE_SHIFT,
                         false);
    return err;
}

static int pager_page_get(struct vm_pager *pager, uint64_t index, bool write,
                          struct frame **out_frame)
{
    struct inode *inode = container_of(pager, struct inode, pager);
    bool is_new;
    int err = -ENXIO;

    mutex_lock(&inode->lock);
    if (index < (inode->size >> PAGE_SHIFT) + ((inode->size & PAGE_MASK) != 0)) {
        *out_frame = NULL;
        err = write ? 0 : filemap_get(&inode->map, index, out_frame);
        if (!err && !*out_frame)
            err = filemap_get_own(&inode->map, index, false, &is_new, out_frame);
        /* No new mtime: a shared mapping asks like this also for reading. */
        if (!err && write)
            inode->map.mapped_writable = true;
    }
    mutex_unlock(&inode->lock);
    return err == -ENOSPC ? -ENXIO : err; /* SIGBUS: nobody's end would make room for it */
}

static void pager_pages_find(struct vm_pager *pager, uint64_t index, unsigned count,
                             struct frame **frames)
{
    struct inode *inode = container_of(pager, struct inode, pager);

    mutex_lock(&inode->lock);
    for (unsigned i = 0; i < count; i++)
        frames[i] =
            (index + i) << PAGE_SHIFT < inode->size ? filemap_find(&inode->map, index + i) : NULL;
    mutex_unlock(&inode->lock);
}

/* A name holds its file. */
static void pager_get(struct vm_pager *pager, struct dentry *name)
{
    if (name)
        dentry_get(name);
    else
        inode_get(container_of(pager, struct inode, pager));
}

static void pager_put(struct vm_pager *pager, struct dentry *name)
{
    if (name)
        dentry_put(name);
    else
        inode_put(container_of(pager, struct inode, pager));
}

const struct vm_pager_ops ramfs_pager_ops = {
    .page_get = pager_page_get,
    .pages_find = pager_pages_find,
    .get = pager_get,
    .put = pager_put,
};

const struct file_ops ramfs_file_file_ops = {
    .read = ramfs_read,
    .write = ramfs_write,
    .seek = ramfs_seek,
    .sync = ramfs_sync,
};
