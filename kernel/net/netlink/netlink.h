/* SPDX-License-Identifier: MIT */
/*
 * net/netlink/netlink.h - AF_NETLINK: what the socket layer calls
 *
 * Owns:    the making of such sockets; everything else goes through struct socket_ops.
 * Used by: socket.c.
 * Context: thread; no lock held.
 * Fails:   -ENOMEM, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT.
 * Tests:   tests/user/net/netlink.c
 */
#pragma once

#include "kernel/lib/util.h"

struct socket;

void netlink_init(void);
MUST_CHECK int netlink_create(int type, int protocol, struct socket **out_socket);
