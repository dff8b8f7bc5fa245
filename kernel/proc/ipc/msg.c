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
    int64_t stime_s, rtime_s;           /* [l] */
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

static COLD int msg_queue_create(const struct task *self, struct ipc_table *table, uint64_t size,
                                 int key, int flags, struct ipc_object **out_object)
{
    struct msg_queue *queue = ipc_alloc(sizeof(*queue));

    (void)self, (void)size, (void)key, (void)flags;
    if (!queue)
        return -ENOMEM;
    /* Nothing else knows it before it is in the table. */
    list_init(&queue->messages);
    waitq_init(&queue->arrived);
    waitq_init(&queue->removed);
    queue->most_bytes = ipc_limits.msg_queue;
    queue->object.table = table;
    *out_object = &queue->object;
    return 0;
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
    queue->stime_s = ipc_now_s();
    __atomic_fetch_add(&queue->object.table->total, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&queue->object.table->nbytes, message->nbytes, __ATOMIC_RELAXED);
    waitq_wake_all(&queue->arrived);
}

int msg_send(struct task *self, int id, struct message *message, int flags)
{
    struct ipc_object *object;
    struct msg_queue *queue;
    int err = ipc_lock_number(msg_table(self), id, IPC_BY_ID, &self->fs->cred, 0222, &object);

    if (err)
        return err;
    queue = queue_of(object);
    /* Rights are looked at anew each time: they may change while it waits. */
    while (!err && !queue_has_room(queue, message->nbytes)) {
        err = flags & LX_IPC_NOWAIT ? -EAGAIN : queue_wait_locked(queue, &queue->removed);
        if (!err)
            err = ipc_access(object, &self->fs->cred, 0222);
    }
    if (!err)
        queue_push_locked(queue, message, self->process->pid);
    ipc_unlock_put(object);
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
    queue->rtime_s = ipc_now_s();
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
    int err = ipc_lock_number(msg_table(self), id, IPC_BY_ID, &self->fs->cred, 0, &object);

    if (err)
        return err;
    queue = queue_of(object);
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
    ipc_unlock_put(object);
    *out_message = message;
    return err;
}

/* --- control --- */

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

static COLD void msg_queue_stat(const struct ipc_object *object, union ipc_stat *stat)
{
    const struct msg_queue *queue = container_of(object, struct msg_queue, object);

    stat->msg = (struct lx_msqid_ds){
        .stime = queue->stime_s,
        .rtime = queue->rtime_s,
        .ctime = object->ctime_s,
        .cbytes = queue->nbytes,
        .qnum = queue->count,
        .qbytes = queue->most_bytes,
        .lspid = queue->lspid,
        .lrpid = queue->lrpid,
    };
}

static COLD void msg_queue_show(const struct ipc_object *object, struct procfs_text *text)
{
    const struct msg_queue *queue = container_of(object, struct msg_queue, object);

    procfs_print(text, " %10llu %10llu %5u %5u %5u %5u %5u %5u %10lld %10lld %10lld\n",
                 (unsigned long long)queue->nbytes, (unsigned long long)queue->count,
                 (unsigned)queue->lspid, (unsigned)queue->lrpid, object->uid, object->gid,
                 object->cuid, object->cgid, (long long)queue->stime_s, (long long)queue->rtime_s,
                 (long long)object->ctime_s);
}

const struct ipc_kind msg_kind = {
    .most = &ipc_limits.msg_queues,
    .next = &ipc_limits.msg_next,
    .heading = "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid"
               "  cgid      stime      rtime      ctime\n",
    .stat_nbytes = sizeof(struct lx_msqid_ds),
    .create = msg_queue_create,
    .free = queue_free,
    .remove_locked = queue_remove_locked,
    .stat = msg_queue_stat,
    .show = msg_queue_show,
};
