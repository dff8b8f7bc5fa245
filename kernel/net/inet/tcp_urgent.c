/* SPDX-License-Identifier: MIT */
/*
 * TCP: the urgent byte (MSG_OOB).
 *
 * The last byte of a send with MSG_OOB is urgent. It lies in the queue among the others, and its
 * receiver's socket has a copy and its place: there is one at a time, and the one before it becomes
 * an ordinary byte, unless it is the next to be read, then it is lost.
 *
 *   none    a byte comes: UNREAD (SIGURG, POLLPRI, recv with MSG_OOB)
 *   UNREAD  taken by MSG_OOB: READ
 *   both    the stream is read beyond its place: none
 *
 * A receive of the stream stops in front of it (SIOCATMARK says so), and the next one begins behind
 * it, or with it if SO_OOBINLINE is set. One that waits there while the signal is pending gives way
 * to that. The signal is sent under the receiver's lock, with the byte: a receiver never sees the
 * byte without it.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/net/inet/inet_internal.h"
#include "shared/linux/errno.h"

/* The first byte of the queue goes; its message, if it was the last one there, is the caller's. */
static COLD struct inet_message *byte_drop_locked(struct inet_socket *sock)
{
    struct inet_message *first = list_entry(sock->queue.next, struct inet_message, link);

    ASSERT(mutex_is_held(&sock->lock) && sock->nmessages);
    sock->nbytes--;
    if (++first->offset < first->nbytes)
        return NULL;
    list_unlink(&first->link);
    inet_publish(&sock->nmessages, sock->nmessages - 1);
    return first;
}

/* The message is not in the queue yet. */
COLD struct file *tcp_urgent_came_locked(struct inet_socket *peer,
                                         const struct inet_message *message,
                                         struct inet_message **out_used)
{
    ASSERT(mutex_is_held(&peer->lock));
    if (peer->urgent && peer->urgent_at == 0 && !peer->base.oob_inline)
        *out_used = byte_drop_locked(peer);
    peer->urgent_at = peer->nbytes + message->nbytes - 1;
    inet_publish(&peer->urgent, INET_URGENT_UNREAD | (uint8_t)message->data[message->nbytes - 1]);
    return socket_report_urgent(&peer->base);
}

/* At the byte: 1 ends the receive, others are as of tcp_urgent_take_locked. */
static COLD int pass_locked(struct inet_receive *receive)
{
    struct inet_socket *sock = receive->sock;
    struct inet_message *used;

    ASSERT(mutex_is_held(&sock->lock));
    if (receive->total)
        return 1;
    if (waitq_interrupted())
        return receive->to->wait ? socket_wait_error(-ERESTARTSYS, receive->timeout_ns) : -EAGAIN;
    if (sock->base.oob_inline)
        return 0;
    if (receive->to->flags & LX_MSG_PEEK) {
        receive->hole = 1;
        return 0;
    }
    used = byte_drop_locked(sock);
    if (used)
        list_push_back(&receive->used, &used->link);
    inet_publish(&sock->urgent, 0);
    return 0;
}

/* In front of the byte no more is taken than up to it. */
COLD int tcp_urgent_take_locked(struct inet_receive *receive)
{
    struct inet_socket *sock = receive->sock;
    bool peeks = receive->to->flags & LX_MSG_PEEK;
    uint64_t skip = peeks ? (uint64_t)receive->total + receive->hole : 0, before;
    size_t asked = receive->to->io->left, limit = asked;
    int result;

    ASSERT(mutex_is_held(&sock->lock));
    if (asked && sock->urgent_at == skip) {
        result = pass_locked(receive);
        if (result)
            return result;
        skip += receive->hole;
    } else if (sock->urgent_at > skip) {
        limit = MIN(asked, sock->urgent_at - skip);
    }
    before = sock->nbytes;
    receive->to->io->left = limit;
    result = tcp_take_locked(receive, skip);
    if (!result && limit < asked)
        result = 1;
    receive->to->io->left += asked - limit;
    before -= sock->nbytes;
    if (before > sock->urgent_at)
        inet_publish(&sock->urgent, 0);
    else
        __atomic_store_n(&sock->urgent_at, sock->urgent_at - before, __ATOMIC_SEQ_CST);
    return result;
}

/* recv with MSG_OOB never waits. A byte without room for it is gone, too. */
COLD int64_t tcp_urgent_receive(struct inet_socket *sock, struct socket_message *message)
{
    char byte;
    int64_t result = 1;

    mutex_lock(&sock->lock);
    byte = (char)sock->urgent;
    if (sock->state == LX_TCP_LISTEN)
        result = -ENOTCONN;
    else if (sock->base.oob_inline || !(sock->urgent & INET_URGENT_UNREAD))
        result = -EINVAL;
    else if (sock->state == LX_TCP_CLOSE && !sock->ended)
        result = -ENOTCONN;
    else if (!(message->flags & LX_MSG_PEEK))
        inet_publish(&sock->urgent, INET_URGENT_READ);
    mutex_unlock(&sock->lock);
    if (result < 0)
        return result;
    message->out_flags |= LX_MSG_OOB;
    if (!message->io->left) {
        message->out_flags |= LX_MSG_TRUNC;
        return 0;
    }
    if (!(message->flags & LX_MSG_TRUNC) && user_iter_put(message->io, &byte, 1) != 1)
        return -EFAULT;
    return 1;
}

/* Without the lock. */
COLD bool tcp_urgent_is_next(const struct inet_socket *sock)
{
    return inet_peek(&sock->urgent) && !__atomic_load_n(&sock->urgent_at, __ATOMIC_SEQ_CST);
}

COLD int64_t tcp_urgent_input_size(const struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    return (int64_t)(sock->urgent && !sock->base.oob_inline ? sock->urgent_at : sock->nbytes);
}
