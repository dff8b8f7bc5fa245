/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: receiving.
 *
 * Bytes are copied to the program under the socket's lock, with faults disabled: what is in the
 * queue is then either taken or not, whatever the program does to its pages meanwhile. At a page
 * that is not there the lock is dropped, the page brought in, and the message begun anew, from
 * where the queue is by then. The number of such rounds has a bound, since a program can take its
 * page away again each time.
 *
 * Messages that are used up are freed behind the lock: their senders are woken by it.
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/net/rights.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define ID_NONE 65534 /* user and group of what is not known */

/* One receive on its way. */
struct receive {
    struct unix_socket *sock;
    struct socket_message *to;
    struct list used; /* messages that are taken out */
    uint32_t faults;
    uint64_t deadline_ns, timeout_ns;
    int64_t total;
    bool begun; /* credentials and address are those of the first message */
    bool empty; /* no bytes are asked for: files alone */
};

static bool peeks(const struct receive *receive)
{
    return receive->to->flags & LX_MSG_PEEK;
}

static void take_out_locked(struct receive *receive, struct unix_message *message)
{
    struct unix_socket *sock = receive->sock;

    ASSERT(mutex_is_held(&sock->lock));
    unix_unqueue_locked(sock, message);
    list_push_back(&receive->used, &message->link);
}

/* Its files come with its first byte, once, or again with each peek. True: it had some. */
static bool take_rights(struct receive *receive, struct unix_message *message)
{
    if (!message->rights)
        return false;
    if (!peeks(receive)) {
        receive->to->rights = message->rights;
        message->rights = NULL;
    } else if (receive->to->takes_rights) {
        receive->to->rights = unix_rights_copy(message->rights);
        if (!receive->to->rights)
            receive->to->out_flags |= LX_MSG_CTRUNC;
    }
    return true;
}

/* The queue is empty: until it is not. 1: the end of the input. */
static int receive_wait_locked(struct receive *receive)
{
    struct unix_socket *sock = receive->sock;
    int err = __atomic_exchange_n(&sock->error, 0, __ATOMIC_RELAXED);

    ASSERT(mutex_is_held(&sock->lock));
    if (err)
        return -err;
    if (sock->shut & UNIX_SHUT_RECEIVE && (unix_is_connection(sock) || receive->to->wait))
        return 1;
    if (!receive->to->wait)
        return -EAGAIN;
    err = waitq_wait(&sock->readable, &sock->lock, receive->deadline_ns);
    return err ? socket_wait_error(err, receive->timeout_ns) : 0;
}

/* --- streams --- */

static struct lx_ucred credentials_of(const struct unix_message *message)
{
    return message->has_credentials ? message->credentials : (struct lx_ucred){0, ID_NONE, ID_NONE};
}

/* What comes with the first message. */
static void receive_begin(struct receive *receive, const struct unix_message *message)
{
    receive->begun = true;
    receive->to->has_credentials = receive->sock->base.pass_credentials;
    receive->to->credentials = credentials_of(message);
    if (receive->to->address) {
        receive->to->address->nbytes = 0;
        if (message->sender_name)
            unix_name_copy(message->sender_name, receive->to->address);
    }
}

/* Bytes of one message are not handed out together with those of another sender. */
static bool belongs_together(const struct receive *receive, const struct unix_message *message)
{
    struct lx_ucred first = receive->to->credentials, next = credentials_of(message);

    if (!receive->begun || !receive->sock->base.pass_credentials)
        return true;
    return first.pid == next.pid && first.uid == next.uid && first.gid == next.gid;
}

/* Whether a message is looked at: for its bytes, or the first for its files. */
static bool takes_more(const struct receive *receive)
{
    return receive->to->io->left > 0 || (receive->empty && !receive->begun);
}

/* --- the urgent byte ---
 *
 * It is a message of one byte, and `urgent` of its receiver until it is taken, by MSG_OOB or with
 * the stream, or until another one comes, which makes it an ordinary byte. A receive of the stream
 * stops in front of it, also if it was taken by MSG_OOB: its message then stays, empty, as a mark.
 * The next receive begins behind it, or with it if SO_OOBINLINE is set. */

