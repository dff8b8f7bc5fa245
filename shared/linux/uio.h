/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/uio.h - vectors of buffers
 *
 * Used by: kernel/syscall/fs/sys_rw.c; the kernel's own form is struct user_iter_segment
 * (vm/vm_user.h).
 */
#pragma once

#include <stdint.h>

struct lx_iovec {
    uint64_t iov_base;
    uint64_t iov_len;
};
_Static_assert(sizeof(struct lx_iovec) == 16, "struct iovec");

#define LX_UIO_MAXIOV   1024
#define LX_UIO_FASTIOV  8
#define LX_MAX_RW_COUNT 0x7ffff000ULL /* bytes moved by one call, at most */

#define LX_RWF_HIPRI  0x01
#define LX_RWF_DSYNC  0x02
#define LX_RWF_SYNC   0x04
#define LX_RWF_NOWAIT 0x08
#define LX_RWF_APPEND 0x10
