/* SPDX-License-Identifier: MIT */
/*
 * From a system call number to its handler.
 *
 * The table (table.def) is included twice here: once for the thunks, which take the arguments out
 * of the frame in the order of the kernel's convention (RDI, RSI, RDX, R10, R8, R9; R10 in place of
 * RCX, which SYSCALL overwrites) and convert each to the handler's type; once for the array of
 * thunks by number, whose holes are a thunk as well. A row without a handler is a link error, two
 * rows with one number are an error of the compiler.
 *
 * Calls take the fast path below task.direct_calls. Tracing, for all tasks from start-up on or by
 * ptrace(2) and seccomp(2) for one, makes that 0, so that others pay nothing for it: no flag is
 * tested that the bound does not test anyway.
 */
#include "kernel/syscall/dispatch.h"
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/task.h"
#include "kernel/syscall/handlers.h"
#include "kernel/syscall/trace.h"
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

static int64_t no_such_call(struct task *self, const struct trap_frame *frame)
{
    (void)self;
    (void)frame;
    return -ENOSYS;
}

/* Constant, so it lies in rodata and cannot be overwritten. The holes are filled first and the rows
 * put over them: no call has to look for a hole. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static int64_t (*const calls[CALLS_MAX])(struct task *self, const struct trap_frame *frame) = {
    [0 ... CALLS_MAX - 1] = no_such_call,
#include "kernel/syscall/table.def"
};
#pragma GCC diagnostic pop
#undef SYSCALL0
#undef SYSCALL1
#undef SYSCALL2
#undef SYSCALL3
#undef SYSCALL4
#undef SYSCALL5
#undef SYSCALL6

/* A name for each number: a second row with one of them would be a second constant of that name. */
#define SYSCALL0(nr, name)      ROW_OF_NUMBER_##nr,
#define SYSCALL1(nr, name, ...) ROW_OF_NUMBER_##nr,
#define SYSCALL2(nr, name, ...) ROW_OF_NUMBER_##nr,
#define SYSCALL3(nr, name, ...) ROW_OF_NUMBER_##nr,
#define SYSCALL4(nr, name, ...) ROW_OF_NUMBER_##nr,
#define SYSCALL5(nr, name, ...) ROW_OF_NUMBER_##nr,
#define SYSCALL6(nr, name, ...) ROW_OF_NUMBER_##nr,
enum {
#include "kernel/syscall/table.def"
};

_Static_assert(CALLS_MAX == TASK_DIRECT_CALLS, "a task that nothing watches calls all directly");

void dispatch_trace_calls(void)
{
    task_direct_calls = 0;
}

/* For trace.c, and for numbers that the fast path does not take. */
int64_t dispatch_make(struct task *self, const struct trap_frame *frame, uint32_t number)
{
    return number < CALLS_MAX ? calls[number](self, frame) : -ENOSYS;
}

/* No program sees a code of lib/restart.h: signal_deliver runs even if no signal is left. After
 * rt_sigreturn the frame is no call's any more, and RAX the program's own. Apart from the caller,
 * which thus keeps nothing for it over the call. */
static NOINLINE void restart_note(const struct trap_frame *frame)
{
    struct task *self = container_of(thread_current(), struct task, thread);

    if (!trap_frame_is_call(frame))
        return;
    self->sig_restart = true;
    arch_thread_add_work(&self->thread.arch, TIF_SIGNAL);
}

/* Watched by the kernel, by a tracer, by filters, or with a number that there is not. */
static NOINLINE int64_t call_slowly(struct task *self, struct trap_frame *frame)
{
    bool traced = __atomic_load_n(&self->ptrace, __ATOMIC_RELAXED) != NULL;
    uint32_t number;
    bool made;

    frame->rax = (uint64_t)-ENOSYS;
    made = !traced || ptrace_call_enter(self, frame);
    if (made && self->seccomp_mode)
        made = seccomp_call_enter(self, frame);
    number = (uint32_t)frame->error; /* exec replaces the frame */
    if (made)
        frame->rax = (uint64_t)trace_call(self, frame);
    if (traced)
        ptrace_call_leave(self, frame, number);
    return (int64_t)frame->rax;
}

void hook_syscall(struct trap_frame *frame)
{
    struct task *self = container_of(thread_current(), struct task, thread);
    uint64_t number = (uint32_t)frame->error; /* Linux looks at the low half of RAX, too */
    int64_t result;

    if (likely(number < self->direct_calls))
        result = calls[number](self, frame);
    else
        result = call_slowly(self, frame);
    frame->rax = (uint64_t)result;
    if (unlikely(restart_is_code(result)))
        restart_note(frame);
}
