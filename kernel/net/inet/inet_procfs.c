/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/tcp, tcp6, udp, udp6, udplite, udplite6: a line for each socket that has a port, as
 * proc(5) has them.
 *
 * And what NETLINK_SOCK_DIAG reports of them.
 *
 * The table of ports is read bucket by bucket, some sockets at a time; the cursor says where to go
 * on. Sockets come and go in between: one may be missing, or be there twice. A socket's words are
 * read as they are, without its lock. What there is no wire for is zero: timers, retransmissions.
 */
#include "kernel/net/inet/inet_procfs.h"
#include "kernel/lib/string.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/inet/inet.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/net/netlink/netlink_reply.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define ROOM         512 /* for one more line, however long */
#define A_TURN       32u /* sockets with a bucket's lock held */
#define WIDTH_TCP    149 /* of a line, filled up with blanks */
#define WIDTH_UDP    127
#define BUCKET_SHIFT 32 /* in the cursor; below it the number of the socket in the bucket */

static COLD void print_end(struct procfs_text *text, int domain, const struct inet_end *end)
{
    if (domain == LX_AF_INET)
        procfs_print(text, "%08X", (uint32_t)(end->ip.low >> 32));
    else
        procfs_print(text, "%08X%08X%08X%08X", (uint32_t)end->ip.high,
                     (uint32_t)(end->ip.high >> 32), (uint32_t)end->ip.low,
                     (uint32_t)(end->ip.low >> 32));
    procfs_print(text, ":%04X ", end->port);
}

/* A listener's queue is its backlog. */
static COLD uint64_t input_of(const struct inet_socket *sock, bool listens)
{
    if (listens)
        return inet_peek(&sock->npending);
    return __atomic_load_n(inet_is_stream(sock) ? &sock->nbytes : &sock->queue_charged,
                           __ATOMIC_RELAXED);
}

static COLD void print_socket(struct procfs_text *text, const struct inet_socket *sock,
                              unsigned row)
{
    bool udp = !inet_is_stream(sock);
    size_t start = text->used, width = udp ? WIDTH_UDP : WIDTH_TCP;
    uint32_t state = inet_peek(&sock->state);

    procfs_print(text, udp ? "%5u: " : "%4u: ", row);
    print_end(text, sock->base.domain, &sock->local);
    print_end(text, sock->base.domain, &sock->remote);
    procfs_print(text, "%02X %08X:%08X 00:00000000 00000000 %5u        0 %lu %u %016X", state, 0,
                 (uint32_t)input_of(sock, state == LX_TCP_LISTEN), sock->user->uid,
                 (unsigned long)sock->base.ino, inet_peek(&sock->refs), 0);
    procfs_print(text, udp ? " 0" : " 100 0 0 10 0");
    while (sock->base.domain == LX_AF_INET && text->used < start + width)
        procfs_put(text, " ", 1);
    procfs_print(text, "\n");
}

static COLD void print_head(struct procfs_text *text, int domain, bool udp)
{
    if (domain == LX_AF_INET)
        procfs_print(text, "%s  local_address rem_address   ", udp ? "   sl" : "  sl");
    else
        procfs_print(text, "  sl  %-38sremote_address                        ", "local_address");
    procfs_print(text, "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s\n",
                 udp ? " ref pointer drops" : "");
}

/* --- one after the other --- */

/* What they are put into. */
struct visitor {
    bool (*has_room)(const struct visitor *visitor);
    void (*visit)(struct visitor *visitor, const struct inet_socket *sock, unsigned bucket);
    uint16_t domain;
    struct procfs_text *text;
    const struct netlink_request *request;
    struct netlink_reply *reply;
};

/* On Linux a socket of TCP that is only bound is in no table. */
static COLD bool is_shown(const struct inet_socket *sock, int domain)
{
    return sock->base.domain == domain &&
           (!inet_is_stream(sock) || inet_peek(&sock->state) != LX_TCP_CLOSE);
}

/* From the cursor on, as long as there is room. True: there are no more. */
static COLD bool visit_all(struct visitor *visitor, enum inet_protocol protocol, uint64_t *cursor,
                           struct inet_port_walk *walk)
{
    uint64_t bucket = *cursor >> BUCKET_SHIFT, first = (uint32_t)*cursor;

    while (bucket < INET_PORT_BUCKETS) {
        struct inet_socket *sock;

        walk->skip = (uint32_t)first;
        walk->left = A_TURN;
        walk->done = false;
        inet_port_walk_begin(walk, protocol, (unsigned)bucket);
        while (walk->left && visitor->has_room(visitor) &&
               (sock = inet_port_walk_next(walk)) != NULL)
            if (is_shown(sock, visitor->domain))
                visitor->visit(visitor, sock, (unsigned)bucket);
        inet_port_walk_end(walk);
        first = walk->done ? 0 : first + A_TURN - walk->left;
        bucket += walk->done;
        *cursor = bucket << BUCKET_SHIFT | first;
        if (!visitor->has_room(visitor))
            break;
        sched_preempt_point();
    }
    return bucket >= INET_PORT_BUCKETS;
}

