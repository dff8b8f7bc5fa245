/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/resource.h - resource limits and usage
 *
 * Used by: proc, syscall; the ABI test compares with the host's <sys/resource.h>.
 */
#pragma once

#include "shared/linux/time.h"

#define LX_RLIMIT_CPU        0
#define LX_RLIMIT_FSIZE      1
#define LX_RLIMIT_DATA       2
#define LX_RLIMIT_STACK      3
#define LX_RLIMIT_CORE       4
#define LX_RLIMIT_RSS        5
#define LX_RLIMIT_NPROC      6
#define LX_RLIMIT_NOFILE     7
#define LX_RLIMIT_MEMLOCK    8
#define LX_RLIMIT_AS         9
#define LX_RLIMIT_LOCKS      10
#define LX_RLIMIT_SIGPENDING 11
#define LX_RLIMIT_MSGQUEUE   12
#define LX_RLIMIT_NICE       13
#define LX_RLIMIT_RTPRIO     14
#define LX_RLIMIT_RTTIME     15
#define LX_RLIM_NLIMITS      16

#define LX_RLIM_INFINITY UINT64_MAX

#define LX_PRIO_PROCESS 0
#define LX_PRIO_PGRP    1
#define LX_PRIO_USER    2

#define LX_RUSAGE_SELF     0
#define LX_RUSAGE_CHILDREN (-1)
#define LX_RUSAGE_THREAD   1

struct lx_rlimit {
    uint64_t current;
    uint64_t maximum;
};

struct lx_rusage {
    struct lx_timeval utime, stime;
    int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
        nsignals, nvcsw, nivcsw;
};
