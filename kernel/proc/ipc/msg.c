/* SPDX-License-Identifier: MIT */
/*
 * System V message queues.
 *
 * Everything of a queue is under the lock of its object. A message is copied from or to the program
 * outside of it. A task that waits gives the lock up while it sleeps in one of two wait queues:
 * for a message, or for room. Each change wakes all of the queue that it may concern, and each
 * looks for itself; the one that has waited longest gets the lock first.
 *
 * Removal empties the queue and wakes all: they find it removed, which is -EIDRM. The memory of the
 * queue stays for as long as a waiter has its reference.
 */
#include "kernel/proc/ipc/msg.h"

#include "kernel/core/clock.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

/* I constant after creation   l object.lock */
struct msg_queue {
    struct ipc_object object;
    struct list messages;               /* [l] the oldest first */
    uint64_t nbytes, count, most_bytes; /* [l] */
    int64_t stime_s, rtime_s, ctime_s;  /* [l] */
    int lspid, lrpid;                   /* [l] */
    struct waitq arrived, removed;      /* a message has; one has been, so there is room */
};

/* Those of the name space that the task sees. */
static struct ipc_table *msg_table(const struct task *self)
{
    return ipc_table_of(self, IPC_MSG);
}

static struct msg_queue *queue_of(struct ipc_object *object)
{
    return container_of(object, struct msg_queue, object);
}

static int64_t msg_now_s(void)
{
    return ipc_seconds(clock_realtime_ns());
}

int message_create(size_t nbytes, struct message **out_message)
{
    struct message *message = ipc_alloc(sizeof(*message) + nbytes);

    if (!message)
        return -ENOMEM;
    message->nbytes = nbytes;
    *out_message = message;
    return 0;
}

void message_free(struct message *message)
{
    if (message)
        ipc_free(message, sizeof(*message) + message->nbytes);
}

/* Those that removal left, or none: behind the last reference nothing comes any more. */
static COLD void queue_free(struct ipc_object *object)
{
    struct msg_queue *queue = queue_of(object);
    struct list *node;

    while ((node = list_pop_front(&queue->messages)) != NULL) {
        message_free(list_entry(node, struct message, link));
        sched_preempt_point();
    }
    __atomic_fetch_sub(&queue->object.table->total, queue->count, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&queue->object.table->nbytes, queue->nbytes, __ATOMIC_RELAXED);
    ipc_free(queue, sizeof(*queue));
}

/* Waiters find it removed. */
static bool queue_remove_locked(struct ipc_object *object)
{
    ASSERT(mutex_is_held(&object->lock));
    ipc_unlink_locked(object);
    waitq_wake_all(&queue_of(object)->arrived);
    waitq_wake_all(&queue_of(object)->removed);
    return true;
}

const struct ipc_kind msg_kind = {&ipc_limits.msg_queues, &ipc_limits.msg_next, queue_free,
                                  queue_remove_locked};

static COLD int queue_create_locked(const struct task *self, struct ipc_table *table, int key,
                                    int flags)
{
    struct msg_queue *queue = ipc_alloc(sizeof(*queue));
    int id;

    ASSERT(mutex_is_held(&table->lock));
    if (!queue)
        return -ENOMEM;
    /* Nothing else knows it before it is in the table. */
    list_init(&queue->messages);
    waitq_init(&queue->arrived);
    waitq_init(&queue->removed);
    queue->most_bytes = ipc_limits.msg_queue;
    queue->ctime_s = msg_now_s();
    id = ipc_insert_locked(table, &queue->object, &self->fs->cred, key, flags);
    if (id < 0)
        ipc_free(queue, sizeof(*queue));
    return id;
}

COLD int msg_get(struct task *self, int key, int flags)
{
    struct ipc_table *table = msg_table(self);
    struct ipc_object *object;
    int id;

    mutex_lock(&table->lock);
    object = ipc_find_key_locked(table, key);
    if (object)
        id = ipc_existing(object, &self->fs->cred, flags, 0);
    else if (key != LX_IPC_PRIVATE && !(flags & LX_IPC_CREAT))
        id = -ENOENT;
    else
        id = queue_create_locked(self, table, key, flags);
    mutex_unlock(&table->lock);
    return id;
}

/* --- sending and receiving --- */

/* Sleeps without the lock. 0: look again; -EIDRM; -ERESTARTNOHAND: a signal. */
static int queue_wait_locked(struct msg_queue *queue, struct waitq *waiters)
{
    int err;

    ASSERT(mutex_is_held(&queue->object.lock));
    err = waitq_wait(waiters, &queue->object.lock, 0);
    if (queue->object.removed)
        return -EIDRM;
    return (int)restart_instead(err, ERESTARTNOHAND);
}

