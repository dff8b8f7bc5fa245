/* SPDX-License-Identifier: MIT */
/*
 * net/interface.h - the one network interface, lo, as programs ask about it
 *
 * Owns:    the answers of ioctl on any socket: netdevice(7); /proc/net/dev and if_inet6.
 * Used by: net/socket.c, net/net_procfs.c.
 * Context: thread; no lock held.
 * Fails:   -ENODEV for every other interface, -ENOTTY for what is no request.
 * Tests:   tests/user/net/interface.c
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/util.h"

#define INTERFACE_INDEX 1

/* inet: the socket is of AF_INET, whose addresses may be asked for. */
int interface_ioctl(uint32_t request, struct uptr arg, bool inet, bool privileged);
int interface_show(const struct procfs_node *node, struct procfs_text *text);
int interface_show_inet6(const struct procfs_node *node, struct procfs_text *text);
