/* SPDX-License-Identifier: MIT */
/*
 * proc/ipc/msg.h - System V message queues
 *
 * Owns:    queues, the messages in them, and the tasks that wait for one or for room.
 * Used by: syscall/ipc/sys_msg.c.
 * Locks:   those of proc/ipc/ipc.h.
 * Fails:   as msgget(2), msgop(2) and msgctl(2) have it; -ENOMEM where messages and semaphores
 *          together pass their part of memory.
 * Tests:   tests/user/ipc/msg_*.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/proc/ipc/ipc.h"

struct lx_msqid_ds;
struct lx_msginfo;
struct task;

/* Made and freed by the caller, unless a queue has it. */
struct message {
    struct list link; /* [queue] */
    int64_t type;
    size_t nbytes;
    char text[];
};

MUST_CHECK int message_create(size_t nbytes, struct message **out_message);
void message_free(struct message *message); /* NULL is fine */

/* Takes the message over if it succeeds. */
MUST_CHECK int msg_send(struct task *self, int id, struct message *message, int flags);
/* The caller owns it then. */
MUST_CHECK int msg_receive(struct task *self, int id, size_t nbytes, int64_t type, int flags,
                           struct message **out_message);

MUST_CHECK int msg_set(struct task *self, int id, const struct lx_msqid_ds *change);
/* The highest index in use. */
int msg_info(const struct task *self, struct lx_msginfo *info);
