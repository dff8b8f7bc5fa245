/* SPDX-License-Identifier: MIT */
/*
 * net/socket.h - sockets of any family, behind open files
 *
 * Owns:    struct socket, what all families have in common: type, options of SOL_SOCKET; the
 *          operations of its file; struct socket_message, one call's message on its way.
 * Used by: syscall (everything with a socket in it), proc (/proc/PID/fd by the file alone).
 * Rule:    a family fills in struct socket_ops; a missing operation is -EOPNOTSUPP. The credentials
 *          of the running task come through struct socket_caller_ops, filled in by syscall.
 * Locks:   those of the family. Options are single words, read without a lock.
 * Context: thread; no lock held.
 * Fails:   as socket(7) and unix(7) have it.
 * Tests:   tests/user/net/
 */
#pragma once

#include "kernel/fs/vfs/file.h"
#include "kernel/lib/util.h"
#include "shared/linux/socket.h"

struct credentials;
struct fs_context;
struct poll_waiter;
struct socket_rights;
struct user_charge;

#define SOCKET_ADDRESS_MAX 128    /* sockaddr_storage */
#define SOCKET_BUFFER      212992 /* default and largest value of SO_SNDBUF and SO_RCVBUF */

struct socket_address {
    uint32_t nbytes; /* 0: none */
    union {
        uint16_t family;
        struct lx_sockaddr_un un;
        char bytes[SOCKET_ADDRESS_MAX];
    };
};

/* I constant after creation   a atomic: one word, changed by setsockopt */
struct socket {
    const struct socket_ops *ops;                 /* [I] */
    struct file *file;                            /* [I] NULL: not accepted yet; borrowed */
    uint64_t ino;                                 /* [I] of the file */
    uint16_t domain;                              /* [I] */
    uint16_t type;                                /* [I] */
    uint16_t protocol;                            /* [I] */
    uint32_t send_buffer, receive_buffer;         /* [a] */
    uint64_t receive_timeout_ns, send_timeout_ns; /* [a] 0: none */
    struct lx_linger linger;                      /* of TCP; others keep it, without an effect */
    bool pass_credentials;                        /* [a] */
    bool reuse_address, reuse_port;               /* [a] others may have the port, too */
    bool broadcast, keep_alive, oob_inline, dont_route; /* kept, without an effect */
    bool no_check;                                      /* likewise */
    uint8_t timestamp;          /* [a] LX_SO_TIMESTAMP or one of its like, that is on; 0: none */
    int32_t priority;           /* likewise */
    uint32_t receive_low_water; /* [a] of TCP: so many bytes wake a reader */
    uint32_t no_space;          /* [a] a send found its buffer full, or it is being connected: SIGIO
                                 * says once that it can be written to */
};

/* Control messages that are the family's own: of a receive, with room for all that one datagram
 * has; of a send, as the program gave them, the first bytes. */
#define SOCKET_CONTROLS_MAX 7
struct socket_control {
    int32_t level, type;
    uint32_t nbytes;
    char bytes[20];
};
struct socket_controls {
    uint64_t room; /* of a receive: in the program's buffer */
    uint32_t count;
    struct socket_control list[SOCKET_CONTROLS_MAX];
};

/* One send or receive. What a sender attaches and a receiver is handed. */
struct socket_message {
    struct user_iter *io;
    uint32_t flags;       /* LX_MSG_* of the call */
    uint32_t out_flags;   /* of a receive: LX_MSG_TRUNC */
    bool wait;            /* neither O_NONBLOCK nor MSG_DONTWAIT */
    bool has_credentials; /* attached or handed out */
    struct lx_ucred credentials;
    struct socket_rights *rights; /* files to send, until they are taken; handed out; NULL: none */
    bool takes_rights;            /* of a receive: else they are closed */
    struct fs_context *context;   /* of a sender with an address */
    struct socket_address *address;   /* to send to; the sender's; NULL: none, not asked for */
    struct socket_controls *controls; /* NULL: not asked for, none given */
};

