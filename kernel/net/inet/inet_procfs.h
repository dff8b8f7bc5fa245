/* SPDX-License-Identifier: MIT */
/*
 * net/inet/inet_procfs.h - /proc/net/tcp and its relatives
 *
 * Owns:    nothing.
 * Used by: net/net_procfs.c; procfs_entry.arg says which file.
 * Locks:   each bucket of ports in turn.
 * Context: thread.
 * Tests:   tests/user/net/interface.c
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"

#define INET_PROCFS_TCP      0
#define INET_PROCFS_TCP6     1
#define INET_PROCFS_UDP      2
#define INET_PROCFS_UDP6     3
#define INET_PROCFS_UDPLITE  4
#define INET_PROCFS_UDPLITE6 5

int inet_procfs_show(const struct procfs_node *node, struct procfs_text *text);
