/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/membarrier.h - membarrier(2)
 *
 * Used by: syscall; the ABI test compares the values with the host's <linux/membarrier.h>.
 */
#pragma once

#define LX_MEMBARRIER_CMD_QUERY                                0
#define LX_MEMBARRIER_CMD_GLOBAL                               (1 << 0)
#define LX_MEMBARRIER_CMD_GLOBAL_EXPEDITED                     (1 << 1)
#define LX_MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED            (1 << 2)
#define LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED                    (1 << 3)
#define LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED           (1 << 4)
#define LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE          (1 << 5)
#define LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE (1 << 6)
#define LX_MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ               (1 << 7)
#define LX_MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ      (1 << 8)

#define LX_MEMBARRIER_CMD_FLAG_CPU 1
