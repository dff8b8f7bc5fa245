/* SPDX-License-Identifier: MIT */
/*
 * Connected sockets of UDP: found by both ends, so that thousands can share one port.
 *
 * A lookup asks here first: a socket that is connected to the sender comes before those that take
 * datagrams of all, and one that is connected elsewhere is not found. The table's lock is never
 * held together with that of a bucket of ports.
 */
#include "kernel/lib/assert.h"
#include "kernel/net/inet/inet_internal.h"

#define BUCKETS 1024u

/* Sockets of UDP by the ports of both ends. */
struct connected_bucket {
    struct spinlock lock;
    struct list sockets; /* [lock] */
};

static struct connected_bucket connected_buckets[BUCKETS];

void inet_connected_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        spin_init(&connected_buckets[i].lock, SPIN_SOCKNAME);
        list_init(&connected_buckets[i].sockets);
    }
}

static struct connected_bucket *connected_bucket(uint16_t own, uint16_t remote)
{
    return &connected_buckets[(own + remote * 31u) % BUCKETS];
}

/* Its ends do not change while it is in the table. */
static struct inet_socket *find_connected(enum inet_protocol protocol, const struct inet_end *to,
                                          const struct inet_end *from)
{
    struct connected_bucket *bucket = connected_bucket(to->port, from->port);
    struct inet_socket *found = NULL;

    if (list_empty(&bucket->sockets))
        return NULL;
    spin_lock(&bucket->lock);
    list_for_each (node, &bucket->sockets) {
        struct inet_socket *sock = list_entry(node, struct inet_socket, connected_link);

        if (inet_protocol_of(sock) == protocol && sock->local.port == to->port &&
            sock->remote.port == from->port && inet_ip_equal(&sock->local.ip, &to->ip) &&
            inet_ip_equal(&sock->remote.ip, &from->ip)) {
            inet_get(sock);
            found = sock;
            break;
        }
    }
    spin_unlock(&bucket->lock);
    return found;
}

/* Into the table first, then out of what others find: a datagram in between finds one or both. */
COLD void inet_connected_add(struct inet_socket *sock)
{
    struct connected_bucket *bucket = connected_bucket(sock->local.port, sock->remote.port);

    ASSERT(mutex_is_held(&sock->lock) && sock->bind);
    spin_lock(&bucket->lock);
    list_push_front(&bucket->sockets, &sock->connected_link);
    spin_unlock(&bucket->lock);
    inet_port_hide(sock);
}

COLD void inet_connected_remove(struct inet_socket *sock)
{
    struct connected_bucket *bucket = connected_bucket(sock->local.port, sock->remote.port);

    ASSERT(mutex_is_held(&sock->lock));
    if (sock->state != LX_TCP_ESTABLISHED)
        return;
    inet_port_show(sock);
    spin_lock(&bucket->lock);
    list_remove(&sock->connected_link);
    spin_unlock(&bucket->lock);
}

/* A second look among the connected ones: one may have become so behind the first. */
struct inet_socket *inet_port_find(enum inet_protocol protocol, const struct inet_end *to,
                                   const struct inet_end *from)
{
    struct inet_socket *sock = protocol != INET_TCP ? find_connected(protocol, to, from) : NULL;

    if (!sock)
        sock = inet_port_find_bound(protocol, to, from);
    if (!sock && protocol != INET_TCP)
        sock = find_connected(protocol, to, from);
    return sock;
}
