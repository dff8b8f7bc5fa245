/* SPDX-License-Identifier: MIT */
#include "kernel/syscall/dispatch.h"
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/watch.h"
#include "shared/linux/errno.h"

#define CALLS_MAX 464 /* numbers at or above have no row */

/* The thunks: registers to arguments, in the order of the kernel's calling convention. */
#define THUNK(name) static int64_t thunk_##name(struct task *self, const struct trap_frame *f)
#define SYSCALL0(nr, name)                                                                         \
    THUNK(name)                                                                                    \
    {                                                                                              \
        (void)f;                                                                                   \
        return sys_##name(self);                                                                   \
    }
#define SYSCALL1(nr, name, t1, a1)                                                                 \
    THUNK(name)                                                                                    \
    {                                                                                              \
        return sys_##name(self, TAKE_##t1(f->rdi));                                                \
    }
#define SYSCALL2(nr, name, t1, a1, t2, a2)                                                         \
    THUNK(name)                                                                                    \
    {                                                                                              \
        return sys_##name(self, TAKE_##t1(f->rdi), TAKE_##t2(f->rsi));                             \
    }
#define SYSCALL3(nr, name, t1, a1, t2, a2, t3, a3)                                                 \
    THUNK(name)                                                                                    \
    {                                                                                              \
        return sys_##name(self, TAKE_##t1(f->rdi), TAKE_##t2(f->rsi), TAKE_##t3(f->rdx));          \
    }
#define SYSCALL4(nr, name, t1, a1, t2, a2, t3, a3, t4, a4)                                         \
    THUNK(name)                                                                                    \
    {                                                                                              \
        return sys_##name(self, TAKE_##t1(f->rdi), TAKE_##t2(f->rsi), TAKE_##t3(f->rdx),           \
                          TAKE_##t4(f->r10));                                                      \
    }
#define SYSCALL5(nr, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5)                                 \
    THUNK(name)                                                                                    \
    {                                                                                              \
        return sys_##name(self, TAKE_##t1(f->rdi), TAKE_##t2(f->rsi), TAKE_##t3(f->rdx),           \
                          TAKE_##t4(f->r10), TAKE_##t5(f->r8));                                    \
    }
#define SYSCALL6(nr, name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6)                         \
    THUNK(name)                                                                                    \
    {                                                                                              \
        return sys_##name(self, TAKE_##t1(f->rdi), TAKE_##t2(f->rsi), TAKE_##t3(f->rdx),           \
                          TAKE_##t4(f->r10), TAKE_##t5(f->r8), TAKE_##t6(f->r9));                  \
    }
#include "kernel/syscall/table.def"
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

#define SYSCALL0(nr, name)      [nr] = thunk_##name,
#define SYSCALL1(nr, name, ...) [nr] = thunk_##name,
#define SYSCALL2(nr, name, ...) [nr] = thunk_##name,
#define SYSCALL3(nr, name, ...) [nr] = thunk_##name,
#define SYSCALL4(nr, name, ...) [nr] = thunk_##name,
#define SYSCALL5(nr, name, ...) [nr] = thunk_##name,
#define SYSCALL6(nr, name, ...) [nr] = thunk_##name,

static int64_t (*const calls[CALLS_MAX])(struct task *self, const struct trap_frame *frame) = {
#include "kernel/syscall/table.def"
};

/* Numbers below it are called right away: all, or none while calls are watched. */
static uint32_t direct_calls = CALLS_MAX;

void dispatch_watch(void)
{
    direct_calls = 0;
}

int64_t dispatch_make(struct task *self, const struct trap_frame *frame, uint32_t number)
{
    return number < CALLS_MAX && calls[number] ? calls[number](self, frame) : -ENOSYS;
}

void hook_syscall(struct trap_frame *frame)
{
    struct task *self = container_of(thread_current(), struct task, thread);
    uint32_t number = (uint32_t)frame->error; /* Linux looks at the low half of RAX, too */

    if (likely(number < direct_calls && calls[number]))
        frame->rax = (uint64_t)calls[number](self, frame);
    else
        frame->rax = (uint64_t)watch_call(self, frame);
}
