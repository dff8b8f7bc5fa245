/* SPDX-License-Identifier: MIT */
/*
 * Descriptors in control messages (SCM_RIGHTS): numbers become files at the sender, and files
 * numbers at the receiver.
 *
 * Any descriptor can be sent, also one of O_PATH. All control messages of one send together carry
 * LX_SCM_MAX_FD at most. The receiver gets as many as there is room for in its buffer and numbers
 * for in its table; a number is written before it leads to a file, so that one that cannot be
 * written leads to none.
 */
#include "kernel/syscall/net/user_rights.h"

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/lib/string.h"
#include "kernel/net/rights.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

static int descriptor_get(struct task *self, struct uptr at, struct file **out_file)
{
    int fd, err = vm_user_read(&fd, at, sizeof(fd));

    if (err)
        return err;
    *out_file = fd_get(self->files, fd);
    return *out_file ? 0 : -EBADF;
}

/* Behind the first `count`, which are those of the rights before. */
static int descriptors_get(struct task *self, struct uptr at, uint32_t count,
                           struct socket_rights *rights)
{
    int err = 0;

    for (uint32_t i = count; i < rights->count && !err; i++) {
        err = descriptor_get(self, at, &rights->files[i]);
        at.va += sizeof(int);
    }
    return err;
}

int user_rights_get(struct task *self, struct uptr control, const struct lx_cmsghdr *header,
                    struct socket_rights **rights)
{
    uint32_t count = (uint32_t)((header->nbytes - sizeof(*header)) / sizeof(int));
    struct socket_rights *old = *rights, *all;
    uint32_t old_count = old ? old->count : 0;
    int err;

    if (count == 0)
        return 0;
    if (count > LX_SCM_MAX_FD - old_count)
        return -EINVAL;
    err = socket_rights_create(old_count + count, &all);
    if (err)
        return err;
    all->limit = credentials_unlimited(&self->fs->cred)
                     ? UINT32_MAX
                     : __atomic_load_n(&self->files->limit, __ATOMIC_RELAXED);
    err = descriptors_get(self, (struct uptr){control.va + sizeof(*header)}, old_count, all);
    if (err) {
        socket_rights_free(all);
        return err;
    }
    if (old) {
        memcpy(all->files, old->files, old_count * sizeof(old->files[0]));
        old->count = 0;
        socket_rights_free(old);
    }
    *rights = all;
    return 0;
}

/* False: no number, or it cannot be written. The reference becomes the table's. */
static bool descriptor_put(struct task *self, struct file *file, struct uptr at, bool cloexec)
{
    int fd = fd_reserve(self->files, 0, cloexec);

    if (fd < 0)
        return false;
    if (vm_user_write(at, &fd, sizeof(fd))) {
        fd_unreserve(self->files, fd);
        return false;
    }
    fd_fill(self->files, fd, file);
    return true;
}

uint64_t user_rights_put(struct task *self, struct socket_rights *rights, struct uptr control,
                         uint64_t room, bool cloexec, uint32_t *count)
{
    struct lx_cmsghdr header = {.level = LX_SOL_SOCKET, .type = LX_SCM_RIGHTS};
    struct uptr at = {control.va + sizeof(header)};
    uint64_t fit = room > sizeof(header) ? (room - sizeof(header)) / sizeof(int) : 0;
    uint32_t done = 0;

    while (done < rights->count && done < fit &&
           descriptor_put(self, rights->files[done], at, cloexec)) {
        rights->files[done++] = NULL;
        at.va += sizeof(int);
    }
    *count = done;
    header.nbytes = sizeof(header) + done * sizeof(int);
    if (done == 0 || vm_user_write(control, &header, sizeof(header)))
        return 0;
    return MIN(room, LX_CMSG_ALIGN(header.nbytes));
}
