/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/system.h - uname, sysinfo, arch_prctl, prctl, getrandom
 *
 * Used by: syscall; the ABI test compares with the host's headers.
 */
#pragma once

#include <stdint.h>

struct lx_utsname {
    char sysname[65], nodename[65], release[65], version[65], machine[65], domainname[65];
};

struct lx_sysinfo {
    int64_t uptime; /* seconds */
    uint64_t loads[3];
    uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap; /* in mem_unit bytes */
    uint16_t procs;
    uint16_t pad;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit;
};

#define LX_ARCH_SET_GS 0x1001
#define LX_ARCH_SET_FS 0x1002
#define LX_ARCH_GET_FS 0x1003
#define LX_ARCH_GET_GS 0x1004

#define LX_PR_SET_PDEATHSIG       1
#define LX_PR_GET_PDEATHSIG       2
#define LX_PR_GET_DUMPABLE        3
#define LX_PR_GET_KEEPCAPS        7
#define LX_PR_SET_KEEPCAPS        8
#define LX_PR_SET_DUMPABLE        4
#define LX_PR_SET_NAME            15
#define LX_PR_GET_NAME            16
#define LX_PR_SET_TIMERSLACK      29
#define LX_PR_GET_TIMERSLACK      30
#define LX_PR_SET_CHILD_SUBREAPER 36
#define LX_PR_GET_CHILD_SUBREAPER 37
#define LX_PR_SET_NO_NEW_PRIVS    38
#define LX_PR_GET_NO_NEW_PRIVS    39

#define LX_GRND_NONBLOCK 1
#define LX_GRND_RANDOM   2
#define LX_GRND_INSECURE 4
