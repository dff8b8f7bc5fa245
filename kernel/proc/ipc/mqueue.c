/* SPDX-License-Identifier: MIT */
/*
 * POSIX message queues: messages, the tasks that wait, notification.
 *
 * All of a queue is under the lock of its inode. Messages are in one tree, the highest priority
 * first and of one priority the oldest. Tasks wait for a message only while there is none, and for
 * room only while there is none; so a task that comes never overtakes one that waits:
 *
 *   a sender gives its message to the first receiver that waits, and the tree does not see it;
 *   a receiver takes a message out, and puts that of the first sender that waits into the room.
 *
 * First is the highest priority of the scheduler's, then the longest wait. A waiter is on its
 * task's stack, and done once it has been taken off the list, under the lock: a message that was
 * handed over is not lost to a signal or a deadline that comes in the same moment.
 *
 * The process to be notified is known by its serial number, which no other ever has. It ends as
 * that when it has been told, closes a descriptor of the queue, or asks; another one that has
 * inherited the descriptor is not it. What the cookie of SIGEV_THREAD needs has been made before.
 */
#include "kernel/proc/ipc/mqueue.h"

#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"

#define RANK_PLAIN 120 /* of niceness 0: lower ones are better */

struct mqueue_waiter {
    struct list link;               /* [l] */
    int rank;                       /* [I] */
    struct mqueue_message *message; /* [l] to be sent; received */
    bool done;                      /* [l] stored atomically */
    struct waitq queue;
    struct waiter wait;
};

/* --- what is done with the inode locked, which mqueue_wait_locked asserts for all --- */

COLD NOINLINE struct mqueue *mqueue_of(struct inode *inode)
{
    return inode_object(inode);
}

/* A poller may read it at any time: it has registered before, and hears of the change after it. */
static void count_set(struct mqueue *queue, uint64_t count)
{
    __atomic_store_n(&queue->count, count, __ATOMIC_RELAXED);
}

static COLD void message_insert(struct mqueue *queue, struct mqueue_message *message)
{
    struct rb_node **link = &queue->messages.root, *parent = NULL;

    while (*link) {
        parent = *link;
        link = message->priority > rb_entry(parent, struct mqueue_message, node)->priority
                   ? &parent->left
                   : &parent->right;
    }
    /* Behind those of its own priority: the first in the tree is the next one out. */
    rb_insert(&queue->messages, &message->node, parent, link);
    queue->nbytes += message->nbytes;
    count_set(queue, queue->count + 1);
}

COLD struct mqueue_message *mqueue_take(struct mqueue *queue)
{
    struct mqueue_message *message =
        rb_entry(rb_first(&queue->messages), struct mqueue_message, node);

    rb_erase(&queue->messages, &message->node);
    queue->nbytes -= message->nbytes;
    count_set(queue, queue->count - 1);
    return message;
}

/* A message has come or gone; something else has been asked or set. */
static COLD NOINLINE void mqueue_touch(struct inode *inode)
{
    inode_touch_locked(inode);
    inode->atime = inode->mtime;
}
static COLD NOINLINE void mqueue_look(struct inode *inode)
{
    inode->atime = inode->ctime = fs_time_now();
}

/* The first one, off its list, with that message instead of its own, and woken. It does not return
 * before the lock has been given up. NULL: none waits. */
static COLD struct mqueue_message *waiter_finish(struct mqueue *queue, enum mqueue_side side,
                                                 struct mqueue_message *message, bool *done)
{
    struct list *node = list_pop_front(&queue->waiters[side]);
    struct mqueue_waiter *waiter;
    struct mqueue_message *had;

    *done = node != NULL;
    if (!node)
        return NULL;
    waiter = list_entry(node, struct mqueue_waiter, link);
    had = waiter->message;
    waiter->message = message;
    __atomic_store_n(&waiter->done, true, __ATOMIC_RELEASE);
    waitq_wake_one(&waiter->queue);
    return had;
}

/* Behind all that are as good. */
static COLD void waiter_add(struct mqueue *queue, enum mqueue_side side, struct mqueue_waiter *self)
{
    struct list *head = &queue->waiters[side], *at = head->prev;

    /* From the end: most are as good as each other, and go there at once. */
    while (at != head && list_entry(at, struct mqueue_waiter, link)->rank > self->rank) {
        at = at->prev;
        sched_preempt_point();
    }
    list_insert_after(at, &self->link);
}

/* Real-time priorities first, the highest of them best, then by niceness. */
static int rank_of(const struct thread *thread)
{
    return thread->prio ? -thread->prio : RANK_PLAIN + thread->nice;
}

