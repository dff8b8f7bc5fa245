/* SPDX-License-Identifier: MIT */
/*
 * UDP: datagrams.
 *
 * A datagram is made without a lock and put into the queue of the socket that its port and address
 * lead to, or lost: when that queue has more than its SO_RCVBUF, which counts what Linux's packets
 * would take. A sender never waits. Where no socket has the port, a sender that is connected gets
 * ECONNREFUSED by its next call, or by SO_ERROR.
 */
#include "kernel/lib/assert.h"
#include "kernel/net/inet/inet_internal.h"
#include "shared/linux/errno.h"

#define OVERHEAD   768u   /* beside the bytes: of a packet on Linux */
#define NBYTES_MAX 65535u /* with the headers, which are not there */
#define HEADERS_V4 28u
#define HEADERS_V6 8u

/* --- connect --- */

/* A socket without a port gets one, whatever becomes of the rest. */
static int autobind_locked(struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    return sock->bind || !inet_port_bind_any(sock) ? 0 : -EAGAIN;
}

/* What the program has not bound is free again. Without memory for another record the address
 * stays, which only bind would show. */
static COLD void udp_disconnect_locked(struct inet_socket *sock)
{
    struct inet_ip any = inet_ip_any(sock->base.domain);

    ASSERT(mutex_is_held(&sock->lock));
    inet_connected_remove(sock);
    inet_publish(&sock->state, LX_TCP_CLOSE);
    sock->remote = (struct inet_end){any, 0};
    if (!sock->bound_port)
        inet_port_release(sock);
    if (!sock->bound_ip && (!sock->bind || inet_port_move(sock, &any) == 0))
        sock->local.ip = any;
}

/* Its own address is the one that the peer sees. The remote end is there before the state says so:
 * lookups read both. */
static COLD int udp_connect_locked(struct inet_socket *sock, const struct inet_end *remote)
{
    struct inet_ip own = inet_ip_loopback(inet_ip_is_v4(&remote->ip));
    int err;

    ASSERT(mutex_is_held(&sock->lock));
    err = autobind_locked(sock);
    if (!err && inet_ip_is_any(&sock->local.ip))
        err = inet_port_move(sock, &own);
    else if (!err && inet_ip_is_v4(&sock->local.ip) != inet_ip_is_v4(&own))
        err = -ENETUNREACH;
    if (err)
        return err;
    inet_connected_remove(sock);
    sock->remote = *remote;
    inet_publish(&sock->state, LX_TCP_ESTABLISHED);
    inet_connected_add(sock);
    return 0;
}

COLD int udp_connect(struct socket *socket, struct fs_context *context,
                     const struct socket_address *address, bool wait)
{
    struct inet_socket *sock = inet_of(socket);
    struct inet_end remote = {0};
    int err = 0;

    (void)context;
    (void)wait;
    if (address->nbytes < sizeof(address->family))
        return -EINVAL;
    if (address->family != LX_AF_UNSPEC)
        err = inet_address_to_reach(sock, address, &remote);
    if (err)
        return err;
    mutex_lock(&sock->lock);
    if (address->family == LX_AF_UNSPEC)
        udp_disconnect_locked(sock);
    else
        err = udp_connect_locked(sock, &remote);
    mutex_unlock(&sock->lock);
    inet_wake_writers(sock);
    return err;
}

/* --- send --- */

/* Where to: the call's address, or the peer. An error of before is reported by this send. */
static int choose_receiver_locked(struct inet_socket *sock, const struct socket_address *address,
                                  struct inet_end *out_to)
{
    int err = 0;

    ASSERT(mutex_is_held(&sock->lock));
    *out_to = sock->remote;
    if (address && address->nbytes)
        err = inet_address_to_reach(sock, address, out_to);
    else if (sock->state != LX_TCP_ESTABLISHED)
        err = -EDESTADDRREQ;
    if (!err && !out_to->port)
        err = -EINVAL;
    if (!err)
        err = -inet_take_error(sock);
    if (!err && sock->shut & INET_SHUT_SEND)
        err = -EPIPE;
    return err;
}

