/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/mem: the memory of a process, as a debugger reads and writes it.
 *
 * The offset is the address. What is mapped can be read, a private mapping written whatever its
 * protection (vm_debug_read, vm_debug_write); the right to do so is asked for when the file is
 * opened, and goes with the program: after exec the file is empty. Bytes go by way of a page of the
 * kernel's, since the copy to or from the caller may fault, too.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/util.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define PIECE PAGE_SIZE

/* One piece that ends at a page's end: 0 or more bytes done, or an errno. */
static COLD int64_t piece_copy(struct vm_space *space, uint64_t va, char *bytes,
                               struct user_iter *io, bool write)
{
    size_t wanted = MIN(io->left, PIECE - va % PIECE), done;

    if (write) {
        done = user_iter_get(io, bytes, wanted);
        if (!done)
            return -EFAULT;
        return vm_debug_write(space, va, bytes, done) ? -EIO : (int64_t)done;
    }
    if (vm_debug_read(space, va, bytes, wanted))
        return -EIO;
    done = user_iter_put(io, bytes, wanted);
    return done ? (int64_t)done : -EFAULT;
}

static COLD int64_t memory_access(struct file *file, struct user_iter *io, int64_t *offset,
                                  bool write)
{
    struct exec_layout layout;
    struct vm_space *space;
    int64_t total = 0, done = procfs_get_memory(inode_procfs(file->inode), &space, &layout);
    char *bytes;

    if (done || !space)
        return done;
    bytes = kmalloc(PIECE);
    if (!bytes)
        done = -ENOMEM;
    while (bytes && io->left > 0 && !(total && waitq_interrupted())) {
        done = piece_copy(space, (uint64_t)*offset, bytes, io, write);
        if (done < 0)
            break;
        *offset += done;
        total += done;
        sched_preempt_point();
    }
    kfree(bytes);
    vm_space_put_later(space);
    return total ? total : done;
}

static COLD int64_t memory_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    return memory_access(file, io, offset, false);
}

static COLD int64_t memory_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    return memory_access(file, io, offset, true);
}

/* An address space has no end to seek from. */
static COLD int64_t memory_seek(struct file *file, int64_t offset, int whence)
{
    return whence == LX_SEEK_END ? -EINVAL : file_seek_bounded(file, offset, whence, 0);
}

static COLD int memory_open(struct file *file)
{
    return procfs_access(inode_procfs(file->inode));
}

const struct file_ops procfs_mem_ops = {
    .open = memory_open, .read = memory_read, .write = memory_write, .seek = memory_seek};
