/* SPDX-License-Identifier: MIT */
/*
 * The stack frame of a signal handler: pushed at delivery, popped by rt_sigreturn.
 *
 * Layout and meaning are those of Linux's x86-64 (struct rt_sigframe): from the top downwards the
 * FPU area, aligned to 64 bytes, then siginfo, ucontext and the return address, which is the
 * restorer that libc gives (SA_RESTORER is mandatory on x86-64). The red zone of the interrupted
 * function stays untouched (psABI 3.2.2).
 *
 * Everything in the frame is the program's to change before it returns. So each register is either
 * harmless in any value, or masked (flags), or fixed (segments), and the FPU state is checked by
 * sigframe_fpu.c.
 */
#include "kernel/proc/signal/sigframe.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/sigframe_fpu.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/sigframe.h"

/* Flags that belong to the program: sigreturn sets them, the rest stays as it is. */
#define USER_FLAGS                                                                                 \
    (RFLAGS_AC | RFLAGS_OF | RFLAGS_DF | RFLAGS_TF | RFLAGS_SF | RFLAGS_ZF | RFLAGS_AF |           \
     RFLAGS_PF | RFLAGS_CF | RFLAGS_RF)

static uint32_t stack_mode(const struct lx_stack *stack)
{
    return (uint32_t)stack->flags & ~LX_SS_AUTODISARM;
}

/* With AUTODISARM the stack is given up while a handler is on it, so no task ever is. The stack
 * grows down: its first address is not on it, the one past its end is (an empty stack). */
static bool stack_contains(const struct lx_stack *stack, uint64_t rsp)
{
    return rsp > stack->sp && rsp - stack->sp <= stack->size;
}

bool sigframe_on_stack(const struct lx_stack *stack, uint64_t rsp)
{
    return !((uint32_t)stack->flags & LX_SS_AUTODISARM) && stack_contains(stack, rsp);
}

int sigframe_set_stack(struct task *self, const struct lx_stack *wanted, uint64_t rsp)
{
    struct lx_stack *stack = &self->sig_stack;
    uint32_t mode = stack_mode(wanted);

    /* The stack in use cannot be moved from under the handler. */
    if (sigframe_on_stack(stack, rsp))
        return -EPERM;
    if (mode != 0 && mode != LX_SS_DISABLE && mode != LX_SS_ONSTACK)
        return -EINVAL;
    /* Linux asks for MINSIGSTKSZ alone; the frame itself is checked when it is pushed. */
    if (mode != LX_SS_DISABLE && wanted->size < LX_MINSIGSTKSZ)
        return -ENOMEM;
    *stack = (struct lx_stack){.flags = wanted->flags};
    if (mode != LX_SS_DISABLE) {
        stack->sp = wanted->sp;
        stack->size = wanted->size;
    }
    return 0;
}

/* Where the parts of a frame go. 0 or -EFAULT: it would run off the alternate stack. */
static int sigframe_place(const struct lx_stack *stack, const struct lx_sigaction *action,
                          uint64_t rsp, uint64_t *fpu_at, uint64_t *frame_at)
{
    bool nested = sigframe_on_stack(stack, rsp);
    /* A handler that interrupts one on the alternate stack goes on below it. */
    uint64_t top = rsp - LX_RED_ZONE;
    bool entering = (action->flags & LX_SA_ONSTACK) && !nested && stack->size;

    if (entering)
        top = stack->sp + stack->size;
    *fpu_at = ALIGN_DOWN(top - sigframe_fpu_nbytes(), 64);
    /* As after a call: 8 below a multiple of 16. */
    *frame_at = ALIGN_DOWN(*fpu_at - sizeof(struct lx_sigframe), 16) - 8;
    if ((nested || entering) && !stack_contains(stack, *frame_at))
        return -EFAULT;
    return 0;
}

static void context_fill(const struct task *self, const struct trap_frame *frame,
                         struct lx_sigcontext *context)
{
    context->r8 = frame->r8;
    context->r9 = frame->r9;
    context->r10 = frame->r10;
    context->r11 = frame->r11;
    context->r12 = frame->r12;
    context->r13 = frame->r13;
    context->r14 = frame->r14;
    context->r15 = frame->r15;
    context->rdi = frame->rdi;
    context->rsi = frame->rsi;
    context->rbp = frame->rbp;
    context->rbx = frame->rbx;
    context->rdx = frame->rdx;
    context->rax = frame->rax;
    context->rcx = frame->rcx;
    context->rsp = frame->rsp;
    context->rip = frame->rip;
    context->rflags = frame->rflags;
    context->cs = (uint16_t)frame->cs;
    /* Linux stores no selectors but those of code and stack on x86-64. */
    context->gs = 0;
    context->fs = 0;
    context->ss = (uint16_t)frame->ss;
    context->error = self->fault_error;
    context->vector = self->fault_vector;
    context->cr2 = self->fault_address;
    memset(context->reserved, 0, sizeof(context->reserved));
}

