/* SPDX-License-Identifier: MIT */
/*
 * net/inet/inet_internal.h - AF_INET and AF_INET6: the socket, its ends, its port, its messages
 *
 * Owns:    struct inet_socket, struct inet_bind, struct inet_message.
 * Used by: net/inet/.
 * Locks:   inet_socket.lock, a mutex, rank PIPE; of two by mutex_lock_pair. A bucket of ports has a
 *          spinlock, rank SOCKNAME, that comes after it.
 * Context: thread.
 * Tests:   tests/user/net/tcp_*.c, udp_*.c
 */
#pragma once

#include "kernel/fs/vfs/poll.h"
#include "kernel/net/socket.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/inet.h"

struct user_charge;

/* The sixteen bytes as on the wire. An address of AF_INET is kept as the mapped one of AF_INET6. */
struct inet_ip {
    uint64_t high, low;
};

struct inet_end {
    struct inet_ip ip;
    uint16_t port; /* as a number; 0: none */
};

/* What one send has put into a queue: bytes of a stream, or one datagram. */
struct inet_message {
    struct list link;           /* in the queue of its receiver */
    struct inet_socket *sender; /* counted: its user is charged, and its buffer if it is a stream */
    uint32_t nbytes, offset;    /* offset: what a stream's reader has taken of them */
    uint32_t room;              /* for bytes, at data */
    uint32_t charged;
    struct inet_end from, to; /* of a datagram */
    uint8_t ttl, tos;
    char data[];
};

/* Each has ports of its own. UDP-Lite is UDP, with the length that a checksum is to cover. */
enum inet_protocol { INET_TCP, INET_UDP, INET_UDPLITE, INET_PROTOCOLS };

/* The sockets that have one port at one address, bound with the same rights to share it.
 * I constant   b lock of its bucket */
struct inet_bind {
    struct list link;            /* [b] in the bucket */
    struct list found;           /* [b] sockets that a lookup may find: listeners, all of UDP */
    struct list others;          /* [b] connections and what is bound only */
    uint32_t nfound;             /* [b] */
    uint32_t uid;                /* [I] */
    struct inet_ip ip;           /* [I] */
    uint16_t port;               /* [I] */
    enum inet_protocol protocol; /* [I] */
    bool v6only, reuse_address, reuse_port; /* [I] */
};

/* Directions that are shut down. */
#define INET_SHUT_RECEIVE 1u
#define INET_SHUT_SEND    2u
#define INET_SHUT_BOTH    3u

/* The byte itself, and that it has not been taken; or it has, and its place in the queue is left.
 */
#define INET_URGENT_UNREAD 0x100u
#define INET_URGENT_READ   0x200u

#define INET_OPTIONS 42 /* room for the values of inet_option.c's table */

/* Those that datagrams look at: the first of that table. */
enum inet_slot {
    INET_TOS,
    INET_TTL,
    INET_PKTINFO,
    INET_RECVTTL,
    INET_RECVTOS,
    INET_HOPS6,
    INET_TCLASS6,
    INET_PKTINFO6,
    INET_RECVHOPS6,
    INET_RECVTCLASS6,
};

/* I constant after creation   a atomic   l lock; stored atomically where poll reads it without
 * b lock of its bucket   t lock of its own and of the target, both to change it */
struct inet_socket {
    struct socket base; /* first */
    uint32_t refs;      /* [a] its file or listener, peers, messages it has sent, finders */
    struct mutex lock;
    struct waitq readable; /* messages or connections have come, or none will */
    struct waitq writable; /* there is room for what it sends; its connect has an answer */
    struct poll_head poll;
    struct user_charge *user;      /* [I] counted */
    uint32_t state;                /* [l] LX_TCP_*; of UDP ESTABLISHED: connected, or CLOSE */
    uint32_t shut;                 /* [l] INET_SHUT_* */
    int error;                     /* [a] SO_ERROR, positive */
    bool ended;                    /* [l] the peer's end of input has come */
    bool connecting;               /* [l] a connect has not reported how it went */
    bool joined;                   /* [l] it has been connected, and not dissolved since */
    bool closed;                   /* [l] its file is gone */
    bool v6only;                   /* [l] */
    bool bound_ip, bound_port;     /* [l] by the program: kept when the connection ends */
    struct inet_end local;         /* [l] */
    struct inet_end remote;        /* [l] */
    struct inet_bind *bind;        /* [l] it is in one of its lists; NULL: it has no port */
    struct list connected_link;    /* of UDP, connected: in another table, under its lock */
    struct list bind_link;         /* [b] */
    struct inet_socket *peer;      /* [l] counted; points back unless it is over */
    struct list queue;             /* [l] struct inet_message */
    uint32_t nmessages;            /* [l] */
    uint64_t nbytes;               /* [l] in the queue */
    uint32_t urgent;               /* [l] INET_URGENT_*, of the byte at urgent_at; 0: none ahead */
    uint64_t urgent_at;            /* [l] so many bytes of the queue come before it */
    uint64_t queue_charged;        /* [l] of UDP: what counts towards SO_RCVBUF */
    uint64_t sent_bytes;           /* [a] of a stream, charged: sent and not received yet */
    uint64_t room;                 /* [l] for those, changed when it is joined */
    struct list pending;           /* [l] listening: sockets not accepted yet */
    struct list callers;           /* [l] listening: counted, those that find the backlog full */
    struct list pending_link;      /* [t] in one of the two */
    uint32_t npending, backlog;    /* [l] */
    struct inet_socket *target;    /* [t] counted: the listener whose backlog is full */
    struct inet_socket *embryo;    /* [l] with it: what accept will get. Counted */
    struct list memberships;       /* [l] inet_multicast.c */
    uint32_t nmemberships;         /* [l] */
    int32_t options[INET_OPTIONS]; /* [a] */
};

