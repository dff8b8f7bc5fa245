/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/mqueue.h - POSIX message queues: attributes, notification
 *
 * Used by: proc/ipc, syscall/ipc. Values and layouts are those of the host's <linux/mqueue.h>.
 */
#pragma once

#include <stdint.h>

#define LX_MQUEUE_MAGIC 0x19800202

#define LX_MQ_PRIO_MAX 32768 /* priorities lie below */

/* SIGEV_THREAD: the cookie that the C library gets back, and what its last byte is then. */
#define LX_NOTIFY_COOKIE_LEN 32
#define LX_NOTIFY_WOKENUP    1
#define LX_NOTIFY_REMOVED    2

struct lx_mq_attr {
    int64_t flags, maxmsg, msgsize, curmsgs;
    int64_t reserved[4];
};
_Static_assert(sizeof(struct lx_mq_attr) == 64, "struct mq_attr");
