/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/clone.h - clone(2), clone3(2), wait4(2), waitid(2)
 *
 * Used by: syscall; the ABI test compares the values with the host's <linux/sched.h>.
 */
#pragma once

#include <stdint.h>

#define LX_CSIGNAL              0x000000ff
#define LX_CLONE_VM             0x00000100
#define LX_CLONE_FS             0x00000200
#define LX_CLONE_FILES          0x00000400
#define LX_CLONE_SIGHAND        0x00000800
#define LX_CLONE_PIDFD          0x00001000
#define LX_CLONE_PTRACE         0x00002000
#define LX_CLONE_VFORK          0x00004000
#define LX_CLONE_PARENT         0x00008000
#define LX_CLONE_THREAD         0x00010000
#define LX_CLONE_NEWNS          0x00020000
#define LX_CLONE_SYSVSEM        0x00040000
#define LX_CLONE_SETTLS         0x00080000
#define LX_CLONE_PARENT_SETTID  0x00100000
#define LX_CLONE_CHILD_CLEARTID 0x00200000
#define LX_CLONE_DETACHED       0x00400000
#define LX_CLONE_UNTRACED       0x00800000
#define LX_CLONE_CHILD_SETTID   0x01000000
#define LX_CLONE_NEWCGROUP      0x02000000
#define LX_CLONE_NEWUTS         0x04000000
#define LX_CLONE_NEWIPC         0x08000000
#define LX_CLONE_NEWUSER        0x10000000
#define LX_CLONE_NEWPID         0x20000000
#define LX_CLONE_NEWNET         0x40000000
#define LX_CLONE_IO             0x80000000
#define LX_CLONE_CLEAR_SIGHAND  0x100000000ULL
#define LX_CLONE_NEWTIME        0x00000080 /* not for clone, where it is part of a signal */

struct lx_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};

#define LX_WNOHANG    1
#define LX_WUNTRACED  2
#define LX_WSTOPPED   2
#define LX_WEXITED    4
#define LX_WCONTINUED 8
#define LX_WNOWAIT    0x01000000
#define LX_WNOTHREAD  0x20000000
#define LX_WALL       0x40000000
#define LX_WCLONE     0x80000000

#define LX_P_ALL   0
#define LX_P_PID   1
#define LX_P_PGID  2
#define LX_P_PIDFD 3

#define LX_CLD_EXITED    1
#define LX_CLD_KILLED    2
#define LX_CLD_DUMPED    3
#define LX_CLD_TRAPPED   4
#define LX_CLD_STOPPED   5
#define LX_CLD_CONTINUED 6
