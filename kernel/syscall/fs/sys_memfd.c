/* SPDX-License-Identifier: MIT */
/*
 * memfd_create: a file in memory that no directory holds.
 */
#include "kernel/fs/ramfs/memfd.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"

/* The name is for /proc/PID/fd and maps alone. */
#define PREFIX      "memfd:"
#define HUGE_SIZES  (0x3fu << LX_MFD_HUGE_SHIFT)
#define FLAGS_KNOWN (LX_MFD_CLOEXEC | LX_MFD_ALLOW_SEALING | LX_MFD_HUGETLB)
#define PREFIX_LEN  (sizeof(PREFIX) - 1)
#define NAME_ROOM   (LX_NAME_MAX + 1)

/* "memfd:" and the program's name, which is any bytes up to a NUL: -EINVAL when too long. */
static int memfd_name_get(char *name, struct uptr from)
{
    int64_t len;

    memcpy(name, PREFIX, PREFIX_LEN);
    len = vm_user_read_string(name + PREFIX_LEN, from, NAME_ROOM - PREFIX_LEN);
    if (len == -ENAMETOOLONG)
        return -EINVAL;
    return len < 0 ? (int)len : 0;
}

/* Honoured: CLOEXEC, ALLOW_SEALING. HUGETLB, with a size or not, is refused as by a Linux without
 * huge pages. */
int64_t sys_memfd_create(struct task *self, struct uptr user_name, unsigned flags)
{
    char name[NAME_ROOM];
    struct file *file;
    int err, fd;

    if (flags & ~(FLAGS_KNOWN | (flags & LX_MFD_HUGETLB ? HUGE_SIZES : 0)))
        return -EINVAL;
    err = memfd_name_get(name, user_name);
    if (err)
        return err;
    if (flags & LX_MFD_HUGETLB)
        return -ENOSYS;
    fd = fd_reserve(self->files, 0, flags & LX_MFD_CLOEXEC);
    if (fd < 0)
        return fd;
    /* The number was reserved first: nothing can fail once the file exists. */
    err = memfd_create(name, flags & LX_MFD_ALLOW_SEALING, &self->fs->cred, &file);
    if (err) {
        fd_unreserve(self->files, fd);
        return err;
    }
    fd_fill(self->files, fd, file);
    return fd;
}