static COLD bool text_has_room(const struct visitor *visitor)
{
    return visitor->text->used + ROOM < visitor->text->size;
}

static COLD void text_visit(struct visitor *visitor, const struct inet_socket *sock,
                            unsigned bucket)
{
    print_socket(visitor->text, sock, bucket);
}

COLD int inet_procfs_show(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned which = node->entry->arg;
    struct visitor visitor = {text_has_room, text_visit, .text = text};
    struct inet_port_walk walk = {0};

    visitor.domain = which % 2 ? LX_AF_INET6 : LX_AF_INET; /* each protocol has its two */
    if (text->cursor == 0)
        print_head(text, visitor.domain, which >= INET_PROCFS_UDP);
    text->more = !visit_all(&visitor, which / 2, &text->cursor, &walk);
    return 0;
}

/* --- NETLINK_SOCK_DIAG --- */

#define DIAG_ROOM 128u /* for one more, with its attributes */

static COLD bool reply_has_room(const struct visitor *visitor)
{
    return netlink_has_room(visitor->reply, DIAG_ROOM);
}

/* Of AF_INET the first of four words. */
static COLD void diag_address(const struct inet_ip *ip, bool v4, uint32_t words[4])
{
    if (v4)
        words[0] = (uint32_t)(ip->low >> 32);
    else
        memcpy(words, ip, sizeof(*ip));
}

/* Its number stands for what Linux knows it by. Of a listener the queues are its backlog. */
static COLD void reply_visit(struct visitor *visitor, const struct inet_socket *sock,
                             unsigned bucket)
{
    bool v4 = visitor->domain == LX_AF_INET, listens;
    struct lx_inet_diag_req wanted;
    struct lx_inet_diag_msg told = {.family = (uint8_t)visitor->domain,
                                    .state = (uint8_t)inet_peek(&sock->state)};
    uint8_t shut = (uint8_t)inet_peek(&sock->shut),
            v6only = sock->v6only ||
                     !(v4 || inet_ip_is_any(&sock->local.ip) || inet_ip_is_v4(&sock->local.ip));
    uint32_t start;

    (void)bucket;
    memcpy(&wanted, visitor->request->body, sizeof(wanted));
    if (!(wanted.states >> told.state & 1))
        return;
    listens = told.state == LX_TCP_LISTEN;
    told.id.port = __builtin_bswap16(sock->local.port);
    told.id.to_port = __builtin_bswap16(sock->remote.port);
    diag_address(&sock->local.ip, v4, told.id.address);
    diag_address(&sock->remote.ip, v4, told.id.to_address);
    told.ino = told.id.cookie[0] = (uint32_t)sock->base.ino;
    told.uid = sock->user->uid;
    told.input = (uint32_t)input_of(sock, listens);
    told.output = listens ? sock->backlog : 0;
    start = netlink_begin(visitor->reply, visitor->request, LX_SOCK_DIAG_BY_FAMILY, &told,
                          sizeof(told));
    netlink_attribute(visitor->reply, LX_INET_DIAG_SHUTDOWN, &shut, 1);
    if (!v4 && (listens || told.state == LX_TCP_CLOSE))
        netlink_attribute(visitor->reply, LX_INET_DIAG_V6ONLY, &v6only, 1);
    netlink_end(visitor->reply, start);
}

/* Raw sockets are none; other protocols are not there. */
COLD int inet_diag(const struct netlink_request *request, struct netlink_reply *reply,
                   struct netlink_cursor *cursor)
{
    struct inet_port_walk *walk = (struct inet_port_walk *)cursor->walk;
    uint8_t protocol = (uint8_t)request->body[1];
    struct visitor visitor = {reply_has_room, reply_visit, (uint8_t)request->body[0],
                              .request = request, .reply = reply};
    bool done = protocol == LX_IPPROTO_RAW;

    _Static_assert(sizeof(*walk) <= sizeof(cursor->walk), "room for it");
    if (protocol == LX_IPPROTO_TCP)
        done = visit_all(&visitor, INET_TCP, &cursor->place, walk);
    else if (protocol == LX_IPPROTO_UDP)
        done = visit_all(&visitor, INET_UDP, &cursor->place, walk);
    else if (protocol == LX_IPPROTO_UDPLITE)
        done = visit_all(&visitor, INET_UDPLITE, &cursor->place, walk);
    else if (!done)
        return -ENOENT;
    if (done)
        cursor->place = NETLINK_END;
    return 0;
}
