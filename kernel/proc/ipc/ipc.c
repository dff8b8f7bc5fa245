/* SPDX-License-Identifier: MIT */
/*
 * System V IPC: tables of objects, ids, keys, permissions.
 *
 * An object is in two trees, so neither its id nor its key costs a search through others. Its index
 * is the lowest free one, and the sequence number grows whenever an index is given out that is not
 * above the last: an id that was kept too long is thus found out, as on Linux.
 *
 * The table has one reference, each call that works with an object another one. Removal takes the
 * object out of the trees and marks it under both locks; what still holds it sees the mark when it
 * has the lock.
 *
 * Long because limits, tables, name spaces and rights go together.
 */
#include "kernel/proc/ipc/ipc.h"

#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ipc/mqueue.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "shared/linux/errno.h"
#include "shared/linux/nsfs.h"

#define SEQUENCES    (1u << (31 - IPC_INDEX_BITS))
#define MEMORY_SHARE 8 /* of the machine's memory one part may be messages and semaphores */
#define MODE_BITS    0777u

#define KMALLOC_LEAST 16

/* Linux's own defaults; single words, so that what is under way sees the old or the new one. */
struct ipc_limits ipc_limits = {
    .shm_bytes = LX_SHMMAX,
    .shm_pages = LX_SHMALL,
    .shm_segments = LX_SHMMNI,
    .msg_bytes = LX_MSGMAX,
    .msg_queue = LX_MSGMNB,
    .msg_queues = LX_MSGMNI,
    .sem_set = LX_SEMMSL,
    .sem_all = LX_SEMMNS,
    .sem_ops = LX_SEMOPM,
    .sem_sets = LX_SEMMNI,
    .shm_next = UINT64_MAX,
    .msg_next = UINT64_MAX,
    .sem_next = UINT64_MAX,
};

/* Also for NULL, which is where a walk ends. */
static struct ipc_object *object_at(struct rb_node *node)
{
    return node ? rb_entry(node, struct ipc_object, index_node) : NULL;
}

/* --- memory --- */

static uint64_t memory_used; /* [a] bytes */

/* What kmalloc takes for that: a power of two. */
static uint64_t memory_add(size_t nbytes, int64_t sign)
{
    int64_t rounded = 1ll << (64 - __builtin_clzll((nbytes - 1) | (KMALLOC_LEAST - 1)));

    return __atomic_add_fetch(&memory_used, (uint64_t)(sign * rounded), __ATOMIC_RELAXED);
}

/* One part of memory for all users together: a message that waits belongs to no process
 * that could be ended for it. */
void *ipc_alloc(size_t nbytes)
{
    uint64_t most = pmm_total_count() * PAGE_SIZE / MEMORY_SHARE;
    void *memory = NULL;

    /* Counted first, so that several at once do not pass the bound together. */
    if (memory_add(nbytes, 1) <= most && pmm_has_more_than(VM_RESERVE_FRAMES + nbytes / PAGE_SIZE))
        memory = kzalloc(nbytes);
    if (!memory)
        memory_add(nbytes, -1);
    return memory;
}

void ipc_free(void *memory, size_t nbytes)
{
    if (!memory)
        return;
    kfree(memory);
    memory_add(nbytes, -1);
}

int64_t ipc_now_s(void)
{
    return (int64_t)(clock_realtime_ns() / 1000000000);
}

/* --- the trees --- */

/* The lowest index that is not below the given one; NULL: there is none. */
static struct ipc_object *find_index_locked(const struct ipc_table *table, unsigned index)
{
    struct rb_node *node = table->by_index.root;
    struct ipc_object *found = NULL;

    ASSERT(mutex_is_held(&table->lock));
    while (node) {
        struct ipc_object *object = object_at(node);

        if (object->index >= index)
            found = object;
        if (object->index == index)
            break;
        node = index < object->index ? node->left : node->right;
    }
    return found;
}

/* Indexes are given out once, so no two are equal. */
static void index_insert_locked(struct ipc_table *table, struct ipc_object *object)
{
    struct rb_node **link = &table->by_index.root, *parent = NULL;

    ASSERT(mutex_is_held(&table->lock));
    while (*link) {
        parent = *link;
        link = object->index < object_at(parent)->index ? &parent->left : &parent->right;
    }
    rb_insert(&table->by_index, &object->index_node, parent, link);
}

