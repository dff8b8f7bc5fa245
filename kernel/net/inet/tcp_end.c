/* SPDX-License-Identifier: MIT */
/*
 * TCP: connections end.
 *
 * What one side does to a direction is stored in the other side's socket, under its lock and only
 * while that one still points back: the end of input (FIN), behind the bytes that are in its queue
 * by then, or a reset (RST), which ends both directions with an error. State TIME_WAIT is no
 * socket's here: the port remembers it (inet_port.c). LAST_ACK and CLOSING are over at once.
 *
 *   ESTABLISHED  own end sent:  FIN_WAIT2    peer's end comes: CLOSE_WAIT
 *   FIN_WAIT2                                peer's end comes: CLOSE, and its port in TIME_WAIT
 *   CLOSE_WAIT   own end sent:  CLOSE
 *
 * A socket that is closed with bytes that it has not read, or with SO_LINGER and no time, resets
 * its peer. So does one that was in a backlog when the listener went.
 */
#include "kernel/lib/assert.h"
#include "kernel/net/inet/inet_internal.h"
#include "shared/linux/errno.h"

/* Its port is free again, unless the program has chosen it. */
void tcp_over_locked(struct inet_socket *sock, int error)
{
    ASSERT(mutex_is_held(&sock->lock));
    if (error)
        __atomic_store_n(&sock->error, error, __ATOMIC_RELAXED);
    inet_publish(&sock->shut, INET_SHUT_BOTH);
    inet_publish(&sock->state, LX_TCP_CLOSE);
    if (!sock->bound_port)
        inet_port_release(sock);
}

/* Its own end is sent, or on its way by shutdown or close. */
static void send_end_locked(struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    inet_publish(&sock->shut, sock->shut | INET_SHUT_SEND);
    if (sock->state == LX_TCP_ESTABLISHED)
        inet_publish(&sock->state, LX_TCP_FIN_WAIT2);
    else if (sock->state == LX_TCP_CLOSE_WAIT)
        tcp_over_locked(sock, 0);
}

static void end_comes_locked(struct inet_socket *peer)
{
    ASSERT(mutex_is_held(&peer->lock));
    peer->ended = true;
    inet_publish(&peer->shut, peer->shut | INET_SHUT_RECEIVE);
    if (peer->state == LX_TCP_ESTABLISHED) {
        inet_publish(&peer->state, LX_TCP_CLOSE_WAIT);
    } else if (peer->state == LX_TCP_FIN_WAIT2) {
        inet_port_time_wait(peer);
        tcp_over_locked(peer, 0);
    }
}

static void reset_comes_locked(struct inet_socket *peer)
{
    ASSERT(mutex_is_held(&peer->lock));
    if (peer->state != LX_TCP_CLOSE)
        tcp_over_locked(peer, peer->state == LX_TCP_CLOSE_WAIT ? EPIPE : ECONNRESET);
}

/* Nothing happens to a peer that is not, or no longer, joined to the socket. */
static void end_tell(struct inet_socket *sock, struct inet_socket *peer, bool reset)
{
    mutex_lock(&peer->lock);
    if (peer->peer == sock && reset)
        reset_comes_locked(peer);
    else if (peer->peer == sock)
        end_comes_locked(peer);
    mutex_unlock(&peer->lock);
    inet_wake_readers(peer);
    inet_wake_writers(peer);
}

/* --- shutdown --- */

/* Of the direction to receive only its own calls learn: tcp(7). */
COLD int tcp_shutdown(struct socket *socket, int how)
{
    struct inet_socket *sock = inet_of(socket), *peer = NULL;
    uint32_t state, directions = (uint32_t)how + 1;
    int err = 0;

    if (how < LX_SHUT_RD || how > LX_SHUT_RDWR)
        return -EINVAL;
    mutex_lock(&sock->lock);
    state = sock->state;
    if (state != LX_TCP_LISTEN && state != LX_TCP_SYN_SENT) {
        err = state == LX_TCP_CLOSE ? -ENOTCONN : 0;
        if (directions & INET_SHUT_SEND && !(sock->shut & INET_SHUT_SEND)) {
            peer = sock->peer;
            if (peer)
                inet_get(peer);
            send_end_locked(sock);
        }
        inet_publish(&sock->shut, sock->shut | directions);
    }
    mutex_unlock(&sock->lock);
    if (state == LX_TCP_SYN_SENT || (state == LX_TCP_LISTEN && directions & INET_SHUT_RECEIVE))
        tcp_disconnect(sock);
    if (peer) {
        end_tell(sock, peer, false);
        inet_put(peer);
    }
    inet_wake_readers(sock);
    inet_wake_writers(sock);
    return err;
}

/* --- close and disconnect --- */

static bool needs_reset_locked(const struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    return !list_empty(&sock->queue) || (sock->base.linger.on && sock->base.linger.seconds == 0);
}

/* Out of its connection: the peer learns that by a reset or by the end of its input. False: it
 * listens or calls, by another thread's doing meanwhile. */
static bool leave(struct inet_socket *sock, bool reset, bool closed)
{
    struct inet_socket *peer;
    struct list messages;
    uint32_t state;
    bool reports;

    list_init(&messages);
    mutex_lock(&sock->lock);
    state = sock->state;
    if (state == LX_TCP_LISTEN || sock->target) {
        mutex_unlock(&sock->lock);
        return false;
    }
    reset = reset || needs_reset_locked(sock);
    reports = reset || !(sock->shut & INET_SHUT_SEND);
    if (!reset && (state == LX_TCP_ESTABLISHED || state == LX_TCP_FIN_WAIT2))
        inet_port_time_wait(sock);
    if (!list_empty(&sock->queue))
        list_move_front(&sock->queue, sock->queue.prev, &messages);
    inet_publish(&sock->nmessages, 0);
    sock->nbytes = 0;
    inet_publish(&sock->urgent, 0);
    peer = sock->peer;
    sock->peer = NULL;
    if (closed) {
        sock->closed = true;
        sock->bound_port = false;
        tcp_over_locked(sock, 0);
    } else {
        tcp_dissolve_locked(sock);
    }
    mutex_unlock(&sock->lock);
    if (peer && reports)
        end_tell(sock, peer, reset);
    if (peer)
        inet_put(peer);
    inet_messages_free(&messages);
    inet_wake_readers(sock);
    inet_wake_writers(sock);
    return true;
}

/* connect to AF_UNSPEC: the connection is reset, whatever was left of it. */
void tcp_disconnect(struct inet_socket *sock)
{
    do {
        tcp_cancel_connect(sock);
        tcp_stop_listening(sock);
    } while (!leave(sock, true, false));
}

void tcp_drop(struct inet_socket *child)
{
    bool left = leave(child, true, true);

    ASSERT(left);
    inet_put(child);
}

/* No call is on its way any more: nothing begins anew. */
void tcp_release(struct socket *socket)
{
    struct inet_socket *sock = inet_of(socket);
    bool left;

    tcp_cancel_connect(sock);
    tcp_stop_listening(sock);
    left = leave(sock, false, true);
    ASSERT(left);
    inet_put(sock);
}
