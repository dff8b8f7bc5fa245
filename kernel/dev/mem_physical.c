/* SPDX-License-Identifier: MIT */
/*
 * /dev/mem: physical memory that is not RAM, for reading.
 *
 * What Linux allows with CONFIG_STRICT_DEVMEM: device registers and the firmware's own memory
 * (ACPI tables, reserved ranges) as they are, RAM never, but the first MiB, whose RAM reads as
 * zeroes. Words where address and length allow it, since registers are read so; each word once.
 * Nothing can be written or mapped.
 */
#include "kernel/arch/x86_64/features.h"
#include "kernel/dev/mem.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/bootinfo.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define CHUNK   VMALLOC_READ_MAX
#define LOW_END 0x100000u /* what programs from the time of the BIOS look for lies below */

static const struct bootinfo *memory_map; /* constant after start-up */

/* Whether the page is RAM that the kernel or programs may use. */
static bool is_ram(uint64_t physical)
{
    const struct bootinfo_range *ranges = bootinfo_ranges(memory_map);
    uint32_t types = BOOTINFO_DIRECT_TYPES & ~(1u << BOOTINFO_ACPI | 1u << BOOTINFO_NVS);

    for (uint32_t i = 0; i < memory_map->ranges_count; i++)
        if (physical >= ranges[i].base && physical - ranges[i].base < ranges[i].npages * PAGE_SIZE)
            return types >> ranges[i].type & 1;
    return false;
}

static int64_t mem_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    uint8_t chunk[CHUNK] ALIGNED(8);
    int64_t total = 0;

    (void)file;
    while (io->left > 0) {
        uint64_t physical = (uint64_t)*offset;
        size_t nbytes = MIN(io->left, CHUNK - physical % CHUNK), done;
        int err = 0;

        if (physical >> features.max_physical_bits)
            return total; /* the end */
        if (!is_ram(physical))
            err = vmalloc_read_physical(physical, chunk, nbytes) ? 0 : -ENOMEM;
        else if (physical < LOW_END)
            memset(chunk, 0, nbytes);
        else
            err = -EPERM;
        if (err)
            return total ? total : err;
        done = user_iter_put(io, chunk, nbytes);
        *offset += (int64_t)done;
        total += (int64_t)done;
        if (done < nbytes)
            return total ? total : -EFAULT;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

static int64_t mem_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -EPERM;
}

/* Addresses are unsigned, positions are not: the lower half is more than any machine has. */
static int64_t mem_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, 0);
}

/* CAP_SYS_RAWIO, whatever the node's mode. */
static int mem_open(struct file *file)
{
    return file->access & FILE_RAWIO ? 0 : -EPERM;
}

static const struct file_ops mem_ops = {
    .open = mem_open, .read = mem_read, .write = mem_write, .seek = mem_seek};

static struct char_device mem_device = {
    .name = "mem", .device = DEVICE(MEM_MAJOR, 1), .mode = 0600, .ops = &mem_ops};

int mem_physical_init(const struct bootinfo *info)
{
    memory_map = info;
    return devfs_register(&mem_device);
}
