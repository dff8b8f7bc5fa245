/* SPDX-License-Identifier: MIT */
/*
 * net/unix/unix.h - AF_UNIX: what the socket layer calls
 *
 * Owns:    the making of such sockets; everything else goes through struct socket_ops.
 * Used by: socket.c, netlink.
 * Context: thread; no lock held.
 * Fails:   -ENOMEM, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT.
 * Tests:   tests/user/net/
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/net/netlink/netlink_reply.h"

struct procfs_node;
struct procfs_text;
struct socket;

void unix_init(void);
MUST_CHECK int unix_create(int type, int protocol, struct socket **out_socket);
int unix_procfs_show(const struct procfs_node *node, struct procfs_text *text);
void unix_gc(void); /* sockets that only messages lead to, as far as there are any now */
void unix_pair(struct socket *one, struct socket *other); /* two new ones of one type */
netlink_dump unix_diag;                                   /* its sockets: unix_procfs.c */
