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

/* personality(2) */
#define LX_PER_LINUX32     0x0008u
#define LX_PER_MASK        0x00ffu
#define LX_UNAME26         0x0020000u
#define LX_STICKY_TIMEOUTS 0x4000000u

/* reboot(2) */
#define LX_REBOOT_MAGIC1        0xfee1deadu
#define LX_REBOOT_MAGIC2        672274793
#define LX_REBOOT_MAGIC2A       85072278
#define LX_REBOOT_MAGIC2B       369367448
#define LX_REBOOT_MAGIC2C       537993216
#define LX_REBOOT_CMD_RESTART   0x01234567u
#define LX_REBOOT_CMD_HALT      0xcdef0123u
#define LX_REBOOT_CMD_CAD_ON    0x89abcdefu
#define LX_REBOOT_CMD_CAD_OFF   0u
#define LX_REBOOT_CMD_POWER_OFF 0x4321fedcu
#define LX_REBOOT_CMD_RESTART2  0xa1b2c3d4u

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

#define LX_ARCH_GET_CPUID 0x1011
#define LX_ARCH_SET_CPUID 0x1012

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

#define LX_PR_GET_TIMING         13
#define LX_PR_SET_TIMING         14
#define LX_PR_TIMING_STATISTICAL 0
#define LX_PR_GET_SECCOMP        21
#define LX_PR_SET_SECCOMP        22
#define LX_PR_GET_TSC            25
#define LX_PR_SET_TSC            26
#define LX_PR_TSC_ENABLE         1
#define LX_PR_TSC_SIGSEGV        2
#define LX_PR_MCE_KILL           33
#define LX_PR_MCE_KILL_GET       34
#define LX_PR_MCE_KILL_CLEAR     0
#define LX_PR_MCE_KILL_SET       1
#define LX_PR_MCE_KILL_DEFAULT   2
#define LX_PR_GET_TID_ADDRESS    40
#define LX_PR_SET_THP_DISABLE    41
#define LX_PR_GET_THP_DISABLE    42
#define LX_PR_SET_IO_FLUSHER     57
#define LX_PR_GET_IO_FLUSHER     58

#define LX_PR_GET_SPECULATION_CTRL 52
#define LX_PR_SET_SPECULATION_CTRL 53
#define LX_PR_SPEC_STORE_BYPASS    0
#define LX_PR_SPEC_INDIRECT_BRANCH 1
#define LX_PR_SPEC_ENABLE          2
#define LX_PR_SPEC_DISABLE         4
#define LX_PR_SPEC_FORCE_DISABLE   8

#define LX_PR_CAPBSET_READ          23
#define LX_PR_CAPBSET_DROP          24
#define LX_PR_GET_SECUREBITS        27
#define LX_PR_SET_SECUREBITS        28
#define LX_PR_CAP_AMBIENT           47
#define LX_PR_CAP_AMBIENT_IS_SET    1
#define LX_PR_CAP_AMBIENT_RAISE     2
#define LX_PR_CAP_AMBIENT_LOWER     3
#define LX_PR_CAP_AMBIENT_CLEAR_ALL 4

#define LX_GRND_NONBLOCK 1
#define LX_GRND_RANDOM   2
#define LX_GRND_INSECURE 4