/* The caller has seen that the key is not in use. */
static void key_insert_locked(struct ipc_table *table, struct ipc_object *object)
{
    struct rb_node **link = &table->by_key.root, *parent = NULL;

    ASSERT(mutex_is_held(&table->lock));
    while (*link) {
        parent = *link;
        link = object->key < rb_entry(parent, struct ipc_object, key_node)->key ? &parent->left
                                                                                : &parent->right;
    }
    rb_insert(&table->by_key, &object->key_node, parent, link);
}

/* IPC_PRIVATE is in no tree: each call with it makes another object. */
struct ipc_object *ipc_find_key_locked(const struct ipc_table *table, int key)
{
    struct rb_node *node = key == LX_IPC_PRIVATE ? NULL : table->by_key.root;

    ASSERT(mutex_is_held(&table->lock));
    while (node) {
        struct ipc_object *object = rb_entry(node, struct ipc_object, key_node);

        if (object->key == key)
            return object;
        node = key < object->key ? node->left : node->right;
    }
    return NULL;
}

COLD int ipc_insert_locked(struct ipc_table *table, struct ipc_object *object,
                           const struct credentials *cred, int key, int flags)
{
    unsigned first, index, sequence;
    int wanted;

    ASSERT(mutex_is_held(&table->lock));
    if (table->used >= *table->kind->most)
        return -ENOSPC;
    wanted = (int)__atomic_exchange_n(table->kind->next, UINT64_MAX, __ATOMIC_RELAXED);
    first = wanted < 0 ? 0 : (unsigned)wanted % IPC_INDEXES;
    sequence = (unsigned)wanted / IPC_INDEXES;
    index = (unsigned)bitmap_find_zero(table->used_map, IPC_INDEXES, first);
    if (index >= IPC_INDEXES)
        return -ENOSPC;
    if (wanted < 0) {
        /* Numbers start again from below: ids of this turn differ from those of the last one. */
        if (index <= table->last_index)
            table->sequence = (table->sequence + 1) % SEQUENCES;
        table->last_index = index;
        sequence = table->sequence;
    }
    bitmap_set(table->used_map, index);
    table->used++;
    __atomic_fetch_add(&table->total, object->units, __ATOMIC_RELAXED);
    __atomic_fetch_add(&table->space->parts, 1, __ATOMIC_RELAXED);
    object->refs = 1;
    object->table = table;
    object->index = index;
    object->id = (int)(sequence << IPC_INDEX_BITS | index);
    object->key = key;
    object->ctime_s = ipc_now_s();
    mutex_init(&object->lock, MUTEX_PIPE);
    object->uid = object->cuid = cred->euid;
    object->gid = object->cgid = cred->egid;
    object->mode = (uint32_t)flags & MODE_BITS;
    index_insert_locked(table, object);
    if (key != LX_IPC_PRIVATE)
        key_insert_locked(table, object);
    return object->id;
}

void ipc_unlink_key_locked(struct ipc_object *object)
{
    struct ipc_table *table = object->table;

    ASSERT(mutex_is_held(&table->lock) && mutex_is_held(&object->lock));
    if (object->key != LX_IPC_PRIVATE)
        rb_erase(&table->by_key, &object->key_node);
    object->key = LX_IPC_PRIVATE;
}

COLD void ipc_unlink_locked(struct ipc_object *object)
{
    struct ipc_table *table = object->table;

    ASSERT(mutex_is_held(&table->lock) && mutex_is_held(&object->lock) && !object->removed);
    ipc_unlink_key_locked(object);
    rb_erase(&table->by_index, &object->index_node);
    bitmap_clear(table->used_map, object->index);
    table->used--;
    __atomic_fetch_sub(&table->total, object->units, __ATOMIC_RELAXED);
    object->removed = true;
}

/* --- name spaces --- */

struct ipc_namespace ipc_initial; /* large, and so without an initial value: ipc_init */

