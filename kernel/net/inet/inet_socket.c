/* SPDX-License-Identifier: MIT */
/*
 * AF_INET and AF_INET6: the life of a socket, its names, and what poll and ioctl see of it.
 *
 * There is no wire: a connection of TCP is two sockets that count each other, a send puts bytes
 * into the queue of the other one, and what ends a direction is stored there, too. Two are joined
 * while each is the other's peer; one that has left finds itself no longer pointed at, so a send to
 * a socket that has been closed, or taken for another connection, is noticed under its lock.
 *
 * A socket is counted by its file (or by the listener that has it in its backlog), by its peer, by
 * every message that it has sent and that is still in a queue, and by calls that have found it by
 * its port. Its file goes first, its memory with the last reference.
 *
 * State changes under the socket's lock; then, without it, waiters are woken and poll is notified.
 * poll reads single words without the lock, after it has registered (fs/vfs/poll.c).
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/inet/inet_internal.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"

#define TCP_SEND_BUFFER    16384u /* tcp_wmem and tcp_rmem */
#define TCP_RECEIVE_BUFFER 131072u
#define PRIVILEGED_PORTS   1024u

static struct slab_cache *inet_cache;

void inet_init(void)
{
    inet_cache = slab_cache_create("inet", sizeof(struct inet_socket));
    inet_ports_init();
    inet_connected_init();
}

/* With its record of a port. */
#define SOCKET_CHARGE (sizeof(struct inet_socket) + sizeof(struct inet_bind))

/* The last one: nothing is queued at it, and none of its messages is on its way. */
void inet_put(struct inet_socket *sock)
{
    if (__atomic_sub_fetch(&sock->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    ASSERT(list_empty(&sock->queue) && list_empty(&sock->pending) && list_empty(&sock->callers));
    ASSERT(!sock->bind && !sock->peer && !sock->target && sock->sent_bytes == 0);
    inet_memberships_free(sock);
    socket_uncharge(sock->user, SOCKET_CHARGE);
    user_charge_put(sock->user);
    slab_free(inet_cache, sock);
}

void inet_wake_readers(struct inet_socket *sock)
{
    if (!waitq_is_empty(&sock->readable))
        waitq_wake_all(&sock->readable);
    poll_notify_events(&sock->poll, ~POLL_WRITE_EVENTS);
}

void inet_wake_writers(struct inet_socket *sock)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!waitq_is_empty(&sock->writable)))
        waitq_wake_all(&sock->writable);
    poll_notify_events(&sock->poll, ~POLL_READ_EVENTS);
}

int inet_take_error(struct inet_socket *sock)
{
    return __atomic_exchange_n(&sock->error, 0, __ATOMIC_RELAXED);
}

/* --- names --- */

/* A port below 1024 needs a right, and the socket none yet. */
static COLD int inet_bind_to(struct socket *socket, struct fs_context *context,
                             const struct socket_address *address)
{
    struct inet_socket *sock = inet_of(socket);
    struct inet_end end;
    int err = inet_address_to_bind(sock, address, &end);

    if (err)
        return err;
    if (end.port && end.port < PRIVILEGED_PORTS &&
        !credentials_capable(&context->cred, LX_CAP_NET_BIND_SERVICE))
        return -EACCES;
    mutex_lock(&sock->lock);
    if (sock->state != LX_TCP_CLOSE || sock->bind) {
        err = -EINVAL;
    } else {
        err = inet_port_bind(sock, &end);
        sock->bound_ip = !err && !inet_ip_is_any(&end.ip);
        sock->bound_port = !err && end.port;
    }
    mutex_unlock(&sock->lock);
    return err;
}

/* The peer of a connection that is over is none, but for accept, which asks before there is a file.
 */
static COLD int inet_name(struct socket *socket, bool peer, struct socket_address *address)
{
    struct inet_socket *sock = inet_of(socket);
    struct inet_end end;
    int err = 0;

    mutex_lock(&sock->lock);
    end = peer ? sock->remote : sock->local;
    if (peer && (!end.port || sock->state == LX_TCP_SYN_SENT ||
                 (sock->state == LX_TCP_CLOSE && socket->file)))
        err = -ENOTCONN;
    mutex_unlock(&sock->lock);
    if (!err)
        inet_address_show(socket->domain, &end, address);
    return err;
}

/* --- poll and ioctl --- */

/* A third of the room is free, so that a writer that was woken does not stop again at once. */
static bool tcp_is_writable(const struct inet_socket *sock)
{
    uint64_t room = __atomic_load_n(&sock->room, __ATOMIC_RELAXED);

    return __atomic_load_n(&sock->sent_bytes, __ATOMIC_RELAXED) * 3 <= room * 2;
}

