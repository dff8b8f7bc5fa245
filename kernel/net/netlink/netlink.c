/* SPDX-License-Identifier: MIT */
/*
 * AF_NETLINK: sockets that talk to the kernel.
 *
 * A send is a few requests, each answered at once (netlink_request.c): the answers wait in the
 * socket's queue until they are received, as datagrams. A receive takes an answer out, or with
 * MSG_PEEK a reference to it, and copies it without the lock: it never changes.
 *
 * Other processes cannot be sent to, and groups are joined for nothing: no group has news.
 */
#include "kernel/net/netlink/netlink.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/netlink/netlink_internal.h"
#include "kernel/net/socket.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"

#define REQUESTS_MAX 4096 /* bytes of one send */
#define OPTIONS_MAX  32   /* of SOL_NETLINK: one bit each */

static struct slab_cache *netlink_cache;

COLD void netlink_init(void)
{
    netlink_cache = slab_cache_create("netlink", sizeof(struct netlink_socket));
}

/* --- sending --- */

/* The address: the kernel's own, which is 0. */
static COLD int check_kernel(const struct socket_address *address)
{
    struct lx_sockaddr_nl name;

    memcpy(&name, address->bytes, sizeof(name));
    if (address->nbytes < sizeof(name) || name.family != LX_AF_NETLINK)
        return -EINVAL;
    if (name.groups)
        return -EPERM;
    return name.port ? -ECONNREFUSED : 0;
}

/* A port of its own: the process's number. Two sockets of a process have the same, which nothing
 * but a program that sends to others would see. */
static COLD void autobind(struct netlink_socket *sock, uint32_t port, uint32_t groups)
{
    struct lx_ucred self;

    socket_caller->credentials(&self);
    mutex_lock(&sock->lock);
    if (!sock->bound)
        sock->port = port ? port : (uint32_t)self.pid;
    sock->bound = true;
    sock->groups |= groups;
    mutex_unlock(&sock->lock);
}

/* All requests are in the kernel before the first is looked at: what a program changes meanwhile
 * changes nothing. */
static COLD int64_t netlink_send(struct socket *socket, struct socket_message *message)
{
    struct netlink_socket *sock = netlink_of(socket);
    size_t nbytes = message->io->left;
    char *bytes;
    int err = 0;

    if (message->flags & LX_MSG_OOB)
        return -EOPNOTSUPP;
    if (message->address && message->address->nbytes)
        err = check_kernel(message->address);
    if (!err && nbytes > REQUESTS_MAX)
        err = -EMSGSIZE;
    if (err)
        return err;
    autobind(sock, 0, 0);
    bytes = kmalloc(nbytes + 1);
    if (!bytes)
        return -ENOBUFS;
    if (user_iter_get(message->io, bytes, nbytes) < nbytes)
        err = -EFAULT;
    else
        err = netlink_answer(sock, bytes, nbytes);
    kfree(bytes);
    return err ? err : (int64_t)nbytes;
}

/* --- receiving --- */

/* The first one, with a reference; a peek leaves it there. */
static COLD int reply_take(struct netlink_socket *sock, struct socket_message *message,
                           struct netlink_reply **out_reply)
{
    uint64_t timeout_ns = sock->base.receive_timeout_ns, deadline_ns = socket_deadline(timeout_ns);
    int err = 0;

    mutex_lock(&sock->lock);
    while (!err) {
        err = -__atomic_exchange_n(&sock->error, 0, __ATOMIC_RELAXED);
        if (err || !list_empty(&sock->queue))
            break;
        err = message->wait ? waitq_wait(&sock->readable, &sock->lock, deadline_ns) : -EAGAIN;
        if (err && message->wait)
            err = socket_wait_error(err, timeout_ns);
    }
    if (!err) {
        *out_reply = list_entry(sock->queue.next, struct netlink_reply, link);
        if (message->flags & LX_MSG_PEEK) {
            __atomic_fetch_add(&(*out_reply)->refs, 1, __ATOMIC_RELAXED);
        } else {
            list_remove(&(*out_reply)->link);
            __atomic_store_n(&sock->nreplies, sock->nreplies - 1, __ATOMIC_RELAXED);
            if (!waitq_is_empty(&sock->readable)) /* makers of notices wait for room */
                waitq_wake_all(&sock->readable);
        }
    }
    mutex_unlock(&sock->lock);
    return err;
}