/* All else of a name space is zero at the start. */
static COLD void tables_init(struct ipc_namespace *space)
{
    static const struct ipc_kind *const kinds[IPC_KINDS] = {&shm_kind, &msg_kind, &sem_kind};

    space->parts = 1;
    for (unsigned i = 0; i < IPC_KINDS; i++) {
        mutex_init(&space->tables[i].lock, MUTEX_INODE);
        space->tables[i].kind = kinds[i];
        space->tables[i].space = space;
    }
}

COLD void ipc_init(void)
{
    ipc_initial.common = (struct ns_common){.refs = 1, .kind = NS_IPC, .ino = LX_IPC_INIT_INO};
    tables_init(&ipc_initial);
}

/* With its last part the memory goes: that may be an object that outlives its use. */
void ipc_space_put(struct ipc_namespace *space)
{
    if (__atomic_sub_fetch(&space->parts, 1, __ATOMIC_ACQ_REL) == 0)
        ipc_free(space, sizeof(*space));
}

/* Empty, whatever there is in the one that its maker leaves. */
COLD int ipc_copy(struct ns_common *from, struct ns_common **out_space)
{
    struct ipc_namespace *space = ipc_alloc(sizeof(*space));

    /* Counted with the objects: name spaces without end have no more room than these. */
    (void)from;
    if (!space || mqueue_space_init(space)) {
        ipc_free(space, sizeof(*space));
        return -ENOMEM;
    }
    tables_init(space);
    ns_common_init(&space->common, NS_IPC);
    *out_space = &space->common;
    return 0;
}

/* --- finding --- */

static void object_hold(struct ipc_object *object)
{
    __atomic_fetch_add(&object->refs, 1, __ATOMIC_RELAXED);
}

/* The index of an id leads to an object; only its own id is good for it. */
int ipc_get(struct ipc_table *table, int id, struct ipc_object **out_object)
{
    struct ipc_object *object;

    if (id < 0)
        return -EINVAL;
    /* The reference is taken under the lock: the table's own cannot go before. */
    mutex_lock(&table->lock);
    object = find_index_locked(table, (unsigned)id % IPC_INDEXES);
    if (object && object->id == id)
        object_hold(object);
    else
        object = NULL;
    mutex_unlock(&table->lock);
    *out_object = object;
    return object ? 0 : -EINVAL;
}

struct ipc_object *ipc_get_next(struct ipc_table *table, unsigned index)
{
    struct ipc_object *object;

    mutex_lock(&table->lock);
    object = find_index_locked(table, index);
    if (object)
        object_hold(object);
    mutex_unlock(&table->lock);
    return object;
}

/* As Linux: of a larger number the bits of an index count. */
static COLD int ipc_get_index(struct ipc_table *table, int index, struct ipc_object **out_object)
{
    unsigned wanted = (unsigned)index % IPC_INDEXES;
    struct ipc_object *object = index < 0 ? NULL : ipc_get_next(table, wanted);

    if (object && object->index != wanted) {
        ipc_put(object);
        object = NULL;
    }
    *out_object = object;
    return object ? 0 : -EINVAL;
}

