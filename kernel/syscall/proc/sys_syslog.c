/* SPDX-License-Identifier: MIT */
/*
 * syslog(2): the kernel's log, as dmesg(1) and klogd read it.
 *
 * Reading all that is there takes nothing away and needs no right; the rest needs CAP_SYSLOG. What
 * a reader took, or what was cleared, is told by positions in the log alone. Levels of the console
 * are checked and change nothing: the report is made of these lines.
 */
#include "kernel/core/clock.h"
#include "kernel/core/log.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/task.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* What it does: numbers that no header for programs names. */
enum syslog_action {
    SYSLOG_CLOSE,
    SYSLOG_OPEN,
    SYSLOG_READ,
    SYSLOG_READ_ALL,
    SYSLOG_READ_CLEAR,
    SYSLOG_CLEAR,
    SYSLOG_CONSOLE_OFF,
    SYSLOG_CONSOLE_ON,
    SYSLOG_CONSOLE_LEVEL,
    SYSLOG_SIZE_UNREAD,
    SYSLOG_SIZE_BUFFER,
};

#define PIECE     256
#define LOOK_NS   100000000ULL /* nothing wakes a reader: a line may be logged under any lock */
#define LEVEL_MAX 8

static uint64_t read_position, clear_position; /* [a] */

/* From there on, or from the line that begins behind it. */
static int64_t lines_put(uint64_t *from, bool inside_line, struct uptr to, size_t size)
{
    size_t done = 0, nbytes;
    char piece[PIECE];

    while (done < size && (nbytes = log_read(from, piece, MIN(sizeof(piece), size - done)))) {
        size_t skip = 0;

        while (inside_line && skip < nbytes)
            inside_line = piece[skip++] != '\n';
        if (vm_user_write((struct uptr){to.va + done}, piece + skip, nbytes - skip))
            return -EFAULT;
        done += nbytes - skip;
    }
    return (int64_t)done;
}

/* The last lines that there is room for. */
static int64_t read_all(struct uptr buffer, size_t size, bool clear)
{
    uint64_t end = log_end(), from = __atomic_load_n(&clear_position, __ATOMIC_RELAXED);
    uint64_t room = MIN(size, LOG_SIZE);
    bool cut = end - from > room;
    int64_t result;

    if (cut)
        from = end - room;
    result = lines_put(&from, cut, buffer, size);
    if (result >= 0 && clear)
        __atomic_store_n(&clear_position, end, __ATOMIC_RELAXED);
    return result;
}

/* What no reader has taken yet, once there is something. */
static int64_t read_new(struct uptr buffer, size_t size)
{
    uint64_t from = __atomic_load_n(&read_position, __ATOMIC_RELAXED);
    int64_t result;

    while (log_end() == from) {
        int err = waitq_sleep(NULL, 0, clock_monotonic_ns() + LOOK_NS);

        if (err && err != -ETIMEDOUT)
            return err;
    }
    result = lines_put(&from, false, buffer, size);
    if (result > 0)
        __atomic_store_n(&read_position, from, __ATOMIC_RELAXED);
    return result;
}

COLD int64_t sys_syslog(struct task *self, int action, struct uptr buffer, int nbytes)
{
    bool open = action == SYSLOG_READ_ALL || action == SYSLOG_SIZE_BUFFER;
    bool reads = action >= SYSLOG_READ && action <= SYSLOG_READ_CLEAR;

    if (!open && !credentials_capable(&self->fs->cred, LX_CAP_SYSLOG) &&
        !credentials_capable(&self->fs->cred, LX_CAP_SYS_ADMIN))
        return -EPERM;
    if (reads && (!buffer.va || nbytes < 0))
        return -EINVAL;
    if (reads && !nbytes)
        return 0;
    if (reads && !user_range_is_user(buffer, (size_t)nbytes))
        return -EFAULT;
    switch (action) {
    case SYSLOG_CLOSE:
    case SYSLOG_OPEN:
    case SYSLOG_CONSOLE_OFF:
    case SYSLOG_CONSOLE_ON:
        return 0;
    case SYSLOG_READ:
        return read_new(buffer, (size_t)nbytes);
    case SYSLOG_READ_ALL:
    case SYSLOG_READ_CLEAR:
        return read_all(buffer, (size_t)nbytes, action == SYSLOG_READ_CLEAR);
    case SYSLOG_CLEAR:
        __atomic_store_n(&clear_position, log_end(), __ATOMIC_RELAXED);
        return 0;
    case SYSLOG_CONSOLE_LEVEL:
        return nbytes < 1 || nbytes > LEVEL_MAX ? -EINVAL : 0;
    case SYSLOG_SIZE_UNREAD:
        return (int64_t)MIN(log_end() - __atomic_load_n(&read_position, __ATOMIC_RELAXED),
                            (uint64_t)LOG_SIZE);
    case SYSLOG_SIZE_BUFFER:
        return LOG_SIZE;
    default:
        return -EINVAL;
    }
}
