/* SPDX-License-Identifier: MIT */
/* NETLINK_ROUTE: lists of links, addresses and routes, single links, refusals; and what the C
 * library makes of them. */
#define _GNU_SOURCE
#include <ifaddrs.h>
#include <net/if.h>

#include "tests/user/lib/inet.h"

/* Of linux/netlink.h and its relatives, which not every C library comes with. */
#define NETLINK_ROUTE  0
#define NLM_F_REQUEST  1
#define NLM_F_MULTI    2
#define NLM_F_ACK      4
#define NLM_F_DUMP     0x300
#define NLMSG_NOOP     1
#define NLMSG_ERROR    2
#define NLMSG_DONE     3
#define RTM_NEWLINK    16
#define RTM_GETLINK    18
#define RTM_NEWADDR    20
#define RTM_GETADDR    22
#define RTM_NEWROUTE   24
#define RTM_GETROUTE   26
#define IFLA_IFNAME    3
#define IFLA_MTU       4
#define IFA_ADDRESS    1
#define IFA_LABEL      3
#define RTA_DST        1
#define RT_SCOPE_HOST  254
#define RT_TABLE_LOCAL 255
#define ALIGN(nbytes)  (((nbytes) + 3) & ~3u)
#define LENGTH(nbytes) ((nbytes) + sizeof(struct nlmsghdr))
#define BODY(header)   ((void *)((char *)(header) + sizeof(struct nlmsghdr)))

struct sockaddr_nl {
    sa_family_t nl_family;
    unsigned short pad;
    uint32_t nl_pid, nl_groups;
};

struct nlmsghdr {
    uint32_t nlmsg_len;
    uint16_t nlmsg_type, nlmsg_flags;
    uint32_t nlmsg_seq, nlmsg_pid;
};

struct nlmsgerr {
    int error;
    struct nlmsghdr msg;
};

struct rtgenmsg {
    unsigned char rtgen_family;
};

struct ifinfomsg {
    unsigned char ifi_family, pad;
    unsigned short ifi_type;
    int ifi_index;
    unsigned ifi_flags, ifi_change;
};

struct ifaddrmsg {
    uint8_t ifa_family, ifa_prefixlen, ifa_flags, ifa_scope;
    uint32_t ifa_index;
};

struct rtmsg {
    unsigned char rtm_family, rtm_dst_len, rtm_src_len, rtm_tos, rtm_table, rtm_protocol, rtm_scope,
        rtm_type;
    unsigned rtm_flags;
};

struct rtattr {
    unsigned short rta_len, rta_type;
};

static struct {
    struct nlmsghdr header;
    union {
        struct rtgenmsg general;
        struct ifinfomsg link;
        char bytes[64];
    };
} request;

static char answer[65536] __attribute__((aligned(8)));

static int route_socket(void)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK};
    int fd = (int)CHECK_OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));

    CHECK_OK(bind(fd, (struct sockaddr *)&name, sizeof(name)));
    return fd;
}

static void ask(int fd, int type, int flags, size_t nbytes)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK};

    request.header = (struct nlmsghdr){.nlmsg_len = (uint32_t)LENGTH(nbytes),
                                       .nlmsg_type = (uint16_t)type,
                                       .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                                       .nlmsg_seq = 77};
    CHECK_EQ(
        sendto(fd, &request, request.header.nlmsg_len, 0, (struct sockaddr *)&name, sizeof(name)),
        request.header.nlmsg_len);
}

/* An attribute of a message whose own header has that size, or NULL. */
static void *attribute(struct nlmsghdr *header, size_t head, int type)
{
    char *at = (char *)BODY(header) + ALIGN(head);
    char *end = (char *)header + header->nlmsg_len;

    while (at + sizeof(struct rtattr) <= end) {
        struct rtattr *attribute = (void *)at;

        CHECK(attribute->rta_len >= sizeof(*attribute) && at + attribute->rta_len <= end);
        if (attribute->rta_type == type)
            return attribute + 1;
        at += ALIGN(attribute->rta_len);
    }
    return NULL;
}

/* Reads a list to its end; how many of its messages `is_lo` takes. */
static int read_list(int fd, int type, int (*is_lo)(struct nlmsghdr *header))
{
    int found = 0;

    for (;;) {
        long left = CHECK_OK(recv(fd, answer, sizeof(answer), 0));

        for (long offset = 0; offset < left;) {
            struct nlmsghdr *at = (struct nlmsghdr *)(answer + offset);

            CHECK(at->nlmsg_len >= sizeof(*at) && at->nlmsg_len <= left - offset);
            offset += ALIGN(at->nlmsg_len);
            CHECK_EQ(at->nlmsg_seq, 77);
            CHECK(at->nlmsg_flags & NLM_F_MULTI);
            if (at->nlmsg_type == NLMSG_DONE)
                return found;
            CHECK_EQ(at->nlmsg_type, type);
            found += is_lo(at);
        }
    }
}

static int is_lo_link(struct nlmsghdr *header)
{
    struct ifinfomsg *info = BODY(header);
    char *name = attribute(header, sizeof(*info), IFLA_IFNAME);
    uint32_t *mtu = attribute(header, sizeof(*info), IFLA_MTU);

    if (!name || strcmp(name, "lo") != 0)
        return 0;
    CHECK_EQ(info->ifi_index, 1);
    CHECK_EQ(info->ifi_type, 772);
    CHECK_EQ(info->ifi_flags, IFF_UP | IFF_LOOPBACK | IFF_RUNNING | 0x10000);
    CHECK(mtu && *mtu == 65536);
    return 1;
}

