/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/pagemap: for each page of a process eight bytes that say where it is.
 *
 * The offset is the number of the page times eight. Frames are shown only where root opened the
 * file (a user with them could aim at memory of others); the other bits wherever the process may be
 * looked into. Entries are copied from the page tables in pieces, each under one holding
 * of vm_space.lock; between two of them the program goes on.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_table.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define ENTRY       8u
#define PIECE_PAGES 64u

/* Documentation/admin-guide/mm/pagemap.rst of Linux. */
#define PAGEMAP_PRESENT   (1ULL << 63)
#define PAGEMAP_FILE      (1ULL << 61) /* of a file */
#define PAGEMAP_FRAME_MAX ((1ULL << 55) - 1)

static COLD uint64_t pagemap_entry(uint64_t pte, bool with_frames)
{
    if (!vm_entry_has_frame(pte))
        return 0;
    return PAGEMAP_PRESENT | (pte & PTE_FILE ? PAGEMAP_FILE : 0) |
           (with_frames ? (pte & PTE_ADDRESS) >> PAGE_SHIFT & PAGEMAP_FRAME_MAX : 0);
}

static COLD int64_t pagemap_copy(struct file *file, struct vm_space *space, struct user_iter *io,
                                 int64_t *offset)
{
    uint64_t entries[PIECE_PAGES];
    int64_t total = 0;

    while (io->left > 0) {
        uint64_t page = (uint64_t)*offset / ENTRY, end = USER_END >> PAGE_SHIFT;
        size_t npages = MIN(io->left / ENTRY, PIECE_PAGES), done;

        npages = page < end ? MIN(npages, end - page) : 0;
        if (!npages)
            break;
        vm_entries_copy(space, page << PAGE_SHIFT, npages, entries);
        for (size_t i = 0; i < npages; i++)
            entries[i] = pagemap_entry(entries[i], file->access & FILE_PRIVILEGED);
        done = user_iter_put(io, entries, npages * ENTRY);
        *offset += (int64_t)done;
        total += (int64_t)done;
        if (done < npages * ENTRY)
            return total ? total : -EFAULT;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

static COLD int64_t pagemap_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct exec_layout layout;
    struct vm_space *space;
    int64_t result;
    int err = procfs_get_memory(inode_procfs(file->inode), &space, &layout);

    if (err || !space)
        return err;
    if (*offset % ENTRY || io->left % ENTRY)
        result = -EINVAL;
    else
        result = pagemap_copy(file, space, io, offset);
    vm_space_put_later(space);
    return result;
}

static COLD int64_t pagemap_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, 0);
}

static COLD int pagemap_open(struct file *file)
{
    return procfs_access(inode_procfs(file->inode));
}

const struct file_ops procfs_pagemap_ops = {
    .open = pagemap_open, .read = pagemap_read, .seek = pagemap_seek};
