/* SPDX-License-Identifier: MIT */
/*
 * Reading, writing and mapping the pages of a regular file.
 *
 * Three parties meet at a page: readers, mostly without a lock; writers, under the inode's mutex;
 * and programs that map the file, which store into its frames without the kernel's knowledge.
 *   - A reader copies out of the page cache under a hazard pointer, with page faults disabled.
 *     Where that stops (a page of the program's is missing, a change keeps readers out) it takes up
 *     to BATCH_PAGES frames under the mutex, and copies from these after dropping it.
 *   - A writer copies under the mutex, with faults disabled: a fault needs the lock of an address
 *     space, which comes before, and the buffer may be a mapping of this very file. On a short copy
 *     it drops the mutex, brings the pages in and begins anew.
 *   - The size grows after the bytes are in their page and shrinks before pages are dropped: what a
 *     reader finds below the size that it has read is there.
 *   - What a program has stored behind the end, in the last page, is zeroed before the file grows
 *     over it (zero_behind_end_locked).
 *   - A fault of a mapping holds its address space's lock and takes the mutex after it; so pages
 *     are unmapped before the mutex is taken to drop them (here, and fs_truncate), and no fault
 *     maps one in between (inode_cut_begin).
 *
 * Long because the three keep one protocol, which would be spread over files else.
 */
#include "kernel/fs/ramfs/ramfs_file.h"
#include "kernel/fs/page_cache/page_state.h"
#include "kernel/fs/ramfs/memfd.h"
#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/xattr.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_rmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define FILE_SIZE_MAX INT64_MAX
#define BATCH_PAGES   16 /* read under one locking */

/* Between two pieces of a long call: others have their turn, and the call ends with what it has
 * when its task is to die. An ordinary signal does not make reads and writes of files short. */
static bool io_goes_on(void)
{
    sched_preempt_point_inline();
    return !vm_kill_pending();
}

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
    /* The size again, under the mutex: it may be another than the try without it saw. */
    wanted = offset < inode->size ? MIN(wanted, inode->size - offset) : 0;
    while (batch->count * PAGE_SIZE < within + wanted && wanted > 0) {
        err = page_cache_get(&inode->map, index + batch->count, &batch->frames[batch->count]);
        if (err)
            break;
        batch->count++;
    }
    mutex_unlock(&inode->lock);
    batch->nbytes = batch->count > 0 ? MIN(wanted, batch->count * PAGE_SIZE - within) : 0;
    return batch->count > 0 ? 0 : err;
}

/* Gives the frames back, too. Bytes moved: fewer only at a fault. */
static size_t batch_put(struct user_iter *io, const struct batch *batch, size_t within)
{
    size_t done = 0, end = batch->nbytes;

    for (unsigned i = 0; i < batch->count; i++, within = 0) {
        struct frame *frame = batch->frames[i];
        size_t piece = MIN(PAGE_SIZE - within, end - done), moved;

        if (frame) {
            moved = user_iter_put(io, (char *)frame_address(frame) + within, piece);
            frame_put(frame);
        } else {
            moved = user_iter_put_zero(io, piece);
        }
        done += moved;
        if (moved < piece)
            end = done; /* the other frames are only given back */
    }
    return done;
}

/* As much of a batch as goes without the mutex and without a page fault: readers of one file do not
 * wait for each other, nor for writers (page_cache.c). False: nothing is behind the offset. */
static bool ramfs_read_unlocked(struct inode *inode, struct user_iter *io, int64_t *offset)
{
    uint64_t size, at = (uint64_t)*offset, end;

    if (!page_cache_read_begin(&inode->map))
        return true;
    size = inode_size(inode);
    end = at < size ? at + MIN(io->left, size - at) : at;
    end = MIN(end, (at | PAGE_MASK) + 1 + (BATCH_PAGES - 1) * PAGE_SIZE);
    while (at < end) {
        size_t within = at & PAGE_MASK, piece = MIN(PAGE_SIZE - within, end - at), moved;
        const char *bytes;

        if (!page_cache_read_page(&inode->map, at >> PAGE_SHIFT, &bytes))
            break;
        moved = bytes ? user_iter_put_nofault(io, bytes + within, piece)
                      : user_iter_put_zero_nofault(io, piece);
        at += moved;
        if (moved < piece)
            break;
    }
    page_cache_read_end();
    *offset = (int64_t)at;
    return at < size;
}

