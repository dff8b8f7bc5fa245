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
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

/* Without the lock. */
COLD bool tcp_urgent_is_next(const struct inet_socket *sock)
{
    return inet_peek(&sock->urgent) && !__atomic_load_n(&sock->urgent_at, __ATOMIC_SEQ_CST);
}

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

COLD bool tcp_urgent_deliver(struct inet_socket *sock, struct inet_socket *peer,
                             struct inet_message *message)
{
    struct inet_message *passed = NULL;
    struct file *told = NULL;
    bool joined;

    mutex_lock(&peer->lock);
    joined = peer->peer == sock && peer->state != LX_TCP_CLOSE;
    if (joined) {
        if (tcp_urgent_is_next(peer) && !peer->base.oob_inline)
            passed = byte_drop_locked(peer);
        peer->nbytes += message->nbytes;
        list_push_back(&peer->queue, &message->link);
        inet_publish(&peer->nmessages, peer->nmessages + 1);
        peer->urgent_at = peer->nbytes - 1;
        inet_publish(&peer->urgent,
                     INET_URGENT_UNREAD | (uint8_t)message->data[message->nbytes - 1]);
        told = socket_report_urgent(&peer->base);
    }
    mutex_unlock(&peer->lock);
    if (joined)
        inet_wake_readers(peer);
    if (told)
        file_put(told);
    if (passed)
        inet_message_free(passed);
    return joined;
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

/* One message's part. Fewer bytes than asked for: a page is not there. */
static COLD size_t part_take_locked(struct inet_receive *receive, struct inet_message *message,
                                    size_t skip, size_t nbytes)
{
    struct socket_message *to = receive->to;
    size_t moved = nbytes;

    ASSERT(mutex_is_held(&receive->sock->lock));
    if (to->flags & LX_MSG_TRUNC)
        to->io->left -= nbytes;
    else
        moved = user_iter_put_nofault(to->io, message->data + message->offset + skip, nbytes);
    receive->total += (int64_t)moved;
    receive->faults = moved ? 0 : receive->faults;
    if (!(to->flags & LX_MSG_PEEK)) {
        receive->sock->nbytes -= moved;
        message->offset += (uint32_t)moved;
        if (message->offset == message->nbytes)
            inet_receive_take_out_locked(receive, message);
    }
    return moved;
}

/* In front of the byte no more is taken than up to it. */
COLD int tcp_urgent_take_locked(struct inet_receive *receive)
{
    struct inet_socket *sock = receive->sock;
    bool peeks = receive->to->flags & LX_MSG_PEEK;
    uint64_t skip = (peeks ? (uint64_t)receive->total : 0) + receive->hole, before;
    size_t limit = receive->to->io->left;
    int result = 0;

    ASSERT(mutex_is_held(&sock->lock));
    if (limit && sock->urgent_at == skip) {
        result = pass_locked(receive);
        skip = peeks ? skip + receive->hole : 0;
    } else if (sock->urgent_at > skip && limit > sock->urgent_at - skip) {
        limit = sock->urgent_at - skip;
    }
    before = sock->nbytes;
    list_for_each_safe (node, &sock->queue) {
        struct inet_message *message = list_entry(node, struct inet_message, link);
        size_t left = message->nbytes - message->offset, part;

        if (result || !limit)
            break;
        part = left > skip ? MIN(left - skip, limit) : 0;
        if (part && part_take_locked(receive, message, skip, part) < part)
            result = -EFAULT;
        skip -= part ? skip : left;
        limit -= part;
        sched_preempt_point();
    }
    before -= sock->nbytes;
    if (before > sock->urgent_at)
        inet_publish(&sock->urgent, 0);
    else
        __atomic_store_n(&sock->urgent_at, sock->urgent_at - before, __ATOMIC_SEQ_CST);
    return !result && sock->urgent && !limit && receive->to->io->left ? 1 : result;
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

COLD int64_t tcp_urgent_input_size(const struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    return (int64_t)(sock->urgent && !sock->base.oob_inline ? sock->urgent_at : sock->nbytes);
}
