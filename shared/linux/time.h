/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/time.h - clocks and times
 *
 * Used by: syscall; the ABI test compares with the host's <time.h> and <sys/time.h>.
 */
#pragma once

#include <stdint.h>

#define LX_CLOCK_REALTIME           0
#define LX_CLOCK_MONOTONIC          1
#define LX_CLOCK_PROCESS_CPUTIME_ID 2
#define LX_CLOCK_THREAD_CPUTIME_ID  3
#define LX_CLOCK_MONOTONIC_RAW      4
#define LX_CLOCK_REALTIME_COARSE    5
#define LX_CLOCK_MONOTONIC_COARSE   6
#define LX_CLOCK_BOOTTIME           7
#define LX_CLOCK_REALTIME_ALARM     8
#define LX_CLOCK_BOOTTIME_ALARM     9
#define LX_CLOCK_TAI                11

#define LX_TIMER_ABSTIME 1

/* Clocks of the processor time of a process or thread: ~number << 3, which of them, and what. */
#define LX_CPUCLOCK_PERTHREAD_MASK 4
#define LX_CPUCLOCK_WHAT_MASK      3
#define LX_CPUCLOCK_PROF           0
#define LX_CPUCLOCK_VIRT           1
#define LX_CPUCLOCK_SCHED          2

#define LX_CLOCK_TICKS_COARSE 250 /* resolution of the COARSE clocks, as Debian builds Linux */

struct lx_timespec {
    int64_t sec;
    int64_t nsec;
};

struct lx_timeval {
    int64_t sec;
    int64_t usec;
};

struct lx_timezone {
    int32_t minutes_west;
    int32_t dst_time;
};

struct lx_tms {
    int64_t utime, stime, cutime, cstime; /* clock ticks, LX_CLOCK_TICKS a second */
};