/* Behind -EAGAIN, without locks: 0 when the page has come, or is not the file's any more. */
static int page_await(struct inode *inode, uint64_t index)
{
    struct frame *frame;
    int err = 0;

    mutex_lock(&inode->lock);
    frame = page_cache_find_stale(&inode->map, index);
    mutex_unlock(&inode->lock);
    if (frame) {
        err = page_wait(frame);
        frame_put(frame);
    }
    return err;
}

static int64_t ramfs_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct inode *inode = file->inode;
    int64_t start = *offset;
    int err = 0;

    while (io->left > 0) {
        struct batch batch;
        size_t moved;
        int64_t before = *offset;

        if (!ramfs_read_unlocked(inode, io, offset))
            break;
        /* A try that moved nothing is followed by a batch, which does: so the loop ends. */
        if (*offset > before && (!io->left || io_goes_on()))
            continue;
        if (*offset > before) {
            err = -EINTR;
            break;
        }
        err = batch_get(inode, (uint64_t)*offset, io->left, &batch);
        if (unlikely(err == -EAGAIN)) {
            err = page_await(inode, (uint64_t)*offset >> PAGE_SHIFT);
            if (!err)
                continue;
        }
        if (err || batch.nbytes == 0)
            break;
        moved = batch_put(io, &batch, *offset & PAGE_MASK);
        *offset += (int64_t)moved;
        if (moved < batch.nbytes) {
            err = -EFAULT;
            break;
        }
        if (io->left > 0 && !io_goes_on()) {
            err = -EINTR;
            break;
        }
    }
    if (!(file->flags & (LX_O_NOATIME | FILE_FLAG_NOATIME)))
        inode_touch_atime(inode);
    return *offset > start ? *offset - start : err;
}

/* --- writing --- */

/* What programs wrote behind the end through a mapping must not appear when the file grows. */
static void zero_behind_end_locked(struct inode *inode)
{
    ASSERT(mutex_is_held(&inode->lock));
    /* Not by truncating: room that fallocate has made there stays. */
    if (inode->map.mapped_writable)
        page_cache_zero_rest(&inode->map, inode->size);
}

/* Copies into the page with faults disabled, and returns how much went. */
static int64_t ramfs_write_page_locked(struct inode *inode, struct user_iter *io, uint64_t offset)
{
    size_t within = offset & PAGE_MASK;
    size_t nbytes = MIN(PAGE_SIZE - within, io->left);
    uint64_t index = offset >> PAGE_SHIFT;
    /* Inside the file, where readers look on, a page is never without contents. */
    bool whole = nbytes == PAGE_SIZE && offset >= inode->size, is_new;
    struct frame *frame;
    size_t moved;
    char *page;
    int err;

    ASSERT(mutex_is_held(&inode->lock));
    err = page_cache_get_own(&inode->map, index, whole, &is_new, &frame);
    if (err)
        return err;
    page = frame_address(frame);
    moved = user_iter_get_nofault(io, page + within, nbytes);
    /* Nothing came: a hole stays a hole, and costs no quota. Something: a frame that was to be
     * overwritten as a whole has not been zeroed. Any other may have been stored to meanwhile, by a
     * program that maps it. */
    if (is_new && moved == 0)
        page_cache_drop_unwritten(&inode->map, index);
    else if (is_new && whole && moved < nbytes)
        memset(page + moved, 0, nbytes - moved);
    if (moved > 0)
        page_set_written(frame);
    if (inode->map.ops && moved > 0)
        page_set_dirty(frame);
    frame_put(frame);
    return (int64_t)moved;
}

/* New times; and a writer without the right to them takes set-ID bits away. It is the writer that
 * counts, not the opener: the descriptor may come from a more or less privileged program. */
static void ramfs_modified_locked(struct inode *inode, bool drops_set_id)
{
    ASSERT(mutex_is_held(&inode->lock));
    inode_touch_locked(inode);
    if (unlikely(inode->xattrs))
        xattr_drop_privileges_locked(inode);
    if (!drops_set_id)
        return;
    if (inode->mode & LX_S_ISUID)
        inode->mode &= ~LX_S_ISUID;
    if ((inode->mode & (LX_S_ISGID | LX_S_IXGRP)) == (LX_S_ISGID | LX_S_IXGRP))
        inode->mode &= ~LX_S_ISGID;
}

/* O_APPEND takes the end under the mutex, so that no two writers get the same. Behind the end the
 * bytes up to the offset become part of the file, and must be zeroes. */