/* Locked; not any more when it returns. *message: sent, or received. */
static COLD int mqueue_wait_locked(struct inode *inode, enum mqueue_side side, uint64_t deadline_ns,
                                   struct mqueue_message **message)
{
    struct mqueue_waiter self = {.rank = rank_of(thread_current()), .message = *message};
    int err = 0;

    ASSERT(mutex_is_held(&inode->lock));
    waitq_init(&self.queue);
    waitq_enter(&self.queue, &self.wait);
    waiter_add(mqueue_of(inode), side, &self);
    mutex_unlock(&inode->lock);
    while (!err && !__atomic_load_n(&self.done, __ATOMIC_ACQUIRE))
        err = (deadline_ns ? waitq_sleep_realtime : waitq_sleep)(&self.wait, 1, deadline_ns);
    /* Taken also where it is done: whatever has done it still looks at the waiter. */
    mutex_lock(&inode->lock);
    if (self.done) /* whatever else has come in the same moment */
        err = 0;
    else
        list_remove(&self.link);
    mutex_unlock(&inode->lock);
    waitq_leave(&self.queue, &self.wait);
    *message = self.message;
    return err;
}

/* --- notification --- */

COLD void mqueue_notice_free(struct mqueue_notice *notice)
{
    if (notice->cookie)
        netlink_notice_free(notice->socket, notice->cookie);
    if (notice->socket)
        file_put(notice->socket);
}

/* The registration ends. What is to be put without the lock; NULL: nothing. */
static COLD NOINLINE struct file *owner_remove(struct mqueue *queue, char why)
{
    struct file *socket = queue->notice.socket;

    /* The message of SIGEV_THREAD was made at registration: this cannot fail. */
    if (socket)
        netlink_notice_send(socket, queue->notice.cookie, why);
    queue->notice = (struct mqueue_notice){0};
    queue->owner = 0;
    return socket;
}

/* To no other program than the one that asked for it. */
static COLD void owner_signal(const struct mqueue *queue, const struct task *sender)
{
    const struct lx_siginfo info = {.signo = queue->notice.signo,
                                    .code = LX_SI_MESGQ,
                                    .sender = {.pid = sender->process->pid,
                                               .uid = sender->fs->cred.uid,
                                               .value = queue->notice.value}};
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *owner = process_find_locked(queue->owner_pid);
    int err = 0;

    if (owner && owner->serial == queue->owner && owner->generation == queue->owner_generation)
        err = signal_send_info_locked(owner, NULL, &info, false);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    ASSERT(!err);
}

/* A message has come into an empty queue, and no receiver waited for it. */
static COLD struct file *owner_notify(struct mqueue *queue, const struct task *sender)
{
    if (!queue->owner || queue->count != 1)
        return NULL;
    if (queue->notice.kind == LX_SIGEV_SIGNAL && queue->notice.signo)
        owner_signal(queue, sender);
    return owner_remove(queue, LX_NOTIFY_WOKENUP);
}

static void put_socket(struct file *socket)
{
    if (socket)
        file_put(socket);
}

COLD int mqueue_notify(struct inode *inode, const struct task *self,
                       const struct mqueue_notice *notice)
{
    struct mqueue *queue = mqueue_of(inode);
    struct file *socket = NULL;
    int err = 0;

    /* One registration a queue, whichever process has it: POSIX. */
    mutex_lock(&inode->lock);
    if (!notice) {
        if (queue->owner == self->process->serial)
            socket = owner_remove(queue, LX_NOTIFY_REMOVED);
    } else if (queue->owner) {
        err = -EBUSY;
    } else {
        queue->owner = self->process->serial;
        queue->owner_pid = self->process->pid;
        queue->owner_generation = self->process->generation;
        queue->notice = *notice;
    }
    if (!err)
        mqueue_look(inode);
    mutex_unlock(&inode->lock);
    put_socket(socket);
    return err;
}

/* A process that closes any of its descriptors of the queue is not notified any more. Another table
 * is the copy of a fork that failed. */
COLD void mqueue_closed(struct inode *inode, const void *files)
{
    const struct task *self = thread_current()->task;
    int err = self && self->files == files ? mqueue_notify(inode, self, NULL) : 0;

    ASSERT(!err);
}

/* --- sending and receiving --- */

static bool is_nonblocking(const struct file *file)
{
    return __atomic_load_n(&file->flags, __ATOMIC_RELAXED) & LX_O_NONBLOCK;
}

/* A full queue has no receiver that waits, nor an empty one a sender. What was woken or is to be
 * put comes after the lock: a socket's end may take others. */
