/* SPDX-License-Identifier: MIT */
/*
 * AF_NETLINK: requests, and the answers that are made of them.
 *
 * A request is a header and what the protocol has to know behind it; one send may bring several.
 * Its answer is one datagram, whose size has a bound, then for a list another one that ends it. An
 * error, or an acknowledgement if one was asked for, repeats the request's header.
 *
 * A queue that is as long as SO_RCVBUF takes no more: the answer is lost, and the next receive says
 * ENOBUFS, as on Linux. Answers are charged to the user until they are received.
 */
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/netlink/netlink.h"
#include "kernel/net/netlink/netlink_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"

#define USER_BYTES_MAX (64LL << 20) /* of one user in all its sockets; not root's */

/* --- answers --- */

/* What kmalloc takes for one: blocks above its largest class are whole pages. */
#define REPLY_CHARGE PAGE_SIZE
_Static_assert(sizeof(struct netlink_reply) > 2048 && sizeof(struct netlink_reply) <= PAGE_SIZE,
               "a reply takes a page");

/* Room for one more, as long as the user has it. */
static COLD struct netlink_reply *reply_create(struct netlink_socket *sock)
{
    struct netlink_reply *reply = kmalloc(sizeof(*reply));

    if (!reply)
        return NULL;
    if (user_charge_add(sock->user, CHARGE_SOCKET_BYTES, REPLY_CHARGE) > USER_BYTES_MAX &&
        sock->user->uid != 0) {
        user_charge_add(sock->user, CHARGE_SOCKET_BYTES, -(int64_t)REPLY_CHARGE);
        kfree(reply);
        return NULL;
    }
    reply->refs = 1;
    reply->nbytes = 0;
    return reply;
}