static void ramfs_begin_write_locked(struct inode *inode, bool append, int64_t *offset)
{
    ASSERT(mutex_is_held(&inode->lock));
    if (append)
        *offset = (int64_t)inode->size;
    if ((uint64_t)*offset > inode->size)
        zero_behind_end_locked(inode);
}

/* After bytes were written up to there: a reader that sees the new size finds what lies below it.
 */
static void ramfs_size_follow_locked(struct inode *inode, int64_t end)
{
    ASSERT(mutex_is_held(&inode->lock));
    if ((uint64_t)end > inode->size)
        inode_set_size_locked(inode, (uint64_t)end);
}

/* Whether one of the seals is set, or one that keeps the file from having `end` bytes. */
static bool is_sealed_locked(const struct inode *inode, uint64_t end, uint32_t seals)
{
    ASSERT(mutex_is_held(&inode->lock));
    if (end > inode->size)
        seals |= LX_F_SEAL_GROW;
    return inode->seals & seals;
}

/* As much as goes without a page fault. Returns bytes, or an error if there were none. show:
 * readers see each page at once; else the size is the caller's to set. */
static int64_t ramfs_write_locked(struct inode *inode, struct user_iter *io, int64_t *offset,
                                  bool show)
{
    int64_t start = *offset, max = FILE_SIZE_MAX - (int64_t)io->beyond_limit;
    int64_t moved = 0;

    ASSERT(mutex_is_held(&inode->lock));
    while (io->left > 0) {
        size_t wanted = MIN(PAGE_SIZE - ((uint64_t)*offset & PAGE_MASK), io->left);
        /* RLIMIT_FSIZE or the largest offset there is: what fits below it is written, and only a
         * write that begins there fails. */
        if (*offset >= max) {
            moved = -EFBIG;
            break;
        }
        if (wanted > (uint64_t)(max - *offset))
            io->left = wanted = (uint64_t)(max - *offset);
        if (unlikely(is_sealed_locked(inode, (uint64_t)*offset + wanted, MEMFD_SEALS_WRITE)))
            moved = -EPERM;
        else
            moved = ramfs_write_page_locked(inode, io, (uint64_t)*offset);
        if (moved <= 0)
            break;
        *offset += moved;
        if (show)
            ramfs_size_follow_locked(inode, *offset);
        if ((size_t)moved < wanted)
            break;
        if (io->left > 0 && !io_goes_on())
            break;
    }
    return *offset > start ? *offset - start : moved;
}

/* Takes back what was written behind the end, which no reader has seen. Pages that fallocate had
 * made there stay, zeroed: where none was added they were all its. */
COLD static void ramfs_append_undo_locked(struct inode *inode, uint64_t start, uint64_t end,
                                          bool added)
{
    ASSERT(mutex_is_held(&inode->lock));
    while (!added && start < end) {
        size_t within = start & PAGE_MASK, to = MIN(PAGE_SIZE, within + end - start);

        added = page_cache_zero_bytes(&inode->map, start >> PAGE_SHIFT, within, to) != 0;
        start += added ? 0 : to - within;
        sched_preempt_point(); /* 2 GiB at most, whether its task is to die or not */
    }
    if (added)
        page_cache_truncate(&inode->map, start);
}

/* At the end of the file, all of it or nothing: what others append must not come into the middle
 * while pages of the program's are brought in. */
static int64_t ramfs_append_locked(struct inode *inode, struct user_iter *io, int64_t *offset)
{
    struct user_iter before = *io;
    int64_t start = *offset;
    uint64_t npages = inode->map.npages;
    int64_t moved = ramfs_write_locked(inode, io, offset, false);

    ASSERT(mutex_is_held(&inode->lock));
    if (moved <= 0)
        return moved;
    if (likely(!io->left)) {
        ramfs_size_follow_locked(inode, *offset);
        return moved;
    }
    /* As if nothing had been written: the size is as it was. The caller brings the pages in and
     * comes again. */
    ramfs_append_undo_locked(inode, (uint64_t)start, (uint64_t)*offset,
                             inode->map.npages != npages);
    *io = before;
    *offset = start;
    return 0;
}

