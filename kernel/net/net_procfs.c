/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/net: the files of each family, by name.
 *
 * What they show is not a process's own: there is one network. /proc/net is a link to the reader's.
 */
#include "kernel/net/net_procfs.h"
#include "kernel/lib/util.h"
#include "kernel/net/inet/inet_procfs.h"
#include "kernel/net/interface.h"
#include "kernel/net/unix/unix.h"
#include "shared/linux/stat.h"

/* The order is that of a listing. Linux has more of them: a program that finds one missing takes it
 * that the kernel was built without what it shows. */
static const struct procfs_entry net_files[] = {
    PROCFS_TEXT("dev", 0444, interface_show),
    PROCFS_TEXT("if_inet6", 0444, interface_show_inet6),
    {.name = "tcp", .mode = LX_S_IFREG | 0444, .arg = INET_PROCFS_TCP, .show = inet_procfs_show},
    {.name = "tcp6", .mode = LX_S_IFREG | 0444, .arg = INET_PROCFS_TCP6, .show = inet_procfs_show},
    {.name = "udp", .mode = LX_S_IFREG | 0444, .arg = INET_PROCFS_UDP, .show = inet_procfs_show},
    {.name = "udp6", .mode = LX_S_IFREG | 0444, .arg = INET_PROCFS_UDP6, .show = inet_procfs_show},
    {.name = "udplite",
     .mode = LX_S_IFREG | 0444,
     .arg = INET_PROCFS_UDPLITE,
     .show = inet_procfs_show},
    {.name = "udplite6",
     .mode = LX_S_IFREG | 0444,
     .arg = INET_PROCFS_UDPLITE6,
     .show = inet_procfs_show},
    PROCFS_TEXT("unix", 0444, unix_procfs_show),
};

const struct procfs_dir net_procfs_dir = {.entries = net_files, .count = ARRAY_SIZE(net_files)};
