/* SPDX-License-Identifier: MIT */
/*
 * /dev/cpu/N/cpuid and /dev/cpu/N/msr, as cpuid(4) and msr(4) describe them.
 *
 * The position is the leaf (with the sub-leaf in the upper half), or the number of the register.
 * Each item is asked on the processor that the device is about: in an interrupt there, or right
 * here with interrupts off. Only root can open them, and only root gets at other processors thus.
 *
 * Not every register may be read: reading some has effects, others hold addresses of the kernel.
 * The list has those that describe the machine, its limits, its temperatures and its errors.
 */
#include "kernel/dev/cpu_device.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/cpuid.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/core/ipi.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/fmt.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define MSR_MAJOR   202u
#define CPUID_MAJOR 203u
#define NAME_SIZE   16u /* "cpu/63/cpuid" and a NUL */

/* First and last of each range; Intel SDM vol. 4, AMD PPR. */
static const uint32_t msr_ranges[][2] = {
    {0x10, 0x10},             /* time-stamp counter */
    {0x17, 0x17},             /* platform */
    {0x1b, 0x1b},             /* APIC base */
    {0x34, 0x35},             /* SMI count; numbers of cores and threads */
    {0x3a, 0x3b},             /* feature control, TSC adjust */
    {0x48, 0x48},             /* speculation control */
    {0x8b, 0x8b},             /* microcode */
    {0xce, 0xcf},             /* platform information, core capabilities */
    {0xe7, 0xe8},             /* actual and maximum frequency clocks */
    {0xfe, 0xfe},             /* MTRR capabilities */
    {0x10a, 0x10a},           /* architectural capabilities */
    {0x179, 0x17b},           /* machine check: capabilities, status, control */
    {0x198, 0x19c},           /* performance and thermal status */
    {0x1a0, 0x1a6},           /* features, temperature target */
    {0x1aa, 0x1b2},           /* turbo limits, package thermal status */
    {0x200, 0x2ff},           /* MTRRs, PAT, corrected errors */
    {0x400, 0x47f},           /* machine check banks */
    {0x480, 0x492},           /* VMX capabilities */
    {0x606, 0x65f},           /* energy and power */
    {0x690, 0x690},           /* reasons of limits */
    {0x770, 0x777},           /* hardware P-states */
    {0xc0000080, 0xc0000080}, /* EFER */
    {0xc0000103, 0xc0000104}, /* TSC: auxiliary value, ratio */
    {0xc0002000, 0xc00023ff}, /* AMD's machine check banks */
    {0xc0010010, 0xc001001f}, /* AMD: system configuration, memory top */
    {0xc0010055, 0xc0010071}, /* AMD: P-states */
    {0xc0010140, 0xc0010141}, /* AMD: workarounds */
    {0xc0010299, 0xc001029b}, /* AMD: energy */
};

/* What is asked of a processor. */
struct cpu_query {
    uint32_t number; /* leaf or register */
    uint32_t subleaf;
    bool is_msr, done, failed;
    union {
        struct cpuid_result leaf;
        uint64_t msr;
    };
};

static bool msr_is_open(uint32_t number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(msr_ranges); i++)
        if (number >= msr_ranges[i][0] && number <= msr_ranges[i][1])
            return true;
    return false;
}

/* On the processor itself, interrupts off. */
static void query_answer(void *argument)
{
    struct cpu_query *query = argument;

    if (query->is_msr)
        query->failed = !arch_msr_read_safe(query->number, &query->msr);
    else
        query->leaf = cpuid_query(query->number, query->subleaf);
    query->done = true;
}

/* A thread in the kernel is not moved to another processor between the look and the call. */
static void query_ask(unsigned cpu, struct cpu_query *query)
{
    uint64_t flags = irq_save();
    bool here = cpu_self()->index == cpu;

    if (here)
        query_answer(query);
    irq_restore(flags);
    if (!here) {
        struct cpumask one = {{0}};

        cpumask_set(&one, cpu);
        ipi_call(&one, query_answer, query);
    }
}

static unsigned cpu_of(const struct file *file)
{
    return (unsigned)(file->inode->device & 0xff);
}

static bool is_msr(const struct file *file)
{
    return file->inode->device >> 8 == MSR_MAJOR;
}

/* msr(4) asks for CAP_SYS_RAWIO, whatever the node's mode. */
static int cpu_device_open(struct file *file)
{
    if (is_msr(file) && !(file->access & FILE_RAWIO))
        return -EPERM;
    return cpu_of(file) < sched_cpus_online() ? 0 : -ENXIO;
}

/* Items follow one another: the next leaf, but the same register again, as on Linux. */
static int64_t cpu_device_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct cpu_query query = {.is_msr = is_msr(file)};
    size_t item = query.is_msr ? sizeof(query.msr) : sizeof(query.leaf);
    int64_t total = 0;

    if (io->left % item)
        return -EINVAL;
    while (io->left > 0) {
        query.number = (uint32_t)*offset;
        query.subleaf = (uint32_t)(*offset >> 32);
        if (query.is_msr && !msr_is_open(query.number))
            return total ? total : -EIO;
        query_ask(cpu_of(file), &query);
        if (query.failed)
            return total ? total : -EIO;
        if (user_iter_put(io, &query.leaf, item) < item)
            return total ? total : -EFAULT;
        total += (int64_t)item;
        *offset += !query.is_msr;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

/* As on a Linux that is locked down: a wrong value ends the machine. */
static int64_t cpu_device_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return -EPERM;
}

static int64_t cpu_device_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, 0);
}

static const struct file_ops cpu_device_ops = {
    .open = cpu_device_open,
    .read = cpu_device_read,
    .write = cpu_device_write,
    .seek = cpu_device_seek,
};

/* One driver each for all processors; the nodes are made by themselves. */
static struct char_device cpu_devices[] = {
    {.name = "msr",
     .device = DEVICE(MSR_MAJOR, 0),
     .ops = &cpu_device_ops,
     .hidden = true,
     .nminors = CPU_MAX},
    {.name = "cpuid",
     .device = DEVICE(CPUID_MAJOR, 0),
     .ops = &cpu_device_ops,
     .hidden = true,
     .nminors = CPU_MAX},
};

COLD int cpu_devices_init(void)
{
    char path[NAME_SIZE];
    int err = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(cpu_devices) && !err; i++) {
        err = devfs_register(&cpu_devices[i]);
        for (unsigned cpu = 0; cpu < sched_cpus_online() && !err; cpu++) {
            fmt_print(path, sizeof(path), "cpu/%u/%s", cpu, cpu_devices[i].name);
            err = devfs_make_node(path, 0600, cpu_devices[i].device + cpu);
        }
    }
    return err;
}
