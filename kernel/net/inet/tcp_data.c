/* SPDX-License-Identifier: MIT */
/*
 * TCP: bytes, from a send to the queue of the peer, and from there to a receive.
 *
 * What a send may leave behind unread is bounded by its own buffer (SO_SNDBUF) and the peer's
 * (SO_RCVBUF) together, as on Linux, where one is full before the other. Small pieces are put
 * behind others in one block, so that a thousand bytes sent one by one do not take a thousand
 * blocks.
 *
 * The first bytes that are sent to a peer that has been closed are lost, and bring the reset that
 * ends the connection with EPIPE; the next send learns it.
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define OVERHEAD     128u                                   /* beside the bytes: the message */
#define STREAM_PIECE (16384u - sizeof(struct inet_message)) /* one block of the allocator */
#define SMALL        1024u
#define SMALL_ROOM   (4096u - sizeof(struct inet_message)) /* of a block for small ones */

/* --- sending --- */

/* A connection that is still to come is waited for; one that is not is EPIPE. */
static int begin_send(struct inet_socket *sock, bool wait, uint64_t deadline_ns,
                      struct inet_socket **out_peer)
{
    uint64_t timeout_ns = sock->base.send_timeout_ns;
    int err = 0;

    mutex_lock(&sock->lock);
    while (!err && sock->state == LX_TCP_SYN_SENT)
        err = wait ? waitq_wait(&sock->writable, &sock->lock, deadline_ns) : -EAGAIN;
    if (err) {
        err = socket_wait_error(err, timeout_ns);
    } else if (sock->shut & INET_SHUT_SEND || !sock->peer || sock->state == LX_TCP_CLOSE) {
        err = -inet_take_error(sock);
        err = err ? err : -EPIPE;
    } else {
        *out_peer = sock->peer;
        inet_get(sock->peer);
        __atomic_store_n(&sock->room,
                         (uint64_t)sock->base.send_buffer + (*out_peer)->base.receive_buffer,
                         __ATOMIC_RELAXED);
    }
    mutex_unlock(&sock->lock);
    return err;
}

static bool stream_has_room(const struct inet_socket *sock)
{
    return __atomic_load_n(&sock->sent_bytes, __ATOMIC_SEQ_CST) <
               __atomic_load_n(&sock->room, __ATOMIC_RELAXED) ||
           inet_peek(&sock->shut) & INET_SHUT_SEND;
}

