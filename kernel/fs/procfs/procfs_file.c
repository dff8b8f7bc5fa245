/* SPDX-License-Identifier: MIT */
/*
 * The text of files in /proc, made when they are read.
 *
 * It is made by a read at offset 0 and kept with the open file (file->private), so that a program
 * that reads byte by byte reads one text. A long one comes in pieces: the entry stops where it
 * likes, notes a cursor and sets `more`, and goes on from there when a reader has come to the end
 * of the piece. A read in front of the piece that is kept begins anew with the first.
 *
 * A piece never changes once it is made. A reader takes a reference under piece_lock, copies to its
 * program without a lock, which may take page faults, and puts it; the last reference frees it,
 * whatever the file keeps by then. Two readers of one open file may make the same piece at once:
 * each reads its own, and the file keeps the later.
 */
#include "kernel/fs/procfs/procfs_file.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define PIECE_MIN 4096
#define PIECE_MAX (4u << 20)

/* What one call of an entry's show() has made, and where it belongs in the file.
 * I constant after creation   a atomic */
struct piece {
    uint32_t refs;   /* [a] */
    bool more;       /* [I] another one follows */
    int64_t start;   /* [I] offset in the file */
    uint64_t cursor; /* [I] of the one that follows */
    size_t nbytes;   /* [I] */
    char bytes[];    /* [I] */
};

static struct spinlock piece_lock = SPINLOCK_INIT(SPIN_PROCFS); /* file->private */

void procfs_print(struct procfs_text *text, const char *format, ...)
{
    size_t used = MIN(text->used, text->size);
    va_list args;

    va_start(args, format);
    text->used += fmt_vprint(text->bytes + used, text->size - used, format, args);
    va_end(args);
}

void procfs_put(struct procfs_text *text, const void *bytes, size_t nbytes)
{
    size_t used = MIN(text->used, text->size);

    memcpy(text->bytes + used, bytes, MIN(nbytes, text->size - used));
    text->used += nbytes;
}

void procfs_put_block(struct procfs_text *text, const void *bytes, size_t nbytes)
{
    size_t used = MIN(text->used, text->size);
    /* One byte stays free: a buffer that is full would be asked for again, larger. */
    size_t part = text->cursor < nbytes ? nbytes - text->cursor : 0;

    part = MIN(part, text->size - used - (used < text->size));
    procfs_put(text, (const uint8_t *)bytes + text->cursor, part);
    text->cursor += part;
    text->more = text->cursor < nbytes;
}

static void piece_put(struct piece *piece)
{
    if (piece && __atomic_sub_fetch(&piece->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(piece);
}

/* The text from start on, the entry's position being cursor. One reference. */
static int piece_make(const struct procfs_node *node, int64_t start, uint64_t cursor,
                      struct piece **out_piece)
{
    /* An entry does not know its length beforehand: a buffer that was filled up is thrown away, and
     * the entry asked again from the same cursor with twice the room. */
    for (size_t size = PIECE_MIN; size <= PIECE_MAX; size *= 2) {
        struct piece *piece = kmalloc(size);
        struct procfs_text text = {.cursor = cursor};
        int err;

        if (!piece)
            return -ENOMEM;
        text.bytes = piece->bytes;
        text.size = size - sizeof(*piece);
        err = node->entry->show(node, &text);
        if (!err && text.used < text.size) {
            /* The header; the bytes behind it are as show() left them. */
            *piece = (struct piece){1, text.more, start, text.cursor, text.used};
            *out_piece = piece;
            return 0;
        }
        kfree(piece);
        if (err)
            return err;
    }
    return -ENOMEM;
}

/* The file's piece from now on; takes over nothing. */
static void piece_keep(struct file *file, struct piece *piece)
{
    struct piece *old;

    if (piece)
        __atomic_fetch_add(&piece->refs, 1, __ATOMIC_RELAXED);
    spin_lock(&piece_lock);
    old = file->private;
    file->private = piece;
    spin_unlock(&piece_lock);
    piece_put(old);
}

static struct piece *piece_kept(struct file *file)
{
    struct piece *piece;

    spin_lock(&piece_lock);
    piece = file->private;
    if (piece)
        __atomic_fetch_add(&piece->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&piece_lock);
    return piece;
}

/* The piece in which offset lies, or the last one. One reference. */
static int piece_at(struct file *file, int64_t offset, struct piece **out_piece)
{
    const struct procfs_node *node = inode_procfs(file->inode);
    struct piece *piece = offset ? piece_kept(file) : NULL;
    bool kept = piece && piece->start <= offset;
    int err = 0;

    if (!kept) {
        piece_put(piece);
        err = piece_make(node, 0, 0, &piece);
    }
    /* The reader is behind this piece: the next ones, as far as there are. */
    while (!err && piece->more && offset >= piece->start + (int64_t)piece->nbytes) {
        struct piece *done = piece;

        err = piece_make(node, done->start + (int64_t)done->nbytes, done->cursor, &piece);
        piece_put(done);
        kept = false;
        sched_preempt_point(); /* a long way, where a program reads at the end first */
    }
    if (err)
        return err;
    if (!kept)
        piece_keep(file, piece);
    *out_piece = piece;
    return 0;
}

static int64_t text_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct piece *piece;
    size_t wanted, done;
    int err = piece_at(file, *offset, &piece);

    if (err)
        return err;
    wanted = (size_t)(*offset - piece->start);
    wanted = wanted < piece->nbytes ? MIN(piece->nbytes - wanted, io->left) : 0;
    done = user_iter_put(io, piece->bytes + (*offset - piece->start), wanted);
    piece_put(piece);
    *offset += (int64_t)done;
    return done < wanted && !done ? -EFAULT : (int64_t)done;
}

static int64_t text_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    const struct procfs_entry *entry = inode_procfs(file->inode)->entry;
    int64_t nbytes = (int64_t)io->left;
    int err = entry->write && !entry->sized ? entry->write(inode_procfs(file->inode), io) : -EINVAL;

    if (err)
        return err;
    /* An entry takes a write as a whole or refuses it. */
    *offset += nbytes;
    return nbytes;
}

static int text_open(struct file *file)
{
    return inode_procfs(file->inode)->entry->guarded ? procfs_access(inode_procfs(file->inode)) : 0;
}

static void text_release(struct file *file)
{
    piece_keep(file, NULL);
}

static int64_t text_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, 0);
}

const struct file_ops procfs_file_ops = {
    .open = text_open,
    .release = text_release,
    .read = text_read,
    .write = text_write,
    .seek = text_seek,
};
