/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: the life of a socket, and what poll and ioctl see of it.
 *
 * A socket is counted by its file (or by the listener that has it in its queue), by the socket that
 * is connected to it, by every message that it has sent and that is still in a queue, and by a call
 * that has found it by name. Its file goes first (unix_release), its memory with the last
 * reference. Two connected sockets count each other: each drops its side when its file goes.
 *
 * State changes under the socket's lock; then, without it, waiters are woken and poll is notified.
 * poll reads single words without the lock, after it has registered (fs/vfs/poll.c).
 */
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/unix/unix.h"
#include "kernel/net/unix/unix_internal.h"
#include "shared/linux/errno.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"

static struct slab_cache *unix_cache;

void unix_init(void)
{
    unix_cache = slab_cache_create("unix", sizeof(struct unix_socket));
    unix_names_init();
    unix_tables_init();
}

/* The last one: nothing is queued at it, and none of its messages is on its way. */
void unix_put(struct unix_socket *sock)
{
    if (__atomic_sub_fetch(&sock->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    ASSERT(list_empty(&sock->queue) && list_empty(&sock->pending) && sock->sent_bytes == 0);
    ASSERT(list_empty(&sock->watchers) && list_empty(&sock->watch_link));
    ASSERT(sock->in_flight == 0);
    unix_table_remove(sock);
    unix_name_put(sock->name);
    socket_uncharge(sock->user, sizeof(*sock));
    user_charge_put(sock->user);
    slab_free(unix_cache, sock);
}

void unix_wake_readers(struct unix_socket *sock)
{
    if (!waitq_is_empty(&sock->readable))
        waitq_wake_all(&sock->readable);
    poll_notify_events(&sock->poll, ~POLL_WRITE_EVENTS);
}

void unix_wake_writers(struct unix_socket *sock)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(!waitq_is_empty(&sock->writable)))
        waitq_wake_all(&sock->writable);
    poll_notify_events(&sock->poll, ~POLL_READ_EVENTS);
}

/* --- poll and ioctl: words that are read without the lock --- */

