/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: how messages and queues come to be and go, and what they are charged to.
 *
 * A queue is charged at once with all that it can ever hold to its maker's user, which
 * RLIMIT_MSGQUEUE bounds; so messages need not be. Their memory is allocated as they come, from the
 * part of the machine's that System V's have, too: a sender that waits holds its message, and a
 * privileged user may make larger queues than there is memory for.
 *
 * Long messages are in pieces: no block of memory as large as they may be has to be found, and
 * other threads get the processor in between.
 */
#include "kernel/fs/vfs/flock.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ipc/mqueue.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

/* Bytes in one piece of memory: with its head it is whole pages, and no more than it says. */
#define PART_MAX  ((32 << 10) - sizeof(struct mqueue_message))
#define MSG_COST  48 /* mq_overview(7): of a message beside its bytes, */
#define PRIO_COST 48 /* and for each priority that there can be */

struct mqueue_limits mqueue_limits; /* mqueue_init */

/* --- messages --- */

COLD void mqueue_message_free(struct mqueue_message *message)
{
    size_t left = message->nbytes, nbytes = MIN(left, PART_MAX);
    struct message_part *part = message->first.next;

    ipc_free(message, sizeof(*message) + nbytes);
    while (part) {
        struct message_part *next = part->next;

        left -= nbytes;
        nbytes = MIN(left, PART_MAX);
        ipc_free(part, sizeof(*part) + nbytes);
        part = next;
        sched_preempt_point();
    }
}

/* Part by part, as many bytes as it has. Where it fails all that was made is there to be freed. */
COLD int mqueue_message_create(struct uptr from, size_t nbytes, uint32_t priority,
                               struct mqueue_message **out_message)
{
    size_t size = MIN(nbytes, PART_MAX);
    struct mqueue_message *message = ipc_alloc(sizeof(*message) + size);
    struct message_part *part;
    int err;

    if (!message)
        return -ENOMEM;
    message->priority = priority;
    for (part = &message->first;; part = part->next) {
        message->nbytes += size;
        err = size ? vm_user_read(part->bytes, from, size) : 0; /* no bytes: from anywhere */
        if (err || message->nbytes == nbytes)
            break;
        from.va += size;
        size = MIN(nbytes - message->nbytes, PART_MAX);
        part->next = ipc_alloc(sizeof(*part) + size);
        err = -ENOMEM;
        if (!part->next)
            break;
        sched_preempt_point();
    }
    if (err)
        mqueue_message_free(message);
    *out_message = message;
    return err;
}

COLD int mqueue_message_write(struct mqueue_message *message, struct uptr to)
{
    size_t left = message->nbytes;
    int err = 0;

    for (struct message_part *part = &message->first; part && !err; part = part->next) {
        size_t size = MIN(left, PART_MAX);

        err = size ? vm_user_write(to, part->bytes, size) : 0;
        to.va += size;
        left -= size;
        sched_preempt_point();
    }
    return err;
}

/* --- life --- */

/* What was asked for, or the default; -EINVAL. Only some may go beyond the limits. */
static COLD int attributes_choose(struct mqueue *queue, const struct lx_mq_attr *attr, bool beyond)
{
    uint64_t maxmsg = beyond ? MQUEUE_MSG_HARD : mqueue_limits.msg_max;
    uint64_t msgsize = beyond ? MQUEUE_MSGSIZE_HARD : mqueue_limits.msgsize_max;

    queue->maxmsg =
        attr ? (uint64_t)attr->maxmsg : MIN(mqueue_limits.msg_max, mqueue_limits.msg_default);
    queue->msgsize = attr ? (uint64_t)attr->msgsize
                          : MIN(mqueue_limits.msgsize_max, mqueue_limits.msgsize_default);
    if (!queue->maxmsg || !queue->msgsize || queue->maxmsg > maxmsg || queue->msgsize > msgsize)
        return -EINVAL;
    queue->charged = (int64_t)(queue->maxmsg * (queue->msgsize + MSG_COST) +
                               MIN(queue->maxmsg, (uint64_t)LX_MQ_PRIO_MAX) * PRIO_COST);
    return 0;
}

/* All that the queue can ever hold, at once. */
static COLD int mqueue_charge(struct mqueue *queue, const struct task *self)
{
    uint64_t limit =
        __atomic_load_n(&self->process->limits[LX_RLIMIT_MSGQUEUE].current, __ATOMIC_RELAXED);
    int64_t used;

    queue->user = user_charge_get(self->fs->cred.uid);
    if (!queue->user)
        return -ENOMEM;
    used = user_charge_add(queue->user, CHARGE_MQUEUE_BYTES, queue->charged);
    return (uint64_t)used > limit ? -EMFILE : 0;
}

/* The inode has the queue from the first step on, so that its end finds what there is. */
COLD int mqueue_attach(struct inode *inode, const struct task *self, const struct lx_mq_attr *attr)
{
    struct mqueue *queue = ipc_alloc(sizeof(*queue));
    int err;

    inode_set_data_kind(inode, INODE_OBJECT);
    inode->data.object = queue;
    inode->file_ops = &mqueue_file_ops;
    inode->size = MQUEUE_LINE_ROOM;
    if (!queue)
        return -ENOMEM;
    list_init(&queue->waiters[MQUEUE_SENDERS]);
    list_init(&queue->waiters[MQUEUE_RECEIVERS]);
    poll_head_init(&queue->poll);
    err = attributes_choose(queue, attr, credentials_capable(&self->fs->cred, LX_CAP_SYS_RESOURCE));
    if (!err)
        err = mqueue_charge(queue, self);
    if (!err && locks_keep(inode))
        err = -ENOMEM;
    return err;
}

/* Whatever mqueue_attach has come to. No file is left, so no task waits and none registers; a
 * registration whose process has closed nothing may still be there. */
COLD void mqueue_detach(struct inode *inode)
{
    struct mqueue *queue = mqueue_of(inode);

    locks_unkeep(inode);
    if (!queue)
        return;
    while (queue->count) {
        mqueue_message_free(mqueue_take(queue));
        sched_preempt_point();
    }
    mqueue_notice_free(&queue->notice);
    if (queue->user)
        user_charge_add(queue->user, CHARGE_MQUEUE_BYTES, -queue->charged);
    user_charge_put(queue->user);
    ipc_free(queue, sizeof(*queue));
}