/* Empty messages are counted, too: as many as bytes. */
static bool queue_has_room(const struct msg_queue *queue, size_t nbytes)
{
    return nbytes + queue->nbytes <= queue->most_bytes && queue->count + 1 <= queue->most_bytes;
}

static void queue_push_locked(struct msg_queue *queue, struct message *message, int pid)
{
    ASSERT(mutex_is_held(&queue->object.lock));
    list_push_back(&queue->messages, &message->link);
    queue->nbytes += message->nbytes;
    queue->count++;
    queue->lspid = pid;
    queue->stime_s = msg_now_s();
    __atomic_fetch_add(&queue->object.table->total, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&queue->object.table->nbytes, message->nbytes, __ATOMIC_RELAXED);
    waitq_wake_all(&queue->arrived);
}

int msg_send(struct task *self, int id, struct message *message, int flags)
{
    struct ipc_object *object;
    struct msg_queue *queue;
    int err = ipc_get(msg_table(self), id, &object);

    if (err)
        return err;
    queue = queue_of(object);
    mutex_lock(&object->lock);
    err = object->removed ? -EIDRM : ipc_access(object, &self->fs->cred, 0222);
    /* Rights are looked at anew each time: they may change while it waits. */
    while (!err && !queue_has_room(queue, message->nbytes)) {
        err = flags & LX_IPC_NOWAIT ? -EAGAIN : queue_wait_locked(queue, &queue->removed);
        if (!err)
            err = ipc_access(object, &self->fs->cred, 0222);
    }
    if (!err)
        queue_push_locked(queue, message, self->process->pid);
    mutex_unlock(&object->lock);
    ipc_put(object);
    return err;
}

/* The first one that the type asks for (msgop(2)): any; of that type, or of all others; of the
 * lowest type up to the negative number's. */
static struct message *queue_find_locked(const struct msg_queue *queue, int64_t type, int flags)
{
    uint64_t most = type == INT64_MIN ? INT64_MAX : (uint64_t)-type;
    struct message *best = NULL;

    ASSERT(mutex_is_held(&queue->object.lock));
    list_for_each (node, &queue->messages) {
        struct message *message = list_entry(node, struct message, link);

        sched_preempt_point();
        if (type < 0) {
            if ((uint64_t)message->type <= most && (!best || message->type < best->type))
                best = message;
        } else if (type == 0 || (message->type == type) != ((flags & LX_MSG_EXCEPT) != 0)) {
            return message;
        }
    }
    return best;
}

static void queue_pop_locked(struct msg_queue *queue, struct message *message, int pid)
{
    ASSERT(mutex_is_held(&queue->object.lock));
    list_remove(&message->link);
    queue->nbytes -= message->nbytes;
    queue->count--;
    queue->lrpid = pid;
    queue->rtime_s = msg_now_s();
    __atomic_fetch_sub(&queue->object.table->total, 1, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&queue->object.table->nbytes, message->nbytes, __ATOMIC_RELAXED);
    waitq_wake_all(&queue->removed);
}

/* MSG_COPY: `type` is the number of the message in the queue, from 0 on. */
static struct message *queue_at_locked(const struct msg_queue *queue, int64_t number)
{
    ASSERT(mutex_is_held(&queue->object.lock));
    list_for_each (node, &queue->messages) {
        sched_preempt_point();
        if (number-- == 0)
            return list_entry(node, struct message, link);
    }
    return NULL;
}

/* -EINVAL: it is longer than the buffer, which MSG_NOERROR does not help. */
static int message_copy(const struct message *message, size_t nbytes, struct message **out_copy)
{
    int err = message->nbytes > nbytes ? -EINVAL : message_create(message->nbytes, out_copy);

    if (!err) {
        (*out_copy)->type = message->type;
        memcpy((*out_copy)->text, message->text, message->nbytes);
    }
    return err;
}

int msg_receive(struct task *self, int id, size_t nbytes, int64_t type, int flags,
                struct message **out_message)
{
    struct message *message = NULL;
    struct ipc_object *object;
    struct msg_queue *queue;
    int err = ipc_get(msg_table(self), id, &object);

