/* SPDX-License-Identifier: MIT */
/*
 * net/netlink/netlink_reply.h - AF_NETLINK: requests, answers as they are made
 *
 * Owns:    struct netlink_reply, one datagram, and the functions that fill it; struct
 *          netlink_request.
 * Used by: net/netlink; families that report their sockets (net/inet, net/unix).
 * Locks:   none; a reply belongs to its maker until it is queued.
 * Context: any.
 * Tests:   tests/user/net/netlink.c, sock_diag.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"
#include "shared/linux/netlink.h"

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

/* Where a list goes on: zeroes for its start, then the family's own business. */
struct netlink_cursor {
    uint64_t place; /* NETLINK_END behind the last */
    uint64_t walk[10];
};

/* Puts as many sockets as there is room for into the reply, from the cursor on, which moves on. The
 * header of the request is looked at, no more. -EINVAL, -ENOENT. */
#define NETLINK_END UINT64_MAX
typedef int netlink_dump(const struct netlink_request *request, struct netlink_reply *reply,
                         struct netlink_cursor *cursor);

static inline bool netlink_has_room(const struct netlink_reply *reply, uint32_t nbytes)
{
    return reply->nbytes + nbytes <= NETLINK_REPLY_MAX;
}
