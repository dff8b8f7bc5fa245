/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: sending.
 *
 * A stream is cut into messages of at most STREAM_PIECE bytes, a datagram is one. The message is
 * made without a lock; then the receiver's lock is taken, and under it is decided whether the
 * receiver is still there and takes it. A datagram that finds the queue full waits on the receiver,
 * which wakes its waiters for each one that it takes out.
 */
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define STREAM_PIECE  (16384u - sizeof(struct unix_message)) /* one block of the allocator */
#define DATAGRAM_ROOM 32                                     /* of a send buffer, no datagram's */

/* As on Linux they are taken along where either side has asked for them, or the receiver was not
 * accepted yet and may still do so. */
static void credentials_add(struct socket_message *message, const struct unix_socket *sender,
                            const struct unix_socket *receiver)
{
    if (message->has_credentials ||
        likely(!sender->base.pass_credentials && !receiver->base.pass_credentials &&
               __atomic_load_n(&receiver->base.file, __ATOMIC_ACQUIRE)))
        return;
    socket_caller->sender(&message->credentials);
    message->has_credentials = true;
}

/* The number of messages is what poll looks at. */
static void enqueue_locked(struct unix_socket *receiver, struct unix_message *message)
{
    ASSERT(mutex_is_held(&receiver->lock));
    list_push_back(&receiver->queue, &message->link);
    __atomic_store_n(&receiver->nmessages, receiver->nmessages + 1, __ATOMIC_RELAXED);
    receiver->nbytes += message->nbytes;
}

/* --- streams --- */

/* Read without the lock: a shutdown at the same time comes before or after. */
static bool may_not_send(const struct unix_socket *sock)
{
    return __atomic_load_n(&sock->shut, __ATOMIC_RELAXED) & UNIX_SHUT_SEND;
}

/* The last byte of a send with MSG_OOB goes alone. */
static COLD size_t piece_before_urgent(size_t nbytes, const struct socket_message *from)
{
    return MIN(nbytes, from->io->left - 1);
}

/* The receiver's lock is held for the few words of the queue; what was sent wakes it behind. */
static int64_t stream_send_piece(struct unix_socket *sock, struct unix_socket *peer,
                                 struct socket_message *from)
{
    size_t nbytes = MIN(MIN(from->io->left, STREAM_PIECE), sock->base.send_buffer / 2);
    bool urgent = from->flags & LX_MSG_OOB && (nbytes = piece_before_urgent(nbytes, from)) == 0;
    struct unix_message *message;
    struct file *told = NULL;
    int err = unix_message_create(sock, from, nbytes + urgent, &message);

    if (err)
        return err;
    mutex_lock(&peer->lock);
    if (unlikely(peer->closed || peer->shut & UNIX_SHUT_RECEIVE)) {
        mutex_unlock(&peer->lock);
        unix_message_free(message);
        return -EPIPE;
    }
    enqueue_locked(peer, message);
    if (unlikely(urgent)) {
        message->urgent = true;
        __atomic_store_n(&peer->urgent, message, __ATOMIC_SEQ_CST);
        told = socket_report_urgent(&peer->base);
    }
    mutex_unlock(&peer->lock);
    unix_wake_readers(peer);
    if (unlikely(told))
        file_put(told);
    return (int64_t)nbytes + urgent;
}

static int64_t stream_send(struct unix_socket *sock, struct socket_message *from)
{
    struct unix_socket *peer = __atomic_load_n(&sock->peer, __ATOMIC_ACQUIRE);
    int64_t total = 0, moved = 0;

    if (from->address && from->address->nbytes)
        return peer ? -EISCONN : -EOPNOTSUPP;
    if (!peer)
        return -ENOTCONN;
    if (may_not_send(sock))
        return -EPIPE;
    credentials_add(from, sock, peer);
    while (from->io->left > 0 && moved >= 0) {
        moved = stream_send_piece(sock, peer, from);
        if (moved > 0)
            total += moved;
        if (from->io->left > 0)
            sched_preempt_point_inline();
    }
    return total > 0 ? total : moved;
}

/* --- datagrams, and packets of a connection --- */

/* 0: it takes a message; -EAGAIN: its queue is full, but for its own peer. */
static int may_enqueue_locked(struct unix_socket *sock, struct unix_socket *to)
{
    ASSERT(mutex_is_held(&to->lock));
    if (to->closed)
        return unix_is_connection(to) ? -EPIPE : -ECONNREFUSED;
    if (to->shut & UNIX_SHUT_RECEIVE)
        return -EPIPE;
    if (to->peer && to->peer != sock)
        return -EPERM;
    return to->peer != sock && to->nmessages > UNIX_DATAGRAMS_MAX ? -EAGAIN : 0;
}

