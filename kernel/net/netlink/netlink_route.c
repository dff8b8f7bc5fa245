/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_ROUTE: links, addresses and routes, as rtnetlink(7) has them.
 *
 * There is one interface, lo, whose facts are constant: so a list fits into one datagram, and
 * nothing ever changes that a group would be told of. What asks for a change is refused, unless it
 * asks for what is.
 */
#include "kernel/lib/string.h"
#include "kernel/net/interface.h"
#include "kernel/net/netlink/netlink_internal.h"
#include "kernel/net/socket.h"
#include "shared/linux/errno.h"
#include "shared/linux/interface.h"

#define NAME       "lo"
#define MTU        65536u
#define QUEUE      1000u
#define PREFIX_V4  8
#define PREFIX_V6  128
#define OPERATIONS 4 /* of each kind of object: new, delete, get, set */
#define GET        2

static const uint8_t loopback_v4[4] = {127, 0, 0, 1};
static const uint8_t net_v4[4] = {127, 0, 0, 0};
static const uint8_t loopback_v6[16] = {[15] = 1};

/* Most attributes are a word. */
static COLD void attribute_word(struct netlink_reply *reply, int type, uint32_t value)
{
    netlink_attribute(reply, type, &value, sizeof(value));
}

/* Its queue's discipline and length are what Linux says of it: nothing is ever queued. */
static COLD void put_link(struct netlink_reply *reply, const struct netlink_request *request)
{
    static const uint8_t no_address[6], byte_zero = 0, byte_one = 1;
    struct lx_ifinfomsg info = {
        .type = LX_ARPHRD_LOOPBACK,
        .index = INTERFACE_INDEX,
        .flags = LX_IFF_UP | LX_IFF_LOOPBACK | LX_IFF_RUNNING | LX_IFF_LOWER_UP,
    };
    uint32_t start = netlink_begin(reply, request, LX_RTM_NEWLINK, &info, sizeof(info));

    netlink_attribute(reply, LX_IFLA_IFNAME, NAME, sizeof(NAME));
    attribute_word(reply, LX_IFLA_TXQLEN, QUEUE);
    netlink_attribute(reply, LX_IFLA_OPERSTATE, &byte_zero, 1);
    netlink_attribute(reply, LX_IFLA_LINKMODE, &byte_zero, 1);
    attribute_word(reply, LX_IFLA_MTU, MTU);
    attribute_word(reply, LX_IFLA_GROUP, 0);
    netlink_attribute(reply, LX_IFLA_CARRIER, &byte_one, 1);
    netlink_attribute(reply, LX_IFLA_QDISC, "noqueue", sizeof("noqueue"));
    netlink_attribute(reply, LX_IFLA_ADDRESS, no_address, sizeof(no_address));
    netlink_attribute(reply, LX_IFLA_BROADCAST, no_address, sizeof(no_address));
    netlink_end(reply, start);
}

/* For ever, and of this machine alone. Addresses of AF_INET have a label, by which older programs
 * know them. */
static COLD void put_address_of(struct netlink_reply *reply, const struct netlink_request *request,
                                bool v4)
{
    static const uint32_t forever[4] = {UINT32_MAX, UINT32_MAX, 0, 0};
    struct lx_ifaddrmsg info = {
        .family = v4 ? LX_AF_INET : LX_AF_INET6,
        .prefix = v4 ? PREFIX_V4 : PREFIX_V6,
        .flags = LX_IFA_PERMANENT,
        .scope = LX_RT_HOST,
        .index = INTERFACE_INDEX,
    };
    uint32_t start = netlink_begin(reply, request, LX_RTM_NEWADDR, &info, sizeof(info));

    if (v4) {
        netlink_attribute(reply, LX_IFA_ADDRESS, loopback_v4, sizeof(loopback_v4));
        netlink_attribute(reply, LX_IFA_LOCAL, loopback_v4, sizeof(loopback_v4));
        netlink_attribute(reply, LX_IFA_LABEL, NAME, sizeof(NAME));
    } else {
        netlink_attribute(reply, LX_IFA_ADDRESS, loopback_v6, sizeof(loopback_v6));
    }
    attribute_word(reply, LX_IFA_FLAGS, LX_IFA_PERMANENT);
    netlink_attribute(reply, LX_IFA_CACHEINFO, forever, sizeof(forever));
    netlink_end(reply, start);
}