#define STEP_OVER 2

/* 1 or an error: the receive ends here; STEP_OVER: it goes on behind the message; 0: with it. A
 * receiver that has waited gives way to SIGURG, whose handler may ask for the byte. */
static COLD int urgent_pass_locked(struct receive *receive, struct unix_message *message)
{
    struct unix_socket *sock = receive->sock;
    bool is_urgent = message == sock->urgent;

    ASSERT(mutex_is_held(&sock->lock));
    if (!is_urgent && message->offset < message->nbytes)
        return 0;
    if (receive->total)
        return 1;
    if (is_urgent && receive->to->wait && waitq_interrupted())
        return socket_wait_error(-ERESTARTSYS, receive->timeout_ns);
    if (is_urgent && !peeks(receive))
        __atomic_store_n(&sock->urgent, NULL, __ATOMIC_SEQ_CST);
    if (is_urgent && sock->base.oob_inline)
        return 0;
    if (!peeks(receive))
        take_out_locked(receive, message);
    return STEP_OVER;
}

/* Never waits. The byte is gone even if there is no room for it. */
static COLD int64_t urgent_receive(struct unix_socket *sock, struct socket_message *to)
{
    struct unix_message *message;
    char byte = 0;

    mutex_lock(&sock->lock);
    message = sock->base.oob_inline ? NULL : sock->urgent;
    if (message)
        byte = message->data[0];
    if (message && !(to->flags & LX_MSG_PEEK)) {
        __atomic_store_n(&sock->urgent, NULL, __ATOMIC_SEQ_CST);
        message->offset = message->nbytes;
        sock->nbytes--;
    }
    mutex_unlock(&sock->lock);
    if (!message)
        return -EINVAL;
    if (user_iter_put(to->io, &byte, 1) != 1)
        return -EFAULT;
    to->out_flags |= LX_MSG_OOB;
    return 1;
}

/* --- streams --- */

/* From what is in the queue now, skipping what a peek has seen. A message with files is the last
 * one that is read from. 1: nothing more is to be had by this call. */
static int stream_take_locked(struct receive *receive, uint64_t skip)
{
    struct user_iter *io = receive->to->io;
    struct list *node = receive->sock->queue.next;

    ASSERT(mutex_is_held(&receive->sock->lock));
    while (node != &receive->sock->queue && takes_more(receive)) {
        struct unix_message *message = list_entry(node, struct unix_message, link);
        uint32_t left = message->nbytes - message->offset;
        size_t piece, moved;
        bool last;

        node = node->next;
        if (unlikely(message->urgent)) {
            int step = urgent_pass_locked(receive, message);

            if (step == STEP_OVER)
                continue;
            if (step)
                return step;
        }
        if (skip >= left) {
            skip -= left;
            continue;
        }
        if (!belongs_together(receive, message))
            return 1;
        if (!receive->begun)
            receive_begin(receive, message);
        piece = MIN(left - skip, io->left);
        moved = user_iter_put_nofault(io, message->data + message->offset + skip, piece);
        skip = 0;
        receive->total += (int64_t)moved;
        if (moved) /* each page of a long buffer may be brought in once */
            receive->faults = 0;
        last = (moved || !piece) && take_rights(receive, message);
        if (!peeks(receive)) {
            receive->sock->nbytes -= moved;
            message->offset += (uint32_t)moved;
            if (message->offset == message->nbytes)
                take_out_locked(receive, message);
        }
        if (last)
            return 1;
        if (moved < piece)
            return -EFAULT;
        if (io->left > 0)
            sched_preempt_point_inline();
    }
    return 0;
}