static inline struct inet_socket *inet_of(struct socket *socket)
{
    return container_of(socket, struct inet_socket, base);
}

static inline bool inet_is_stream(const struct inet_socket *sock)
{
    return sock->base.type == LX_SOCK_STREAM;
}

static inline enum inet_protocol inet_protocol_of(const struct inet_socket *sock)
{
    if (inet_is_stream(sock))
        return INET_TCP;
    return sock->base.protocol == LX_IPPROTO_UDP ? INET_UDP : INET_UDPLITE;
}

static inline void inet_get(struct inet_socket *sock)
{
    __atomic_fetch_add(&sock->refs, 1, __ATOMIC_RELAXED);
}
void inet_put(struct inet_socket *sock);

/* For poll and senders, which read words of the state without the lock. */
static inline void inet_publish(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}
static inline uint32_t inet_peek(const uint32_t *word)
{
    return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* After a change of its state: its waiters look again. No lock held. */
void inet_wake_readers(struct inet_socket *sock);
void inet_wake_writers(struct inet_socket *sock);
/* SO_ERROR, positive or 0; it is over then. */
int inet_take_error(struct inet_socket *sock);
MUST_CHECK int inet_alloc(int domain, int type, int protocol, struct inet_socket **out_socket);

/* inet_address.c */
bool inet_ip_is_v4(const struct inet_ip *ip);
bool inet_ip_is_any(const struct inet_ip *ip); /* of either family */
bool inet_ip_equal(const struct inet_ip *one, const struct inet_ip *other);
bool inet_ip_is_local(const struct inet_ip *ip); /* the loopback's, to send to */
struct inet_ip inet_ip_any(int domain);
struct inet_ip inet_ip_v4(uint32_t address); /* as on the wire */
struct inet_ip inet_ip_loopback(bool v4);
/* To bind to: -EINVAL, -EAFNOSUPPORT, -EADDRNOTAVAIL. */
MUST_CHECK int inet_address_to_bind(const struct inet_socket *sock,
                                    const struct socket_address *address, struct inet_end *out_end);
/* To send or connect to: -EINVAL, -EAFNOSUPPORT, -ENETUNREACH. The unspecified address is the
 * loopback's own. */
MUST_CHECK int inet_address_to_reach(const struct inet_socket *sock,
                                     const struct socket_address *address,
                                     struct inet_end *out_end);
void inet_address_show(int domain, const struct inet_end *end, struct socket_address *address);

/* inet_port.c. The socket's lock is held, and the socket has no port but where it is said. */
void inet_ports_init(void);
MUST_CHECK int inet_port_bind(struct inet_socket *sock, const struct inet_end *end);
MUST_CHECK int inet_port_bind_any(struct inet_socket *sock); /* an ephemeral one, at local.ip */
/* Of a socket that nothing else knows yet; its bind is a new one. */
void inet_port_share(struct inet_socket *child, struct inet_socket *listener);
MUST_CHECK struct inet_bind *inet_bind_alloc(void);
void inet_bind_free(struct inet_bind *bind);
MUST_CHECK int inet_port_move(struct inet_socket *sock, const struct inet_ip *ip); /* has one */
MUST_CHECK int inet_port_listen(struct inet_socket *sock);                         /* has one */
void inet_port_hide(struct inet_socket *sock);            /* lookups do not find it; has one */
void inet_port_show(struct inet_socket *sock);            /* they do again */
void inet_port_release(struct inet_socket *sock);         /* if it has one */
void inet_port_time_wait(const struct inet_socket *sock); /* the connection that it ended */
/* A reference, or NULL, to one that is not connected. No lock held. */
struct inet_socket *inet_port_find_bound(enum inet_protocol protocol, const struct inet_end *to,
                                         const struct inet_end *from);

/* inet_connected.c. Of UDP: lookups find it for datagrams of its remote end alone, or again for
 * all. */
void inet_connected_init(void);
void inet_connected_add(struct inet_socket *sock);
void inet_connected_remove(struct inet_socket *sock); /* if it is there */
struct inet_socket *inet_port_find(enum inet_protocol protocol, const struct inet_end *to,
                                   const struct inet_end *from);

/* All that have a port, in turn, for /proc: a bucket, its lock held between begin and end. A walk
 * that has begun goes on behind the last socket, if none has left the bucket meanwhile, else as a
 * new one (zeroes) from the bucket's skip-th socket on. */
#define INET_PORT_BUCKETS 1024u
struct inet_port_walk {
    uint32_t skip, left; /* left: counts down with each one found */
    bool done;           /* there are no more in the bucket */
    struct spinlock *lock;
    struct list *binds, *bind, *list, *node;
    uint64_t changes; /* the bucket's, when the lock was held last */
};
void inet_port_walk_begin(struct inet_port_walk *walk, enum inet_protocol protocol,
                          unsigned bucket);
struct inet_socket *inet_port_walk_next(struct inet_port_walk *walk); /* NULL: done */
void inet_port_walk_end(struct inet_port_walk *walk);

/* inet_message.c */
MUST_CHECK int inet_message_create(struct inet_socket *sender, struct user_iter *from,
                                   size_t nbytes, size_t room, uint32_t overhead,
                                   struct inet_message **out_message);
void inet_message_free(struct inet_message *message);
void inet_messages_free(struct list *messages);

/* One receive on its way. */
struct inet_receive {
    struct inet_socket *sock;
    struct socket_message *to;
    struct list used; /* messages that are taken out */
    uint32_t faults;
    bool hole; /* a peek has passed over an urgent byte */
    uint64_t deadline_ns, timeout_ns;
    int64_t total;
};
void inet_receive_init(struct inet_receive *receive, struct socket *socket,
                       struct socket_message *message);
MUST_CHECK int inet_receive_wait_locked(struct inet_receive *receive);
void inet_receive_take_out_locked(struct inet_receive *receive, struct inet_message *message);

/* tcp_connect.c */
int tcp_connect(struct socket *socket, struct fs_context *context,
                const struct socket_address *address, bool wait);
int tcp_listen(struct socket *socket, unsigned backlog);
int tcp_accept(struct socket *socket, bool wait, struct socket **out_socket);
void tcp_cancel_connect(struct inet_socket *sock);
void tcp_stop_listening(struct inet_socket *sock);
/* As after socket(2), but for what the program has bound. */
void tcp_dissolve_locked(struct inet_socket *sock);

/* tcp_end.c */
int tcp_shutdown(struct socket *socket, int how);
void tcp_release(struct socket *socket);
void tcp_disconnect(struct inet_socket *sock);
/* The connection is over, for that reason. */
void tcp_over_locked(struct inet_socket *sock, int error);
/* One that was never accepted, and is to go. */
void tcp_drop(struct inet_socket *child);

/* tcp_data.c */
int64_t tcp_send(struct socket *socket, struct socket_message *message);
int64_t tcp_receive(struct socket *socket, struct socket_message *message);

/* tcp_urgent.c. deliver: false: there is no receiver any more. take: up to the byte, from what is
 * in the queue; 1: nothing more by this call. */
bool tcp_urgent_deliver(struct inet_socket *sock, struct inet_socket *peer,
                        struct inet_message *message);
MUST_CHECK int tcp_urgent_take_locked(struct inet_receive *receive);
int64_t tcp_urgent_receive(struct inet_socket *sock, struct socket_message *message);
bool tcp_urgent_is_next(const struct inet_socket *sock);
int64_t tcp_urgent_input_size(const struct inet_socket *sock);

/* udp.c */
int udp_connect(struct socket *socket, struct fs_context *context,
                const struct socket_address *address, bool wait);
int udp_shutdown(struct socket *socket, int how);
void udp_release(struct socket *socket);
int64_t udp_send(struct socket *socket, struct socket_message *message);
int64_t udp_receive(struct socket *socket, struct socket_message *message);

/* udp_control.c */
/* With what the sender says of this one. -EINVAL, -ENODEV. */
MUST_CHECK int udp_mark(const struct inet_socket *sender, const struct socket_controls *sent,
                        struct inet_message *message);
void udp_control(const struct inet_socket *sock, const struct inet_message *message,
                 struct socket_controls *controls);

/* inet_option.c */
void inet_options_init(struct inet_socket *sock);
int inet_set_option(struct socket *socket, int level, int option, struct uptr value,
                    unsigned nbytes);
int inet_get_option(struct socket *socket, int level, int option, struct uptr value,
                    unsigned *nbytes);

/* inet_multicast.c. 1: the option is not about memberships. -EADDRINUSE and its relatives. */
MUST_CHECK int inet_set_membership(struct inet_socket *sock, int level, int option,
                                   struct uptr value, unsigned nbytes);
void inet_memberships_free(struct inet_socket *sock);
