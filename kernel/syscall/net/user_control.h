/* SPDX-License-Identifier: MIT */
/*
 * syscall/net/user_control.h - control messages, from a program and to it
 *
 * Owns:    nothing.
 * Used by: sys_message.c.
 * Context: a system call; no lock held.
 * Tests:   tests/user/net/unix_name.c, unix_rights.c, udp_basic.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/socket.h"

struct socket;
struct socket_message;
struct task;

/* All that the header names: credentials and files become the message's. -EFAULT, -EINVAL, -ENOBUFS
 * for more than optmem_max bytes, -EPERM and -ESRCH of credentials, errors of user_rights_get. */
MUST_CHECK int user_control_get(struct task *self, const struct socket *socket,
                                const struct lx_msghdr *header, struct socket_message *message);

/* What was given for control data is replaced by what was put there; header->control_nbytes says
 * how much that is. MSG_CTRUNC is set in the message. */
void user_control_put(struct task *self, struct lx_msghdr *header, struct socket_message *message);