/* All come from the kernel. */
static COLD int64_t netlink_receive(struct socket *socket, struct socket_message *message)
{
    static const struct lx_sockaddr_nl kernel_name = {.family = LX_AF_NETLINK};
    struct netlink_socket *sock = netlink_of(socket);
    struct netlink_reply *reply = NULL;
    int64_t result;
    size_t nbytes;

    if (message->flags & LX_MSG_OOB)
        return -EOPNOTSUPP;
    result = reply_take(sock, message, &reply);
    if (result)
        return result;
    nbytes = MIN(message->io->left, (size_t)reply->nbytes);
    result = user_iter_put(message->io, reply->bytes, nbytes) < nbytes ? -EFAULT : (int64_t)nbytes;
    if (nbytes < reply->nbytes)
        message->out_flags |= LX_MSG_TRUNC;
    if (result >= 0 && message->flags & LX_MSG_TRUNC)
        result = reply->nbytes;
    netlink_reply_put(sock, reply);
    if (message->address) {
        memcpy(message->address->bytes, &kernel_name, sizeof(kernel_name));
        message->address->nbytes = sizeof(kernel_name);
    }
    return result;
}

/* --- the rest of a socket --- */

/* Once more with the same port adds groups, as programs do that listen to several. */
static COLD int netlink_bind(struct socket *socket, struct fs_context *context,
                             const struct socket_address *address)
{
    struct netlink_socket *sock = netlink_of(socket);
    struct lx_sockaddr_nl name;

    (void)context;
    memcpy(&name, address->bytes, sizeof(name));
    if (address->nbytes < sizeof(name) || name.family != LX_AF_NETLINK)
        return -EINVAL;
    if (sock->bound && name.port && name.port != sock->port)
        return -EINVAL;
    autobind(sock, name.port, name.groups);
    return 0;
}

/* There is only the kernel to be connected to. */
/* Sends need no address then, nor before. */
static COLD int netlink_connect(struct socket *socket, struct fs_context *context,
                                const struct socket_address *address, bool wait)
{
    int err;

    (void)context;
    (void)wait;
    if (address->nbytes >= sizeof(address->family) && address->family == LX_AF_UNSPEC)
        return 0;
    err = check_kernel(address);
    if (!err)
        autobind(netlink_of(socket), 0, 0);
    return err;
}

/* The peer of all is the kernel, connected or not. */
static COLD int netlink_name(struct socket *socket, bool peer, struct socket_address *address)
{
    struct netlink_socket *sock = netlink_of(socket);
    struct lx_sockaddr_nl name = {.family = LX_AF_NETLINK};

    if (!peer) {
        name.port = sock->port;
        name.groups = sock->groups;
    }
    memset(address, 0, sizeof(*address));
    memcpy(address->bytes, &name, sizeof(name));
    address->nbytes = sizeof(name);
    return 0;
}

static COLD int netlink_no_listen(struct socket *socket, unsigned backlog)
{
    (void)socket;
    (void)backlog;
    return -EOPNOTSUPP;
}

static COLD int netlink_no_accept(struct socket *socket, bool wait, struct socket **out_socket)
{
    (void)socket;
    (void)wait;
    *out_socket = NULL;
    return -EOPNOTSUPP;
}

static COLD int netlink_no_shutdown(struct socket *socket, int how)
{
    (void)socket;
    (void)how;
    return -EOPNOTSUPP;
}

/* A send never waits: what it asks is answered before it is back. */
/* An error is the loss of an answer, until a receive or SO_ERROR has told of it. */
static COLD uint32_t netlink_poll(struct socket *socket, struct poll_waiter *waiter)
{
    struct netlink_socket *sock = netlink_of(socket);
    uint32_t mask = LX_POLLOUT | LX_POLLWRNORM | LX_POLLWRBAND;

    poll_register(&sock->poll, waiter);
    if (__atomic_load_n(&sock->nreplies, __ATOMIC_RELAXED))
        mask |= LX_POLLIN | LX_POLLRDNORM;
    if (__atomic_load_n(&sock->error, __ATOMIC_RELAXED))
        mask |= LX_POLLERR;
    return mask;
}

/* Requests about the interface are every socket's: net/socket.c. */
static COLD int64_t netlink_ioctl(struct socket *socket, uint32_t request)
{
    (void)socket;
    (void)request;
    return -ENOTTY;
}

