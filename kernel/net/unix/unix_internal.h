/* SPDX-License-Identifier: MIT */
/*
 * net/unix/unix_internal.h - AF_UNIX: the socket, its messages, its name
 *
 * Owns:    struct unix_socket, struct unix_message, struct unix_name.
 * Used by: net/unix/.
 * Locks:   unix_socket.lock, a mutex, rank PIPE; of two by mutex_lock_pair. A bucket of names has a
 *          spinlock, rank SOCKNAME, that comes after it.
 * Context: thread.
 * Tests:   tests/user/net/
 */
#pragma once

#include "kernel/fs/vfs/poll.h"
#include "kernel/net/socket.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/waitq.h"

struct dentry;
struct socket_rights;
struct user_charge;

/* Constant once a socket has it. Shared by a listener and what it accepts. */
struct unix_name {
    uint32_t refs;         /* [a] */
    uint32_t nbytes;       /* of the address, family included */
    struct dentry *dentry; /* counted: of a pathname; NULL: abstract */
    uint32_t hash;
    struct lx_sockaddr_un address;
};

/* What one send has put into a queue: bytes of a stream, or one datagram. */
struct unix_message {
    struct list link;              /* in the queue of its receiver */
    struct unix_socket *sender;    /* counted: its buffer holds the bytes */
    struct unix_name *sender_name; /* counted; NULL: it had none */
    struct socket_rights *rights;  /* files in flight; NULL: none */
    struct lx_ucred credentials;
    bool has_credentials;
    bool urgent;             /* the one byte of a send with MSG_OOB, in a message of its own */
    uint32_t nbytes, offset; /* offset: what a stream's reader has taken of them */
    char data[];
};

enum unix_state { UNIX_IDLE, UNIX_LISTENING, UNIX_CONNECTED };

/* Directions that are shut down, as its own calls see them. */
#define UNIX_SHUT_RECEIVE 1u
#define UNIX_SHUT_SEND    2u
#define UNIX_SHUT_BOTH    3u

#define UNIX_DATAGRAMS_MAX 10 /* that wait; one more is taken: max_dgram_qlen */

/* I constant after creation   a atomic   l lock; stored atomically where poll reads it without
 * b lock of its bucket   w watch_lock of unix_peer.c   f unix_flight_lock */
struct unix_socket {
    struct socket base; /* first */
    uint32_t refs;      /* [a] its file or listener, peers, messages it has sent, finders by name */
    struct mutex lock;
    struct waitq readable; /* messages or connections have come, or none will */
    struct waitq writable; /* there is room in its own send buffer, in its queue, in its backlog */
    struct poll_head poll;
    uint32_t state;              /* [l] enum unix_state */
    uint32_t shut;               /* [l] UNIX_SHUT_* */
    bool closed;                 /* [l] its file is gone */
    int error;                   /* [a] SO_ERROR, positive */
    struct unix_socket *peer;    /* [l, w] counted; of a connection constant until it goes */
    struct list watchers;        /* [w] sockets whose peer it is, and that wait for its queue */
    struct list watch_link;      /* [w] among the watchers of its peer */
    struct list queue;           /* [l] struct unix_message */
    uint32_t nmessages;          /* [l] */
    uint64_t nbytes;             /* [l] in the queue */
    struct unix_message *urgent; /* [l] in the queue, not taken yet: the last that came */
    uint64_t sent_bytes;         /* [a] charged: sent and not received yet */
    struct list pending;         /* [l] listening: struct unix_socket, not accepted yet */
    struct list pending_link;    /* [l] of the listener */
    uint32_t npending, backlog;  /* [l] */
    struct unix_name *name;      /* [l] counted; set once, then constant */
    struct list name_link;       /* [b] */
    struct lx_ucred credentials, peer_credentials; /* [l] at listen or connect */
    struct user_charge *user;                      /* [I] counted */
    uint32_t in_flight;                            /* [f] references to its file in messages */
    struct list flight_link;                       /* [f] in unix_flight while there are any */
    struct list gc_link;                           /* [f] during a collection, likewise: */
    uint32_t gc_state, gc_refs;                    /* [f] */
    struct list table_link;                        /* [lock of its table, unix_procfs.c] */
};