static int datagram_enqueue(struct unix_socket *sock, struct unix_socket *to,
                            struct unix_message *message)
{
    int err;

    mutex_lock(&to->lock);
    err = may_enqueue_locked(sock, to);
    if (!err)
        enqueue_locked(to, message);
    mutex_unlock(&to->lock);
    return err;
}

/* For a waiter that is in the queue by now. */
static bool is_full(struct unix_socket *sock, struct unix_socket *to)
{
    bool full;

    mutex_lock(&to->lock);
    full = may_enqueue_locked(sock, to) == -EAGAIN;
    mutex_unlock(&to->lock);
    return full;
}

static bool is_peer(const struct unix_socket *sock, const struct unix_socket *to)
{
    return __atomic_load_n(&sock->peer, __ATOMIC_RELAXED) == to;
}

/* Waits for room in the receiver's queue, as long as that is what is missing. A program that does
 * not wait is told by poll when there is room, whether it has asked poll before or not. */
static int datagram_deliver(struct unix_socket *sock, struct unix_socket *to,
                            struct unix_message *message, bool wait)
{
    uint64_t timeout_ns = sock->base.send_timeout_ns, deadline_ns = socket_deadline(timeout_ns);

    for (;;) {
        int err = datagram_enqueue(sock, to, message);
        struct waiter self;

        if (err == -EAGAIN && !wait && is_peer(sock, to) && !unix_watch_peer(sock))
            continue;
        if (err != -EAGAIN || !wait)
            return err;
        waitq_enter(&to->writable, &self);
        err = is_full(sock, to) ? waitq_sleep(&self, 1, deadline_ns) : 0;
        waitq_leave(&to->writable, &self);
        if (err)
            return socket_wait_error(err, timeout_ns);
    }
}

/* A peer that has gone is given up: the next send finds none. */
static void peer_drop(struct unix_socket *sock, struct unix_socket *peer)
{
    bool dropped;

    mutex_lock(&sock->lock);
    dropped = sock->peer == peer;
    if (dropped) {
        unix_set_peer(sock, NULL);
        __atomic_store_n(&sock->state, UNIX_IDLE, __ATOMIC_RELAXED);
    }
    mutex_unlock(&sock->lock);
    if (dropped)
        unix_put(peer);
}

/* The address counts for datagrams alone: a connection has its peer. */
static int datagram_receiver(struct unix_socket *sock, struct socket_message *from,
                             struct unix_socket **out_to)
{
    if (from->address && from->address->nbytes && sock->base.type == LX_SOCK_DGRAM)
        return unix_find(from->context, from->address, sock->base.type, out_to);
    *out_to = unix_peer_get(sock);
    return *out_to ? 0 : -ENOTCONN;
}

/* One message, whole or not at all. */
static int64_t datagram_send_to(struct unix_socket *sock, struct unix_socket *to,
                                struct socket_message *from)
{
    size_t nbytes = from->io->left;
    struct unix_message *message;
    int err = unix_message_create(sock, from, nbytes, &message);

    if (err)
        return err;
    err = datagram_deliver(sock, to, message, from->wait);
    if (err) {
        unix_message_free(message);
        if (err == -ECONNREFUSED)
            peer_drop(sock, to);
        return err;
    }
    unix_wake_readers(to);
    return (int64_t)nbytes;
}

static int64_t datagram_send(struct unix_socket *sock, struct socket_message *from)
{
    struct unix_socket *to;
    int64_t result = datagram_receiver(sock, from, &to);

    if (result)
        return result;
    if (from->io->left + DATAGRAM_ROOM > sock->base.send_buffer)
        result = -EMSGSIZE;
    credentials_add(from, sock, to);
    if (!result && from->has_credentials && sock->base.pass_credentials)
        result = unix_bind_auto(sock);
    if (!result)
        result = datagram_send_to(sock, to, from);
    unix_put(to);
    return result;
}

int64_t unix_send(struct socket *socket, struct socket_message *message)
{
    struct unix_socket *sock = unix_of(socket);

    if (unlikely(message->flags & LX_MSG_OOB) &&
        (socket->type != LX_SOCK_STREAM || !message->io->left))
        return -EOPNOTSUPP;
    if (likely(socket->type == LX_SOCK_STREAM))
        return stream_send(sock, message);
    return datagram_send(sock, message);
}