static int is_lo_address(struct nlmsghdr *header)
{
    struct ifaddrmsg *info = BODY(header);
    uint32_t *address = attribute(header, sizeof(*info), IFA_ADDRESS);
    char *label = attribute(header, sizeof(*info), IFA_LABEL);

    if (info->ifa_index != 1 || info->ifa_family != AF_INET || !address ||
        ntohl(*address) != INADDR_LOOPBACK) /* a host may have given it more */
        return 0;
    CHECK_EQ(info->ifa_prefixlen, 8);
    CHECK_EQ(info->ifa_scope, RT_SCOPE_HOST);
    CHECK(label && strcmp(label, "lo") == 0);
    return 1;
}

static int is_local_route(struct nlmsghdr *header)
{
    struct rtmsg *info = BODY(header);
    uint32_t *to = attribute(header, sizeof(*info), RTA_DST);

    return info->rtm_table == RT_TABLE_LOCAL && info->rtm_dst_len == 8 && to &&
           ntohl(*to) == 0x7f000000;
}

static int read_error(int fd)
{
    struct nlmsghdr *header = (struct nlmsghdr *)answer;
    struct nlmsgerr *body = BODY(header);

    CHECK(recv(fd, answer, sizeof(answer), 0) >= (long)LENGTH(sizeof(*body)));
    CHECK_EQ(header->nlmsg_type, NLMSG_ERROR);
    CHECK_EQ(body->msg.nlmsg_seq, 77);
    return body->error;
}

static void check_single(int fd)
{
    memset(request.bytes, 0, sizeof(request.bytes));
    request.link.ifi_index = 1;
    ask(fd, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
    CHECK(recv(fd, answer, 16, MSG_PEEK | MSG_TRUNC) > 32);
    CHECK(recv(fd, answer, sizeof(answer), 0) > 0);
    CHECK_EQ(is_lo_link((struct nlmsghdr *)answer), 1);
    request.link.ifi_index = 9999;
    ask(fd, RTM_GETLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    CHECK_EQ(read_error(fd), -ENODEV);
    request.link.ifi_index = 0;
    ask(fd, RTM_GETLINK, 0, sizeof(struct ifinfomsg));
    CHECK_EQ(read_error(fd), -EINVAL);
    /* Nothing but an acknowledgement. */
    ask(fd, NLMSG_NOOP, NLM_F_ACK, 0);
    CHECK_EQ(read_error(fd), 0);
    CHECK_ERR(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), EAGAIN);
    CHECK_EQ(events_now(fd), POLLOUT);
}

/* Bringing up what is up is nothing; all of it needs a right, which the first answer tells. */
static void check_up(int fd)
{
    int error;

    memset(request.bytes, 0, sizeof(request.bytes));
    request.link.ifi_flags = request.link.ifi_change = IFF_UP;
    request.link.ifi_index = 9999;
    ask(fd, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    error = read_error(fd);
    CHECK(error == -ENODEV || error == -EPERM);
    request.link.ifi_index = 1;
    ask(fd, RTM_NEWLINK, NLM_F_ACK, sizeof(struct ifinfomsg));
    CHECK_EQ(read_error(fd), error == -EPERM ? -EPERM : 0);
}

static void check_kinds(void)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK};
    socklen_t nbytes = sizeof(name);
    int fd;

    CHECK_ERR(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE), ESOCKTNOSUPPORT);
    CHECK_ERR(socket(AF_NETLINK, SOCK_RAW, 31), EPROTONOSUPPORT);
    fd = route_socket();
    CHECK_OK(getsockname(fd, (struct sockaddr *)&name, &nbytes));
    CHECK_EQ(nbytes, sizeof(name));
    CHECK(name.nl_pid != 0);
    CHECK_ERR(bind(fd, (struct sockaddr *)&name, 4), EINVAL);
    CHECK_ERR(listen(fd, 1), EOPNOTSUPP);
    CHECK_ERR(accept(fd, NULL, NULL), EOPNOTSUPP);
    close(fd);
}

static void check_library(void)
{
    struct ifaddrs *all, *at;
    int found = 0;

    CHECK_OK(getifaddrs(&all));
    for (at = all; at; at = at->ifa_next)
        found += strcmp(at->ifa_name, "lo") == 0 && at->ifa_addr &&
                 at->ifa_addr->sa_family == AF_INET &&
                 ntohl(((struct sockaddr_in *)at->ifa_addr)->sin_addr.s_addr) == INADDR_LOOPBACK;
    CHECK_EQ(found, 1);
    freeifaddrs(all);
    CHECK_EQ(if_nametoindex("lo"), 1);
}

int main(void)
{
    int fd = route_socket();

    check_kinds();
    memset(request.bytes, 0, sizeof(request.bytes));
    ask(fd, RTM_GETLINK, NLM_F_DUMP, sizeof(struct rtgenmsg));
    CHECK_EQ(read_list(fd, RTM_NEWLINK, is_lo_link), 1);
    request.general.rtgen_family = AF_INET;
    ask(fd, RTM_GETADDR, NLM_F_DUMP, sizeof(struct rtgenmsg));
    CHECK_EQ(read_list(fd, RTM_NEWADDR, is_lo_address), 1);
    ask(fd, RTM_GETROUTE, NLM_F_DUMP, sizeof(struct rtgenmsg));
    CHECK_EQ(read_list(fd, RTM_NEWROUTE, is_local_route), 1);
    check_single(fd);
    check_up(fd);
    check_library();
    close(fd);
    return 0;
}
