/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/sched.h - scheduling policies
 *
 * Used by: syscall; the ABI test compares with the host's <linux/sched.h>.
 */
#pragma once

#define LX_SCHED_NORMAL        0
#define LX_SCHED_FIFO          1
#define LX_SCHED_RR            2
#define LX_SCHED_BATCH         3
#define LX_SCHED_IDLE          5
#define LX_SCHED_DEADLINE      6
#define LX_SCHED_RESET_ON_FORK 0x40000000
