/* SPDX-License-Identifier: MIT */
#include "kernel/dev/console.h"
#include "kernel/fs/devfs.h"
#include "kernel/fs/file.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define TTY_MAJOR   5
#define MEM_MAJOR   1
#define CHUNK       256
#define KMSG_NBYTES 992 /* longest line of Linux's /dev/kmsg */

static struct console_sink *current_sink; /* atomic */

struct console_sink *console_set_sink(struct console_sink *sink)
{
    return __atomic_exchange_n(&current_sink, sink, __ATOMIC_ACQ_REL);
}

static void sink_write(const char *bytes, size_t nbytes)
{
    struct console_sink *sink = __atomic_load_n(&current_sink, __ATOMIC_ACQUIRE);

    if (sink && nbytes > 0)
        sink->write(sink, bytes, nbytes);
}

static int64_t console_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    char chunk[CHUNK];
    int64_t total = 0;

    (void)file, (void)offset;
    while (io->left > 0) {
        size_t nbytes = MIN(io->left, sizeof(chunk));
        size_t moved = vm_io_get(io, chunk, nbytes);

        sink_write(chunk, moved);
        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        if (waitq_interrupted())
            break;
    }
    return total;
}

/* Nobody types: the end of the input, at once. */
static int64_t console_read(struct file *file, struct vm_io *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return 0;
}

static int tty_open(struct file *file)
{
    (void)file; /* there are no controlling terminals */
    return -ENXIO;
}

/* Skips the priority, "<6>", that programs may put in front. */
static size_t priority_length(const char *line, size_t len)
{
    size_t i = 1;

    if (len < 3 || line[0] != '<')
        return 0;
    while (i < len && line[i] >= '0' && line[i] <= '9')
        i++;
    return i > 1 && i < len && line[i] == '>' ? i + 1 : 0;
}

/* One write is one line, whole or refused. */
static int64_t kmsg_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    char line[KMSG_NBYTES + 1];
    size_t len = io->left;
    size_t written = len;
    size_t skip;

    (void)file, (void)offset;
    if (len > KMSG_NBYTES)
        return -EINVAL;
    if (vm_io_get(io, line, len) < len)
        return -EFAULT;
    skip = priority_length(line, len);
    if (len == skip || line[len - 1] != '\n')
        line[len++] = '\n';
    sink_write(line + skip, len - skip);
    return (int64_t)written;
}

static const struct file_ops console_ops = {
    .read = console_read,
    .write = console_write,
};
static const struct file_ops tty_ops = {
    .open = tty_open,
};
static const struct file_ops kmsg_ops = {
    .write = kmsg_write,
};

static struct char_device devices[] = {
    {.name = "tty", .device = DEVICE(TTY_MAJOR, 0), .mode = 0666, .ops = &tty_ops},
    {.name = "console", .device = DEVICE(TTY_MAJOR, 1), .mode = 0600, .ops = &console_ops},
    {.name = "kmsg", .device = DEVICE(MEM_MAJOR, 11), .mode = 0644, .ops = &kmsg_ops},
};

int console_devices_init(void)
{
    int err = 0;

    for (size_t i = 0; i < ARRAY_SIZE(devices) && !err; i++)
        err = devfs_register(&devices[i]);
    return err;
}
