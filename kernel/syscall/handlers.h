/* SPDX-License-Identifier: MIT */
/*
 * syscall/handlers.h - prototypes of all handlers, made from the table
 *
 * Rule:    a handler gets its task first (context is passed) and returns what goes to RAX: a result
 *          or a negative errno. Validate, then commit.
 * Context: the task's own thread, interrupts on, no lock held.
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/syscall/macros.h"

struct task;

#define SYSCALL0(nr, name)         int64_t sys_##name(struct task *self);
#define SYSCALL1(nr, name, t1, a1) int64_t sys_##name(struct task *self, ARG_##t1 a1);
#define SYSCALL2(nr, name, t1, a1, t2, a2)                                                         \
    int64_t sys_##name(struct task *self, ARG_##t1 a1, ARG_##t2 a2);
#define SYSCALL3(nr, name, t1, a1, t2, a2, t3, a3)                                                 \
    int64_t sys_##name(struct task *self, ARG_##t1 a1, ARG_##t2 a2, ARG_##t3 a3);
#define SYSCALL4(nr, name, t1, a1, t2, a2, t3, a3, t4, a4)                                         \
    int64_t sys_##name(struct task *self, ARG_##t1 a1, ARG_##t2 a2, ARG_##t3 a3, ARG_##t4 a4);
#define SYSCALL5(nr, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                 \
    int64_t sys_##name(struct task *self, ARG_##t1 a1, ARG_##t2 a2, ARG_##t3 a3, ARG_##t4 a4,      \
                       ARG_##t5 a5);
#define SYSCALL6(nr, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                         \
    int64_t sys_##name(struct task *self, ARG_##t1 a1, ARG_##t2 a2, ARG_##t3 a3, ARG_##t4 a4,      \
                       ARG_##t5 a5, ARG_##t6 a6);

#include "kernel/syscall/table.def"

#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6
