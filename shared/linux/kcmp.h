/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/kcmp.h - kcmp(2)
 *
 * Used by: syscall/proc/sys_kcmp.c.
 */
#pragma once

#include <stdint.h>

#define LX_KCMP_FILE      0
#define LX_KCMP_VM        1
#define LX_KCMP_FILES     2
#define LX_KCMP_FS        3
#define LX_KCMP_SIGHAND   4
#define LX_KCMP_IO        5
#define LX_KCMP_SYSVSEM   6
#define LX_KCMP_EPOLL_TFD 7

struct lx_kcmp_epoll_slot {
    uint32_t efd, tfd, toff;
};
