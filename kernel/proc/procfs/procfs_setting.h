/* SPDX-License-Identifier: MIT */
/*
 * proc/procfs/procfs_setting.h - numbers in /proc/sys that root may change
 *
 * Owns:    the table of them: where each is kept, and between which bounds.
 * Users:   procfs_sysctl.c
 * Context: reads and writes of /proc, which may sleep. No locks: each number is a single word.
 * Fails:   -EINVAL for what is no number or beyond the bounds, -EFAULT.
 * Tests:   tests/user/proc/proc_sys.c
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"
#include "shared/linux/stat.h"

/* Each is a word of its owner's, which reads it anew whenever it counts; none can be raised beyond
 * what the kernel is made for. An entry has the first one in .arg, and how many there are. */
enum setting {
    SET_DNOTIFY,
    SET_LEASE_BREAK,
    SET_LEASES,
    SET_MQ_MSGS,
    SET_MQ_MSGS_DEFAULT,
    SET_MQ_QUEUES,
    SET_MQ_SIZE,
    SET_MQ_SIZE_DEFAULT,
    SET_MSG_BYTES,
    SET_MSG_NEXT,
    SET_MSG_QUEUE,
    SET_MSG_QUEUES,
    SET_PIPE_SIZE,
    SET_PIPE_SOFT,
    SET_SEMAPHORES,
    SET_SEM_NEXT = SET_SEMAPHORES + 4,
    SET_SHM_ALL,
    SET_SHM_BYTES,
    SET_SHM_NEXT,
    SET_SHM_SEGMENTS,
    SET_TASKS,
};

#define SETTINGS_ENTRY 4 /* an entry has at most so many */
#define COUNT_SHIFT    8

int procfs_show_setting(const struct procfs_node *node, struct procfs_text *text);
int procfs_write_setting(const struct procfs_node *node, struct user_iter *io);

#define SETTINGS(entry_name, first, count)                                                         \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | 0644, .arg = (first) | (count) << COUNT_SHIFT,  \
        .show = procfs_show_setting, .write = procfs_write_setting                                 \
    }
#define SETTING(entry_name, first) SETTINGS(entry_name, first, 1)