static int choose_ends(struct inet_socket *sock, const struct socket_address *address,
                       struct inet_end *out_from, struct inet_end *out_to)
{
    int err;

    mutex_lock(&sock->lock);
    err = autobind_locked(sock);
    if (!err)
        err = choose_receiver_locked(sock, address, out_to);
    *out_from = sock->local;
    mutex_unlock(&sock->lock);
    if (err)
        return err;
    if (inet_ip_is_any(&out_from->ip))
        out_from->ip = inet_ip_loopback(inet_ip_is_v4(&out_to->ip));
    return inet_ip_is_v4(&out_from->ip) == inet_ip_is_v4(&out_to->ip) ? 0 : -ENETUNREACH;
}

/* Nothing has the port. Linux sends an ICMP message back, which only a connected sender is told of:
 * of others it cannot be said which of their datagrams it was. */
static void udp_refused(struct inet_socket *sock)
{
    if (inet_peek(&sock->state) != LX_TCP_ESTABLISHED)
        return;
    /* Under the lock: a receiver that has seen none is in the queue of waiters by then. */
    mutex_lock(&sock->lock);
    __atomic_store_n(&sock->error, ECONNREFUSED, __ATOMIC_RELAXED);
    mutex_unlock(&sock->lock);
    inet_wake_readers(sock);
    inet_wake_writers(sock);
}

/* True if it is the receiver's now. One datagram more than the limit fits, so that there is none
 * that never does. */
static bool enqueue(struct inet_socket *receiver, struct inet_message *message)
{
    bool fits;

    mutex_lock(&receiver->lock);
    fits = !receiver->closed && receiver->queue_charged <= receiver->base.receive_buffer;
    if (fits) {
        list_push_back(&receiver->queue, &message->link);
        receiver->nbytes += message->nbytes;
        receiver->queue_charged += message->charged;
        inet_publish(&receiver->nmessages, receiver->nmessages + 1);
    }
    mutex_unlock(&receiver->lock);
    return fits;
}

/* Its length is looked at before its address, and once more when the family is known. */
int64_t udp_send(struct socket *socket, struct socket_message *from)
{
    struct inet_socket *sock = inet_of(socket), *receiver;
    size_t nbytes = from->io->left;
    struct inet_message *message = NULL;
    struct inet_end own = {0}, to = {0};
    int err;

    if (nbytes > NBYTES_MAX)
        return -EMSGSIZE;
    if (from->flags & LX_MSG_OOB)
        return -EOPNOTSUPP;
    err = choose_ends(sock, from->address, &own, &to);
    if (!err && nbytes > NBYTES_MAX - (inet_ip_is_v4(&to.ip) ? HEADERS_V4 : HEADERS_V6))
        err = -EMSGSIZE;
    if (!err)
        err = inet_message_create(sock, from->io, nbytes, nbytes, OVERHEAD, &message);
    if (err)
        return err;
    message->from = own;
    message->to = to;
    err = udp_mark(sock, from->controls, message);
    if (err) {
        inet_message_free(message);
        return err;
    }
    receiver = inet_port_find(inet_protocol_of(sock), &to, &message->from);
    if (!receiver)
        udp_refused(sock);
    if (receiver && enqueue(receiver, message))
        inet_wake_readers(receiver);
    else
        inet_message_free(message);
    if (receiver)
        inet_put(receiver);
    return (int64_t)nbytes;
}

/* --- receive --- */

