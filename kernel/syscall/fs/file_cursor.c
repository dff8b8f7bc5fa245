/* SPDX-License-Identifier: MIT */
/*
 * What the calls that copy from file to file share: where they are, and the loops.
 *
 * A chunk at a time, read into memory of the kernel's and written from there. Between files the
 * source moves on by what was written, not by what was read, so that nothing is lost when the
 * target takes less; how that is with a pipe is told in fs/pipe/pipe_splice.c. No lock is held over
 * a chunk: others may read and write both files in between, as they may between two calls. A
 * signal ends the copy with what it has; so does a chunk that was taken in part.
 */
#include "kernel/syscall/fs/file_cursor.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/fs/sys_write.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

int file_pair_find(struct task *self, int in_fd, int out_fd, struct file_pair *pair)
{
    pair->in = fd_find(self->files, in_fd);
    if (!pair->in.file)
        return -EBADF;
    pair->out = fd_find(self->files, out_fd);
    if (pair->out.file)
        return 0;
    fd_ref_put(pair->in);
    return -EBADF;
}

void file_pair_put(struct file_pair *pair)
{
    fd_ref_put(pair->out);
    fd_ref_put(pair->in);
}

int64_t cursor_own_position(struct file *file)
{
    return file->access & FILE_POSITION ? file_seek(file, 0, LX_SEEK_CUR) : 0;
}

int cursor_get(struct cursor *cursor, struct file *file, struct uptr user)
{
    cursor->file = file;
    cursor->memory = NULL;
    cursor->writer = NULL;
    cursor->own = user.va == 0;
    if (!cursor->own)
        return vm_user_read(&cursor->offset, user, sizeof(cursor->offset));
    cursor->offset = cursor_own_position(file);
    return 0;
}

int cursor_put(const struct cursor *cursor, struct uptr user)
{
    if (!cursor->own)
        return vm_user_write(user, &cursor->offset, sizeof(cursor->offset));
    if (cursor->file->access & FILE_POSITION) {
        int64_t at = file_seek(cursor->file, cursor->offset, LX_SEEK_SET);
        return at < 0 ? (int)at : 0;
    }
    return 0;
}

bool cursor_ends_too_far(const struct cursor *cursor, size_t nbytes)
{
    return cursor->offset < 0 || (int64_t)((uint64_t)cursor->offset + nbytes) < 0;
}

/* Limits and set-user-ID bits apply as for write(2) of the same task. */
static int64_t write_chunk(struct cursor *out, char *chunk, size_t nbytes)
{
    struct user_iter io;
    int64_t moved;

    if (out->memory) {
        moved = (int64_t)user_iter_put(out->memory, chunk, nbytes);
        return moved ? moved : -EFAULT;
    }
    user_iter_init_kernel(&io, chunk, nbytes);
    write_begin(out->writer, &io);
    if (!(out->file->access & FILE_POSITION))
        return file_write(out->file, &io);
    moved = file_pwrite(out->file, &io, out->offset);
    if (moved > 0)
        out->offset += moved;
    return moved;
}

/* A source without a position, a socket or a terminal, cannot take bytes back. */
static int64_t read_chunk(struct cursor *in, char *chunk, size_t nbytes)
{
    struct user_iter io;
    int64_t moved;

    if (in->memory) {
        moved = (int64_t)user_iter_get(in->memory, chunk, nbytes);
        return moved ? moved : -EFAULT;
    }
    user_iter_init_kernel(&io, chunk, nbytes);
    if (!(in->file->access & FILE_POSITION))
        return file_read(in->file, &io);
    moved = file_pread(in->file, &io, in->offset);
    if (moved > 0)
        in->offset += moved;
    return moved;
}

/* Reads at the cursor, writes, and moves on by what was written: nothing read is lost. */
int64_t cursor_copy(struct cursor *in, struct cursor *out, size_t nbytes)
{
    char *chunk = kmalloc(MIN(nbytes, CURSOR_CHUNK));
    int64_t total = 0;
    int64_t moved = 0;

    if (!chunk)
        return -ENOMEM;
    while (nbytes > 0) {
        int64_t got = file_read_kernel(in->file, chunk, MIN(nbytes, CURSOR_CHUNK), in->offset);

        /* The end of the source, or an error in it, ends the loop like a write that takes nothing.
         */
        moved = got > 0 ? write_chunk(out, chunk, (size_t)got) : got;
        if (moved <= 0)
            break;
        in->offset += moved;
        total += moved;
        nbytes -= (size_t)moved;
        sched_preempt_point();
        if (moved < got || waitq_interrupted())
            break;
    }
    kfree(chunk);
    /* An error after some bytes is not reported: the next call meets it again. */
    return total > 0 ? total : moved;
}

/* Room first, then bytes: what a source has given cannot be given back, and a full pipe must not
 * lose it. After the first piece nothing is waited for: a short copy is a success, and the caller
 * may have others to serve. */
int64_t cursor_to_pipe(struct cursor *in, struct file *pipe, size_t nbytes, bool waits)
{
    char *chunk = kmalloc(MIN(nbytes, CURSOR_CHUNK));
    int64_t total = 0;
    int64_t moved = 0, room = 0;
    bool again = in->memory || in->file->access & FILE_POSITION;

    if (!chunk)
        return -ENOMEM;
    /* A piece that the source cannot fill is the last, and one that might wait is the only one. */
    while (nbytes > 0 && moved == room && (again || !total)) {
        int err;

        room = pipe_reserve(pipe, MIN(nbytes, CURSOR_CHUNK), waits && !total);
        if (room < 0) {
            moved = room;
            break;
        }
        moved = read_chunk(in, chunk, (size_t)room);
        err = pipe_put(pipe, chunk, moved > 0 ? (size_t)moved : 0, (size_t)room);
        if (err)
            moved = err;
        if (moved <= 0)
            break;
        total += moved;
        nbytes -= (size_t)moved;
        sched_preempt_point();
    }
    kfree(chunk);
    return total > 0 ? total : moved;
}

/* The pipe keeps the room of what it gave until the target has taken it. A target that takes a part
 * (a limit, a full file system, a socket that would block) ends the copy, and the rest is in the
 * pipe again. */
int64_t cursor_from_pipe(struct file *pipe, struct cursor *out, size_t nbytes, bool waits)
{
    char *chunk = kmalloc(MIN(nbytes, CURSOR_CHUNK));
    int64_t total = 0;
    int64_t moved = 0, taken = 0;

    if (!chunk)
        return -ENOMEM;
    while (nbytes > 0 && moved == taken) {
        int err;

        taken = pipe_take(pipe, chunk, MIN(nbytes, CURSOR_CHUNK), waits && !total);
        if (taken <= 0) {
            moved = taken;
            break;
        }
        moved = write_chunk(out, chunk, (size_t)taken);
        err =
            pipe_take_end(pipe, chunk, (size_t)taken, (size_t)(moved > 0 ? taken - moved : taken));
        if (moved > 0) {
            total += moved;
            nbytes -= (size_t)moved;
        }
        if (err || moved <= 0)
            break;
        sched_preempt_point();
    }
    kfree(chunk);
    return total > 0 ? total : moved;
}