static uint32_t word_peek(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* A socket is writable while three quarters of its buffer are free, so that a writer that was woken
 * does not stop again at once. */
static bool is_writable(const struct unix_socket *sock)
{
    return word_peek(&sock->state) != UNIX_LISTENING &&
           __atomic_load_n(&sock->sent_bytes, __ATOMIC_RELAXED) * 4 <=
               word_peek(&sock->base.send_buffer);
}

static uint32_t unix_poll(struct socket *socket, struct poll_waiter *waiter)
{
    struct unix_socket *sock = unix_of(socket);
    uint32_t shut, mask = 0;

    poll_register(&sock->poll, waiter);
    shut = word_peek(&sock->shut);
    if (__atomic_load_n(&sock->error, __ATOMIC_RELAXED))
        mask |= LX_POLLERR;
    if (shut == UNIX_SHUT_BOTH)
        mask |= LX_POLLHUP;
    if (shut & UNIX_SHUT_RECEIVE)
        mask |= LX_POLLRDHUP | LX_POLLIN | LX_POLLRDNORM;
    if (word_peek(&sock->nmessages) || word_peek(&sock->npending))
        mask |= LX_POLLIN | LX_POLLRDNORM;
    if (__atomic_load_n(&sock->urgent, __ATOMIC_RELAXED))
        mask |= LX_POLLPRI;
    if (unix_is_connection(sock) && word_peek(&sock->state) == UNIX_IDLE)
        mask |= LX_POLLHUP;
    if (is_writable(sock) && !unix_watch_peer(sock))
        mask |= LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND;
    return mask;
}

/* All bytes of a connection, the first datagram of the others: unix(7), SIOCINQ. */
static COLD int64_t bytes_to_receive(struct unix_socket *sock)
{
    int64_t nbytes = 0;

    mutex_lock(&sock->lock);
    if (sock->state == UNIX_LISTENING)
        nbytes = -EINVAL;
    else if (unix_is_connection(sock))
        nbytes = (int64_t)sock->nbytes;
    else if (!list_empty(&sock->queue))
        nbytes = list_entry(sock->queue.next, struct unix_message, link)->nbytes;
    mutex_unlock(&sock->lock);
    return nbytes;
}

static COLD bool urgent_is_next(struct unix_socket *sock)
{
    bool is_next;

    mutex_lock(&sock->lock);
    is_next = sock->urgent && sock->queue.next == &sock->urgent->link;
    mutex_unlock(&sock->lock);
    return is_next;
}

/* What is not SIOCINQ, SIOCOUTQ or SIOCATMARK is no request of a socket. */
static COLD int64_t unix_ioctl(struct socket *socket, uint32_t request)
{
    struct unix_socket *sock = unix_of(socket);

    if (request == LX_FIONREAD)
        return bytes_to_receive(sock);
    if (request == LX_SIOCOUTQ)
        return word_peek(&sock->state) == UNIX_LISTENING
                   ? -EINVAL
                   : (int64_t)__atomic_load_n(&sock->sent_bytes, __ATOMIC_RELAXED);
    return request == LX_SIOCATMARK ? urgent_is_next(sock) : -ENOTTY;
}

/* Shown once: socket(7). */
static int unix_take_error(struct socket *socket)
{
    return __atomic_exchange_n(&unix_of(socket)->error, 0, __ATOMIC_RELAXED);
}

static bool unix_is_listening(struct socket *socket)
{
    return word_peek(&unix_of(socket)->state) == UNIX_LISTENING;
}

static void unix_peer_credentials(struct socket *socket, struct lx_ucred *credentials)
{
    struct unix_socket *sock = unix_of(socket);

    mutex_lock(&sock->lock);
    *credentials = sock->peer_credentials;
    mutex_unlock(&sock->lock);
}

static const struct socket_ops unix_ops = {
    .bind = unix_bind,
    .connect = unix_connect,
    .listen = unix_listen,
    .accept = unix_accept,
    .name = unix_get_name,
    .send = unix_send,
    .receive = unix_receive,
    .shutdown = unix_shutdown,
    .poll = unix_poll,
    .ioctl = unix_ioctl,
    .take_error = unix_take_error,
    .is_listening = unix_is_listening,
    .peer_credentials = unix_peer_credentials,
    .release = unix_release,
};

/* --- life --- */

int unix_alloc(int type, struct unix_socket **out_socket)
{
    struct unix_socket *sock = slab_zalloc(unix_cache);

    if (!sock)
        return -ENOMEM;
    sock->user = user_charge_get(socket_caller->uid());
    if (!sock->user || socket_charge(sock->user, sizeof(*sock))) {
        user_charge_put(sock->user);
        slab_free(unix_cache, sock);
        return -ENOMEM;
    }
    socket_setup(&sock->base, &unix_ops, LX_AF_UNIX, type);
    sock->refs = 1;
    mutex_init(&sock->lock, MUTEX_PIPE);
    waitq_init(&sock->readable);
    waitq_init(&sock->writable);
    poll_head_init(&sock->poll);
    list_init(&sock->queue);
    list_init(&sock->pending);
    list_init(&sock->pending_link);
    list_init(&sock->name_link);
    list_init(&sock->watchers);
    list_init(&sock->watch_link);
    list_init(&sock->flight_link);
    list_init(&sock->gc_link);
    /* Of no process: what SO_PEERCRED shows without a peer. */
    sock->peer_credentials = (struct lx_ucred){0, UINT32_MAX, UINT32_MAX};
    unix_table_add(sock);
    *out_socket = sock;
    return 0;
}

/* SOCK_RAW means datagrams, as in BSD. */
int unix_create(int type, int protocol, struct socket **out_socket)
{
    struct unix_socket *sock;
    int err;

    if (protocol && protocol != LX_AF_UNIX)
        return -EPROTONOSUPPORT;
    if (type == LX_SOCK_RAW)
        type = LX_SOCK_DGRAM;
    if (type != LX_SOCK_STREAM && type != LX_SOCK_DGRAM && type != LX_SOCK_SEQPACKET)
        return -ESOCKTNOSUPPORT;
    err = unix_alloc(type, &sock);
    if (!err)
        *out_socket = &sock->base;
    return err;
}

/* Nothing knows the two yet: no lock. */
COLD void unix_pair(struct socket *one_socket, struct socket *other_socket)
{
    struct unix_socket *one = unix_of(one_socket), *other = unix_of(other_socket);

    unix_get(one);
    unix_get(other);
    one->peer = other;
    other->peer = one;
    socket_caller->credentials(&one->peer_credentials);
    other->peer_credentials = one->peer_credentials;
    one->state = UNIX_CONNECTED;
    other->state = UNIX_CONNECTED;
}
