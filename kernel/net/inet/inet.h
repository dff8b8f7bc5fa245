/* SPDX-License-Identifier: MIT */
/*
 * net/inet/inet.h - AF_INET and AF_INET6: what the socket layer calls
 *
 * Owns:    the making of such sockets; everything else goes through struct socket_ops.
 * Used by: socket.c, netlink.
 * Context: thread; no lock held.
 * Fails:   -ENOMEM, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EINVAL, -EPERM.
 * Tests:   tests/user/net/tcp_*.c, udp_*.c
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/net/netlink/netlink_reply.h"

struct socket;

void inet_init(void);
MUST_CHECK int inet_create(int domain, int type, int protocol, struct socket **out_socket);
netlink_dump inet_diag; /* its sockets: inet_procfs.c */
