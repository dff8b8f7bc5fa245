/* SPDX-License-Identifier: MIT */
#include "kernel/dev/mem.h"
#include "kernel/core/random.h"
#include "kernel/fs/devfs.h"
#include "kernel/fs/file.h"
#include "kernel/mm/pmm.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define MEM_MAJOR    1
#define RANDOM_CHUNK 256

/* They have a position, since pread and lseek work, but it never moves. */
static int64_t seek_nowhere(struct file *file, int64_t offset, int whence)
{
    (void)offset, (void)whence;
    file->position = 0;
    return 0;
}

static int64_t read_nothing(struct file *file, struct vm_io *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return 0;
}

static int64_t write_away(struct file *file, struct vm_io *io, int64_t *offset)
{
    int64_t nbytes = (int64_t)io->left;

    (void)file, (void)offset;
    io->left = 0;
    return nbytes;
}

static int64_t write_full(struct file *file, struct vm_io *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -ENOSPC;
}

static int64_t read_zero(struct file *file, struct vm_io *io, int64_t *offset)
{
    size_t wanted = io->left;
    size_t moved = vm_io_put_zero(io, wanted);

    (void)file, (void)offset;
    return moved || !wanted ? (int64_t)moved : -EFAULT;
}

static int64_t read_random(struct file *file, struct vm_io *io, int64_t *offset)
{
    uint8_t chunk[RANDOM_CHUNK];
    int64_t total = 0;

    (void)file, (void)offset;
    while (io->left > 0) {
        size_t nbytes = MIN(io->left, sizeof(chunk));
        size_t moved;

        random_fill(chunk, nbytes);
        moved = vm_io_put(io, chunk, nbytes);
        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        if (waitq_interrupted())
            break;
    }
    return total;
}

static int64_t write_random(struct file *file, struct vm_io *io, int64_t *offset)
{
    uint8_t chunk[RANDOM_CHUNK];
    int64_t total = 0;

    (void)file, (void)offset;
    while (io->left > 0) {
        size_t nbytes = MIN(io->left, sizeof(chunk));
        size_t moved = vm_io_get(io, chunk, nbytes);

        random_mix(chunk, moved);
        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        if (waitq_interrupted())
            break;
    }
    return total;
}

static int64_t ioctl_random(struct file *file, uint32_t request, struct uptr arg)
{
    (void)file, (void)request, (void)arg;
    return -EINVAL;
}

/* A mapping of /dev/zero is anonymous memory: each page is new, and nobody's but the mapper's. */
static int zero_page_get(struct vm_pager *pager, uint64_t index, bool write,
                         struct frame **out_frame)
{
    (void)pager, (void)index, (void)write;
    *out_frame = pmm_alloc(0, PMM_ZERO);
    return *out_frame ? 0 : -ENOMEM;
}

static void zero_pager_ref(struct vm_pager *pager, struct dentry *name)
{
    (void)pager, (void)name;
}

static const struct vm_pager_ops zero_pager_ops = {
    .page_get = zero_page_get,
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