struct socket_ops {
    int (*bind)(struct socket *socket, struct fs_context *context,
                const struct socket_address *address);
    int (*connect)(struct socket *socket, struct fs_context *context,
                   const struct socket_address *address, bool wait);
    int (*listen)(struct socket *socket, unsigned backlog);
    int (*accept)(struct socket *socket, bool wait, struct socket **out_socket);
    int (*name)(struct socket *socket, bool peer, struct socket_address *address);
    int64_t (*send)(struct socket *socket, struct socket_message *message);
    int64_t (*receive)(struct socket *socket, struct socket_message *message);
    int (*shutdown)(struct socket *socket, int how);
    uint32_t (*poll)(struct socket *socket, struct poll_waiter *waiter);
    int64_t (*ioctl)(struct socket *socket, uint32_t request);
    int (*take_error)(struct socket *socket); /* SO_ERROR: 0 or positive; clears it */
    bool (*is_listening)(struct socket *socket);
    void (*peer_credentials)(struct socket *socket, struct lx_ucred *credentials);
    /* Options of other levels than SOL_SOCKET. */
    int (*set_option)(struct socket *socket, int level, int option, struct uptr value,
                      unsigned nbytes);
    int (*get_option)(struct socket *socket, int level, int option, struct uptr value,
                      unsigned *nbytes);
    void (*release)(struct socket *socket); /* its file is gone */
};

/* What this room asks of the running task. */
struct socket_caller_ops {
    void (*credentials)(struct lx_ucred *credentials); /* pid, effective uid and gid */
    void (*sender)(struct lx_ucred *credentials);      /* pid, real uid and gid */
    uint32_t (*uid)(void);                             /* real, to be charged */
    bool (*is_capable)(unsigned capability);           /* LX_CAP_* */
};

extern const struct socket_caller_ops *socket_caller; /* constant after start-up */

void socket_init(const struct socket_caller_ops *caller);

/* A socket without a peer. type: LX_SOCK_*, without flags. -EAFNOSUPPORT and its relatives. */
MUST_CHECK int socket_create(int domain, int type, int protocol, struct socket **out_socket);
MUST_CHECK int socket_create_pair(int domain, int type, int protocol, struct socket *out_pair[2]);
void socket_setup(struct socket *socket, const struct socket_ops *ops, int domain, int type);
void socket_release(struct socket *socket); /* one that never got a file */

/* What sockets and messages take of the kernel's memory, of one user. -ENOBUFS. */
MUST_CHECK int socket_charge(struct user_charge *user, uint32_t nbytes);
void socket_uncharge(struct user_charge *user, uint32_t nbytes);

/* Before a look at what SIGIO is to tell of once it has changed. */
static inline void socket_note_no_space(struct socket *socket)
{
    __atomic_store_n(&socket->no_space, 1, __ATOMIC_SEQ_CST);
}

/* The file becomes the owner, unless this fails. flags: LX_O_NONBLOCK or 0. */
MUST_CHECK int socket_create_file(struct socket *socket, uint32_t flags,
                                  const struct credentials *cred, struct file **out_file);
struct socket *socket_of(const struct file *file); /* NULL: it is no socket */

/* Option of SOL_SOCKET: value in, value out. */
MUST_CHECK int socket_set_option(struct socket *socket, int option, struct uptr value,
                                 unsigned nbytes, bool privileged);
MUST_CHECK int socket_get_option(struct socket *socket, int option, struct uptr value,
                                 unsigned *nbytes);

/* Drops the lock of a receiver to bring in the page at which a copy to the program stopped.
 * `faults` counts the rounds of one call, which have a bound: a program can take its page away each
 * time. -EFAULT. */
MUST_CHECK int socket_fault_in_locked(struct mutex *lock, const struct user_iter *io,
                                      uint32_t *faults);

/* An urgent byte has come: SIGURG to the owner of the socket's file, with the lock of its family
 * held, which keeps the file from being released. The file is the caller's to put, without that
 * lock; NULL: none. */
MUST_CHECK struct file *socket_report_urgent(const struct socket *socket);

/* When a wait that begins now ends by itself; 0: never. */
uint64_t socket_deadline(uint64_t timeout_ns);
/* What a wait's end means to the program: a time that is over is -EAGAIN, and after a signal a call
 * with a timeout is not begun anew (signal(7)). */
int socket_wait_error(int err, uint64_t timeout_ns);