/* What leads to the machine itself: the local table, which `ip route` does not show by itself. */
static COLD void put_route(struct netlink_reply *reply, const struct netlink_request *request,
                           bool v4)
{
    struct lx_rtmsg info = {
        .family = v4 ? LX_AF_INET : LX_AF_INET6,
        .to_prefix = v4 ? PREFIX_V4 : PREFIX_V6,
        .table = LX_RT_LOCAL,
        .protocol = LX_RTPROT_KERNEL,
        .scope = v4 ? LX_RT_HOST : 0,
        .type = LX_RTN_LOCAL,
    };
    uint32_t start = netlink_begin(reply, request, LX_RTM_NEWROUTE, &info, sizeof(info));

    attribute_word(reply, LX_RTA_TABLE, LX_RT_LOCAL);
    if (v4) {
        netlink_attribute(reply, LX_RTA_DST, net_v4, sizeof(net_v4));
        netlink_attribute(reply, LX_RTA_PREFSRC, loopback_v4, sizeof(loopback_v4));
    } else {
        netlink_attribute(reply, LX_RTA_DST, loopback_v6, sizeof(loopback_v6));
    }
    attribute_word(reply, LX_RTA_OIF, INTERFACE_INDEX);
    netlink_end(reply, start);
}

/* What a request about a link has among its attributes. */
struct link_names {
    bool named; /* by a name */
    bool other; /* which is not lo's */
    bool more;  /* attributes that are no name */
};

/* Lengths are the program's: each is checked against what is left. */
static COLD struct link_names names_of(const char *at, uint32_t nbytes)
{
    struct link_names names = {false, false, false};

    while (nbytes >= sizeof(struct lx_nlattr)) {
        struct lx_nlattr attribute;
        uint32_t length;

        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.nbytes < sizeof(attribute) || attribute.nbytes > nbytes)
            break;
        length = attribute.nbytes - (uint32_t)sizeof(attribute);
        if (attribute.type == LX_IFLA_IFNAME) {
            names.named = true;
            names.other = length < 2 || memcmp(at + sizeof(attribute), NAME, 2) != 0 ||
                          (length > 2 && at[sizeof(attribute) + 2]);
        } else {
            names.more = true;
        }
        if (LX_NL_ALIGN(attribute.nbytes) > nbytes)
            break;
        at += LX_NL_ALIGN(attribute.nbytes);
        nbytes -= LX_NL_ALIGN(attribute.nbytes);
    }
    return names;
}

/* The one that a request is about: by its index, or by its name. 0: it is lo. */
static COLD int find_link(const struct netlink_request *request, struct lx_ifinfomsg *info,
                          struct link_names *names)
{
    if (request->nbytes < sizeof(*info))
        return -EINVAL;
    memcpy(info, request->body, sizeof(*info));
    *names = names_of(request->body + sizeof(*info), request->nbytes - (uint32_t)sizeof(*info));
    if (info->index <= 0 && !names->named)
        return -EINVAL;
    return (info->index > 0 ? info->index != INTERFACE_INDEX : names->other) ? -ENODEV : 0;
}

static COLD int get_link(const struct netlink_request *request, struct netlink_reply *reply)
{
    struct lx_ifinfomsg info;
    struct link_names names;
    int err = find_link(request, &info, &names);

    if (!err)
        put_link(reply, request);
    return err;
}

/* It may be brought up, which it is: what asks for nothing else has been done. */
static COLD int link_change(const struct netlink_request *request)
{
    struct lx_ifinfomsg info;
    struct link_names names;
    int err = find_link(request, &info, &names);

    if (err)
        return err;
    return names.more || info.change != LX_IFF_UP || !(info.flags & LX_IFF_UP) ? -EOPNOTSUPP : 0;
}

/* A request that is too short to have a family asks for all. */
static COLD int get_list(const struct netlink_request *request, struct netlink_reply *reply)
{
    uint8_t family = request->nbytes ? (uint8_t)request->body[0] : LX_AF_UNSPEC;
    bool v4 = family == LX_AF_UNSPEC || family == LX_AF_INET;
    bool v6 = family == LX_AF_UNSPEC || family == LX_AF_INET6;

    switch (request->header.type) {
    case LX_RTM_GETLINK:
        put_link(reply, request);
        return 0;
    case LX_RTM_GETADDR:
        if (v4)
            put_address_of(reply, request, true);
        if (v6)
            put_address_of(reply, request, false);
        return 0;
    case LX_RTM_GETROUTE:
        if (v4)
            put_route(reply, request, true);
        if (v6)
            put_route(reply, request, false);
        return 0;
    case LX_RTM_GETNEIGH: /* a loopback has none */
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

/* A change needs a right before it is refused for what it is. */
COLD int netlink_route(const struct netlink_request *request, struct netlink_reply *reply,
                       bool *dump)
{
    int type = request->header.type;

    *dump = false;
    if (type > LX_RTM_MAX)
        return -EOPNOTSUPP;
    if (type % OPERATIONS != GET && !request->privileged)
        return -EPERM;
    if (type == LX_RTM_NEWLINK || type == LX_RTM_SETLINK)
        return link_change(request);
    if (type % OPERATIONS != GET)
        return -EOPNOTSUPP;
    if ((request->header.flags & LX_NLM_DUMP) == LX_NLM_DUMP) {
        int err = get_list(request, reply);

        *dump = !err;
        return err;
    }
    return type == LX_RTM_GETLINK ? get_link(request, reply) : -EOPNOTSUPP;
}
