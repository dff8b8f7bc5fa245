/* SPDX-License-Identifier: MIT */
/*
 * proc/ipc/mqueue.h - POSIX message queues
 *
 * Owns:    struct mqueue, the object of each inode of file system mqueue; the messages in it, the
 *          tasks that wait, the process that is to be notified. mqueue_limits. The queues of an IPC
 *          name space, and what mounts show of them.
 * Used by: syscall/ipc/sys_mqueue.c; ipc.c, which begins and ends name spaces; procfs_sysctl.c.
 * Rule:    a queue is an ordinary file: its descriptors are fs/vfs's, and it goes with the last of
 *          its names and files.
 * Locks:   INODE of its inode for all of a queue; PIPE (a netlink socket's), the process tree and
 *          wake-ups come behind that.
 * Context: thread.
 * Fails:   as mq_open(3) and its relatives have it; -ENOMEM where messages together pass their part
 *          of memory (ipc_alloc).
 * Tests:   tests/user/ipc/mqueue_*.c
 */
#pragma once

#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"
#include "shared/linux/mqueue.h"

struct credentials;
struct file;
struct file_ops;
struct ipc_namespace;
struct mqueue;
struct netlink_reply;
struct task;
struct user_charge;

/* Of all name spaces: /proc/sys/fs/mqueue, where root may change them within these bounds. Single
 * words, read without a lock by what is made from then on. */
struct mqueue_limits {
    uint64_t msg_max, msgsize_max, queues_max, msg_default, msgsize_default;
};
extern struct mqueue_limits mqueue_limits;

#define MQUEUE_MSG_HARD      65536
#define MQUEUE_MSGSIZE_LEAST 128
#define MQUEUE_MSGSIZE_HARD  (16 << 20)

/* --- messages: the caller's until a queue or a waiter has it --- */

/* A long one is in several pieces of memory. */
struct message_part {
    struct message_part *next;
    char bytes[];
};

struct mqueue_message {
    struct rb_node node; /* [queue] */
    uint32_t priority;
    size_t nbytes;
    struct message_part first;
};

/* Copied from a program: -EFAULT, -ENOMEM. */
MUST_CHECK int mqueue_message_create(struct uptr from, size_t nbytes, uint32_t priority,
                                     struct mqueue_message **out_message);
MUST_CHECK int mqueue_message_write(struct mqueue_message *message, struct uptr to);
void mqueue_message_free(struct mqueue_message *message);
/* The first: there is one. The inode is locked, or goes. */
struct mqueue_message *mqueue_take(struct mqueue *queue);

/* --- queues --- */

/* What mq_notify asks for. */
struct mqueue_notice {
    int kind;                     /* LX_SIGEV_SIGNAL, NONE, THREAD */
    int signo;                    /* LX_SIGEV_SIGNAL; 0: none after all */
    uint64_t value;               /* of the signal */
    struct file *socket;          /* LX_SIGEV_THREAD, counted: what the cookie is sent to */
    struct netlink_reply *cookie; /* made for it */
};

enum mqueue_side { MQUEUE_SENDERS, MQUEUE_RECEIVERS };

/* I constant after creation   l inode.lock */
struct mqueue {
    struct rb_tree messages;  /* [l] */
    uint64_t count, nbytes;   /* [l] count is stored atomically, for poll */
    uint64_t maxmsg, msgsize; /* [I] */
    struct list waiters[2];   /* [l] struct mqueue_waiter, the first comes first */
    struct poll_head poll;
    struct user_charge *user;    /* [I] counted; whose RLIMIT_MSGQUEUE */
    int64_t charged;             /* [I] */
    uint64_t owner;              /* [l] serial of the process to be notified; 0: none */
    int owner_pid;               /* [l] its number */
    uint32_t owner_generation;   /* [l] the program that it ran */
    struct mqueue_notice notice; /* [l] how */
};

struct mqueue *mqueue_of(struct inode *inode);

#define MQUEUE_LINE_ROOM 80 /* what a queue shows on reading */

/* For an inode that nothing can find yet; attr NULL: as the limits say. -EINVAL, -EMFILE, -ENOMEM.
 * Whatever it has come to, the inode's end takes it back. */
MUST_CHECK int mqueue_attach(struct inode *inode, const struct task *self,
                             const struct lx_mq_attr *attr);
void mqueue_detach(struct inode *inode);

/* --- by their files --- */

extern const struct file_ops mqueue_file_ops;

void mqueue_stat(struct file *file, struct lx_mq_attr *attr);
void mqueue_set_flags(struct file *file, uint32_t flags); /* LX_O_NONBLOCK or none */

/* deadline_ns: real time, 0: none. Takes the message over unless it fails. -EAGAIN, -ETIMEDOUT,
 * -ERESTARTSYS. */
MUST_CHECK int mqueue_send(struct file *file, struct task *self, struct mqueue_message *message,
                           uint64_t deadline_ns);
MUST_CHECK int mqueue_receive(struct file *file, uint64_t deadline_ns,
                              struct mqueue_message **out_message);

void mqueue_notice_free(struct mqueue_notice *notice);
/* Takes over what is in the notice unless it fails. NULL: the caller's own ends. -EBUSY. */
MUST_CHECK int mqueue_notify(struct inode *inode, const struct task *self,
                             const struct mqueue_notice *notice);
/* A descriptor, by the current task; files: the table that it was in. */
void mqueue_closed(struct inode *inode, const void *files);

/* --- names --- */

MUST_CHECK int mqueue_open(struct task *self, const char *name, uint32_t flags, uint32_t mode,
                           const struct lx_mq_attr *attr, struct file **out_file);
MUST_CHECK int mqueue_unlink(struct task *self, const char *name);

/* At start-up, once there are file systems: those of the initial name space; the type. */
MUST_CHECK int mqueue_init(void);
/* A name space begins, and nothing has it any more. */
MUST_CHECK int mqueue_space_init(struct ipc_namespace *space);
void mqueue_space_end(struct ipc_namespace *space);
