/* SPDX-License-Identifier: MIT */
/* NETLINK_SOCK_DIAG, as ss(8) asks: sockets of TCP, UDP and AF_UNIX are found by their inodes, with
 * their states, ends and queues; states that are not asked for are left out; errors. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/user/lib/inet.h"

#define LISTEN      10
#define ESTABLISHED 1
#define CLOSED      7
#define BIT(state)  (1u << (state))
#define MANY        300

static int diag;
static char answer[65536], found[4096];

static uint32_t ino_of(int fd)
{
    struct stat status;

    CHECK_OK(fstat(fd, &status));
    return (uint32_t)status.st_ino;
}

static void ask(void *body, size_t nbytes, int flags)
{
    struct {
        struct nlmsghdr header;
        char body[128];
    } request = {.header = {(uint32_t)(sizeof(request.header) + nbytes), SOCK_DIAG_BY_FAMILY,
                            (uint16_t)(NLM_F_REQUEST | flags), 77, 0}};

    memcpy(request.body, body, nbytes);
    CHECK_EQ(send(diag, &request, request.header.nlmsg_len, 0), request.header.nlmsg_len);
}

/* All of a list: the message whose inode, at that offset, is the one; NULL: there is none. The
 * number of messages, and the error at the end. */
static struct nlmsghdr *collect(uint32_t ino, size_t offset, int *count, int *error)
{
    struct nlmsghdr *result = NULL;

    *count = 0;
    *error = 0;
    for (;;) {
        int left = (int)CHECK_OK(recv(diag, answer, sizeof(answer), 0));

        for (struct nlmsghdr *at = (void *)answer; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
            CHECK_EQ(at->nlmsg_seq, 77);
            if (at->nlmsg_type == NLMSG_DONE || at->nlmsg_type == NLMSG_ERROR) {
                *error = *(int *)NLMSG_DATA(at);
                return result;
            }
            CHECK_EQ(at->nlmsg_type, SOCK_DIAG_BY_FAMILY);
            CHECK(at->nlmsg_flags & NLM_F_MULTI);
            ++*count;
            if (*(uint32_t *)((char *)NLMSG_DATA(at) + offset) == ino) {
                CHECK(at->nlmsg_len <= sizeof(found));
                memcpy(found, at, at->nlmsg_len);
                result = (void *)found;
            }
        }
    }
}

/* NULL: it has none. */
static void *attribute(struct nlmsghdr *message, size_t head, int type, int *nbytes)
{
    struct nlattr *at = (void *)((char *)NLMSG_DATA(message) + NLA_ALIGN(head));
    char *end = (char *)message + message->nlmsg_len;

    for (; (char *)at + sizeof(*at) <= end; at = (void *)((char *)at + NLA_ALIGN(at->nla_len)))
        if (at->nla_type == type) {
            *nbytes = (int)at->nla_len - NLA_HDRLEN;
            return (char *)at + NLA_HDRLEN;
        }
    return NULL;
}

static struct inet_diag_msg *find_inet(int family, int protocol, unsigned states, int fd)
{
    struct inet_diag_req_v2 request = {.sdiag_family = (uint8_t)family,
                                       .sdiag_protocol = (uint8_t)protocol,
                                       .idiag_states = states};
    struct nlmsghdr *message;
    int count, error;

    ask(&request, sizeof(request), NLM_F_DUMP);
    message = collect(ino_of(fd), offsetof(struct inet_diag_msg, idiag_inode), &count, &error);
    CHECK_EQ(error, 0);
    return message ? NLMSG_DATA(message) : NULL;
}

static void check_tcp(void)
{
    int listener = tcp_listener(5), fd = (int)CHECK_OK(socket(AF_INET, SOCK_STREAM, 0));
    struct inet_diag_msg *told;
    int port = own_port(listener);

    told = find_inet(AF_INET, IPPROTO_TCP, BIT(LISTEN), listener);
    CHECK(told != NULL);
    CHECK_EQ(told->idiag_family, AF_INET);
    CHECK_EQ(told->idiag_state, LISTEN);
    CHECK_EQ(ntohs(told->id.idiag_sport), port);
    CHECK_EQ(ntohl(told->id.idiag_src[0]), INADDR_LOOPBACK);
    CHECK_EQ(told->idiag_wqueue, 5);
    CHECK_EQ(told->idiag_rqueue, 0);
    CHECK_EQ(told->idiag_uid, getuid());
    CHECK(find_inet(AF_INET, IPPROTO_TCP, BIT(ESTABLISHED), listener) == NULL);
    CHECK(find_inet(AF_INET6, IPPROTO_TCP, ~0u, listener) == NULL);
    CHECK(find_inet(AF_INET, IPPROTO_UDP, ~0u, listener) == NULL);
    CHECK(find_inet(AF_INET, IPPROTO_TCP, ~0u, fd) == NULL);
    CHECK_OK(v4_connect(fd, INADDR_LOOPBACK, port));
    told = find_inet(AF_INET, IPPROTO_TCP, ~0u, fd);
    CHECK(told != NULL);
    CHECK_EQ(told->idiag_state, ESTABLISHED);
    CHECK_EQ(ntohs(told->id.idiag_dport), port);
    CHECK_EQ(ntohs(told->id.idiag_sport), own_port(fd));
    told = find_inet(AF_INET, IPPROTO_TCP, BIT(LISTEN), listener);
    CHECK_EQ(told->idiag_rqueue, 1);
    close(fd);
    close(listener);
}

