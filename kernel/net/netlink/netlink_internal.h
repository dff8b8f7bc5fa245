/* SPDX-License-Identifier: MIT */
/*
 * net/netlink/netlink_internal.h - AF_NETLINK: the socket, requests, answers as they are made
 *
 * Owns:    struct netlink_socket; struct netlink_reply, one datagram; the functions that fill it.
 * Used by: net/netlink/.
 * Locks:   netlink_socket.lock, a mutex, rank PIPE.
 * Context: thread; a reply belongs to its maker until it is queued.
 * Tests:   tests/user/net/netlink.c
 */
#pragma once

#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"
#include "kernel/net/socket.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/netlink.h"

struct user_charge;

/* I constant after creation   a atomic   l lock */
struct netlink_socket {
    struct socket base; /* first */
    struct mutex lock;
    struct waitq readable;
    struct poll_head poll;
    struct user_charge *user; /* [I] counted */
    uint32_t port, groups;    /* [l] */
    bool bound;               /* [l] */
    uint32_t options;         /* [a] */
    int error;                /* [a] */
    struct list queue;        /* [l] struct netlink_reply */
    uint32_t nreplies;        /* [l] stored atomically */
};

static inline struct netlink_socket *netlink_of(struct socket *socket)
{
    return container_of(socket, struct netlink_socket, base);
}

#define NETLINK_REPLY_MAX 2048 /* all that one datagram can have to say */

/* I constant once it is queued   a atomic */
struct netlink_reply {
    struct list link; /* in the queue of its socket, under its lock */
    uint32_t refs;    /* [a] the queue, and a receiver that copies it */
    uint32_t nbytes;  /* [I] */
    char bytes[NETLINK_REPLY_MAX];
};

/* A request, its header copied. */
struct netlink_request {
    struct lx_nlmsghdr header;
    const char *body; /* behind the header; not aligned */
    uint32_t nbytes;  /* of the body */
    uint32_t port;    /* of the socket, which answers bear */
    bool privileged;
};

/* A message begins, with its own header behind netlink's; attributes follow; the end sets its
 * length. ASSERTs that there is room: what can be said is known. */
uint32_t netlink_begin(struct netlink_reply *reply, const struct netlink_request *request, int type,
                       const void *head, uint32_t nbytes);
void netlink_attribute(struct netlink_reply *reply, int type, const void *value, uint32_t nbytes);
void netlink_end(struct netlink_reply *reply, uint32_t start);

/* NETLINK_ROUTE. 0: the answer is in the reply, which may stay empty; *dump: the end of a list is
 * to follow. -EOPNOTSUPP, -EPERM, -ENODEV, -EINVAL. */
int netlink_route(const struct netlink_request *request, struct netlink_reply *reply, bool *dump);

/* netlink_request.c. Each request in the bytes is answered into the socket's queue: 0, -ENOBUFS. */
MUST_CHECK int netlink_answer(struct netlink_socket *sock, const char *bytes, size_t left);
void netlink_reply_put(struct netlink_socket *sock, struct netlink_reply *reply);