/* As much as there is room for; the rest is lost, and MSG_TRUNC says so. */
static int udp_copy_locked(struct inet_receive *receive, struct inet_message *message)
{
    struct user_iter *io = receive->to->io;
    size_t nbytes = MIN(message->nbytes, io->left);

    ASSERT(mutex_is_held(&receive->sock->lock));
    if (user_iter_put_nofault(io, message->data, nbytes) < nbytes)
        return -EFAULT;
    receive->total = (int64_t)nbytes;
    if (nbytes < message->nbytes)
        receive->to->out_flags |= LX_MSG_TRUNC;
    if (receive->to->flags & LX_MSG_TRUNC)
        receive->total = message->nbytes;
    if (receive->to->address)
        inet_address_show(receive->sock->base.domain, &message->from, receive->to->address);
    if (receive->to->controls)
        udp_control(receive->sock, message, receive->to->controls);
    if (!(receive->to->flags & LX_MSG_PEEK)) {
        inet_receive_take_out_locked(receive, message);
        receive->sock->queue_charged -= message->charged;
    }
    return 0;
}

/* An error comes before what is in the queue, as on Linux. 1: there is none, and no datagram. */
static int udp_await_locked(struct inet_receive *receive)
{
    struct inet_socket *sock = receive->sock;
    int err = 0;

    ASSERT(mutex_is_held(&sock->lock));
    while (!err) {
        err = -inet_take_error(sock);
        if (err || !list_empty(&sock->queue))
            return err;
        if (sock->shut & INET_SHUT_RECEIVE && receive->to->wait)
            return 1;
        err = inet_receive_wait_locked(receive);
    }
    return err;
}

static int udp_receive_locked(struct inet_receive *receive)
{
    struct inet_socket *sock = receive->sock;

    ASSERT(mutex_is_held(&sock->lock));
    for (;;) {
        struct user_iter_place before = user_iter_place(receive->to->io);
        struct inet_message *first;
        int err = udp_await_locked(receive);

        if (err)
            return err < 0 ? err : 0;
        first = list_entry(sock->queue.next, struct inet_message, link);
        if (!udp_copy_locked(receive, first))
            return 0;
        err = socket_fault_in_locked(&receive->sock->lock, receive->to->io, &receive->faults);
        user_iter_go_back(receive->to->io, &before);
        if (!err)
            continue;
        /* As on Linux: a datagram that has nowhere to go is lost. */
        if (!(receive->to->flags & LX_MSG_PEEK) && !list_empty(&sock->queue)) {
            first = list_entry(sock->queue.next, struct inet_message, link);
            inet_receive_take_out_locked(receive, first);
            sock->queue_charged -= first->charged;
        }
        return err;
    }
}

int64_t udp_receive(struct socket *socket, struct socket_message *message)
{
    struct inet_socket *sock = inet_of(socket);
    struct inet_receive receive;
    int err;

    if (message->address)
        message->address->nbytes = 0;
    if (message->flags & LX_MSG_ERRQUEUE)
        return -EAGAIN;
    inet_receive_init(&receive, socket, message);
    mutex_lock(&sock->lock);
    err = udp_receive_locked(&receive);
    mutex_unlock(&sock->lock);
    inet_messages_free(&receive.used);
    return err ? err : receive.total;
}

/* --- ends --- */

/* The directions are marked even where there is no peer. */
COLD int udp_shutdown(struct socket *socket, int how)
{
    struct inet_socket *sock = inet_of(socket);
    int err;

    if (how < LX_SHUT_RD || how > LX_SHUT_RDWR)
        return -EINVAL;
    mutex_lock(&sock->lock);
    err = sock->state == LX_TCP_ESTABLISHED ? 0 : -ENOTCONN;
    inet_publish(&sock->shut, sock->shut | ((uint32_t)how + 1));
    mutex_unlock(&sock->lock);
    inet_wake_readers(sock);
    inet_wake_writers(sock);
    return err;
}

/* Finders that still have a reference see that it is closed. */
void udp_release(struct socket *socket)
{
    struct inet_socket *sock = inet_of(socket);
    struct list messages;

    list_init(&messages);
    mutex_lock(&sock->lock);
    sock->closed = true;
    inet_connected_remove(sock);
    inet_port_release(sock);
    if (!list_empty(&sock->queue))
        list_move_front(&sock->queue, sock->queue.prev, &messages);
    mutex_unlock(&sock->lock);
    inet_messages_free(&messages);
    inet_put(sock);
}