/* One that may not send any more goes on, too: it is told so by its next step. */
static int stream_await_room(struct inet_socket *sock, bool wait, uint64_t deadline_ns)
{
    int err = 0;

    if (likely(stream_has_room(sock)))
        return 0;
    socket_note_no_space(&sock->base);
    if (!wait)
        return stream_has_room(sock) ? 0 : -EAGAIN;
    while (!err && !stream_has_room(sock)) {
        struct waiter self;

        waitq_enter(&sock->writable, &self);
        /* The receiver makes room before it looks for waiters: one of the two sees the other. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (!stream_has_room(sock))
            err = waitq_sleep(&self, 1, deadline_ns);
        waitq_leave(&sock->writable, &self);
    }
    return err ? socket_wait_error(err, sock->base.send_timeout_ns) : 0;
}

/* Behind the last message, if that has room; true if the bytes are in there now. */
static bool append_locked(struct inet_socket *peer, const struct inet_message *message)
{
    struct inet_message *last;

    ASSERT(mutex_is_held(&peer->lock));
    if (message->nbytes > SMALL || list_empty(&peer->queue))
        return false;
    last = list_entry(peer->queue.prev, struct inet_message, link);
    if (last->room - last->nbytes < message->nbytes || last->sender != message->sender)
        return false;
    memcpy(last->data + last->nbytes, message->data, message->nbytes);
    last->nbytes += message->nbytes;
    return true;
}

/* 0: it is the peer's. 1: it is to be freed; the bytes are in another message, or lost. */
static int deliver(struct inet_socket *sock, struct inet_socket *peer, struct inet_message *message)
{
    bool joined, appended = false;

    mutex_lock(&peer->lock);
    joined = peer->peer == sock && peer->state != LX_TCP_CLOSE;
    if (joined) {
        peer->nbytes += message->nbytes;
        appended = append_locked(peer, message);
        if (!appended) {
            list_push_back(&peer->queue, &message->link);
            inet_publish(&peer->nmessages, peer->nmessages + 1);
        }
    }
    mutex_unlock(&peer->lock);
    if (likely(joined)) {
        inet_wake_readers(peer);
        return appended;
    }
    mutex_lock(&sock->lock);
    if (sock->peer == peer && sock->state != LX_TCP_CLOSE)
        tcp_over_locked(sock, EPIPE);
    mutex_unlock(&sock->lock);
    inet_wake_readers(sock);
    inet_wake_writers(sock);
    return 1;
}

static int64_t send_piece(struct inet_socket *sock, struct inet_socket *peer,
                          struct socket_message *from, uint64_t deadline_ns)
{
    size_t nbytes = MIN(from->io->left, STREAM_PIECE), room = nbytes;
    struct inet_message *message;
    int err = stream_await_room(sock, from->wait, deadline_ns);

    if (!err && inet_peek(&sock->shut) & INET_SHUT_SEND) {
        err = -inet_take_error(sock);
        err = err ? err : -EPIPE;
    }
    if (err)
        return err;
    if (nbytes <= SMALL && __atomic_load_n(&sock->sent_bytes, __ATOMIC_RELAXED))
        room = SMALL_ROOM;
    err = inet_message_create(sock, from->io, nbytes, room, OVERHEAD, &message);
    if (err)
        return err;
    if (unlikely(from->flags & LX_MSG_OOB) && from->io->left == 0 &&
        tcp_urgent_deliver(sock, peer, message))
        return (int64_t)nbytes;
    if (deliver(sock, peer, message))
        inet_message_free(message);
    return (int64_t)nbytes;
}

/* An address is passed over. */
int64_t tcp_send(struct socket *socket, struct socket_message *from)
{
    struct inet_socket *sock = inet_of(socket), *peer = NULL;
    uint64_t deadline_ns = from->wait ? socket_deadline(socket->send_timeout_ns) : 0;
    int64_t total = 0, moved;

    moved = begin_send(sock, from->wait, deadline_ns, &peer);
    if (moved)
        return moved;
    while (from->io->left > 0 && moved >= 0) {
        moved = send_piece(sock, peer, from, deadline_ns);
        if (moved > 0)
            total += moved;
        if (from->io->left > 0)
            sched_preempt_point_inline();
    }
    inet_put(peer);
    return total > 0 ? total : moved;
}

/* --- receiving --- */

/* Some of one message, from `skip` on. MSG_TRUNC: the bytes go nowhere. */
static size_t take_piece(struct inet_receive *receive, const struct inet_message *message,
                         size_t skip, size_t piece)
{
    struct user_iter *io = receive->to->io;

    if (receive->to->flags & LX_MSG_TRUNC) {
        io->left -= piece;
        return piece;
    }
    return user_iter_put_nofault(io, message->data + message->offset + skip, piece);
}

#define URGENT_AHEAD 2

/* From what is in the queue now, skipping what a peek has seen. Nothing is taken here with an
 * urgent byte in it: URGENT_AHEAD. */
static int take_locked(struct inet_receive *receive, uint64_t skip)
{
    struct inet_socket *sock = receive->sock;
    struct user_iter *io = receive->to->io;
    struct list *node = sock->queue.next;

    ASSERT(mutex_is_held(&sock->lock));
    while (node != &sock->queue && io->left > 0) {
        struct inet_message *message = list_entry(node, struct inet_message, link);
        uint32_t left = message->nbytes - message->offset;
        size_t piece, moved;

        if (unlikely(sock->urgent))
            return URGENT_AHEAD;
        node = node->next;
        if (skip >= left) {
            skip -= left;
            continue;
        }
        piece = MIN(left - skip, io->left);
        moved = take_piece(receive, message, skip, piece);
        skip = 0;
        receive->total += (int64_t)moved;
        if (moved) /* each page of a long buffer may be brought in once */
            receive->faults = 0;
        if (!(receive->to->flags & LX_MSG_PEEK)) {
            sock->nbytes -= moved;
            message->offset += (uint32_t)moved;
            if (message->offset == message->nbytes)
                inet_receive_take_out_locked(receive, message);
        }
        if (moved < piece)
            return -EFAULT;
        if (io->left > 0)
            sched_preempt_point_inline();
    }
    return 0;
}

/* The queue is empty. 1: there will be no more; else the error, or what the wait says. */
static int nothing_left_locked(struct inet_receive *receive)
{
    struct inet_socket *sock = receive->sock;
    int err;

    ASSERT(mutex_is_held(&sock->lock));
    if (sock->ended)
        return 1;
    /* What has been received is handed out first: the next call learns of it. */
    err = receive->total ? 0 : inet_take_error(sock);
    if (err)
        return -err;
    if (sock->shut & INET_SHUT_RECEIVE)
        return 1;
    if (sock->state == LX_TCP_CLOSE)
        return -ENOTCONN;
    return inet_receive_wait_locked(receive);
}

/* How many bytes end a receive: one, or SO_RCVLOWAT, or with MSG_WAITALL all. */
static int64_t target_of(const struct inet_receive *receive)
{
    size_t asked = receive->to->io->left;
    size_t low = (size_t)receive->sock->base.receive_low_water;

    return (int64_t)(receive->to->flags & LX_MSG_WAITALL ? asked : MIN(low, asked));
}

static int receive_locked(struct inet_receive *receive)
{
    bool peeks = receive->to->flags & LX_MSG_PEEK;
    int64_t target = target_of(receive);

    ASSERT(mutex_is_held(&receive->sock->lock));
    for (;;) {
        int result = take_locked(receive, peeks ? (uint64_t)receive->total : 0);

        if (unlikely(result)) {
            if (result == URGENT_AHEAD)
                result = tcp_urgent_take_locked(receive);
            if (result == -EFAULT) {
                result =
                    socket_fault_in_locked(&receive->sock->lock, receive->to->io, &receive->faults);
                if (!result)
                    continue;
            }
            if (result)
                return result;
        }
        /* Room for nothing waits for bytes, too. */
        if (receive->to->io->left == 0 ? receive->total > 0 || receive->sock->nmessages
                                       : receive->total >= target)
            return 0;
        /* Those that are used up make room for what is waited for. */
        if (!list_empty(&receive->used)) {
            mutex_unlock(&receive->sock->lock);
            inet_messages_free(&receive->used);
            mutex_lock(&receive->sock->lock);
            if (!list_empty(&receive->sock->queue))
                continue;
        }
        result = nothing_left_locked(receive);
        if (result)
            return result < 0 ? result : 0;
    }
}

int64_t tcp_receive(struct socket *socket, struct socket_message *message)
{
    struct inet_socket *sock = inet_of(socket);
    struct inet_receive receive;
    int err;

    if (message->address)
        message->address->nbytes = 0;
    if (unlikely(message->flags & LX_MSG_OOB))
        return tcp_urgent_receive(sock, message);
    if (message->flags & LX_MSG_ERRQUEUE)
        return -EAGAIN;
    inet_receive_init(&receive, socket, message);
    mutex_lock(&sock->lock);
    err = sock->state == LX_TCP_LISTEN ? -ENOTCONN : receive_locked(&receive);
    mutex_unlock(&sock->lock);
    inet_messages_free(&receive.used);
    return receive.total > 0 ? receive.total : err;
}
