/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/itimer.h - interval timers as programs see them
 *
 * Used by: syscall.
 */
#pragma once

#include "shared/linux/time.h"

#define LX_ITIMER_REAL    0
#define LX_ITIMER_VIRTUAL 1
#define LX_ITIMER_PROF    2
#define LX_ITIMER_COUNT   3

struct lx_itimerval {
    struct lx_timeval interval, value;
};

struct lx_itimerspec {
    struct lx_timespec interval, value;
};
