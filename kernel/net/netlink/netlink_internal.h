/* SPDX-License-Identifier: MIT */
/*
 * net/netlink/netlink_internal.h - AF_NETLINK: the socket, requests, answers as they are made
 *
 * Owns:    struct netlink_socket, and what a request leads to.
 * Used by: net/netlink/.
 * Locks:   netlink_socket.lock, a mutex, rank PIPE.
 * Context: thread; a reply belongs to its maker until it is queued.
 * Tests:   tests/user/net/netlink.c
 */
#pragma once

#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/list.h"
#include "kernel/lib/util.h"
#include "kernel/net/netlink/netlink_reply.h"
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

/* NETLINK_ROUTE. 0: the answer is in the reply, which may stay empty; *dump: the end of a list is
 * to follow. -EOPNOTSUPP, -EPERM, -ENODEV, -EINVAL. */
int netlink_route(const struct netlink_request *request, struct netlink_reply *reply, bool *dump);

/* NETLINK_SOCK_DIAG: which family is asked, if there is one that reports its sockets. *dump: the
 * sockets are to be put into replies from a cursor of 0 on. -EINVAL, -ENOENT. */
int netlink_diag(const struct netlink_request *request, netlink_dump **out_dump);

/* netlink_request.c. Each request in the bytes is answered into the socket's queue: 0, -ENOBUFS. */
MUST_CHECK int netlink_answer(struct netlink_socket *sock, const char *bytes, size_t left);
void netlink_reply_put(struct netlink_socket *sock, struct netlink_reply *reply);