static int64_t ramfs_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    bool append = (file->flags & LX_O_APPEND) || io->appends;
    bool first = true;
    struct inode *inode = file->inode;
    const struct user_iter before = *io;
    int64_t start = *offset;
    int64_t total = 0;
    int64_t moved = 0;

    while (io->left > 0) {
        /* Once for each round: other writers have their turn while pages are brought in. */
        mutex_lock(&inode->lock);
        ramfs_begin_write_locked(inode, append, offset);
        /* Before the bytes are there: as on Linux also a write that then fails on them counts, but
         * not one that may not begin. */
        if (*offset < FILE_SIZE_MAX - (int64_t)io->beyond_limit)
            ramfs_modified_locked(inode, io->drops_set_id);
        moved = first && append ? ramfs_append_locked(inode, io, offset)
                                : ramfs_write_locked(inode, io, offset, true);
        if (moved > 0)
            total += moved;
        mutex_unlock(&inode->lock);
        if (unlikely(moved == -EAGAIN)) {
            moved = page_await(inode, (uint64_t)*offset >> PAGE_SHIFT);
            if (!moved)
                continue;
        }
        if (moved < 0 || io->left == 0 || vm_kill_pending())
            break;
        /* A page of the program's was not there: bring all of them in, outside the mutex, and begin
         * anew, so that two writers of one place do not mix. Later, as much as there is. */
        if (first) {
            *io = before;
            if (!append)
                *offset = start;
            total = 0;
            user_iter_fault_in_all(io);
        }
        moved = user_iter_fault_in(io, false);
        first = false;
        if (moved < 0)
            break;
    }
    if (total == 0)
        *offset = start;
    return total > 0 ? total : moved;
}

/* --- position, size, mapping --- */

