/* SPDX-License-Identifier: MIT */
/*
 * /proc/net/tcp, tcp6, udp, udp6, udplite, udplite6: a line for each socket that has a port, as
 * proc(5) has them.
 *
 * The table of ports is read bucket by bucket, some sockets at a time; the cursor says where to go
 * on. Sockets come and go in between: one may be missing, or be there twice. A socket's words are
 * read as they are, without its lock. What there is no wire for is zero: timers, retransmissions.
 */
#include "kernel/net/inet/inet_procfs.h"
#include "kernel/mm/user_charge.h"
#include "kernel/net/inet/inet_internal.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define ROOM         512 /* for one more line, however long */
#define A_TURN       32u /* sockets with a bucket's lock held */
#define WIDTH_TCP    149 /* of a line, filled up with blanks */
#define WIDTH_UDP    127
#define BUCKET_SHIFT 32 /* in the cursor; below it the number of the socket in the bucket */

static void print_end(struct procfs_text *text, int domain, const struct inet_end *end)
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
static uint64_t input_of(const struct inet_socket *sock, bool listens)
{
    if (listens)
        return inet_peek(&sock->npending);
    return __atomic_load_n(inet_is_stream(sock) ? &sock->nbytes : &sock->queue_charged,
                           __ATOMIC_RELAXED);
}

static void print_socket(struct procfs_text *text, const struct inet_socket *sock, unsigned row)
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

static void print_head(struct procfs_text *text, int domain, bool udp)
{
    if (domain == LX_AF_INET)
        procfs_print(text, "%s  local_address rem_address   ", udp ? "   sl" : "  sl");
    else
        procfs_print(text, "  sl  %-38sremote_address                        ", "local_address");
    procfs_print(text, "st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s\n",
                 udp ? " ref pointer drops" : "");
}

/* On Linux a socket of TCP that is only bound is in no table. */
static bool is_shown(const struct inet_socket *sock, int domain)
{
    return sock->base.domain == domain &&
           (!inet_is_stream(sock) || inet_peek(&sock->state) != LX_TCP_CLOSE);
}

int inet_procfs_show(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned which = node->entry->arg;
    bool udp = which >= INET_PROCFS_UDP;
    int domain = which % 2 ? LX_AF_INET6 : LX_AF_INET; /* each protocol has its two */
    uint64_t bucket = text->cursor >> BUCKET_SHIFT, first = (uint32_t)text->cursor;

    if (text->cursor == 0)
        print_head(text, domain, udp);
    while (bucket < INET_PORT_BUCKETS) {
        struct inet_port_walk walk = {.skip = (uint32_t)first, .left = A_TURN};
        struct inet_socket *sock;

        inet_port_walk_begin(&walk, which / 2, (unsigned)bucket);
        while (walk.left && text->used + ROOM < text->size &&
               (sock = inet_port_walk_next(&walk)) != NULL)
            if (is_shown(sock, domain))
                print_socket(text, sock, (unsigned)bucket);
        inet_port_walk_end(&walk);
        first = walk.done ? 0 : first + A_TURN - walk.left;
        bucket += walk.done;
        text->cursor = bucket << BUCKET_SHIFT | first;
        if (text->used + ROOM >= text->size)
            break;
        sched_preempt_point();
    }
    text->more = bucket < INET_PORT_BUCKETS;
    return 0;
}