/* Never more than half of what there is room for, so that a full queue is always readable. */
static bool tcp_is_readable(const struct inet_socket *sock)
{
    uint32_t low =
        MIN(inet_peek(&sock->base.receive_low_water), inet_peek(&sock->base.receive_buffer) / 2);

    if (unlikely(inet_peek(&sock->urgent)))
        low += tcp_urgent_is_next(sock) && !sock->base.oob_inline;
    return __atomic_load_n(&sock->nbytes, __ATOMIC_SEQ_CST) >= low;
}

/* As Linux has it, for what looks odd: a socket that was never connected has hung up, and one that
 * is still to be connected cannot be written to. */
static uint32_t tcp_poll(struct socket *socket, struct poll_waiter *waiter)
{
    struct inet_socket *sock = inet_of(socket);
    uint32_t state, shut, mask = 0;

    poll_register(&sock->poll, waiter);
    state = inet_peek(&sock->state);
    shut = inet_peek(&sock->shut);
    if (state == LX_TCP_LISTEN)
        return inet_peek(&sock->npending) ? LX_POLLIN | LX_POLLRDNORM : 0;
    if (__atomic_load_n(&sock->error, __ATOMIC_RELAXED))
        mask |= LX_POLLERR;
    if (shut == INET_SHUT_BOTH || state == LX_TCP_CLOSE)
        mask |= LX_POLLHUP;
    if (shut & INET_SHUT_RECEIVE)
        mask |= LX_POLLRDHUP | LX_POLLIN | LX_POLLRDNORM;
    if (tcp_is_readable(sock))
        mask |= LX_POLLIN | LX_POLLRDNORM;
    if (inet_peek(&sock->urgent) & INET_URGENT_UNREAD)
        mask |= LX_POLLPRI;
    if (state != LX_TCP_SYN_SENT && (shut & INET_SHUT_SEND || tcp_is_writable(sock)))
        mask |= LX_POLLOUT | LX_POLLWRNORM;
    return mask;
}

/* A sender of datagrams never waits: there is always room. */
static uint32_t udp_poll(struct socket *socket, struct poll_waiter *waiter)
{
    struct inet_socket *sock = inet_of(socket);
    uint32_t shut, mask = LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND;

    poll_register(&sock->poll, waiter);
    shut = inet_peek(&sock->shut);
    if (__atomic_load_n(&sock->error, __ATOMIC_RELAXED))
        mask |= LX_POLLERR;
    if (shut == INET_SHUT_BOTH)
        mask |= LX_POLLHUP;
    if (shut & INET_SHUT_RECEIVE)
        mask |= LX_POLLRDHUP | LX_POLLIN | LX_POLLRDNORM;
    if (inet_peek(&sock->nmessages))
        mask |= LX_POLLIN | LX_POLLRDNORM;
    return mask;
}

/* All bytes of a stream up to an urgent one, those of the first datagram. */
static COLD int64_t inet_input_size(struct inet_socket *sock)
{
    int64_t nbytes = 0;

    mutex_lock(&sock->lock);
    if (sock->state == LX_TCP_LISTEN)
        nbytes = -EINVAL;
    else if (inet_is_stream(sock))
        nbytes = tcp_urgent_input_size(sock);
    else if (!list_empty(&sock->queue))
        nbytes = list_entry(sock->queue.next, struct inet_message, link)->nbytes;
    mutex_unlock(&sock->lock);
    return nbytes;
}

/* What the other side's buffer would have no room for: the rest counts as received. */
static COLD int64_t tcp_output_size(struct inet_socket *sock)
{
    uint64_t sent = __atomic_load_n(&sock->sent_bytes, __ATOMIC_RELAXED);
    uint64_t beyond = inet_peek(&sock->base.send_buffer);
    uint64_t room = __atomic_load_n(&sock->room, __ATOMIC_RELAXED);

    if (inet_peek(&sock->state) == LX_TCP_LISTEN)
        return -EINVAL;
    return sent + beyond > room ? (int64_t)(sent + beyond - room) : 0;
}

/* What is not SIOCINQ, SIOCOUTQ or SIOCATMARK is no request of a socket. */
static COLD int64_t inet_ioctl(struct socket *socket, uint32_t request)
{
    struct inet_socket *sock = inet_of(socket);

    if (request == LX_FIONREAD)
        return inet_input_size(sock);
    if (request == LX_SIOCOUTQ)
        return inet_is_stream(sock) ? tcp_output_size(sock) : 0;
    if (request == LX_SIOCATMARK && inet_is_stream(sock))
        return tcp_urgent_is_next(sock);
    return -ENOTTY;
}

