/* SPDX-License-Identifier: MIT */
/*
 * Text of /proc. It is made when a file is read at 0, and kept with the open file, so that somebody
 * who reads byte by byte reads one text. Long ones come in pieces: the entry goes on at its cursor.
 */
#include "kernel/fs/procfs_file.h"
#include "kernel/fs/file.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"

#define PIECE_MIN 4096
#define PIECE_MAX (4u << 20)

/* I constant after creation   a atomic */
struct piece {
    uint32_t refs;   /* [a] */
    bool more;       /* [I] another one follows */
    int64_t start;   /* [I] offset in the file */
    uint64_t cursor; /* [I] of the one that follows */
    size_t nbytes;   /* [I] */
    char bytes[];    /* [I] */
};

static struct spinlock piece_lock = SPINLOCK_INIT(SPIN_FDTABLE); /* file->context */

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

static void piece_put(struct piece *piece)
{
    if (piece && __atomic_sub_fetch(&piece->refs, 1, __ATOMIC_ACQ_REL) == 0)
        kfree(piece);
}

/* The text from start on, the entry's position being cursor. One reference. */
static int piece_make(const struct procfs_node *node, int64_t start, uint64_t cursor,
                      struct piece **out_piece)
{
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
    old = file->context;
    file->context = piece;
    spin_unlock(&piece_lock);
    piece_put(old);
}

static struct piece *piece_kept(struct file *file)
{
    struct piece *piece;

    spin_lock(&piece_lock);
    piece = file->context;
    if (piece)
        __atomic_fetch_add(&piece->refs, 1, __ATOMIC_RELAXED);
    spin_unlock(&piece_lock);
    return piece;
}

/* The piece in which offset lies, or the last one. One reference. */
static int piece_at(struct file *file, int64_t offset, struct piece **out_piece)
{
    const struct procfs_node *node = &file->inode->proc;
    struct piece *piece = offset ? piece_kept(file) : NULL;
    bool kept = piece && piece->start <= offset;
    int err = 0;

    if (!kept) {
        piece_put(piece);
        err = piece_make(node, 0, 0, &piece);
    }
    while (!err && piece->more && offset >= piece->start + (int64_t)piece->nbytes) {
        struct piece *done = piece;

        err = piece_make(node, done->start + (int64_t)done->nbytes, done->cursor, &piece);
        piece_put(done);
        kept = false;
    }
    if (err)
        return err;
    if (!kept)
        piece_keep(file, piece);
    *out_piece = piece;
    return 0;
}

static int64_t text_read(struct file *file, struct vm_io *io, int64_t *offset)
{
    struct piece *piece;
    size_t wanted, done;
    int err = piece_at(file, *offset, &piece);

    if (err)
        return err;
    wanted = (size_t)(*offset - piece->start);
    wanted = wanted < piece->nbytes ? MIN(piece->nbytes - wanted, io->left) : 0;
    done = vm_io_put(io, piece->bytes + (*offset - piece->start), wanted);
    piece_put(piece);
    *offset += (int64_t)done;
    return done < wanted && !done ? -EFAULT : (int64_t)done;
}

static int64_t text_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    const struct procfs_entry *entry = file->inode->proc.entry;
    int64_t nbytes = (int64_t)io->left;
    int err = entry->write ? entry->write(&file->inode->proc, io) : -EINVAL;

    if (err)
        return err;
    *offset += nbytes;
    return nbytes;
}

static int text_open(struct file *file)
{
    return file->inode->proc.entry->guarded ? procfs_access(&file->inode->proc) : 0;
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
