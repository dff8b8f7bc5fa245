/* SPDX-License-Identifier: MIT */
/*
 * Files that stand for events: without a name, a type or a position.
 */
#include "kernel/fs/event/event_file.h"

#include "kernel/fs/vfs/file.h"
#include "shared/linux/fcntl.h"

/* No error and no effect, as on Linux: there is no position that could be another. */
int64_t event_file_seek(struct file *file, int64_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return 0;
}

int event_file_install(struct fd_table *table, const struct file_ops *ops, void *private,
                       uint32_t flags, const struct credentials *cred)
{
    struct file *file;
    int err, fd = fd_reserve(table, 0, flags & LX_O_CLOEXEC);

    if (fd < 0)
        return fd;
    /* The number was reserved first: nothing can fail once the file exists. */
    err = file_create_anon(ops, private, 0600, LX_O_RDWR | (flags & LX_O_NONBLOCK), cred, &file);
    if (err) {
        fd_unreserve(table, fd);
        return err;
    }
    fd_fill(table, fd, file);
    return fd;
}