COLD int mqueue_send(struct file *file, struct task *self, struct mqueue_message *message,
                     uint64_t deadline_ns)
{
    struct inode *inode = file->inode;
    struct mqueue *queue = mqueue_of(inode);
    struct file *socket = NULL;
    bool received;

    mutex_lock(&inode->lock);
    if (queue->count == queue->maxmsg) {
        if (!is_nonblocking(file))
            return mqueue_wait_locked(inode, MQUEUE_SENDERS, deadline_ns, &message);
        mutex_unlock(&inode->lock);
        return -EAGAIN;
    }
    waiter_finish(queue, MQUEUE_RECEIVERS, message, &received);
    if (!received) {
        message_insert(queue, message);
        socket = owner_notify(queue, self);
    }
    mqueue_touch(inode);
    mutex_unlock(&inode->lock);
    if (!received)
        poll_notify_events(&queue->poll, POLL_READ_EVENTS);
    put_socket(socket);
    return 0;
}

/* The room that a message leaves goes to a sender that waits, before any other can come. */
COLD int mqueue_receive(struct file *file, uint64_t deadline_ns,
                        struct mqueue_message **out_message)
{
    struct inode *inode = file->inode;
    struct mqueue *queue = mqueue_of(inode);
    struct mqueue_message *next;
    bool sent;

    *out_message = NULL;
    mutex_lock(&inode->lock);
    if (!queue->count) {
        if (!is_nonblocking(file))
            return mqueue_wait_locked(inode, MQUEUE_RECEIVERS, deadline_ns, out_message);
        mutex_unlock(&inode->lock);
        return -EAGAIN;
    }
    *out_message = mqueue_take(queue);
    next = waiter_finish(queue, MQUEUE_SENDERS, NULL, &sent);
    if (sent)
        message_insert(queue, next);
    mqueue_touch(inode);
    mutex_unlock(&inode->lock);
    if (!sent)
        poll_notify_events(&queue->poll, POLL_WRITE_EVENTS);
    return 0;
}

/* --- the file --- */

void mqueue_stat(struct file *file, struct lx_mq_attr *attr)
{
    const struct mqueue *queue = mqueue_of(file->inode);

    *attr = (struct lx_mq_attr){
        .flags = is_nonblocking(file) ? LX_O_NONBLOCK : 0,
        .maxmsg = (int64_t)queue->maxmsg,
        .msgsize = (int64_t)queue->msgsize,
        .curmsgs = (int64_t)__atomic_load_n(&queue->count, __ATOMIC_RELAXED),
    };
}

COLD void mqueue_set_flags(struct file *file, uint32_t flags)
{
    if (flags)
        __atomic_fetch_or(&file->flags, LX_O_NONBLOCK, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&file->flags, ~(uint32_t)LX_O_NONBLOCK, __ATOMIC_RELAXED);
    mutex_lock(&file->inode->lock);
    mqueue_look(file->inode);
    mutex_unlock(&file->inode->lock);
}

static COLD int64_t mqueue_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    const struct mqueue *queue = mqueue_of(file->inode);
    char text[MQUEUE_LINE_ROOM];
    size_t length, left;

    mutex_lock(&file->inode->lock);
    length = fmt_print(text, sizeof(text), "QSIZE:%-10lu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
                       queue->nbytes, queue->notice.kind, queue->notice.signo,
                       queue->owner ? queue->owner_pid : 0);
    mqueue_look(file->inode);
    mutex_unlock(&file->inode->lock);
    /* A position behind the end reads nothing, as in any file. */
    left = MIN(length, sizeof(text) - 1);
    if (*offset >= (int64_t)left)
        return 0;
    left = MIN(left - (size_t)*offset, io->left);
    length = user_iter_put(io, text + *offset, left);
    *offset += (int64_t)length;
    return length || !left ? (int64_t)length : -EFAULT;
}

static COLD int64_t mqueue_seek(struct file *file, int64_t offset, int whence)
{
    return file_seek_bounded(file, offset, whence, inode_size(file->inode));
}

/* Registers, then looks: see count_set. */
static COLD uint32_t mqueue_poll(struct file *file, struct poll_waiter *waiter)
{
    struct mqueue *queue = mqueue_of(file->inode);
    uint64_t count;

    poll_register(&queue->poll, waiter);
    count = __atomic_load_n(&queue->count, __ATOMIC_RELAXED);
    return (count ? LX_POLLIN | LX_POLLRDNORM : 0) |
           (count < queue->maxmsg ? LX_POLLOUT | LX_POLLWRNORM : 0);
}

const struct file_ops mqueue_file_ops = {
    .read = mqueue_read,
    .seek = mqueue_seek,
    .poll = mqueue_poll,
};