/* Of AF_INET6 an attribute says which addresses it listens to; many need more than one datagram. */
static void check_udp(void)
{
    int fd = (int)CHECK_OK(socket(AF_INET6, SOCK_DGRAM, 0)), nbytes, many[MANY];
    struct inet_diag_msg *told;
    char *v6only;

    CHECK_OK(set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    CHECK_OK(v6_name(bind, fd, "::", 0));
    told = find_inet(AF_INET6, IPPROTO_UDP, BIT(CLOSED), fd);
    CHECK(told != NULL);
    CHECK_EQ(told->idiag_state, CLOSED);
    CHECK_EQ(ntohs(told->id.idiag_sport), own_port(fd));
    v6only = attribute((struct nlmsghdr *)found, sizeof(*told), INET_DIAG_SKV6ONLY, &nbytes);
    CHECK(v6only != NULL);
    CHECK_EQ(*v6only, 1);
    close(fd);
    for (int i = 0; i < MANY; i++) {
        many[i] = (int)CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
        CHECK_OK(v4_bind(many[i], INADDR_LOOPBACK, 0));
    }
    for (int i = 0; i < MANY; i += MANY / 3)
        CHECK(find_inet(AF_INET, IPPROTO_UDP, ~0u, many[i]) != NULL);
    for (int i = 0; i < MANY; i++)
        close(many[i]);
}

static struct nlmsghdr *find_unix(unsigned states, int fd)
{
    struct unix_diag_req request = {.sdiag_family = AF_UNIX,
                                    .udiag_states = states,
                                    .udiag_show =
                                        UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN};
    struct nlmsghdr *message;
    int count, error;

    ask(&request, sizeof(request), NLM_F_DUMP);
    message = collect(ino_of(fd), offsetof(struct unix_diag_msg, udiag_ino), &count, &error);
    CHECK_EQ(error, 0);
    return message;
}

static void check_unix(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0sock_diag test"};
    int fds[2], nbytes, listener = (int)CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
    const size_t head = sizeof(struct unix_diag_msg);
    struct unix_diag_rqlen *queues;
    struct unix_diag_msg *told;
    struct nlmsghdr *message;
    uint32_t *peer;

    CHECK_OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
    CHECK_EQ(send(fds[0], "hello", 5, 0), 5);
    message = find_unix(BIT(ESTABLISHED), fds[1]);
    CHECK(message != NULL);
    told = NLMSG_DATA(message);
    CHECK_EQ(told->udiag_type, SOCK_SEQPACKET);
    CHECK_EQ(told->udiag_state, ESTABLISHED);
    peer = attribute(message, head, UNIX_DIAG_PEER, &nbytes);
    CHECK(peer != NULL);
    CHECK_EQ(*peer, ino_of(fds[0]));
    queues = attribute(message, head, UNIX_DIAG_RQLEN, &nbytes);
    CHECK(queues != NULL);
    CHECK_EQ(queues->udiag_rqueue, 5);
    CHECK(attribute(message, head, UNIX_DIAG_NAME, &nbytes) == NULL);
    CHECK(find_unix(BIT(LISTEN) | BIT(CLOSED), fds[1]) == NULL);
    CHECK_OK(bind(listener, (struct sockaddr *)&name, 2 + 15));
    CHECK(find_unix(BIT(CLOSED), listener) != NULL);
    CHECK_OK(listen(listener, 3));
    message = find_unix(BIT(LISTEN), listener);
    CHECK(message != NULL);
    CHECK(!memcmp(attribute(message, head, UNIX_DIAG_NAME, &nbytes), name.sun_path, 15));
    CHECK_EQ(nbytes, 15);
    queues = attribute(message, head, UNIX_DIAG_RQLEN, &nbytes);
    CHECK_EQ(queues->udiag_wqueue, 3);
    close(listener);
    close(fds[0]);
    close(fds[1]);
}

static void check_errors(void)
{
    struct inet_diag_req_v2 request = {.sdiag_family = AF_INET, .sdiag_protocol = IPPROTO_TCP};
    int count, error;

    ask(&request, 1, NLM_F_DUMP);
    collect(0, 0, &count, &error);
    CHECK_EQ(error, -EINVAL);
    ask(&request, sizeof(request) - 4, NLM_F_DUMP);
    collect(0, 0, &count, &error);
    CHECK_EQ(error, -EINVAL);
    request.sdiag_family = 99;
    ask(&request, sizeof(request), NLM_F_DUMP);
    collect(0, 0, &count, &error);
    CHECK_EQ(error, -EINVAL);
    request.sdiag_family = AF_INET;
    request.sdiag_protocol = 200;
    ask(&request, sizeof(request), NLM_F_DUMP);
    collect(0, 0, &count, &error);
    CHECK_EQ(error, -ENOENT);
    request.sdiag_protocol = IPPROTO_TCP;
    ask(&request, sizeof(request), 0);
    collect(0, 0, &count, &error);
    CHECK_EQ(error, -ENOENT);
    CHECK_EQ(count, 0);
    /* No state is asked for: none is there. */
    ask(&request, sizeof(request), NLM_F_DUMP);
    collect(0, 0, &count, &error);
    CHECK_EQ(error, 0);
    CHECK_EQ(count, 0);
}

int main(void)
{
    diag = (int)CHECK_OK(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG));
    check_tcp();
    check_udp();
    check_unix();
    check_errors();
    return 0;
}
