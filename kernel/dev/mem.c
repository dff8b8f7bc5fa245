/* SPDX-License-Identifier: MIT */
/*
 * Memory devices: null, zero, full, random and urandom.
 *
 * Numbers, modes and results are Linux's (drivers/char/mem.c and random.c). Long transfers go in
 * chunks and end early at a signal, with what was done up to then: a read of gigabytes from
 * /dev/zero must not keep the processor nor outlive SIGKILL. A chunk that cannot be copied whole
 * ends the call: with -EFAULT if nothing was copied, else with a short count.
 */
#include "kernel/dev/mem.h"
#include "kernel/core/random.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/ioctl.h"

#define RANDOM_CHUNK 256
#define ZERO_CHUNK   65536 /* between two preemption points */

/* They have a position, since pread and lseek work, but it never moves. */
static int64_t seek_nowhere(struct file *file, int64_t offset, int whence)
{
    (void)offset, (void)whence;
    file->position = 0;
    return 0;
}

/* The end of the file, always. */
static int64_t read_nothing(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return 0;
}

/* The bytes are not even looked at: a bad address is no error, as on Linux. */
static int64_t write_away(struct file *file, struct user_iter *io, int64_t *offset)
{
    int64_t nbytes = (int64_t)io->left;

    (void)file, (void)offset;
    io->left = 0;
    return nbytes;
}

/* As a full disk would. */
static int64_t write_full(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -ENOSPC;
}

/* No chunk of zeroes is copied: the user pages are cleared in place. A function of its own, that a
 * small read needs few registers. */
static NOINLINE int64_t read_zero_long(struct user_iter *io)
{
    int64_t total = 0;

    while (io->left > 0) {
        size_t nbytes = MIN(io->left, ZERO_CHUNK);
        size_t moved = user_iter_put_zero(io, nbytes);

        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        /* Done: no preemption point on the way out of a short read. */
        if (io->left == 0)
            break;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

static int64_t read_zero(struct file *file, struct user_iter *io, int64_t *offset)
{
    size_t nbytes = io->left, moved;

    (void)file, (void)offset;
    if (unlikely(nbytes > ZERO_CHUNK))
        return read_zero_long(io);
    moved = user_iter_put_zero(io, nbytes);
    return likely(moved || !nbytes) ? (int64_t)moved : -EFAULT;
}

/* The generator's lock is held for a chunk at a time, not for the whole read. */
static int64_t read_random(struct file *file, struct user_iter *io, int64_t *offset)
{
    uint8_t chunk[RANDOM_CHUNK];
    int64_t total = 0;

    (void)file, (void)offset;
    while (io->left > 0) {
        size_t nbytes = MIN(io->left, sizeof(chunk));
        size_t moved;

        /* Before the copy, which may fault and sleep. */
        random_fill(chunk, nbytes);
        moved = user_iter_put(io, chunk, nbytes);
        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

/* Any program may add to the state: that never makes it easier to predict. */
static int64_t write_random(struct file *file, struct user_iter *io, int64_t *offset)
{
    uint8_t chunk[RANDOM_CHUNK];
    int64_t total = 0;

    (void)file, (void)offset;
    while (io->left > 0) {
        size_t nbytes = MIN(io->left, sizeof(chunk));
        size_t moved = user_iter_get(io, chunk, nbytes);

        /* Also what a short copy brought. */
        random_mix(chunk, moved);
        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

/* As much as a generator of 256 bits can have: it is seeded before the first program runs. */

/* RNDADDENTROPY: the bytes behind two counts are taken like those of write(2). */
static int64_t random_add(struct file *file, struct uptr arg)
{
    int counts[2]; /* bits that they are said to hold; bytes */
    struct user_iter io;
    int64_t offset = 0, done;

    if (vm_user_read(counts, arg, sizeof(counts)))
        return -EFAULT;
    if (counts[0] < 0 || counts[1] < 0)
        return -EINVAL;
    user_iter_init_buffer(&io, (struct uptr){arg.va + sizeof(counts)}, (size_t)counts[1]);
    done = write_random(file, &io, &offset);
    return done < 0 ? done : done == counts[1] ? 0 : -EFAULT;
}

/* Honoured: RNDGETENTCNT, RNDADDENTROPY; the other requests change a count that never changes.
 * Linux asks for CAP_SYS_ADMIN before it looks at an argument. */
static COLD int64_t ioctl_random(struct file *file, uint32_t request, struct uptr arg)
{
    const int bits = RANDOM_BITS;
    int added;

    switch (request) {
    case LX_RNDGETENTCNT:
        return vm_user_write(arg, &bits, sizeof(bits));
    case LX_RNDADDTOENTCNT:
        if (!(file->access & FILE_PRIVILEGED))
            return -EPERM;
        if (vm_user_read(&added, arg, sizeof(added)))
            return -EFAULT;
        return added < 0 ? -EINVAL : 0;
    case LX_RNDADDENTROPY:
        return file->access & FILE_PRIVILEGED ? random_add(file, arg) : -EPERM;
    case LX_RNDZAPENTCNT:
    case LX_RNDCLEARPOOL:
    case LX_RNDRESEEDCRNG:
        return file->access & FILE_PRIVILEGED ? 0 : -EPERM;
    default:
        return -EINVAL;
    }
}

/* The pager is static: references to it need no count. */
static void zero_pager_ref(struct vm_pager *pager, struct dentry *name)
{
    (void)pager, (void)name;
}

/* A mapping of /dev/zero is anonymous memory: no page is ever asked for. */
static const struct vm_pager_ops zero_pager_ops = {
    .get = zero_pager_ref,
    .put = zero_pager_ref,
    .is_zero = true,
};
static struct vm_pager zero_pager = {.ops = &zero_pager_ops};

static const struct file_ops null_ops = {
    .read = read_nothing,
    .write = write_away,
    .seek = seek_nowhere,
};
static const struct file_ops zero_ops = {
    .read = read_zero,
    .write = write_away,
    .seek = seek_nowhere,
    .pager = &zero_pager,
};
/* Reads as /dev/zero. */
static const struct file_ops full_ops = {
    .read = read_zero,
    .write = write_full,
    .seek = seek_nowhere,
};
static const struct file_ops random_ops = {
    .read = read_random,
    .write = write_random,
    .seek = seek_nowhere,
    .ioctl = ioctl_random,
};

/* random and urandom are one: the generator is seeded before the first program runs. */
static struct char_device devices[] = {
    {.name = "null", .device = DEVICE(MEM_MAJOR, 3), .mode = 0666, .ops = &null_ops},
    {.name = "zero", .device = DEVICE(MEM_MAJOR, 5), .mode = 0666, .ops = &zero_ops},
    {.name = "full", .device = DEVICE(MEM_MAJOR, 7), .mode = 0666, .ops = &full_ops},
    {.name = "random", .device = DEVICE(MEM_MAJOR, 8), .mode = 0666, .ops = &random_ops},
    {.name = "urandom", .device = DEVICE(MEM_MAJOR, 9), .mode = 0666, .ops = &random_ops},
};

int mem_devices_init(void)
{
    int err = 0;

    for (size_t i = 0; i < ARRAY_SIZE(devices) && !err; i++)
        err = devfs_register(&devices[i]);
    return err;
}
