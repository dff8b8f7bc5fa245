/* SPDX-License-Identifier: MIT */
/*
 * mm/user_charge.h - what the programs of one user have made of the kernel's memory
 *
 * Owns:    a count for each user and each kind of object that programs make without a limit of
 *          their own process.
 * Used by: fs (pages of pipes, advisory locks), net (bytes in sockets), proc (processes, queued
 * signals). The object holds the account that it is charged to: it may outlive the process that
 * made it, and be freed by another user. Locks:   a spinlock, rank CHARGE, for the tree of
 * accounts; the counts are atomic. Context: thread, no spinlock held. Fails:   NULL without memory.
 * Tests:   tests/user/fs/pipe_user_limit.c, file_hoard.c
 */
#pragma once

#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"

enum charge_kind {
    CHARGE_PIPE_PAGES, /* that pipes may hold, whether they do or not */
    CHARGE_FILE_LOCKS,
    CHARGE_PROCESSES,
    CHARGE_SIGNALS,      /* queued, with what is known of them */
    CHARGE_WATCHES,      /* files in epolls */
    CHARGE_SOCKET_BYTES, /* sent and not received yet */
    CHARGE_RIGHTS,       /* files in messages that are not received yet */
    CHARGE_INOTIFIES,
    CHARGE_INOTIFY_WATCHES,
    CHARGE_EVENT_BYTES,  /* of files, in their queues */
    CHARGE_FILTER_BYTES, /* of seccomp(2) */
    CHARGE_KINDS,
};

/* I constant   t tree lock   a atomic */
struct user_charge {
    struct rb_node node;        /* [t] */
    uint32_t uid;               /* [I] */
    uint32_t refs;              /* [t] */
    int64_t used[CHARGE_KINDS]; /* [a] */
};

MUST_CHECK struct user_charge *user_charge_get(uint32_t uid);
void user_charge_put(struct user_charge *user); /* NULL is fine */

/* The count with the change: a caller that finds it too high takes its change back. */
static inline int64_t user_charge_add(struct user_charge *user, enum charge_kind kind,
                                      int64_t change)
{
    return __atomic_add_fetch(&user->used[kind], change, __ATOMIC_RELAXED);
}
