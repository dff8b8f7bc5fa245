/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/signal.h - signals as programs see them
 *
 * Used by: proc, syscall; the ABI test compares with the host's <signal.h> and <asm/signal.h>.
 */
#pragma once

#include <stdint.h>

#define LX_SIGHUP    1
#define LX_SIGINT    2
#define LX_SIGQUIT   3
#define LX_SIGILL    4
#define LX_SIGTRAP   5
#define LX_SIGABRT   6
#define LX_SIGBUS    7
#define LX_SIGFPE    8
#define LX_SIGKILL   9
#define LX_SIGUSR1   10
#define LX_SIGSEGV   11
#define LX_SIGUSR2   12
#define LX_SIGPIPE   13
#define LX_SIGALRM   14
#define LX_SIGTERM   15
#define LX_SIGSTKFLT 16
#define LX_SIGCHLD   17
#define LX_SIGCONT   18
#define LX_SIGSTOP   19
#define LX_SIGTSTP   20
#define LX_SIGTTIN   21
#define LX_SIGTTOU   22
#define LX_SIGURG    23
#define LX_SIGXCPU   24
#define LX_SIGXFSZ   25
#define LX_SIGVTALRM 26
#define LX_SIGPROF   27
#define LX_SIGWINCH  28
#define LX_SIGIO     29
#define LX_SIGPWR    30
#define LX_SIGSYS    31
#define LX_SIGRTMIN  32
#define LX_NSIG      64 /* signals are numbered 1 to 64 */

#define LX_SIG_DFL 0
#define LX_SIG_IGN 1

#define LX_SIG_BLOCK   0
#define LX_SIG_UNBLOCK 1
#define LX_SIG_SETMASK 2

#define LX_SA_NOCLDSTOP      0x00000001
#define LX_SA_NOCLDWAIT      0x00000002
#define LX_SA_SIGINFO        0x00000004
#define LX_SA_EXPOSE_TAGBITS 0x00000800 /* kept, without a meaning here */
#define LX_SA_RESTORER       0x04000000
#define LX_SA_ONSTACK        0x08000000
#define LX_SA_RESTART        0x10000000
#define LX_SA_NODEFER        0x40000000
#define LX_SA_RESETHAND      0x80000000

#define LX_SS_ONSTACK    1
#define LX_SS_DISABLE    2
#define LX_SS_AUTODISARM 0x80000000
#define LX_MINSIGSTKSZ   2048

/* Of the system call, which is not libc's. */
struct lx_sigaction {
    uint64_t handler;
    uint64_t flags;
    uint64_t restorer;
    uint64_t mask;
};

struct lx_stack {
    uint64_t sp;
    int32_t flags;
    uint32_t reserved;
    uint64_t size;
};

/* Why a signal was sent: si_code. Above zero the kernel speaks of its own accord. */
#define LX_SI_USER   0
#define LX_SI_KERNEL 0x80
#define LX_SI_QUEUE  (-1)
#define LX_SI_TIMER  (-2)
#define LX_SI_SIGIO  (-5)
#define LX_SI_TKILL  (-6)

#define LX_FPE_INTDIV  1
#define LX_FPE_FLTDIV  3
#define LX_FPE_FLTOVF  4
#define LX_FPE_FLTUND  5
#define LX_FPE_FLTRES  6
#define LX_FPE_FLTINV  7
#define LX_ILL_ILLOPN  2
#define LX_SEGV_MAPERR 1
#define LX_SEGV_ACCERR 2
#define LX_BUS_ADRALN  1
#define LX_BUS_ADRERR  2
#define LX_TRAP_BRKPT  1
#define LX_TRAP_TRACE  2
#define LX_SYS_SECCOMP 1

/* Codes of signals about files. */
#define LX_POLL_IN  1
#define LX_POLL_OUT 2
#define LX_POLL_MSG 3
#define LX_POLL_ERR 4
#define LX_POLL_HUP 6

/* What is known of one signal: the part of siginfo_t that has a meaning. The program gets
 * LX_SIGINFO_NBYTES, the rest of them zero. */
#define LX_SIGINFO_NBYTES 128
struct lx_siginfo {
    int32_t signo;
    int32_t error;
    int32_t code;
    int32_t pad;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            uint64_t value; /* sigqueue */
        } sender;
        struct {
            int32_t id;
            int32_t overrun;
            uint64_t value;
        } timer;
        struct {
            int32_t pid;
            uint32_t uid;
            int32_t status;
            int32_t pad;
            int64_t utime, stime; /* in clock ticks */
        } child;
        struct {
            uint64_t address;
        } fault;
        struct {
            int64_t band;
            int32_t fd;
            int32_t pad;
        } poll; /* LX_POLL_* */
        struct {
            uint64_t address;
            int32_t number;
            uint32_t arch;
        } call; /* LX_SYS_SECCOMP */
        uint64_t words[4];
    };
};

_Static_assert(sizeof(struct lx_siginfo) == 48, "the fields of the kernel's siginfo");

/* What a file of signalfd4 gives. */
struct lx_signalfd_siginfo {
    uint32_t signo;
    int32_t error;
    int32_t code;
    int32_t pid;
    uint32_t uid;
    int32_t fd;
    int32_t timer;
    uint32_t band;
    int32_t overrun;
    uint32_t trap;
    int32_t status;
    int32_t number; /* sigqueue: the value as a number */
    uint64_t value;
    int64_t utime, stime;
    uint64_t address;
    uint8_t pad[48];
};

_Static_assert(sizeof(struct lx_signalfd_siginfo) == 128, "struct signalfd_siginfo");

/* timer_create. */
#define LX_SIGEV_SIGNAL    0
#define LX_SIGEV_NONE      1
#define LX_SIGEV_THREAD    2
#define LX_SIGEV_THREAD_ID 4

struct lx_sigevent {
    uint64_t value;
    int32_t signo;
    int32_t notify;
    int32_t tid;
    int32_t pad[11];
};

_Static_assert(sizeof(struct lx_sigevent) == 64, "struct sigevent");
