/* SPDX-License-Identifier: MIT */
/*
 * Core files: whether there is one, and where.
 *
 * The order is that of exit: the end is decided on first (process_dump_begin), so that no task is
 * added and no other end counts, and the other tasks are killed; each waits on its way out, before
 * it gives anything back, until the file is written. SIGKILL ends the writing: it goes to the task
 * that writes, which looks for it at every step.
 *
 * The file is made anew, with the rights of the program: an older one is unlinked, never written
 * to, so links to it elsewhere keep what they have. A program that others may not look into leaves
 * none (suid_dumpable is 0).
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/process.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/limits.h"
#include "shared/linux/stat.h"

/* Bytes that a file may have, 0: there is to be none. */
static uint64_t limit_of(const struct task *self)
{
    const struct lx_rlimit *limits = self->process->limits;
    uint64_t limit = MIN(limits[LX_RLIMIT_CORE].current, limits[LX_RLIMIT_FSIZE].current);

    if (limit < PAGE_SIZE || __atomic_load_n(&self->thread.space->undumpable, __ATOMIC_RELAXED))
        return 0;
    return MIN(limit, (uint64_t)INT64_MAX);
}

/* Another's that has come to that name between the two steps is left alone. */
static COLD struct file *file_make(struct task *self, int signal)
{
    char *path = namebuf_alloc(LX_PATH_MAX);
    struct file *file = NULL;
    int err;

    if (!path)
        return NULL;
    err = core_name(self, signal, path, LX_PATH_MAX);
    if (!err) {
        err = fs_unlink(self->fs, NULL, path, false);
        if (!err || err == -ENOENT)
            err = fs_open(
                self->fs, NULL, path,
                &(struct open_how){.flags = LX_O_WRONLY | LX_O_CREAT | LX_O_EXCL | LX_O_NOFOLLOW,
                                   .mode = 0600,
                                   .regular = true},
                &file);
    }
    namebuf_free(path, LX_PATH_MAX);
    if (err)
        return NULL;
    if (file->inode->uid == self->fs->cred.fsuid && (file_mode(file) & 0677) == 0600)
        return file;
    file_put(file);
    return NULL;
}

void core_dump(struct task *self, const struct lx_siginfo *info)
{
    uint64_t limit = limit_of(self);
    struct file *file = NULL;

    if (likely(!limit) || !process_dump_begin(self, info->signo))
        return;
    if (!process_is_killed(self->process))
        file = file_make(self, info->signo);
    if (file) {
        core_write(self, info, file, limit);
        file_put(file);
    }
    process_dump_end(self, file != NULL);
}
