/* SPDX-License-Identifier: MIT */
/*
 * ptrace: the registers of a frozen task, in the layout of struct user_regs_struct.
 *
 * The general ones are in the frame at the top of its stack, segment bases and selectors in the
 * thread, for it is off its processor. A frame that came by SYSCALL and is changed leaves by IRETQ,
 * which restores all; it stays a call's, so that an interrupted one is still restarted, unless the
 * tracer says with orig_rax = -1 that there is none. What ring 3 could not have set itself is
 * refused or masked: selectors other than its own, bases outside of user space, flags that are not
 * the program's. RIP and RSP may be anything: the one way to ring 3 checks the first.
 */
#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/lib/string.h"
#include "kernel/proc/ptrace/ptrace_internal.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* In the bytes that XSAVE leaves to software: where debuggers read XCR0. */
#define XCR0_OFFSET 464

/* As rt_sigreturn has them. */
#define USER_FLAGS                                                                                 \
    (RFLAGS_AC | RFLAGS_OF | RFLAGS_DF | RFLAGS_TF | RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF |           \
     RFLAGS_PF | RFLAGS_CF | RFLAGS_RF | RFLAGS_NT)

/* The number of the call that the frame is in, -1 for none. */
static COLD uint64_t call_of(const struct task *task, const struct trap_frame *frame)
{
    if (trap_frame_is_call(frame))
        return (uint64_t)(int64_t)(int32_t)frame->error;
    /* exec and rt_sigreturn have replaced the frame of their own call. */
    return task->ptrace && task->ptrace->call_op == LX_SYSCALL_INFO_EXIT
               ? (uint64_t)(int64_t)(int32_t)task->ptrace->call_number
               : UINT64_MAX;
}

/* The first fifteen are in the same order in both. */
_Static_assert(offsetof(struct trap_frame, vector) == offsetof(struct lx_user_regs, orig_rax),
               "registers are copied in one piece");

COLD void ptrace_regs_get(const struct task *task, struct lx_user_regs *regs)
{
    const struct arch_thread *arch = &task->thread.arch;
    const struct trap_frame *frame = arch_thread_frame(arch);

    memcpy(regs, frame, offsetof(struct lx_user_regs, orig_rax));
    regs->orig_rax = call_of(task, frame);
    regs->rip = frame->rip;
    regs->cs = frame->cs;
    regs->rflags = frame->rflags;
    regs->rsp = frame->rsp;
    regs->ss = frame->ss;
    regs->fs_base = arch->fs_base;
    regs->gs_base = arch->gs_base;
    regs->ds = arch->ds;
    regs->es = arch->es;
    regs->fs = arch->fs;
    regs->gs = arch->gs;
}

/* A selector that loads for certain: none, the one that it has, or that of ring 3's data. */
static COLD bool selector_is_valid(uint64_t wanted, uint16_t now)
{
    return wanted <= 3 || wanted == now || wanted == SELECTOR_USER_DS;
}

static COLD bool regs_are_valid(const struct arch_thread *arch, const struct lx_user_regs *regs)
{
    return regs->cs == SELECTOR_USER_CS && regs->ss == SELECTOR_USER_DS &&
           regs->fs_base < USER_END && regs->gs_base < USER_END &&
           selector_is_valid(regs->ds, arch->ds) && selector_is_valid(regs->es, arch->es) &&
           selector_is_valid(regs->fs, arch->fs) && selector_is_valid(regs->gs, arch->gs);
}

/* orig_rax has the width of a call's number, and is negative where there is none. */
static COLD void call_set(struct trap_frame *frame, uint64_t number)
{
    frame->vector = (int32_t)number >= 0 ? VECTOR_SYSCALL_IRET : 0;
    frame->error = (uint32_t)number;
}

COLD int ptrace_regs_set(struct task *task, const struct lx_user_regs *regs)
{
    struct arch_thread *arch = &task->thread.arch;
    struct trap_frame *frame = arch_thread_frame(arch);
    const uint64_t before = call_of(task, frame);

    if (!regs_are_valid(arch, regs))
        return -EIO;
    memcpy(frame, regs, offsetof(struct lx_user_regs, orig_rax));
    if (trap_frame_is_call(frame) || regs->orig_rax != before)
        call_set(frame, regs->orig_rax);
    frame->rip = regs->rip;
    frame->rflags = (frame->rflags & ~USER_FLAGS) | (regs->rflags & USER_FLAGS);
    frame->rsp = regs->rsp;
    arch->fs_base = regs->fs_base;
    arch->gs_base = regs->gs_base;
    arch->ds = (uint16_t)regs->ds;
    arch->es = (uint16_t)regs->es;
    arch->fs = (uint16_t)regs->fs;
    arch->gs = (uint16_t)regs->gs;
    return 0;
}

COLD void ptrace_fpu_get(const struct task *task, char *area)
{
    memcpy(area, task->thread.arch.fpu, features.fpu_nbytes);
    memcpy(area + XCR0_OFFSET, &features.xcr0, sizeof(features.xcr0));
}