int sigframe_push(struct task *self, struct trap_frame *frame, const struct lx_sigaction *action,
                  const struct lx_siginfo *info, uint64_t mask)
{
    struct lx_stack *stack = &self->sig_stack;
    size_t nbytes = offsetof(struct lx_sigframe, info);
    struct lx_sigframe image;
    uint64_t fpu_at, frame_at;

    if (!(action->flags & LX_SA_RESTORER) ||
        sigframe_place(stack, action, frame->rsp, &fpu_at, &frame_at))
        return -EFAULT;
    image.restorer = action->restorer;
    image.uc.flags =
        LX_UC_SIGCONTEXT_SS | LX_UC_STRICT_RESTORE_SS | (features.xsave ? LX_UC_FP_XSTATE : 0);
    image.uc.link = 0;
    image.uc.stack = *stack;
    image.uc.stack.reserved = 0;
    image.uc.mask = mask;
    context_fill(self, frame, &image.uc.context);
    image.uc.context.old_mask = mask;
    image.uc.context.fpu = fpu_at;
    if (action->flags & LX_SA_SIGINFO) {
        image.info = *info;
        /* No byte of the kernel's stack may get into the program's memory. */
        memset(image.info_bytes + sizeof(image.info), 0,
               sizeof(image.info_bytes) - sizeof(image.info));
        nbytes = sizeof(image);
    }
    /* Nothing of the task has changed up to here: on failure SIGSEGV finds the registers as they
     * were. */
    if (vm_user_write((struct uptr){frame_at}, &image, nbytes) || sigframe_fpu_push(self, fpu_at))
        return -EFAULT;

    if ((uint32_t)stack->flags & LX_SS_AUTODISARM)
        *stack = (struct lx_stack){.flags = LX_SS_DISABLE};
    trap_frame_set_full(frame);
    frame->rdi = (uint64_t)info->signo;
    frame->rsi = frame_at + offsetof(struct lx_sigframe, info);
    frame->rdx = frame_at + offsetof(struct lx_sigframe, uc);
    frame->rax = 0;
    frame->rsp = frame_at;
    frame->rip = action->handler;
    frame->cs = SELECTOR_USER_CS;
    frame->ss = SELECTOR_USER_DS;
    /* psABI 3.2.1: the direction flag is clear at entry; single steps and RF belong to the
     * interrupted code. */
    frame->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    return 0;
}

/* A code segment other than the one of 64-bit programs, or a stack segment that IRET would refuse,
 * cannot be given to it: the program dies of what the processor would say. RIP is checked by the
 * one way back to ring 3. */
static int context_take(struct trap_frame *frame, const struct lx_ucontext *uc)
{
    const struct lx_sigcontext *context = &uc->context;

    /* The privilege bits do not count, as on Linux: they become 3. */
    if ((context->cs | 3) != SELECTOR_USER_CS ||
        ((uc->flags & LX_UC_STRICT_RESTORE_SS) && (context->ss | 3) != SELECTOR_USER_DS))
        return -EFAULT;
    trap_frame_set_full(frame);
    frame->r8 = context->r8;
    frame->r9 = context->r9;
    frame->r10 = context->r10;
    frame->r11 = context->r11;
    frame->r12 = context->r12;
    frame->r13 = context->r13;
    frame->r14 = context->r14;
    frame->r15 = context->r15;
    frame->rdi = context->rdi;
    frame->rsi = context->rsi;
    frame->rbp = context->rbp;
    frame->rbx = context->rbx;
    frame->rdx = context->rdx;
    frame->rax = context->rax;
    frame->rcx = context->rcx;
    frame->rsp = context->rsp;
    frame->rip = context->rip;
    frame->rflags = (frame->rflags & ~USER_FLAGS) | (context->rflags & USER_FLAGS);
    frame->cs = SELECTOR_USER_CS;
    frame->ss = SELECTOR_USER_DS;
    return 0;
}

int sigframe_pop(struct task *self, struct trap_frame *frame)
{
    struct lx_ucontext uc;
    /* The handler's RET has popped the return address, so the frame begins 8 bytes below RSP. */
    int err = vm_user_read(&uc, (struct uptr){frame->rsp - 8 + offsetof(struct lx_sigframe, uc)},
                           sizeof(uc));

    if (err)
        return err;
    signal_set_mask(self, uc.mask);
    err = context_take(frame, &uc);
    if (!err)
        err = sigframe_fpu_pop(self, uc.context.fpu);
    if (!err && sigframe_set_stack(self, &uc.stack, frame->rsp))
        return 0; /* as on Linux: a stack that cannot be set stays as it is */
    return err;
}