static int inet_error(struct socket *socket)
{
    return inet_take_error(inet_of(socket));
}

static bool inet_is_listening(struct socket *socket)
{
    return inet_peek(&inet_of(socket)->state) == LX_TCP_LISTEN;
}

/* Of no process. */
static void inet_peer_credentials(struct socket *socket, struct lx_ucred *credentials)
{
    (void)socket;
    *credentials = (struct lx_ucred){0, UINT32_MAX, UINT32_MAX};
}

static int refuse_listen(struct socket *socket, unsigned backlog)
{
    (void)socket;
    (void)backlog;
    return -EOPNOTSUPP;
}

static int refuse_accept(struct socket *socket, bool wait, struct socket **out_socket)
{
    (void)socket;
    (void)wait;
    *out_socket = NULL;
    return -EOPNOTSUPP;
}

static const struct socket_ops tcp_ops = {
    .bind = inet_bind_to,
    .connect = tcp_connect,
    .listen = tcp_listen,
    .accept = tcp_accept,
    .name = inet_name,
    .send = tcp_send,
    .receive = tcp_receive,
    .shutdown = tcp_shutdown,
    .poll = tcp_poll,
    .ioctl = inet_ioctl,
    .take_error = inet_error,
    .is_listening = inet_is_listening,
    .peer_credentials = inet_peer_credentials,
    .set_option = inet_set_option,
    .get_option = inet_get_option,
    .release = tcp_release,
};

static const struct socket_ops udp_ops = {
    .bind = inet_bind_to,
    .connect = udp_connect,
    .listen = refuse_listen,
    .accept = refuse_accept,
    .name = inet_name,
    .send = udp_send,
    .receive = udp_receive,
    .shutdown = udp_shutdown,
    .poll = udp_poll,
    .ioctl = inet_ioctl,
    .take_error = inet_error,
    .is_listening = inet_is_listening,
    .peer_credentials = inet_peer_credentials,
    .set_option = inet_set_option,
    .get_option = inet_get_option,
    .release = udp_release,
};

/* --- life --- */

int inet_alloc(int domain, int type, int protocol, struct inet_socket **out_socket)
{
    struct inet_socket *sock = slab_zalloc(inet_cache);
    bool stream = type == LX_SOCK_STREAM;

    if (!sock)
        return -ENOMEM;
    sock->user = user_charge_get(socket_caller->uid());
    if (!sock->user || socket_charge(sock->user, SOCKET_CHARGE)) {
        user_charge_put(sock->user);
        slab_free(inet_cache, sock);
        return -ENOMEM;
    }
    socket_setup(&sock->base, stream ? &tcp_ops : &udp_ops, domain, type);
    sock->base.protocol = (uint16_t)protocol;
    if (stream) {
        sock->base.send_buffer = TCP_SEND_BUFFER;
        sock->base.receive_buffer = TCP_RECEIVE_BUFFER;
    }
    sock->room = sock->base.send_buffer;
    sock->refs = 1;
    sock->state = LX_TCP_CLOSE;
    mutex_init(&sock->lock, MUTEX_PIPE);
    waitq_init(&sock->readable);
    waitq_init(&sock->writable);
    poll_head_init(&sock->poll);
    sock->local.ip = inet_ip_any(domain);
    sock->remote.ip = inet_ip_any(domain);
    list_init(&sock->bind_link);
    list_init(&sock->connected_link);
    list_init(&sock->queue);
    list_init(&sock->pending);
    list_init(&sock->callers);
    list_init(&sock->memberships);
    list_init(&sock->pending_link);
    inet_options_init(sock);
    *out_socket = sock;
    return 0;
}

/* socket(2), in Linux's order: the type, then the protocol, then the right to it. */
int inet_create(int domain, int type, int protocol, struct socket **out_socket)
{
    int own = type == LX_SOCK_STREAM ? LX_IPPROTO_TCP : LX_IPPROTO_UDP;
    struct inet_socket *sock;
    int err;

    if (protocol < 0 || protocol >= LX_IPPROTO_MAX)
        return -EINVAL;
    if (type == LX_SOCK_RAW)
        return protocol && !socket_caller->is_capable(LX_CAP_NET_RAW) ? -EPERM : -EPROTONOSUPPORT;
    if (type != LX_SOCK_STREAM && type != LX_SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (type == LX_SOCK_DGRAM && protocol == LX_IPPROTO_UDPLITE)
        own = protocol;
    if (protocol && protocol != own)
        return -EPROTONOSUPPORT;
    err = inet_alloc(domain, type, own, &sock);
    if (!err)
        *out_socket = &sock->base;
    return err;
}
