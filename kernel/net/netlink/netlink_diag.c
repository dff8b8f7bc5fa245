/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_SOCK_DIAG: which sockets there are, as sock_diag(7) has it and ss(8) asks.
 *
 * Of AF_INET, AF_INET6 and AF_UNIX all can be listed, by their states. A filter that a program
 * sends along is not looked at, as ss looks at each answer itself; a single socket is not found,
 * and none can be ended from here. What a family says of its sockets is its own business.
 */
#include "kernel/net/inet/inet.h"
#include "kernel/net/netlink/netlink_internal.h"
#include "kernel/net/unix/unix.h"
#include "shared/linux/errno.h"

/* Every request begins with the family and the protocol. */
COLD int netlink_diag(const struct netlink_request *request, netlink_dump **out_dump)
{
    uint8_t family = request->nbytes ? (uint8_t)request->body[0] : 0;
    bool unix_family = family == LX_AF_UNIX;

    if (request->header.type != LX_SOCK_DIAG_BY_FAMILY || request->nbytes < 2 ||
        family >= LX_AF_MAX)
        return -EINVAL;
    if (!unix_family && family != LX_AF_INET && family != LX_AF_INET6)
        return -ENOENT;
    if (request->nbytes <
        (unix_family ? sizeof(struct lx_unix_diag_req) : sizeof(struct lx_inet_diag_req)))
        return -EINVAL;
    if ((request->header.flags & LX_NLM_DUMP) != LX_NLM_DUMP)
        return -ENOENT;
    *out_dump = unix_family ? unix_diag : inet_diag;
    return 0;
}
