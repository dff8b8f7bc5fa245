/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/net: the files of each family, by name.
 *
 * What they show is not a process's own: there is one network. /proc/net is a link to the reader's.
 */
#include "kernel/net/net_procfs.h"
#include "kernel/lib/util.h"
#include "kernel/net/unix/unix.h"
#include "shared/linux/stat.h"

/* The order is that of a listing. */
static const struct procfs_entry net_files[] = {
    PROCFS_TEXT("unix", 0444, unix_procfs_show),
};

const struct procfs_dir net_procfs_dir = {net_files, ARRAY_SIZE(net_files), NULL, NULL};