COLD void netlink_reply_put(struct netlink_socket *sock, struct netlink_reply *reply)
{
    if (__atomic_sub_fetch(&reply->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    user_charge_add(sock->user, CHARGE_SOCKET_BYTES, -(int64_t)REPLY_CHARGE);
    kfree(reply);
}

COLD uint32_t netlink_begin(struct netlink_reply *reply, const struct netlink_request *request,
                            int type, const void *head, uint32_t nbytes)
{
    bool dump = (request->header.flags & LX_NLM_DUMP) == LX_NLM_DUMP && type != LX_NLMSG_ERROR;
    struct lx_nlmsghdr header = {
        .type = (uint16_t)type,
        .flags = dump ? LX_NLM_MULTI : 0,
        .sequence = request->header.sequence,
        .port = request->port,
    };
    uint32_t start = reply->nbytes;

    ASSERT(start + sizeof(header) + LX_NL_ALIGN(nbytes) <= NETLINK_REPLY_MAX);
    memcpy(reply->bytes + start, &header, sizeof(header));
    memset(reply->bytes + start + sizeof(header), 0, LX_NL_ALIGN(nbytes));
    memcpy(reply->bytes + start + sizeof(header), head, nbytes);
    reply->nbytes = start + (uint32_t)sizeof(header) + LX_NL_ALIGN(nbytes);
    return start;
}

/* Padding is zero, as all that a program gets to see and nothing has set. */
COLD void netlink_attribute(struct netlink_reply *reply, int type, const void *value,
                            uint32_t nbytes)
{
    struct lx_nlattr attribute = {(uint16_t)(sizeof(attribute) + nbytes), (uint16_t)type};
    char *at = reply->bytes + reply->nbytes;

    ASSERT(reply->nbytes + sizeof(attribute) + LX_NL_ALIGN(nbytes) <= NETLINK_REPLY_MAX);
    memset(at, 0, sizeof(attribute) + LX_NL_ALIGN(nbytes));
    memcpy(at, &attribute, sizeof(attribute));
    memcpy(at + sizeof(attribute), value, nbytes);
    reply->nbytes += (uint32_t)sizeof(attribute) + LX_NL_ALIGN(nbytes);
}

/* The length is known now. */
COLD void netlink_end(struct netlink_reply *reply, uint32_t start)
{
    uint32_t nbytes = reply->nbytes - start;

    memcpy(reply->bytes + start + offsetof(struct lx_nlmsghdr, nbytes), &nbytes, sizeof(nbytes));
}

/* The lock of the socket is held. */
static bool reply_fits(const struct netlink_socket *sock)
{
    return sock->nreplies * sizeof(struct netlink_reply) <= sock->base.receive_buffer;
}

/* An empty one is none. False: it is lost. always: its room has been looked for before. */
static COLD bool reply_queue(struct netlink_socket *sock, struct netlink_reply *reply, bool always)
{
    bool empty = !reply->nbytes, fits = false;

    mutex_lock(&sock->lock);
    if (!empty && (always || reply_fits(sock))) {
        list_push_back(&sock->queue, &reply->link);
        __atomic_store_n(&sock->nreplies, sock->nreplies + 1, __ATOMIC_RELAXED);
        fits = true;
    }
    if (!fits && !empty)
        __atomic_store_n(&sock->error, ENOBUFS, __ATOMIC_RELAXED);
    mutex_unlock(&sock->lock);
    if (!fits)
        netlink_reply_put(sock, reply);
    if (!waitq_is_empty(&sock->readable))
        waitq_wake_all(&sock->readable);
    poll_notify(&sock->poll);
    return fits || empty;
}

/* What ends a list, or says how a request went: a word, and with an error the request's header. */
static COLD int reply_end(struct netlink_socket *sock, const struct netlink_request *request,
                          int type, int error, bool always)
{
    struct {
        int32_t error;
        struct lx_nlmsghdr header;
    } body = {error, request->header};
    struct netlink_reply *reply = reply_create(sock);
    uint32_t start;

    if (!reply)
        return -ENOBUFS;
    start = netlink_begin(reply, request, type, &body,
                          type == LX_NLMSG_DONE ? sizeof(body.error) : sizeof(body));
    netlink_end(reply, start);
    (void)reply_queue(sock, reply, always);
    return 0;
}

/* --- requests --- */

/* As many datagrams as it takes: on Linux they are made as they are received. So where there is
 * room for one, there is for all. An error is that of the list. */
static COLD int diag_answer(struct netlink_socket *sock, const struct netlink_request *request)
{
    netlink_dump *dump = NULL;
    struct netlink_cursor cursor = {0};
    bool always;
    int err = netlink_diag(request, &dump);

    if (err)
        return reply_end(sock, request, LX_NLMSG_ERROR, err, false);
    mutex_lock(&sock->lock);
    always = reply_fits(sock);
    mutex_unlock(&sock->lock);
    while (!err && cursor.place != NETLINK_END) {
        struct netlink_reply *reply = reply_create(sock);

        if (!reply)
            return -ENOBUFS;
        err = dump(request, reply, &cursor);
        if (!reply_queue(sock, reply, always) || vm_kill_pending())
            return 0;
        sched_preempt_point();
    }
    return reply_end(sock, request, LX_NLMSG_DONE, err, always);
}

/* Those below the first type of a protocol's own are netlink's: they ask for nothing. */
static COLD int request_answer(struct netlink_socket *sock, const struct netlink_request *request)
{
    struct netlink_reply *reply;
    bool dump = false;
    int err = 0;

    if (!(request->header.flags & LX_NLM_REQUEST))
        return 0;
    if (sock->base.protocol == LX_NETLINK_SOCK_DIAG && request->header.type >= LX_NLMSG_MIN)
        return diag_answer(sock, request);
    if (request->header.type >= LX_NLMSG_MIN) {
        reply = reply_create(sock);
        if (!reply)
            return -ENOBUFS;
        err = netlink_route(request, reply, &dump);
        (void)reply_queue(sock, reply, false);
    }
    if (dump)
        return reply_end(sock, request, LX_NLMSG_DONE, 0, false);
    if (err || request->header.flags & LX_NLM_ACK)
        return reply_end(sock, request, LX_NLMSG_ERROR, err, false);
    return 0;
}

/* A length that is none ends them. */
COLD int netlink_answer(struct netlink_socket *sock, const char *bytes, size_t left)
{
    struct netlink_request request = {.port = sock->port,
                                      .privileged = socket_caller->is_capable(LX_CAP_NET_ADMIN)};
    int err = 0;

    while (!err && left >= sizeof(request.header) && !vm_kill_pending()) {
        size_t step;

        memcpy(&request.header, bytes, sizeof(request.header));
        if (request.header.nbytes < sizeof(request.header) || request.header.nbytes > left)
            break;
        request.body = bytes + sizeof(request.header);
        request.nbytes = request.header.nbytes - (uint32_t)sizeof(request.header);
        err = request_answer(sock, &request);
        step = MIN(left, (size_t)LX_NL_ALIGN(request.header.nbytes));
        bytes += step;
        left -= step;
        sched_preempt_point();
    }
    return err;
}

/* --- notices --- */

/* As on Linux it waits for room here, where it can, so that sending is sure to find it. */
COLD int netlink_notice_create(struct file *file, const void *bytes, uint32_t nbytes,
                               struct netlink_reply **out_notice)
{
    struct socket *socket = socket_of(file);
    struct netlink_socket *sock;
    int err = 0;

    if (!socket || socket->domain != LX_AF_NETLINK)
        return socket ? -EINVAL : -ENOTSOCK;
    sock = netlink_of(socket);
    mutex_lock(&sock->lock);
    while (!err && !reply_fits(sock))
        err = waitq_wait(&sock->readable, &sock->lock, 0);
    mutex_unlock(&sock->lock);
    if (err)
        return err;
    *out_notice = reply_create(sock);
    if (!*out_notice)
        return -ENOMEM;
    ASSERT(nbytes <= NETLINK_REPLY_MAX);
    memcpy((*out_notice)->bytes, bytes, nbytes);
    (*out_notice)->nbytes = nbytes;
    return 0;
}

COLD void netlink_notice_send(struct file *file, struct netlink_reply *notice, char last)
{
    notice->bytes[notice->nbytes - 1] = last;
    (void)reply_queue(netlink_of(socket_of(file)), notice, true);
}

COLD void netlink_notice_free(struct file *file, struct netlink_reply *notice)
{
    netlink_reply_put(netlink_of(socket_of(file)), notice);
}
