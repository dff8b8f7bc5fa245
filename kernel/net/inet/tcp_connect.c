/* SPDX-License-Identifier: MIT */
/*
 * TCP: connections come.
 *
 * connect makes the socket that accept will hand out, joins the two under the locks of the caller's
 * socket and of the listener, and puts the new one into the listener's backlog: from then on both
 * sides send and receive, whether it is accepted or not.
 *
 * If the backlog is full the caller becomes one of the listener's `callers`, with the new socket
 * ready (embryo), in state SYN_SENT: accept admits the one that has waited longest, and a listener
 * that goes refuses all. A socket is among the callers exactly while its target is set: both change
 * under the two locks. This stands for the segments that Linux sends anew.
 *
 * connect without O_NONBLOCK waits for the answer, the others get EINPROGRESS, as on Linux even
 * when the answer is there, and learn it from poll and SO_ERROR, or by calling connect again.
 */
#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define CONNECT_TIMEOUT_NS 127000000000ULL /* after six segments without an answer */
#define SEND_BUFFER_JOINED 2626560u        /* what Linux lets it grow to at once */

/* --- the socket that accept will hand out --- */

/* With a record for its port: what comes later cannot fail. The lock of the listener is not held:
 * its family is constant. */
static int embryo_create(const struct inet_socket *listener, struct inet_socket **out_child)
{
    struct inet_socket *child;
    int err = inet_alloc(listener->base.domain, LX_SOCK_STREAM, LX_IPPROTO_TCP, &child);

    if (err)
        return err;
    child->bind = inet_bind_alloc();
    if (!child->bind) {
        inet_put(child);
        return -ENOMEM;
    }
    *out_child = child;
    return 0;
}

static void embryo_free(struct inet_socket *child)
{
    if (!child)
        return;
    inet_bind_free(child->bind);
    child->bind = NULL;
    inet_put(child);
}

/* socket(7), tcp(7): what is set on a listener counts for what it accepts. */
static void inherit(struct inet_socket *child, const struct inet_socket *listener)
{
    child->base.send_buffer = listener->base.send_buffer;
    child->base.receive_buffer = listener->base.receive_buffer;
    child->base.receive_timeout_ns = listener->base.receive_timeout_ns;
    child->base.send_timeout_ns = listener->base.send_timeout_ns;
    child->base.linger = listener->base.linger;
    child->base.reuse_address = listener->base.reuse_address;
    child->base.reuse_port = listener->base.reuse_port;
    child->base.keep_alive = listener->base.keep_alive;
    child->base.broadcast = listener->base.broadcast;
    child->base.oob_inline = listener->base.oob_inline;
    child->base.dont_route = listener->base.dont_route;
    child->base.priority = listener->base.priority;
    child->base.receive_low_water = listener->base.receive_low_water;
    child->v6only = listener->v6only;
    memcpy(child->options, listener->options, sizeof(child->options));
}

/* A size that the program has set stays. What each may leave unread at the other is fixed here, and
 * looked at again by each send. */
static void buffers_join(struct inet_socket *sock, uint32_t initial, const struct inet_socket *to)
{
    if (sock->base.send_buffer == initial)
        sock->base.send_buffer = SEND_BUFFER_JOINED;
    sock->room = (uint64_t)sock->base.send_buffer + to->base.receive_buffer;
}

/* Both locked; the child is known to nothing else. Each side counts the other, and the backlog has
 * the child's first reference. */
static void join_locked(struct inet_socket *sock, struct inet_socket *listener,
                        struct inet_socket *child)
{
    uint32_t initial = child->base.send_buffer;

    ASSERT(mutex_is_held(&sock->lock) && mutex_is_held(&listener->lock));
    inherit(child, listener);
    child->local = sock->remote;
    child->remote = sock->local;
    inet_port_share(child, listener);
    inet_get(sock);
    inet_get(child);
    child->peer = sock;
    child->joined = true;
    child->state = LX_TCP_ESTABLISHED;
    buffers_join(child, initial, sock);
    buffers_join(sock, initial, child);
    sock->peer = child;
    sock->joined = true;
    inet_publish(&sock->state, LX_TCP_ESTABLISHED);
    list_push_back(&listener->pending, &child->pending_link);
    inet_publish(&listener->npending, listener->npending + 1);
}