static COLD int netlink_take_error(struct socket *socket)
{
    return __atomic_exchange_n(&netlink_of(socket)->error, 0, __ATOMIC_RELAXED);
}

static COLD bool netlink_is_listening(struct socket *socket)
{
    (void)socket;
    return false;
}

static COLD void netlink_peer_credentials(struct socket *socket, struct lx_ucred *credentials)
{
    (void)socket;
    *credentials = (struct lx_ucred){0, UINT32_MAX, UINT32_MAX};
}

/* Kept, and shown by getsockopt: memberships of groups without news, and how much an error repeats
 * of its request. */
/* A program that asks for news is not refused: there are none to miss. */
static COLD int netlink_set_option(struct socket *socket, int level, int option, struct uptr value,
                                   unsigned nbytes)
{
    struct netlink_socket *sock = netlink_of(socket);
    int number, err;

    if (level != LX_SOL_NETLINK || option <= 0 || option >= OPTIONS_MAX)
        return -ENOPROTOOPT;
    if (nbytes < sizeof(number))
        return -EINVAL;
    err = vm_user_read(&number, value, sizeof(number));
    if (err)
        return err;
    if (number)
        __atomic_fetch_or(&sock->options, 1u << option, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&sock->options, ~(1u << option), __ATOMIC_RELAXED);
    return 0;
}

static COLD int netlink_get_option(struct socket *socket, int level, int option, struct uptr value,
                                   unsigned *nbytes)
{
    int number;

    if (level != LX_SOL_NETLINK || option <= 0 || option >= OPTIONS_MAX)
        return -ENOPROTOOPT;
    if (*nbytes < sizeof(number))
        return -EINVAL;
    number = netlink_of(socket)->options >> option & 1;
    *nbytes = sizeof(number);
    return vm_user_write(value, &number, sizeof(number));
}

/* Its file is gone: no call is on its way, and no lock needed. */
static COLD void netlink_release(struct socket *socket)
{
    struct netlink_socket *sock = netlink_of(socket);
    struct list *node;

    while ((node = list_pop_front(&sock->queue)) != NULL) {
        netlink_reply_put(sock, list_entry(node, struct netlink_reply, link));
        sched_preempt_point();
    }
    user_charge_add(sock->user, CHARGE_SOCKET_BYTES, -(int64_t)sizeof(*sock));
    user_charge_put(sock->user);
    slab_free(netlink_cache, sock);
}

static const struct socket_ops netlink_ops = {
    .bind = netlink_bind,
    .connect = netlink_connect,
    .listen = netlink_no_listen,
    .accept = netlink_no_accept,
    .name = netlink_name,
    .send = netlink_send,
    .receive = netlink_receive,
    .shutdown = netlink_no_shutdown,
    .poll = netlink_poll,
    .ioctl = netlink_ioctl,
    .take_error = netlink_take_error,
    .is_listening = netlink_is_listening,
    .peer_credentials = netlink_peer_credentials,
    .set_option = netlink_set_option,
    .get_option = netlink_get_option,
    .release = netlink_release,
};

/* Of the protocols there are two. The two types are the same. */
COLD int netlink_create(int type, int protocol, struct socket **out_socket)
{
    struct netlink_socket *sock;

    if (type != LX_SOCK_RAW && type != LX_SOCK_DGRAM)
        return -ESOCKTNOSUPPORT;
    if (protocol != LX_NETLINK_ROUTE && protocol != LX_NETLINK_SOCK_DIAG)
        return -EPROTONOSUPPORT;
    sock = slab_zalloc(netlink_cache);
    if (!sock)
        return -ENOMEM;
    sock->user = user_charge_get(socket_caller->uid());
    if (!sock->user) {
        slab_free(netlink_cache, sock);
        return -ENOMEM;
    }
    user_charge_add(sock->user, CHARGE_SOCKET_BYTES, sizeof(*sock));
    socket_setup(&sock->base, &netlink_ops, LX_AF_NETLINK, type);
    sock->base.protocol = (uint16_t)protocol;
    mutex_init(&sock->lock, MUTEX_PIPE);
    waitq_init(&sock->readable);
    poll_head_init(&sock->poll);
    list_init(&sock->queue);
    *out_socket = &sock->base;
    return 0;
}