/* SEEK_DATA and SEEK_HOLE: pages that were never written are holes, also those of fallocate. */
static COLD int64_t seek_data_or_hole(struct inode *inode, int64_t offset, int whence)
{
    uint64_t at = (uint64_t)offset;
    uint64_t index = at >> PAGE_SHIFT;
    int64_t found;

    mutex_lock(&inode->lock);
    if (offset < 0 || at >= inode->size) {
        found = -ENXIO;
    } else if (whence == LX_SEEK_DATA) {
        bool any = page_cache_find_data(&inode->map, &index);
        at = MAX(at, index << PAGE_SHIFT);
        found = any && at < inode->size ? (int64_t)at : -ENXIO;
    } else {
        /* A long way in a large file, under the mutex, but it can be preempted. */
        for (; (index << PAGE_SHIFT) < inode->size && page_cache_has_data(&inode->map, index);
             index++)
            sched_preempt_point();
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
    ASSERT(mutex_is_held(&inode->lock));
    if (nbytes > FILE_SIZE_MAX)
        return -EFBIG;
    if (is_sealed_locked(inode, nbytes, nbytes < inode->size ? LX_F_SEAL_SHRINK : 0))
        return -EPERM;
    if (nbytes > inode->size)
        zero_behind_end_locked(inode);
    /* To the size that it has: pages that fallocate has put behind the end go, as on Linux. */
    if (nbytes > inode->size || !inode->map.npages) {
        inode_set_size_locked(inode, nbytes);
        return 0;
    }
    inode_set_size_locked(inode, nbytes); /* first: see page_cache.c */
    page_cache_truncate(&inode->map, nbytes);
    return 0;
}

static COLD int ramfs_punch_locked(struct inode *inode, uint64_t offset, uint64_t end)
{
    uint64_t first = (offset + PAGE_MASK) >> PAGE_SHIFT;
    uint64_t last = end >> PAGE_SHIFT;
    int err;

    ASSERT(mutex_is_held(&inode->lock));
    if (first > last) /* within one page */
        return page_cache_zero_bytes(&inode->map, last, offset & PAGE_MASK, end & PAGE_MASK);
    err = page_cache_punch_pages(&inode->map, first, last);
    if (!err && (offset & PAGE_MASK))
        err = page_cache_zero_bytes(&inode->map, first - 1, offset & PAGE_MASK, PAGE_SIZE);
    if (!err)
        err = page_cache_zero_bytes(&inode->map, last, 0, end & PAGE_MASK);
    return err;
}

/* Takes back the pages that ramfs_reserve_locked has made, in front of `index`: those whose bits
 * are set, and that no program has mapped meanwhile. */
static COLD void ramfs_reserve_undo_locked(struct inode *inode, const uint64_t *made,
                                           uint64_t first, uint64_t index)
{
    ASSERT(mutex_is_held(&inode->lock));
    for (uint64_t i = 0; i < index - first; i++) {
        if (made[i / 64] >> (i % 64) & 1)
            page_cache_drop_unwritten(&inode->map, first + i);
        sched_preempt_point();
    }
}

/* Makes the pages [first, last) that are not there, and notes them in `made`. *index: behind the
 * last one that was looked at. */
static COLD int ramfs_reserve_pages_locked(struct inode *inode, uint64_t *index, uint64_t last,
                                           uint64_t *made)
{
    ASSERT(mutex_is_held(&inode->lock));
    for (uint64_t first = *index; *index < last; ++*index) {
        bool is_new;
        int err = page_cache_reserve(&inode->map, *index, &is_new);

        if (err)
            return err;
        made[(*index - first) / 64] |= (uint64_t)is_new << ((*index - first) % 64);
        if (!io_goes_on()) {
            ++*index;
            return -EINTR;
        }
    }
    return 0;
}

/* Nothing is done where it cannot be done whole. */
static COLD int ramfs_reserve_locked(struct inode *inode, uint64_t offset, uint64_t end)
{
    uint64_t first = offset >> PAGE_SHIFT, index = first;
    uint64_t last = (end >> PAGE_SHIFT) + ((end & PAGE_MASK) != 0);
    uint64_t *made;
    int err;

    ASSERT(mutex_is_held(&inode->lock));
    /* npages: some of the range may be there already. Exact it is not, but what can never fit is
     * refused before the first page is made. */
    if ((end - offset) >> PAGE_SHIFT > page_cache_room() + inode->map.npages)
        return -ENOSPC;
    made = kzalloc((last - first + 63) / 64 * sizeof(*made));
    if (!made)
        return -ENOMEM;
    err = ramfs_reserve_pages_locked(inode, &index, last, made);
    if (err)
        ramfs_reserve_undo_locked(inode, made, first, index);
    kfree(made);
    return err;
}

static COLD int ramfs_punch(struct inode *inode, uint64_t offset, uint64_t end, bool drops_set_id)
{
    int err;

    inode_cut_begin(inode);
    if (memfd_is_sealed(inode, MEMFD_SEALS_WRITE)) {
        inode_cut_end(inode);
        return -EPERM;
    }
    /* Before the mutex: the reverse map takes locks of address spaces. */
    vm_rmap_unmap_range(&inode->pager, offset >> PAGE_SHIFT, (end + PAGE_MASK) >> PAGE_SHIFT,
                        false);
    mutex_lock(&inode->lock);
    err = ramfs_punch_locked(inode, offset, end);
    if (!err)
        ramfs_modified_locked(inode, drops_set_id);
    mutex_unlock(&inode->lock);
    inode_cut_end(inode);
    return err;
}

COLD int ramfs_allocate(struct file *file, uint32_t mode, uint64_t offset, uint64_t nbytes,
                        bool drops_set_id)
{
    struct inode *inode = file->inode;
    uint64_t end = offset + nbytes;
    int err;

    if (mode & LX_FALLOC_PUNCH_HOLE)
        return ramfs_punch(inode, offset, end, drops_set_id);
    mutex_lock(&inode->lock);
    err = is_sealed_locked(inode, end, 0) ? -EPERM : ramfs_reserve_locked(inode, offset, end);
    if (!err && !(mode & LX_FALLOC_KEEP_SIZE) && end > inode->size) {
        zero_behind_end_locked(inode);
        inode_set_size_locked(inode, end);
    }
    if (!err)
        ramfs_modified_locked(inode, drops_set_id);
    mutex_unlock(&inode->lock);
    return err;
}

/* The page that a program accesses, made if it is a hole. */
static int pager_get_needed_locked(struct inode *inode, uint64_t index, bool write,
                                   struct frame **out_frame)
{
    bool is_new;
    int err = 0;

    ASSERT(mutex_is_held(&inode->lock));
    *out_frame = NULL;
    if (inode_is_cut(inode))
        return -EAGAIN;
    /* Behind the last page: SIGBUS for the program. */
    if (index >= (inode->size >> PAGE_SHIFT) + ((inode->size & PAGE_MASK) != 0))
        return -ENXIO;
    if (!write)
        err = page_cache_get(&inode->map, index, out_frame);
    if (!err && !*out_frame)
        err = page_cache_get_own(&inode->map, index, false, &is_new, out_frame);
    if (!err)
        page_set_written(*out_frame);
    /* No new mtime: a shared mapping asks like this also for reading. */
    if (!err && write)
        inode->map.mapped_writable = true;
    if (!err && write && inode->map.ops)
        page_set_dirty(*out_frame);
    return err;
}

/* For files whose pages come later: those that have not are taken out. False: it is the needed one,
 * and then no frame is left. Behind the lookups, for the pages of other files are not looked at. */
static NOINLINE bool range_drop_stale(struct vm_page_range *range)
{
    struct frame *needed = range->frames[range->needed];
    bool good = !page_is_stale(needed);

    for (unsigned i = 0; i < range->count; i++) {
        struct frame *frame = range->frames[i];

        if (frame && (!good || page_is_stale(frame))) {
            frame_put(frame);
            range->frames[i] = NULL;
        }
    }
    return good;
}

/* A page beside the needed one, if it is there. An unwritten one is left to a fault of its own: it
 * would have to count as data from now on, though no program may ever look at it. */
static struct frame *pager_find_neighbour(struct inode *inode, uint64_t size, uint64_t index,
                                          bool write)
{
    struct frame *frame = NULL;

    if (index << PAGE_SHIFT < size)
        frame = page_cache_find(&inode->map, index, write);
    if (frame && page_is_unwritten(frame)) {
        frame_put(frame);
        frame = NULL;
    }
    return frame;
}

/* The range without the mutex, if the needed page is there. The page cache has a reference to each
 * at least until the reader leaves, so one can be taken; truncation finds a mapping that is made of
 * it, since the caller holds its address space's lock until then, which vm_rmap_drop takes. */
static bool pager_map_range_unlocked(struct inode *inode, struct vm_page_range *range)
{
    struct frame *needed = NULL;
    uint64_t size;

    /* Marks have to be set before a program can store: under the mutex, once for each file, or for
     * each page where they are written out. */
    if (inode_is_cut(inode) || (range->write && (!inode->map.mapped_writable || inode->map.ops)))
        return false;
    if (!page_cache_read_begin(&inode->map))
        return false;
    size = inode_size(inode);
    if ((range->index + range->needed) << PAGE_SHIFT < size)
        needed = page_cache_find(&inode->map, range->index + range->needed, range->write);
    if (needed)
        page_set_written(needed);
    for (unsigned i = 0; i < range->count && needed; i++) {
        if (i == range->needed)
            range->frames[i] = needed;
        else
            range->frames[i] = pager_find_neighbour(inode, size, range->index + i, range->write);
    }
    page_cache_read_end();
    if (unlikely(inode->map.ops) && needed)
        return range_drop_stale(range);
    return needed != NULL;
}

static int pager_map_range(struct vm_pager *pager, struct vm_page_range *range)
{
    struct inode *inode = container_of(pager, struct inode, pager);
    int err;

    if (likely(pager_map_range_unlocked(inode, range)))
        return 0;
    mutex_lock(&inode->lock);
    err = pager_get_needed_locked(inode, range->index + range->needed, range->write,
                                  &range->frames[range->needed]);
    /* Of the neighbours only those that are there: none is made. */
    for (unsigned i = 0; i < range->count && !err; i++) {
        if (i == range->needed)
            continue;
        range->frames[i] =
            range->write && inode->map.ops
                ? NULL
                : pager_find_neighbour(inode, inode->size, range->index + i, range->write);
    }
    mutex_unlock(&inode->lock);
    if (unlikely(inode->map.ops) && !err)
        range_drop_stale(range);          /* neighbours: the needed one is up to date for good */
    return err == -ENOSPC ? -ENXIO : err; /* SIGBUS: ending a process would make no room for it */
}

static int pager_await(struct vm_pager *pager, uint64_t index)
{
    struct inode *inode = container_of(pager, struct inode, pager);
    int err = inode_cut_await(inode);

    return err ? err : page_await(inode, index);
}

/* MADV_REMOVE. */
static int pager_punch(struct vm_pager *pager, uint64_t index, uint64_t npages)
{
    return ramfs_punch(container_of(pager, struct inode, pager), index << PAGE_SHIFT,
                       (index + npages) << PAGE_SHIFT, false);
}

/* Set-ID bits stay: of the programs that map it, the one that has stored is not known. */
static void pager_modified(struct vm_pager *pager)
{
    struct inode *inode = container_of(pager, struct inode, pager);

    mutex_lock(&inode->lock);
    inode_touch_locked(inode);
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
    mount_sweep_later(); /* a space is locked: not now */
}

const struct vm_pager_ops ramfs_pager_ops = {
    .map_range = pager_map_range,
    .await = pager_await,
    .punch = pager_punch,
    .modified = pager_modified,
    .get = pager_get,
    .put = pager_put,
};

const struct file_ops ramfs_file_file_ops = {
    .read = ramfs_read,
    .write = ramfs_write,
    .seek = ramfs_seek,
    .sync = ramfs_sync,
};
