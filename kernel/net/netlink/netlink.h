/* SPDX-License-Identifier: MIT */
/*
 * net/netlink/netlink.h - AF_NETLINK: what the socket layer calls
 *
 * Owns:    the making of such sockets; everything else goes through struct socket_ops. Notices of
 *          the kernel's own.
 * Used by: socket.c; proc/ipc (mq_notify).
 * Context: thread; no lock held.
 * Fails:   -ENOMEM, -ESOCKTNOSUPPORT, -EPROTONOSUPPORT.
 * Tests:   tests/user/net/netlink.c
 */
#pragma once

#include "kernel/lib/util.h"

struct file;
struct netlink_reply;
struct socket;

void netlink_init(void);
MUST_CHECK int netlink_create(int type, int protocol, struct socket **out_socket);

/* A datagram that the kernel sends to the socket of that file later, whatever happens: all that can
 * fail comes first. Waits until what lies there leaves room. -ENOTSOCK, -EINVAL: another family;
 * -ENOMEM, -ERESTARTSYS. Each is sent, with another last byte, or freed; the file is kept until
 * then. */
MUST_CHECK int netlink_notice_create(struct file *file, const void *bytes, uint32_t nbytes,
                                     struct netlink_reply **out_notice);
void netlink_notice_send(struct file *file, struct netlink_reply *notice, char last);
void netlink_notice_free(struct file *file, struct netlink_reply *notice);