/* --- connect --- */

/* What follows a failed connect, too: the socket can be connected anew. */
void tcp_dissolve_locked(struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    if (!sock->bound_port)
        inet_port_release(sock);
    if (!sock->bound_ip)
        sock->local.ip = inet_ip_any(sock->base.domain);
    sock->remote = (struct inet_end){inet_ip_any(sock->base.domain), 0};
    sock->joined = false;
    sock->connecting = false;
    sock->ended = false;
    inet_take_error(sock);
    inet_publish(&sock->shut, 0);
    inet_publish(&sock->state, LX_TCP_CLOSE);
}

/* The caller's own end: what it has not bound is chosen now. That all ports are taken is another
 * error here than of bind. */
static int choose_end_locked(struct inet_socket *sock, const struct inet_end *remote)
{
    bool v4 = inet_ip_is_v4(&remote->ip);
    int err = 0;

    ASSERT(mutex_is_held(&sock->lock));
    if (sock->joined || sock->state != LX_TCP_CLOSE)
        return -EISCONN;
    if (inet_ip_is_any(&sock->local.ip))
        sock->local.ip = inet_ip_loopback(v4);
    else if (inet_ip_is_v4(&sock->local.ip) != v4)
        return -ENETUNREACH;
    sock->remote = *remote;
    inet_publish(&sock->shut, 0);
    if (!sock->bind)
        err = inet_port_bind_any(sock);
    return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

/* To its own end, which answers as another one's would: as if both had called at once. */
static COLD void join_self_locked(struct inet_socket *sock)
{
    ASSERT(mutex_is_held(&sock->lock));
    inet_get(sock);
    sock->peer = sock;
    sock->joined = true;
    sock->room = (uint64_t)sock->base.send_buffer + sock->base.receive_buffer;
    inet_publish(&sock->state, LX_TCP_ESTABLISHED);
}

/* Both locked, the second one if there is one. What becomes of the child is the third's to say. */
static int connect_call_locked(struct inet_socket *sock, struct inet_socket *listener,
                               const struct inet_end *remote, struct inet_socket **child)
{
    ASSERT(mutex_is_held(&sock->lock));
    if (sock->connecting || sock->joined || sock->state != LX_TCP_CLOSE || !sock->bind)
        return -EALREADY; /* another call's work meanwhile */
    sock->connecting = true;
    /* What this call has found, whatever another thread has chosen meanwhile; a listener that has
     * moved since is none. */
    sock->remote = *remote;
    if (!listener && remote->port == sock->local.port &&
        inet_ip_equal(&remote->ip, &sock->local.ip)) {
        join_self_locked(sock);
    } else if (!listener || listener->state != LX_TCP_LISTEN ||
               listener->local.port != remote->port) {
        tcp_over_locked(sock, ECONNREFUSED);
    } else if (listener->npending > listener->backlog) {
        inet_get(sock);
        inet_get(listener);
        list_push_back(&listener->callers, &sock->pending_link);
        sock->target = listener;
        sock->embryo = *child;
        *child = NULL;
        inet_publish(&sock->state, LX_TCP_SYN_SENT);
    } else {
        join_locked(sock, listener, *child);
        *child = NULL;
    }
    return 0;
}

/* From the choice of its own end to the answer, or to the wait for it. */
static int connect_call(struct inet_socket *sock, const struct inet_end *remote)
{
    struct inet_socket *listener, *child = NULL;
    int err;

    mutex_lock(&sock->lock);
    err = choose_end_locked(sock, remote);
    mutex_unlock(&sock->lock);
    if (err)
        return err;
    listener = inet_port_find(INET_TCP, remote, &sock->local);
    if (listener)
        err = embryo_create(listener, &child);
    if (!err) {
        struct mutex *other = listener ? &listener->lock : &sock->lock;

        mutex_lock_pair(&sock->lock, other);
        err = connect_call_locked(sock, listener, remote, &child);
        mutex_unlock_pair(&sock->lock, other);
    }
    embryo_free(child);
    if (listener) {
        inet_wake_readers(listener);
        inet_put(listener);
    }
    inet_wake_readers(sock);
    inet_wake_writers(sock);
    return err;
}

/* The answer of a call that is under way, which is reported once. */
static int take_answer_locked(struct inet_socket *sock)
{
    int err;

    ASSERT(mutex_is_held(&sock->lock));
    sock->connecting = false;
    if (sock->state != LX_TCP_CLOSE)
        return 0;
    err = inet_take_error(sock);
    return err ? -err : -ECONNABORTED;
}

/* A timeout of the socket's own leaves the call on its way. Without one the call itself ends, and
 * after a signal it goes on: the same call, made again, waits for the same answer. */
static COLD int await_answer(struct inet_socket *sock, bool wait)
{
    uint64_t timeout_ns = sock->base.send_timeout_ns;
    uint64_t deadline_ns = socket_deadline(timeout_ns ? timeout_ns : CONNECT_TIMEOUT_NS);
    bool failed = false;
    int err = 0;

    mutex_lock(&sock->lock);
    while (!err && sock->state == LX_TCP_SYN_SENT)
        err = wait ? waitq_wait(&sock->writable, &sock->lock, deadline_ns) : -EALREADY;
    if (sock->state != LX_TCP_SYN_SENT) {
        err = take_answer_locked(sock);
        failed = err;
    }
    mutex_unlock(&sock->lock);
    /* It may have been joined, and have bytes of a connection that is over. */
    if (failed)
        tcp_disconnect(sock);
    if (err == -ETIMEDOUT && timeout_ns)
        return -EINPROGRESS;
    if (err == -ETIMEDOUT)
        tcp_disconnect(sock);
    return err == -ERESTARTSYS ? socket_wait_error(err, timeout_ns) : err;
}

/* AF_UNSPEC dissolves the connection; a second call for the same one waits for its answer. */
int tcp_connect(struct socket *socket, struct fs_context *context,
                const struct socket_address *address, bool wait)
{
    struct inet_socket *sock = inet_of(socket);
    struct inet_end remote = {0};
    int err;

    (void)context;
    if (address->nbytes < sizeof(address->family))
        return -EINVAL;
    if (address->family == LX_AF_UNSPEC) {
        tcp_disconnect(sock);
        return 0;
    }
    if (!__atomic_load_n(&sock->connecting, __ATOMIC_RELAXED)) {
        if (sock->joined || inet_peek(&sock->state) != LX_TCP_CLOSE)
            return -EISCONN;
        err = inet_address_to_reach(sock, address, &remote);
        if (!err) {
            socket_note_no_space(socket);
            err = connect_call(sock, &remote);
        }
        if (err)
            return err;
        if (!wait)
            return -EINPROGRESS;
    }
    return await_answer(sock, wait);
}

/* It gives up waiting for a listener. The target is read under the one lock and looked at again
 * under both: an answer may have come in between, or another call. */
COLD void tcp_cancel_connect(struct inet_socket *sock)
{
    struct inet_socket *target, *embryo = NULL;
    bool cancelled;

    mutex_lock(&sock->lock);
    target = sock->target;
    if (target)
        inet_get(target);
    mutex_unlock(&sock->lock);
    if (!target)
        return;
    mutex_lock_pair(&sock->lock, &target->lock);
    cancelled = sock->target == target;
    if (cancelled) {
        list_remove(&sock->pending_link);
        sock->target = NULL;
        embryo = sock->embryo;
        sock->embryo = NULL;
        inet_publish(&sock->state, LX_TCP_CLOSE);
    }
    mutex_unlock_pair(&sock->lock, &target->lock);
    if (cancelled) {
        embryo_free(embryo);
        inet_put(target);
        inet_put(sock);
    }
    inet_put(target);
}

/* --- listen and accept --- */

/* With a reference, since its own lock has to be taken together with the listener's. NULL: none, or
 * no room for it. */
static COLD struct inet_socket *first_caller_get(struct inet_socket *listener)
{
    struct inet_socket *caller = NULL;

    mutex_lock(&listener->lock);
    if (!list_empty(&listener->callers) &&
        (listener->state != LX_TCP_LISTEN || listener->npending <= listener->backlog)) {
        caller = list_entry(listener->callers.next, struct inet_socket, pending_link);
        inet_get(caller);
    }
    mutex_unlock(&listener->lock);
    return caller;
}

/* Those that called while the backlog was full get their answer, as far as there is room now. */
static COLD void answer_callers(struct inet_socket *listener)
{
    struct inet_socket *caller;

    while ((caller = first_caller_get(listener)) != NULL) {
        struct inet_socket *embryo = NULL;
        bool listens, answered;

        mutex_lock_pair(&caller->lock, &listener->lock);
        listens = listener->state == LX_TCP_LISTEN;
        answered =
            caller->target == listener && (!listens || listener->npending <= listener->backlog);
        if (answered) {
            list_remove(&caller->pending_link);
            caller->target = NULL;
            embryo = caller->embryo;
            caller->embryo = NULL;
            if (listens)
                join_locked(caller, listener, embryo);
            else
                tcp_over_locked(caller, ECONNREFUSED);
        }
        mutex_unlock_pair(&caller->lock, &listener->lock);
        if (answered) {
            if (!listens)
                embryo_free(embryo);
            inet_wake_readers(listener);
            inet_wake_readers(caller);
            inet_wake_writers(caller);
            inet_put(listener);
            inet_put(caller);
        }
        inet_put(caller);
        sched_preempt_point();
    }
}

/* Again on a listener it changes the backlog, which may let callers in. Two that have bound the
 * same port by SO_REUSEADDR meet here: the second is EADDRINUSE. */
COLD int tcp_listen(struct socket *socket, unsigned backlog)
{
    struct inet_socket *sock = inet_of(socket);
    int err = 0;

    mutex_lock(&sock->lock);
    if (sock->joined || sock->connecting ||
        (sock->state != LX_TCP_CLOSE && sock->state != LX_TCP_LISTEN))
        err = -EINVAL;
    else if (!sock->bind)
        err = inet_port_bind_any(sock);
    if (!err && sock->state == LX_TCP_CLOSE)
        err = inet_port_listen(sock);
    if (!err) {
        sock->backlog = MIN(backlog, (unsigned)LX_SOMAXCONN);
        inet_publish(&sock->state, LX_TCP_LISTEN);
    }
    mutex_unlock(&sock->lock);
    if (!err) {
        answer_callers(sock);
        inet_wake_readers(sock);
    }
    return err;
}

/* The oldest; its reference is the caller's. */
static struct inet_socket *backlog_take_locked(struct inet_socket *sock)
{
    struct list *node = list_pop_front(&sock->pending);

    ASSERT(mutex_is_held(&sock->lock));
    if (!node)
        return NULL;
    inet_publish(&sock->npending, sock->npending - 1);
    return list_entry(node, struct inet_socket, pending_link);
}

/* The listener's own state is asked each time. */
int tcp_accept(struct socket *socket, bool wait, struct socket **out_socket)
{
    struct inet_socket *sock = inet_of(socket), *child = NULL;
    uint64_t timeout_ns = socket->receive_timeout_ns, deadline_ns = socket_deadline(timeout_ns);
    bool called = false;
    int err = 0;

    mutex_lock(&sock->lock);
    while (!err) {
        if (sock->state != LX_TCP_LISTEN)
            err = -EINVAL;
        else if ((child = backlog_take_locked(sock)) != NULL)
            break;
        else
            err = wait ? waitq_wait(&sock->readable, &sock->lock, deadline_ns) : -EAGAIN;
    }
    if (child)
        called = !list_empty(&sock->callers);
    mutex_unlock(&sock->lock);
    if (!child)
        return wait ? socket_wait_error(err, timeout_ns) : err;
    if (called)
        answer_callers(sock);
    *out_socket = &child->base;
    return 0;
}

/* What is in the backlog is reset, one at a time: there may be thousands, each with a peer. */
COLD void tcp_stop_listening(struct inet_socket *sock)
{
    struct inet_socket *child;
    bool listened;

    mutex_lock(&sock->lock);
    listened = sock->state == LX_TCP_LISTEN;
    if (listened) {
        inet_port_hide(sock);
        inet_publish(&sock->state, LX_TCP_CLOSE);
    }
    mutex_unlock(&sock->lock);
    if (!listened)
        return;
    inet_wake_readers(sock);
    do {
        mutex_lock(&sock->lock);
        child = backlog_take_locked(sock);
        mutex_unlock(&sock->lock);
        if (child) {
            tcp_drop(child);
            sched_preempt_point();
        }
    } while (child);
    answer_callers(sock);
}
