/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: connections come and go.
 *
 * connect makes the socket that accept will hand out, joins the two under the locks of the caller's
 * socket and of the listener, and puts the new one into the listener's queue: from then on both
 * sides send and receive, whether it is accepted or not. A listener that goes resets what is in its
 * queue.
 *
 * The peer of a connection is constant from here until the socket's own file goes, and every call
 * on a socket has its file: so the data path reads the pointer without a lock. A datagram socket
 * may connect again; its peer is read under its lock.
 *
 * What ends a direction is stored in the socket that the other side sends to, under its lock: a
 * message is in the queue before the end of the input, or its sender is told.
 */
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "kernel/net/unix/unix_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

struct unix_socket *unix_peer_get(struct unix_socket *sock)
{
    struct unix_socket *peer;

    mutex_lock(&sock->lock);
    peer = sock->peer;
    if (peer)
        unix_get(peer);
    mutex_unlock(&sock->lock);
    return peer;
}

/* For poll, which reads without the lock. */
static void word_publish(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Everything in its queue, for unix_messages_free without the lock. False: there was nothing. */
static bool queue_take_locked(struct unix_socket *sock, struct list *messages)
{
    ASSERT(mutex_is_held(&sock->lock));
    list_init(messages);
    if (list_empty(&sock->queue))
        return false;
    list_move_front(&sock->queue, sock->queue.prev, messages);
    word_publish(&sock->nmessages, 0);
    sock->nbytes = 0;
    sock->urgent = NULL;
    return true;
}

/* Every waiter looks again, in both directions. */
static void shut_add(struct unix_socket *sock, uint32_t directions, int error)
{
    mutex_lock(&sock->lock);
    word_publish(&sock->shut, sock->shut | directions);
    if (error)
        __atomic_store_n(&sock->error, error, __ATOMIC_RELAXED);
    mutex_unlock(&sock->lock);
    unix_wake_readers(sock);
    unix_wake_writers(sock);
}

/* --- datagrams --- */

/* What has come from the peer of before is dropped, and one that is still connected is told. */
static void datagrams_drop(struct unix_socket *sock, struct unix_socket *old)
{
    struct list messages;
    bool lost, told;

    mutex_lock_pair(&sock->lock, &old->lock);
    lost = queue_take_locked(sock, &messages);
    told = lost && !old->closed && old->peer == sock;
    mutex_unlock_pair(&sock->lock, &old->lock);
    if (told)
        shut_add(old, 0, ECONNRESET);
    unix_messages_free(&messages);
}

/* AF_UNSPEC dissolves the association. */
static int connect_datagram(struct unix_socket *sock, struct fs_context *context,
                            const struct socket_address *address)
{
    struct unix_socket *peer = NULL, *old;
    int err = address->nbytes < sizeof(address->family) ? -EINVAL : 0;

    if (!err && address->family != LX_AF_UNSPEC) {
        if (sock->base.pass_credentials)
            err = unix_bind_auto(sock);
        if (!err)
            err = unix_find(context, address, sock->base.type, &peer);
    }
    if (err)
        return err;
    mutex_lock_pair(&sock->lock, peer ? &peer->lock : &sock->lock);
    /* One that talks to a third takes no messages from this one. */
    if (peer && (peer->closed || (peer->peer && peer->peer != sock)))
        err = peer->closed ? -ECONNREFUSED : -EPERM;
    old = sock->peer;
    if (!err) {
        unix_set_peer(sock, peer);
        word_publish(&sock->state, peer ? UNIX_CONNECTED : UNIX_IDLE);
    } else {
        old = peer;
    }
    mutex_unlock_pair(&sock->lock, peer ? &peer->lock : &sock->lock);
    if (!err && old && old != peer)
        datagrams_drop(sock, old);
    unix_wake_senders(sock);
    if (old)
        unix_put(old);
    return err;
}

/* --- connections --- */

/* Both locked. 0: joined; -EAGAIN: the queue is full. */
static int connect_locked(struct unix_socket *sock, struct unix_socket *listener,
                          struct unix_socket *child, const struct lx_ucred *credentials)
{
    ASSERT(mutex_is_held(&sock->lock) && mutex_is_held(&listener->lock));
    if (listener->closed || listener->state != UNIX_LISTENING || listener->shut & UNIX_SHUT_RECEIVE)
        return -ECONNREFUSED;
    /* Before the caller's own state, as on Linux. */
    if (listener->npending > listener->backlog)
        return -EAGAIN;
    if (sock->state != UNIX_IDLE)
        return sock->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
    /* Each side counts the other, and the listener's queue has the child's first reference. */
    unix_get(sock);
    unix_get(child);
    child->peer = sock;
    child->peer_credentials = *credentials;
    child->state = UNIX_CONNECTED;
    child->base.pass_credentials = listener->base.pass_credentials;
    child->name = listener->name;
    if (child->name)
        __atomic_fetch_add(&child->name->refs, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&sock->peer, child, __ATOMIC_RELEASE);
    sock->peer_credentials = listener->credentials;
    word_publish(&sock->state, UNIX_CONNECTED);
    list_push_back(&listener->pending, &child->pending_link);
    word_publish(&listener->npending, listener->npending + 1);
    return 0;
}

/* A listener that goes, or is shut down, is not waited for: the next step says why. */
static bool backlog_is_full(struct unix_socket *listener)
{
    bool full;

    mutex_lock(&listener->lock);
    full = !listener->closed && !(listener->shut & UNIX_SHUT_RECEIVE) &&
           listener->npending > listener->backlog;
    mutex_unlock(&listener->lock);
    return full;
}

/* The queue is entered before the look, so that an accept in between wakes it. */
static int await_backlog(struct unix_socket *listener, uint64_t deadline_ns)
{
    struct waiter self;
    int err = 0;

    waitq_enter(&listener->writable, &self);
    if (backlog_is_full(listener))
        err = waitq_sleep(&self, 1, deadline_ns);
    waitq_leave(&listener->writable, &self);
    return err;
}

/* The state of both is asked anew in each round. */
static int connect_to(struct unix_socket *sock, struct unix_socket *listener,
                      struct unix_socket *child, bool wait)
{
    uint64_t timeout_ns = sock->base.send_timeout_ns, deadline_ns = socket_deadline(timeout_ns);
    struct lx_ucred credentials;
    int err;

    socket_caller->credentials(&credentials);
    for (;;) {
        mutex_lock_pair(&sock->lock, &listener->lock);
        err = connect_locked(sock, listener, child, &credentials);
        mutex_unlock_pair(&sock->lock, &listener->lock);
        if (err != -EAGAIN || !wait)
            return err;
        err = await_backlog(listener, deadline_ns);
        if (err)
            return socket_wait_error(err, timeout_ns);
    }
}

/* The child is made before the locks are taken, and dropped if it comes to nothing. */
int unix_connect(struct socket *socket, struct fs_context *context,
                 const struct socket_address *address, bool wait)
{
    struct unix_socket *sock = unix_of(socket), *listener, *child;
    int err;

    if (!unix_is_connection(sock))
        return connect_datagram(sock, context, address);
    if (sock->base.pass_credentials && sock->state == UNIX_IDLE) {
        err = unix_bind_auto(sock);
        if (err)
            return err;
    }
    err = unix_find(context, address, socket->type, &listener);
    if (err)
        return err;
    err = unix_alloc(socket->type, &child);
    if (!err) {
        err = connect_to(sock, listener, child, wait);
        if (!err) {
            unix_wake_readers(listener);
            unix_wake_writers(sock);
        } else {
            unix_put(child);
        }
    }
    unix_put(listener);
    return err;
}

/* Again on a listener it changes the backlog. */
COLD int unix_listen(struct socket *socket, unsigned backlog)
{
    struct unix_socket *sock = unix_of(socket);
    struct lx_ucred credentials;
    int err = 0;

    if (!unix_is_connection(sock))
        return -EOPNOTSUPP;
    socket_caller->credentials(&credentials);
    mutex_lock(&sock->lock);
    if (!sock->name || sock->state == UNIX_CONNECTED) {
        err = -EINVAL;
    } else {
        sock->backlog = MIN(backlog, (unsigned)LX_SOMAXCONN);
        sock->credentials = credentials;
        word_publish(&sock->state, UNIX_LISTENING);
    }
    mutex_unlock(&sock->lock);
    if (!err)
        unix_wake_writers(sock); /* those that wait for its backlog */
    return err;
}

/* The oldest; its reference is the caller's. */
static struct unix_socket *pending_take_locked(struct unix_socket *sock)
{
    struct list *node = list_pop_front(&sock->pending);

    ASSERT(mutex_is_held(&sock->lock));
    if (!node)
        return NULL;
    word_publish(&sock->npending, sock->npending - 1);
    return list_entry(node, struct unix_socket, pending_link);
}

/* What has come is taken even after a shutdown; the listener's own state is asked each time. */
int unix_accept(struct socket *socket, bool wait, struct socket **out_socket)
{
    struct unix_socket *sock = unix_of(socket), *child = NULL;
    uint64_t timeout_ns = socket->receive_timeout_ns, deadline_ns = socket_deadline(timeout_ns);
    int err = 0;

    if (!unix_is_connection(sock))
        return -EOPNOTSUPP;
    mutex_lock(&sock->lock);
    while (!err) {
        if (sock->state != UNIX_LISTENING)
            err = -EINVAL;
        else if ((child = pending_take_locked(sock)) != NULL)
            break;
        else if (sock->shut & UNIX_SHUT_RECEIVE)
            err = -EINVAL;
        else if (!wait)
            err = -EAGAIN;
        else
            err = waitq_wait(&sock->readable, &sock->lock, deadline_ns);
    }
    mutex_unlock(&sock->lock);
    if (err)
        return wait ? socket_wait_error(err, timeout_ns) : err;
    unix_wake_writers(sock);
    *out_socket = &child->base;
    return 0;
}

/* --- ends --- */

/* What one side does not send, the other does not receive. */
COLD int unix_shutdown(struct socket *socket, int how)
{
    struct unix_socket *sock = unix_of(socket), *peer;
    uint32_t own, other;

    if (how < LX_SHUT_RD || how > LX_SHUT_RDWR)
        return -EINVAL;
    own = (uint32_t)how + 1;
    other = (own & UNIX_SHUT_RECEIVE ? UNIX_SHUT_SEND : 0) |
            (own & UNIX_SHUT_SEND ? UNIX_SHUT_RECEIVE : 0);
    shut_add(sock, own, 0);
    peer = unix_is_connection(sock) ? unix_peer_get(sock) : NULL;
    if (peer) {
        shut_add(peer, other, 0);
        unix_put(peer);
    }
    return 0;
}

/* Its own side is over. What has not been read is lost, and its sender is told; likewise if it was
 * never accepted. */
static void unix_close(struct unix_socket *sock, bool never_accepted)
{
    struct list messages;
    struct unix_socket *peer;
    bool lost;

    unix_name_remove(sock);
    mutex_lock(&sock->lock);
    sock->closed = true;
    word_publish(&sock->shut, UNIX_SHUT_BOTH);
    lost = queue_take_locked(sock, &messages) || never_accepted;
    peer = sock->peer;
    unix_set_peer(sock, NULL);
    mutex_unlock(&sock->lock);
    unix_wake_readers(sock);
    unix_wake_senders(sock);
    if (peer && unix_is_connection(sock))
        shut_add(peer, UNIX_SHUT_BOTH, lost ? ECONNRESET : 0);
    if (peer)
        unix_put(peer);
    unix_messages_free(&messages);
}

/* One child at a time: there may be thousands, and each wakes its peer. */
void unix_release(struct socket *socket)
{
    struct unix_socket *sock = unix_of(socket), *child;

    unix_close(sock, false);
    do {
        mutex_lock(&sock->lock);
        child = pending_take_locked(sock);
        mutex_unlock(&sock->lock);
        if (child) {
            unix_close(child, true);
            unix_put(child);
            sched_preempt_point();
        }
    } while (child);
    unix_put(sock);
    unix_gc_later();
}