void ipc_put(struct ipc_object *object)
{
    const struct ipc_table *table = object->table;

    if (__atomic_sub_fetch(&object->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    table->kind->free(object);
    ipc_space_put(table->space);
}

int ipc_lock(struct ipc_object *object)
{
    mutex_lock(&object->lock);
    if (!object->removed)
        return 0;
    mutex_unlock(&object->lock);
    return -EIDRM;
}

/* In this order: the reference may be the last one, and the lock is in the object. */
void ipc_unlock_put(struct ipc_object *object)
{
    mutex_unlock(&object->lock);
    ipc_put(object);
}

/* One that was found; it is put if it has been removed since. */
static int lock_or_put(struct ipc_object *object)
{
    int err = ipc_lock(object);

    if (err)
        ipc_put(object);
    return err;
}

/* Found by its index it may be another one by now: its id is what the caller answers. What was
 * removed since it was found is told from what never was, as on Linux. */
COLD int ipc_lock_number(struct ipc_table *table, int number, enum ipc_find by,
                         const struct credentials *cred, uint32_t wanted,
                         struct ipc_object **out_object)
{
    struct ipc_object *object;
    int err =
        by == IPC_BY_ID ? ipc_get(table, number, &object) : ipc_get_index(table, number, &object);

    if (err)
        return err;
    err = lock_or_put(object);
    if (err)
        return err;
    err = ipc_access(object, cred, wanted);
    if (err)
        ipc_unlock_put(object);
    *out_object = object;
    return err;
}

/* An owner may give it away, and change it as its creator all the same. */
COLD int ipc_lock_to_set(struct ipc_table *table, int id, const struct credentials *cred,
                         struct ipc_object **out_object)
{
    struct ipc_object *object;
    int err = ipc_get(table, id, &object);

    if (err)
        return err;
    err = lock_or_put(object);
    if (err)
        return err;
    err = ipc_own(object, cred);
    if (err)
        ipc_unlock_put(object);
    *out_object = object;
    return err;
}

/* The caller's reference stays. */
static COLD int object_remove(struct ipc_object *object, const struct credentials *cred)
{
    struct ipc_table *table = object->table;
    bool removed = false;
    int err;

    /* What is missing from the table cannot be found; what was found before sees the mark.
     * Both locks: with the first no other *get finds it half removed. */
    mutex_lock(&table->lock);
    err = ipc_lock(object);
    if (!err) {
        err = cred ? ipc_own(object, cred) : 0;
        if (!err)
            removed = table->kind->remove_locked(object);
        mutex_unlock(&object->lock);
    }
    mutex_unlock(&table->lock);
    if (removed)
        ipc_put(object); /* the table's */
    return err;
}

COLD int ipc_remove(const struct task *self, enum ipc_kind_number kind, int id)
{
    struct ipc_object *object;
    int err = ipc_get(ipc_table_of(self, kind), id, &object);

    if (err)
        return err;
    err = object_remove(object, &self->fs->cred);
    ipc_put(object);
    return err;
}

/* Nothing comes into its tables any more. What is attached stays until it is not. */
COLD void ipc_end(struct ns_common *common)
{
    struct ipc_namespace *space = container_of(common, struct ipc_namespace, common);

    for (unsigned i = 0; i < IPC_KINDS; i++) {
        struct ipc_object *object;
        unsigned from = 0;

        while ((object = ipc_get_next(&space->tables[i], from)) != NULL) {
            int err = object_remove(object, NULL);

            ASSERT(!err || err == -EIDRM);
            from = object->index + 1;
            ipc_put(object);
            sched_preempt_point();
        }
    }
    mqueue_space_end(space);
    ipc_space_put(space);
}

/* --- permissions --- */

/* Owner and creator have the first three bits, their groups the next: sysvipc(7). */
int ipc_access(const struct ipc_object *object, const struct credentials *cred, uint32_t wanted)
{
    uint32_t granted = object->mode;

    /* Which of the three groups of bits was named does not matter: they are one request. */
    wanted |= wanted >> 6 | wanted >> 3;
    if (cred->euid == object->cuid || cred->euid == object->uid)
        granted >>= 6;
    else if (credentials_in_group(cred, object->cgid) || credentials_in_group(cred, object->gid))
        granted >>= 3;
    if ((wanted & ~granted & 7) && !credentials_capable(cred, LX_CAP_IPC_OWNER))
        return -EACCES;
    return 0;
}

int ipc_own(const struct ipc_object *object, const struct credentials *cred)
{
    bool owns = cred->euid == object->cuid || cred->euid == object->uid;

    return owns || credentials_capable(cred, LX_CAP_SYS_ADMIN) ? 0 : -EPERM;
}

COLD int ipc_perm_set(struct ipc_object *object, const struct lx_ipc_perm *perm)
{
    if (perm->uid == UINT32_MAX || perm->gid == UINT32_MAX)
        return -EINVAL;
    object->uid = perm->uid;
    object->gid = perm->gid;
    object->mode = (object->mode & ~MODE_BITS) | (perm->mode & MODE_BITS);
    object->ctime_s = ipc_now_s();
    return 0;
}
