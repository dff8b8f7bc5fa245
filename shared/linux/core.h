/* SPDX-License-Identifier: MIT */
/*
 * shared/linux/core.h - what is in a core file: notes of ELF, as debuggers know them
 */
#pragma once

#include "shared/linux/ptrace.h"

#define LX_NT_PRPSINFO 3
#define LX_NT_AUXV     6
#define LX_NT_FILE     0x46494c45
#define LX_NT_SIGINFO  0x53494749

/* struct elf_prstatus. */
struct lx_prstatus {
    int32_t signo, code, error;
    int16_t signal, pad;
    uint64_t pending, held;
    int32_t pid, parent, group, session;
    int64_t user[2], system[2], child_user[2], child_system[2]; /* seconds, microseconds */
    struct lx_user_regs regs;
    int32_t has_fpu, pad2;
};

/* struct elf_prpsinfo. */
struct lx_prpsinfo {
    int8_t state, letter, zombie, nice;
    uint64_t flags;
    uint32_t uid, gid;
    int32_t pid, parent, group, session;
    char name[16];
    char args[80];
};

_Static_assert(sizeof(struct lx_prstatus) == 336, "struct elf_prstatus");
_Static_assert(sizeof(struct lx_prpsinfo) == 136, "struct elf_prpsinfo");
