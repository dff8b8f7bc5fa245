/* SPDX-License-Identifier: MIT */
/*
 * Reading directories. Records are packed in a kernel buffer while the directory is locked, and
 * copied to the program afterwards, a buffer at a time.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/dirent.h"
#include "shared/linux/errno.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

#define BUFFER_NBYTES                                                                              \
    LX_PATH_MAX /* from fs/vfs/namebuf.h; holds at least 14 of the longest records */

/* A buffer of records on its way to the program; room is what the program's own buffer still takes.
 */
struct pack {
    struct dir_emit emit;
    char *buffer;
    size_t used, room;
    bool old_layout; /* getdents: the type at the end of the record */
    bool too_small;  /* not even one record fits */
};

/* Every byte is written, because padding goes to the program and must not show kernel memory: it
 * lies in the last word, with the terminating NUL. */
static void getdents_put_record(struct pack *pack, size_t nbytes, const char *name, size_t len,
                                uint64_t ino, uint8_t type, int64_t next)
{
    char *at = pack->buffer + pack->used;

    *(uint64_t *)(void *)(at + nbytes - sizeof(uint64_t)) = 0;
    if (pack->old_layout) {
        struct lx_dirent *record = (struct lx_dirent *)at;
        record->d_ino = ino;
        record->d_off = (uint64_t)next;
        record->d_reclen = (uint16_t)nbytes;
        memcpy(record->d_name, name, len);
        at[nbytes - 1] = (char)type;
    } else {
        struct lx_dirent64 *record = (struct lx_dirent64 *)at;
        record->d_ino = ino;
        record->d_off = next;
        record->d_reclen = (uint16_t)nbytes;
        record->d_type = type;
        memcpy(record->d_name, name, len);
    }
}

/* False ends the reading; the directory's position then stays before this name. */
static bool getdents_emit(struct dir_emit *base, const char *name, size_t len, uint64_t ino,
                          uint32_t mode, int64_t next)
{
    struct pack *pack = container_of(base, struct pack, emit);
    size_t header = pack->old_layout ? sizeof(struct lx_dirent) + 1 : sizeof(struct lx_dirent64);
    size_t nbytes = ALIGN_UP(header + len + 1, 8);

    if (nbytes > pack->room - pack->used) {
        pack->too_small = pack->used == 0;
        return false;
    }
    getdents_put_record(pack, nbytes, name, len, ino, LX_DT_FROM_MODE(mode), next);
    pack->used += nbytes;
    return true;
}

/* One buffer full. Returns its bytes, 0 at the end of the directory. */
static int64_t getdents_read_some(struct file *file, struct pack *pack, struct uptr to)
{
    int64_t before = file->position;
    int err;

    pack->used = 0;
    pack->too_small = false;
    /* The directory is locked inside; nothing of the program's is touched until it is free again.
     */
    err = file_read_directory(file, &pack->emit);
    if (!err && pack->too_small)
        err = -EINVAL;
    if (!err && pack->used > 0)
        err = vm_user_write(to, pack->buffer, pack->used);
    if (err) {
        /* The program has not got the names: it reads them again. */
        file->position = before;
        return err;
    }
    return (int64_t)pack->used;
}

/* An error after the first buffer is not reported: what has been read counts. */
static int64_t getdents_read_all(struct file *file, struct pack *pack, struct uptr to,
                                 size_t nbytes)
{
    size_t done = 0;

    for (;;) {
        int64_t got;

        sched_preempt_point(); /* the length is the program's choice */
        pack->room = MIN(nbytes - done, BUFFER_NBYTES);
        got = getdents_read_some(file, pack, (struct uptr){to.va + done});
        if (got < 0)
            return done > 0 ? (int64_t)done : got;
        done += (size_t)got;
        /* A buffer that was the smaller limit may have more to follow. */
        if (got == 0 || pack->room < BUFFER_NBYTES)
            return (int64_t)done;
    }
}

/* A file that is no directory is ENOTDIR, checked by its operations. */
static int64_t getdents(struct task *self, int fd, struct uptr buffer, unsigned nbytes,
                        bool old_layout)
{
    struct fd_ref ref = fd_find(self->files, fd);
    struct pack pack = {.emit = {getdents_emit}, .old_layout = old_layout};
    int64_t result = -ENOTDIR;

    if (!ref.file)
        return -EBADF;
    if (ref.file->ops->readdir) {
        pack.buffer = namebuf_alloc(BUFFER_NBYTES);
        result = pack.buffer ? getdents_read_all(ref.file, &pack, buffer, nbytes) : -ENOMEM;
        namebuf_free(pack.buffer, BUFFER_NBYTES);
    }
    fd_ref_put(ref);
    return result;
}

int64_t sys_getdents64(struct task *self, int fd, struct uptr buffer, unsigned nbytes)
{
    return getdents(self, fd, buffer, nbytes, false);
}

int64_t sys_getdents(struct task *self, int fd, struct uptr buffer, unsigned nbytes)
{
    return getdents(self, fd, buffer, nbytes, true);
}
