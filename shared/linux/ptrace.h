/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/ptrace.h - ptrace(2): requests, options, events, the layout of registers
 */
#pragma once

#include <stdint.h>

#define LX_PTRACE_TRACEME              0
#define LX_PTRACE_PEEKTEXT             1
#define LX_PTRACE_PEEKDATA             2
#define LX_PTRACE_PEEKUSER             3
#define LX_PTRACE_POKETEXT             4
#define LX_PTRACE_POKEDATA             5
#define LX_PTRACE_POKEUSER             6
#define LX_PTRACE_CONT                 7
#define LX_PTRACE_KILL                 8
#define LX_PTRACE_SINGLESTEP           9
#define LX_PTRACE_GETREGS              12
#define LX_PTRACE_SETREGS              13
#define LX_PTRACE_GETFPREGS            14
#define LX_PTRACE_SETFPREGS            15
#define LX_PTRACE_ATTACH               16
#define LX_PTRACE_DETACH               17
#define LX_PTRACE_SYSCALL              24
#define LX_PTRACE_SETOPTIONS           0x4200
#define LX_PTRACE_GETEVENTMSG          0x4201
#define LX_PTRACE_GETSIGINFO           0x4202
#define LX_PTRACE_SETSIGINFO           0x4203
#define LX_PTRACE_GETREGSET            0x4204
#define LX_PTRACE_SETREGSET            0x4205
#define LX_PTRACE_SEIZE                0x4206
#define LX_PTRACE_INTERRUPT            0x4207
#define LX_PTRACE_LISTEN               0x4208
#define LX_PTRACE_PEEKSIGINFO          0x4209
#define LX_PTRACE_GETSIGMASK           0x420a
#define LX_PTRACE_SETSIGMASK           0x420b
#define LX_PTRACE_SECCOMP_GET_FILTER   0x420c
#define LX_PTRACE_SECCOMP_GET_METADATA 0x420d
#define LX_PTRACE_GET_SYSCALL_INFO     0x420e

#define LX_PTRACE_O_TRACESYSGOOD    0x01
#define LX_PTRACE_O_EXITKILL        0x100000
#define LX_PTRACE_O_SUSPEND_SECCOMP 0x200000
/* The bit of an event is 1 << its number. */
#define LX_PTRACE_O_EVENTS 0xfeu
#define LX_PTRACE_O_ALLOWED                                                                        \
    (LX_PTRACE_O_EVENTS | LX_PTRACE_O_TRACESYSGOOD | LX_PTRACE_O_EXITKILL |                        \
     LX_PTRACE_O_SUSPEND_SECCOMP)

#define LX_PTRACE_EVENT_FORK       1
#define LX_PTRACE_EVENT_VFORK      2
#define LX_PTRACE_EVENT_CLONE      3
#define LX_PTRACE_EVENT_EXEC       4
#define LX_PTRACE_EVENT_VFORK_DONE 5
#define LX_PTRACE_EVENT_EXIT       6
#define LX_PTRACE_EVENT_SECCOMP    7
#define LX_PTRACE_EVENT_STOP       128

#define LX_NT_PRSTATUS   1
#define LX_NT_PRFPREG    2
#define LX_NT_X86_XSTATE 0x202

/* struct user_regs_struct. */
struct lx_user_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t orig_rax; /* number of the call; -1: no call */
    uint64_t rip, cs, rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
};

_Static_assert(sizeof(struct lx_user_regs) == 216, "struct user_regs_struct");

/* Of struct user, which PEEKUSER and POKEUSER address. */
#define LX_USER_NBYTES       912
#define LX_USER_DEBUG_OFFSET 848 /* u_debugreg: 8 words */

/* PTRACE_PEEKSIGINFO: from that one on, so many. */
#define LX_PTRACE_PEEKSIGINFO_SHARED 1u /* those of the process, not the task's own */

struct lx_peeksiginfo {
    uint64_t first;
    uint32_t flags;
    int32_t count;
};

/* PTRACE_GET_SYSCALL_INFO. */
#define LX_SYSCALL_INFO_NONE    0
#define LX_SYSCALL_INFO_ENTRY   1
#define LX_SYSCALL_INFO_EXIT    2
#define LX_SYSCALL_INFO_SECCOMP 3
#define LX_AUDIT_ARCH_X86_64    0xc000003eu

struct lx_syscall_info {
    uint8_t op;
    uint8_t pad[3];
    uint32_t arch;
    uint64_t rip, rsp;
    union {
        struct {
            uint64_t number, args[6];
        } entry;
        struct {
            int64_t value;
            uint8_t is_error;
        } exit;
        struct {
            uint64_t number, args[6];
            uint32_t data; /* of the filter's action */
        } seccomp;
    };
};

_Static_assert(sizeof(struct lx_syscall_info) == 88, "struct ptrace_syscall_info");
