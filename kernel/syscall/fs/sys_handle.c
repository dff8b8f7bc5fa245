/* SPDX-License-Identifier: MIT */
/*
 * name_to_handle_at and open_by_handle_at: files by a handle, which lasts as long as the file.
 *
 * A handle is the device and number of an inode. Both are used once only, so that a handle never
 * comes to mean another file. It is no proof of a right: to open one passes over the directories
 * that a path would lead through, which is for the privileged.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/fs/user_path.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define HANDLE_NBYTES_MAX 128
#define HANDLE_TYPE       1

/* As programs see it: a head, and as many bytes as it says. */
struct handle_head {
    uint32_t nbytes;
    int32_t type;
};

struct handle {
    uint32_t device;
    uint32_t ino_low, ino_high;
};

/* Also with a buffer that is too small the program learns how large one must be. */
COLD static int64_t handle_to_user(const struct user_object *object, struct uptr user,
                                   struct uptr mount_id)
{
    const struct inode *inode = object->inode;
    const struct super_block *super = inode->super;
    const struct handle handle = {(uint32_t)super->device, (uint32_t)inode->ino,
                                  (uint32_t)(inode->ino >> 32)};
    /* As in /proc/PID/mountinfo. */
    const uint32_t id = (object->dentry ? dentry_mount(object->dentry) : &super->home)->id;
    struct handle_head head;
    bool fits;
    int err;

    if (!super->ops || !super->ops->find)
        return -EOPNOTSUPP;
    err = vm_user_read(&head, user, sizeof(head));
    if (err)
        return err;
    if (head.nbytes > HANDLE_NBYTES_MAX)
        return -EINVAL;
    fits = head.nbytes >= sizeof(handle);
    head = (struct handle_head){sizeof(handle), HANDLE_TYPE};
    err = vm_user_write(mount_id, &id, sizeof(id));
    if (!err)
        err = vm_user_write(user, &head, sizeof(head));
    if (!err && fits)
        err = vm_user_write((struct uptr){user.va + sizeof(head)}, &handle, sizeof(handle));
    return err ? err : fits ? 0 : -EOVERFLOW;
}

/* Honoured: SYMLINK_FOLLOW, EMPTY_PATH. */
COLD int64_t sys_name_to_handle_at(struct task *self, int dirfd, struct uptr path,
                                   struct uptr handle, struct uptr mount_id, int flags)
{
    unsigned walk = (flags & LX_AT_SYMLINK_FOLLOW ? PATH_FOLLOW : 0) |
                    (flags & LX_AT_EMPTY_PATH ? PATH_EMPTY : 0);
    struct user_object object;
    int64_t result;

    if (flags & ~(LX_AT_SYMLINK_FOLLOW | LX_AT_EMPTY_PATH))
        return -EINVAL;
    result = user_walk_object(self, dirfd, path, walk, &object);
    if (result)
        return result;
    result = handle_to_user(&object, handle, mount_id);
    user_object_put(&object);
    return result;
}

/* One of another size or type is of no file here: it may come from another system. */
COLD static int handle_read(struct uptr user, struct handle *handle)
{
    struct handle_head head;
    int err = vm_user_read(&head, user, sizeof(head));

    if (err)
        return err;
    if (head.nbytes == 0 || head.nbytes > HANDLE_NBYTES_MAX)
        return -EINVAL;
    err = vm_user_read(handle, (struct uptr){user.va + sizeof(head)},
                       MIN(head.nbytes, sizeof(*handle)));
    if (err)
        return err;
    return head.nbytes == sizeof(*handle) && head.type == HANDLE_TYPE ? 0 : -ESTALE;
}

/* Any file of the file system says which one is meant; it is held until that was searched. */
COLD static int handle_find(struct task *self, int mount_fd, const struct handle *handle,
                            struct dentry **out_dentry)
{
    struct dentry *cwd = mount_fd == LX_AT_FDCWD ? fs_context_cwd(self->fs) : NULL;
    struct fd_ref ref = cwd ? (struct fd_ref){0} : fd_find(self->files, mount_fd);
    struct dentry *place = cwd ? cwd : ref.file ? ref.file->dentry : NULL;
    struct super_block *super = cwd ? cwd->inode->super : ref.file ? ref.file->inode->super : NULL;
    int err = -ESTALE;

    if (!super)
        err = -EBADF;
    else if (super->ops && super->ops->find && (uint32_t)super->device == handle->device)
        err =
            super->ops->find(super, (uint64_t)handle->ino_high << 32 | handle->ino_low, out_dentry);
    /* As seen in the mount that was named. */
    if (!err && place)
        err = dentry_place_entry(place, out_dentry);
    fd_ref_put(ref);
    dentry_put(cwd);
    return err;
}

/* flags: as of open, for a file that is there. */
COLD int64_t sys_open_by_handle_at(struct task *self, int mount_fd, struct uptr user, int flags)
{
    const uint32_t kept = LX_O_ACCMODE | LX_O_APPEND | LX_O_NONBLOCK | LX_O_DIRECTORY |
                          LX_O_NOFOLLOW | LX_O_NOATIME | LX_O_PATH | LX_O_TRUNC | LX_O_NOCTTY;
    const struct open_how how = {.flags = ((uint32_t)flags & kept) | LX_O_LARGEFILE};
    struct handle handle;
    struct dentry *dentry;
    struct file *file;
    int fd, err;

    if (!credentials_capable(&self->fs->cred, LX_CAP_DAC_READ_SEARCH))
        return -EPERM;
    err = handle_read(user, &handle);
    if (!err)
        err = handle_find(self, mount_fd, &handle, &dentry);
    if (err)
        return err;
    fd = fd_reserve(self->files, 0, (uint32_t)flags & LX_O_CLOEXEC);
    if (fd < 0) {
        dentry_put(dentry);
        return fd;
    }
    err = fs_open_dentry(self->fs, dentry, &how, &file);
    if (err)
        fd_unreserve(self->files, fd);
    else
        fd_fill(self->files, fd, file);
    return err ? err : fd;
}