    if (err)
        return err;
    queue = queue_of(object);
    mutex_lock(&object->lock);
    err = object->removed ? -EIDRM : 0;
    while (!err) {
        err = ipc_access(object, &self->fs->cred, 0444);
        if (!err)
            message = flags & LX_MSG_COPY ? queue_at_locked(queue, type)
                                          : queue_find_locked(queue, type, flags);
        if (err || message)
            break;
        err = flags & LX_IPC_NOWAIT ? -ENOMSG : queue_wait_locked(queue, &queue->arrived);
    }
    /* Only now, since a waiter takes the first that fits its type, not its buffer. */
    if (!err && message->nbytes > nbytes && !(flags & LX_MSG_NOERROR))
        err = -E2BIG; /* it stays */
    if (!err && (flags & LX_MSG_COPY))
        err = message_copy(message, nbytes, &message);
    else if (!err)
        queue_pop_locked(queue, message, self->process->pid);
    mutex_unlock(&object->lock);
    ipc_put(object);
    *out_message = message;
    return err;
}

/* --- control --- */

COLD int msg_stat(struct task *self, int number, enum ipc_find by, struct lx_msqid_ds *stat)
{
    const struct msg_queue *queue;
    struct ipc_object *object;
    int err = ipc_lock_to_read(msg_table(self), number, by, &self->fs->cred, &object);

    if (err)
        return err;
    queue = queue_of(object);
    *stat = (struct lx_msqid_ds){
        .stime = queue->stime_s,
        .rtime = queue->rtime_s,
        .ctime = queue->ctime_s,
        .cbytes = queue->nbytes,
        .qnum = queue->count,
        .qbytes = queue->most_bytes,
        .lspid = queue->lspid,
        .lrpid = queue->lrpid,
    };
    ipc_perm_show(object, &stat->perm);
    err = by == IPC_BY_ID ? 0 : object->id;
    ipc_unlock_put(object);
    return err;
}

/* Owner, mode, and how much it holds: beyond the system's default that is the administrator's. All
 * that wait look again, for room or rights may be others now. */
COLD int msg_set(struct task *self, int id, const struct lx_msqid_ds *change)
{
    struct ipc_object *object;
    int err = ipc_lock_to_set(msg_table(self), id, &self->fs->cred, &object);

    if (err)
        return err;
    if (change->qbytes > ipc_limits.msg_queue &&
        !credentials_capable(&self->fs->cred, LX_CAP_SYS_RESOURCE))
        err = -EPERM;
    if (!err)
        err = ipc_perm_set(object, &change->perm);
    if (!err) {
        queue_of(object)->most_bytes = change->qbytes;
        queue_of(object)->ctime_s = msg_now_s();
        waitq_wake_all(&queue_of(object)->arrived);
        waitq_wake_all(&queue_of(object)->removed);
    }
    ipc_unlock_put(object);
    return err;
}

COLD int msg_info(const struct task *self, struct lx_msginfo *info)
{
    struct ipc_table *table = msg_table(self);
    unsigned used;
    int highest = ipc_highest(table, &used);

    *info = (struct lx_msginfo){
        .msgpool = (int32_t)used,
        .msgmap = (int32_t)__atomic_load_n(&table->total, __ATOMIC_RELAXED),
        .msgtql = (int32_t)__atomic_load_n(&table->nbytes, __ATOMIC_RELAXED),
    };
    return highest;
}

/* One line a queue; the cursor is the index that the next one has at least. */
COLD int msg_show(const struct procfs_node *node, struct procfs_text *text)
{
    struct ipc_table *table = msg_table(thread_current()->task);
    struct ipc_object *object;

    (void)node;
    if (!text->cursor)
        procfs_print(text, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   "
                           "gid  cuid  cgid      stime      rtime      ctime\n");
    while ((object = ipc_get_next(table, (unsigned)text->cursor)) != NULL) {
        const struct msg_queue *queue = queue_of(object);

        text->more = text->used + IPC_LINE_ROOM > text->size;
        if (text->more) {
            ipc_put(object);
            break;
        }
        mutex_lock(&object->lock);
        procfs_print(
            text, "%10d %10d  %4o  %10llu %10llu %5u %5u %5u %5u %5u %5u %10lld %10lld %10lld\n",
            object->key, object->id, object->mode, (unsigned long long)queue->nbytes,
            (unsigned long long)queue->count, (unsigned)queue->lspid, (unsigned)queue->lrpid,
            object->uid, object->gid, object->cuid, object->cgid, (long long)queue->stime_s,
            (long long)queue->rtime_s, (long long)queue->ctime_s);
        mutex_unlock(&object->lock);
        text->cursor = object->index + 1;
        ipc_put(object);
    }
    return 0;
}