static inline struct unix_socket *unix_of(struct socket *socket)
{
    return container_of(socket, struct unix_socket, base);
}

static inline bool unix_is_connection(const struct unix_socket *sock)
{
    return sock->base.type != LX_SOCK_DGRAM;
}

static inline void unix_get(struct unix_socket *sock)
{
    __atomic_fetch_add(&sock->refs, 1, __ATOMIC_RELAXED);
}
/* One whose last reference may be going; false: it has gone. */
static inline bool unix_get_live(struct unix_socket *sock)
{
    uint32_t refs = __atomic_load_n(&sock->refs, __ATOMIC_RELAXED);

    while (refs && !__atomic_compare_exchange_n(&sock->refs, &refs, refs + 1, true,
                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        ;
    return refs;
}
void unix_put(struct unix_socket *sock);

/* After a change of its state: its waiters look again. No lock held. */
void unix_wake_readers(struct unix_socket *sock);
void unix_wake_writers(struct unix_socket *sock);
void unix_wake_senders(struct unix_socket *sock); /* and those that send to it */

/* An idle socket with one reference. */
MUST_CHECK int unix_alloc(int type, struct unix_socket **out_socket);

/* unix_name.c. Finding: a reference; -ECONNREFUSED, -EPROTOTYPE, errors of a path walk. */
void unix_names_init(void);
void unix_name_put(struct unix_name *name); /* NULL is fine */
void unix_name_remove(struct unix_socket *sock);
int unix_bind(struct socket *socket, struct fs_context *context,
              const struct socket_address *address);
MUST_CHECK int unix_bind_auto(struct unix_socket *sock);
int unix_get_name(struct socket *socket, bool peer, struct socket_address *address);
MUST_CHECK int unix_find(struct fs_context *context, const struct socket_address *address, int type,
                         struct unix_socket **out_socket);
void unix_name_copy(const struct unix_name *name, struct socket_address *address);

/* unix_connect.c */
int unix_connect(struct socket *socket, struct fs_context *context,
                 const struct socket_address *address, bool wait);
int unix_listen(struct socket *socket, unsigned backlog);
int unix_accept(struct socket *socket, bool wait, struct socket **out_socket);
int unix_shutdown(struct socket *socket, int how);
void unix_release(struct socket *socket);
/* The caller's peer, referenced; NULL: none. */
struct unix_socket *unix_peer_get(struct unix_socket *sock);

/* unix_procfs.c: all sockets, for /proc/net/unix. */
void unix_tables_init(void);
void unix_table_add(struct unix_socket *sock);
void unix_table_remove(struct unix_socket *sock);

/* unix_peer.c. The socket's lock is held, or nothing knows it yet. */
void unix_set_peer(struct unix_socket *sock, struct unix_socket *peer);
/* The peer's queue is full for it: poll is told when that may have changed. */
bool unix_watch_peer(struct unix_socket *sock);

/* unix_rights.c and unix_gc.c. flight_lock, rank INODE, comes before the locks of sockets. */
extern struct mutex unix_flight_lock;
extern struct list unix_flight;                                  /* [f] sockets in flight */
struct unix_socket *unix_of_file(const struct file *file);       /* NULL: it is none; borrowed */
MUST_CHECK int unix_rights_depart(struct socket_rights *rights); /* -ETOOMANYREFS, -ENOMEM */
void unix_rights_land(struct socket_rights *rights); /* before a program gets them; no lock held */
struct socket_rights *unix_rights_copy(const struct socket_rights *rights);
void unix_gc_later(void);

/* unix_message.c, unix_send.c and unix_receive.c */
MUST_CHECK int unix_message_create(struct unix_socket *sender, struct socket_message *from,
                                   size_t nbytes, struct unix_message **out_message);
void unix_message_free(struct unix_message *message);
void unix_unqueue_locked(struct unix_socket *receiver, struct unix_message *message);
void unix_messages_free(struct list *messages);
/* Room for a message in the sender's buffer: 0 or why not, -EPIPE. */
MUST_CHECK int unix_reserve(struct unix_socket *sender, size_t nbytes, bool wait);
void unix_unreserve(struct unix_socket *sender, size_t nbytes);
int64_t unix_send(struct socket *socket, struct socket_message *message);
int64_t unix_receive(struct socket *socket, struct socket_message *message);
