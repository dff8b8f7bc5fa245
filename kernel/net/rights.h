/* SPDX-License-Identifier: MIT */
/*
 * net/rights.h - open files on their way from one process to another (SCM_RIGHTS)
 *
 * Owns:    struct socket_rights: the files of one message, each referenced.
 * Used by: syscall/net (the descriptors of programs), net/unix (messages).
 * Locks:   none; one owner at a time.
 * Context: thread; no lock held: dropping them may close files.
 * Fails:   -ENOMEM.
 * Tests:   tests/user/net/unix_rights.c, unix_cycle.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/util.h"

struct file;
struct user_charge;

struct socket_rights {
    struct list link;         /* while they are dropped */
    struct user_charge *user; /* counted: the sender's, while they are in flight; NULL: they are not
                               */
    uint32_t limit;           /* so many may the sender's user have in flight before these */
    uint32_t count;
    struct file *files[]; /* NULL: handed out */
};

/* No files yet: the creator fills in all of them. */
MUST_CHECK int socket_rights_create(uint32_t count, struct socket_rights **out_rights);
/* Closes those that are left. NULL is fine. */
void socket_rights_free(struct socket_rights *rights);
