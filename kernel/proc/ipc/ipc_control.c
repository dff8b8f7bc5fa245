/* SPDX-License-Identifier: MIT */
/*
 * System V IPC: the calls that are the same for segments, message queues and arrays of semaphores.
 *
 * What differs is in struct ipc_kind. An object is made with its table locked, by which two calls
 * with one key cannot both make one; it is complete before it is in the table. What is shown of it
 * is copied under its lock, and written to the program without.
 */
#include "kernel/fs/procfs/procfs.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/process.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* --- *get --- */

/* What it answers about one that was found by its key: in the order of Linux, that it exists at
 * all, then what is wrong with it, then rights. */
static COLD int existing_id(struct ipc_object *object, const struct credentials *cred,
                            uint64_t size, int flags)
{
    int err;

    if ((flags & LX_IPC_CREAT) && (flags & LX_IPC_EXCL))
        return -EEXIST;
    if (object->size < size)
        return -EINVAL;
    mutex_lock(&object->lock);
    err = ipc_access(object, cred, (uint32_t)flags);
    mutex_unlock(&object->lock);
    return err ? err : object->id;
}

COLD int ipc_open(const struct task *self, enum ipc_kind_number kind, int key, uint64_t size,
                  int flags)
{
    struct ipc_table *table = ipc_table_of(self, kind);
    struct ipc_object *object;
    int id;

    mutex_lock(&table->lock);
    object = ipc_find_key_locked(table, key);
    if (object) {
        id = existing_id(object, &self->fs->cred, size, flags);
    } else if (key != LX_IPC_PRIVATE && !(flags & LX_IPC_CREAT)) {
        id = -ENOENT;
    } else {
        id = table->kind->create(self, table, size, key, flags, &object);
        if (!id) {
            id = ipc_insert_locked(table, object, &self->fs->cred, key, flags);
            if (id < 0) /* it still is ours */
                table->kind->free(object);
        }
    }
    mutex_unlock(&table->lock);
    return id;
}

/* --- control --- */

static COLD void perm_show(const struct ipc_object *object, struct lx_ipc_perm *perm)
{
    perm->key = object->key;
    perm->uid = object->uid;
    perm->gid = object->gid;
    perm->cuid = object->cuid;
    perm->cgid = object->cgid;
    perm->mode = object->mode;
    perm->seq = (uint16_t)((unsigned)object->id >> IPC_INDEX_BITS);
}

COLD int ipc_stat(const struct task *self, enum ipc_kind_number kind, int number, enum ipc_find by,
                  struct uptr buffer)
{
    struct ipc_table *table = ipc_table_of(self, kind);
    union ipc_stat stat = {0};
    struct ipc_object *object;
    int err = ipc_lock_number(table, number, by, &self->fs->cred, by == IPC_BY_INDEX_ANY ? 0 : 0444,
                              &object);
    int id;

    if (err)
        return err;
    table->kind->stat(object, &stat);
    perm_show(object, &stat.perm);
    id = by == IPC_BY_ID ? 0 : object->id;
    ipc_unlock_put(object);
    err = vm_user_write(buffer, &stat, table->kind->stat_nbytes);
    return err ? err : id;
}

COLD int ipc_set(const struct task *self, enum ipc_kind_number kind, int id,
                 const struct lx_ipc_perm *perm)
{
    struct ipc_object *object;
    int err = ipc_lock_to_set(ipc_table_of(self, kind), id, &self->fs->cred, &object);

    if (err)
        return err;
    err = ipc_perm_set(object, perm);
    ipc_unlock_put(object);
    return err;
}

COLD int ipc_highest(struct ipc_table *table, unsigned *used)
{
    struct rb_node *last;
    int highest;

    mutex_lock(&table->lock);
    last = rb_last(&table->by_index);
    highest = last ? (int)rb_entry(last, struct ipc_object, index_node)->index : 0;
    *used = table->used;
    mutex_unlock(&table->lock);
    return highest;
}

/* One line an object; the cursor is the index that the next one has at least. */
COLD int ipc_show(const struct procfs_node *node, struct procfs_text *text)
{
    struct ipc_table *table =
        ipc_table_of(thread_current()->task, (enum ipc_kind_number)node->entry->arg);
    struct ipc_object *object;

    if (!text->cursor)
        procfs_print(text, "%s", table->kind->heading);
    while ((object = ipc_get_next(table, (unsigned)text->cursor)) != NULL) {
        text->more = text->used + IPC_LINE_ROOM > text->size;
        if (text->more) {
            ipc_put(object);
            break;
        }
        mutex_lock(&object->lock);
        procfs_print(text, "%10d %10d  %4o ", object->key, object->id, object->mode);
        table->kind->show(object, text);
        mutex_unlock(&object->lock);
        text->cursor = object->index + 1;
        ipc_put(object);
    }
    return 0;
}
