/* SPDX-License-Identifier: MIT */
/*
 * Console devices: /dev/tty, /dev/tty1, /dev/console, /dev/ttyS0 and /dev/kmsg.
 *
 * They lead to a terminal or to the running test's output.
 *
 * While the plan runs, what is written to /dev/console and /dev/kmsg goes to the sink that the
 * self-test has set, where it becomes "#: " lines of the report. Once a terminal is in use for a
 * device (console_set_terminal) opening that makes the file one of the terminal: the open operation
 * replaces the file's operations, and this file is out of the way. A file that was opened before
 * keeps the sink.
 */
#include "kernel/dev/console.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/poll.h"

#define SERIAL_MAJOR 4
#define TTY_MAJOR    5
#define MEM_MAJOR    1
#define CHUNK        256
#define KMSG_NBYTES  992 /* longest line of Linux's /dev/kmsg */

static struct console_sink *current_sink;      /* atomic */
static int (*current_open)(struct file *file); /* constant after start-up */

/* The devices that may be terminals. open: atomic; NULL: the sink. */
static struct {
    uint64_t device;
    int (*open)(struct file *file);
} terminals[] = {
    {.device = CONSOLE_DEVICE},
    {.device = DEVICE(SERIAL_MAJOR, 64)},
    {.device = DEVICE(SERIAL_MAJOR, 1)},
};

void console_set_current(int (*open)(struct file *file))
{
    current_open = open;
}

void console_set_terminal(uint64_t device, int (*open)(struct file *file))
{
    for (size_t i = 0; i < ARRAY_SIZE(terminals); i++)
        if (terminals[i].device == device)
            __atomic_store_n(&terminals[i].open, open, __ATOMIC_RELEASE);
}

struct console_sink *console_set_sink(struct console_sink *sink)
{
    return __atomic_exchange_n(&current_sink, sink, __ATOMIC_ACQ_REL);
}

/* The sink is read once: a test that ends meanwhile may still get these bytes, never a freed sink,
 * since sinks are static objects of the harness. */
static void sink_write(const char *bytes, size_t nbytes)
{
    struct console_sink *sink = __atomic_load_n(&current_sink, __ATOMIC_ACQUIRE);

    if (sink && nbytes > 0)
        sink->write(sink, bytes, nbytes);
}

static int64_t console_sink_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    char chunk[CHUNK];
    int64_t total = 0;

    (void)file, (void)offset;
    /* In chunks on the stack: the sink takes kernel memory only. */
    while (io->left > 0) {
        size_t nbytes = MIN(io->left, sizeof(chunk));
        size_t moved = user_iter_get(io, chunk, nbytes);

        sink_write(chunk, moved);
        total += (int64_t)moved;
        if (moved < nbytes)
            return total ? total : -EFAULT;
        sched_preempt_point();
        if (waitq_interrupted())
            break;
    }
    return total;
}

/* Nothing types on the sink: the end of the input, at once. */
static int64_t console_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    (void)file, (void)io, (void)offset;
    return 0;
}

/* Always ready: reading gives the end of the file, writing never waits. */
static uint32_t console_poll(struct file *file, struct poll_waiter *waiter)
{
    (void)file, (void)waiter;
    return LX_POLLIN | LX_POLLOUT | LX_POLLRDNORM | LX_POLLWRNORM;
}

/* Without a terminal the operations below stay. */
static int console_open(struct file *file)
{
    int (*open)(struct file *) = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(terminals); i++)
        if (terminals[i].device == file->inode->device)
            open = __atomic_load_n(&terminals[i].open, __ATOMIC_ACQUIRE);
    return open ? open(file) : 0;
}

/* ENXIO without a controlling terminal, as on Linux. */
static int current_tty_open(struct file *file)
{
    return current_open ? current_open(file) : -ENXIO;
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
static int64_t kmsg_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    char line[KMSG_NBYTES + 1];
    size_t len = io->left;
    size_t written = len;
    size_t skip;

    (void)file, (void)offset;
    /* Linux's limit and its error. */
    if (len > KMSG_NBYTES)
        return -EINVAL;
    if (user_iter_get(io, line, len) < len)
        return -EFAULT;
    skip = priority_length(line, len);
    if (len == skip || line[len - 1] != '\n')
        line[len++] = '\n';
    sink_write(line + skip, len - skip);
    return (int64_t)written;
}

static const struct file_ops console_ops = {
    .open = console_open,
    .read = console_read,
    .write = console_sink_write,
    .poll = console_poll,
};
static const struct file_ops current_tty_ops = {.open = current_tty_open};
static const struct file_ops kmsg_ops = {
    .write = kmsg_write,
};

static struct char_device devices[] = {
    {.name = "tty", .device = DEVICE(TTY_MAJOR, 0), .mode = 0666, .ops = &current_tty_ops},
    {.name = "tty1", .device = DEVICE(SERIAL_MAJOR, 1), .mode = 0620, .ops = &console_ops},
    {.name = "ttyS0", .device = DEVICE(SERIAL_MAJOR, 64), .mode = 0660, .ops = &console_ops},
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