/* Until there are bytes, or with MSG_WAITALL all of them. */
static int stream_receive_locked(struct receive *receive)
{
    bool all = receive->to->flags & LX_MSG_WAITALL;

    ASSERT(mutex_is_held(&receive->sock->lock));
    for (;;) {
        int result = stream_take_locked(receive, peeks(receive) ? (uint64_t)receive->total : 0);

        if (unlikely(result)) {
            if (result == -EFAULT)
                result =
                    socket_fault_in_locked(&receive->sock->lock, receive->to->io, &receive->faults);
            else if (result > 0)
                return 0;
            if (result)
                return result;
            continue;
        }
        if (!takes_more(receive) || (receive->total > 0 && !all))
            return 0;
        /* Those that are used up make room for what is waited for. */
        if (!list_empty(&receive->used)) {
            mutex_unlock(&receive->sock->lock);
            unix_messages_free(&receive->used);
            mutex_lock(&receive->sock->lock);
            if (!list_empty(&receive->sock->queue) && !peeks(receive))
                continue;
        }
        result = receive_wait_locked(receive);
        if (result)
            return result < 0 ? result : 0;
    }
}

/* --- datagrams, and packets of a connection --- */

static int datagram_copy_locked(struct receive *receive, struct unix_message *message)
{
    struct user_iter *io = receive->to->io;
    size_t nbytes = MIN(message->nbytes, io->left);

    ASSERT(mutex_is_held(&receive->sock->lock));
    if (user_iter_put_nofault(io, message->data, nbytes) < nbytes)
        return -EFAULT;
    receive_begin(receive, message);
    receive->total = (int64_t)nbytes;
    take_rights(receive, message);
    if (nbytes < message->nbytes)
        receive->to->out_flags |= LX_MSG_TRUNC;
    if (receive->to->flags & LX_MSG_TRUNC)
        receive->total = message->nbytes;
    if (!peeks(receive))
        take_out_locked(receive, message);
    return 0;
}

static int datagram_receive_locked(struct receive *receive)
{
    struct unix_socket *sock = receive->sock;

    ASSERT(mutex_is_held(&sock->lock));
    for (;;) {
        int err;

        if (list_empty(&sock->queue)) {
            err = receive_wait_locked(receive);
            if (err)
                return err < 0 ? err : 0;
            continue;
        }
        struct user_iter_place before = user_iter_place(receive->to->io);
        err =
            datagram_copy_locked(receive, list_entry(sock->queue.next, struct unix_message, link));
        if (!err)
            return 0;
        err = socket_fault_in_locked(&receive->sock->lock, receive->to->io, &receive->faults);
        user_iter_go_back(receive->to->io, &before);
        if (!err)
            continue;
        /* As on Linux: a datagram that has nowhere to go is lost. */
        if (!peeks(receive) && !list_empty(&sock->queue))
            take_out_locked(receive, list_entry(sock->queue.next, struct unix_message, link));
        return err;
    }
}

/* Without a lock: to the caller, or closed. */
static void rights_finish(struct socket_message *message)
{
    if (message->takes_rights) {
        unix_rights_land(message->rights);
        return;
    }
    socket_rights_free(message->rights);
    message->rights = NULL;
}

int64_t unix_receive(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *sock = unix_of(socket);
    bool stream = socket->type == LX_SOCK_STREAM;
    struct receive receive = {.sock = sock, .to = message};
    int err;

    if (unlikely(message->flags & LX_MSG_OOB) && !stream)
        return -EOPNOTSUPP;
    if (unix_is_connection(sock) &&
        __atomic_load_n(&sock->state, __ATOMIC_RELAXED) != UNIX_CONNECTED)
        return stream ? -EINVAL : -ENOTCONN;
    if (unlikely(message->flags & LX_MSG_OOB))
        return urgent_receive(sock, message);
    receive.empty = stream && message->io->left == 0;
    list_init(&receive.used);
    receive.timeout_ns = socket->receive_timeout_ns;
    receive.deadline_ns = message->wait ? socket_deadline(receive.timeout_ns) : 0;
    mutex_lock(&sock->lock);
    err = stream ? stream_receive_locked(&receive) : datagram_receive_locked(&receive);
    mutex_unlock(&sock->lock);
    if (!list_empty(&receive.used)) {
        unix_messages_free(&receive.used);
        if (!stream)
            unix_wake_senders(sock); /* senders that its full queue kept waiting */
    }
    if (message->rights)
        rights_finish(message);
    if (receive.total > 0)
        return receive.total;
    return err;
}
