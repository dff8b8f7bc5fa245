/* SPDX-License-Identifier: MIT */
#include "kernel/proc/sigframe.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/sigframe_fpu.h"
#include "kernel/proc/signal.h"
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

/* With AUTODISARM the stack is given up while a handler is on it, so nobody ever is. */
static bool within(const struct lx_stack *stack, uint64_t rsp)
{
    return rsp > stack->sp && rsp - stack->sp <= stack->size;
}

bool sigframe_on_stack(const struct lx_stack *stack, uint64_t rsp)
{
    return !((uint32_t)stack->flags & LX_SS_AUTODISARM) && within(stack, rsp);
}

int sigframe_set_stack(struct task *self, const struct lx_stack *wanted, uint64_t rsp)
{
    struct lx_stack *stack = &self->process->sig_stack;
    uint32_t mode = stack_mode(wanted);

    if (sigframe_on_stack(stack, rsp))
        return -EPERM;
    if (mode != 0 && mode != LX_SS_DISABLE && mode != LX_SS_ONSTACK)
        return -EINVAL;
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
static int place(const struct lx_stack *stack, const struct lx_sigaction *action, uint64_t rsp,
                 uint64_t *fpu_at, uint64_t *frame_at)
{
    bool nested = sigframe_on_stack(stack, rsp);
    uint64_t top = rsp - LX_RED_ZONE;
    bool entering = (action->flags & LX_SA_ONSTACK) && !nested && stack->size;

    if (entering)
        top = stack->sp + stack->size;
    *fpu_at = ALIGN_DOWN(top - sigframe_fpu_nbytes(), 64);
    /* As after a call: 8 below a multiple of 16. */
    *frame_at = ALIGN_DOWN(*fpu_at - sizeof(struct lx_sigframe), 16) - 8;
    if ((nested || entering) && !within(stack, *frame_at))
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
    struct lx_stack *stack = &self->process->sig_stack;
    size_t nbytes = offsetof(struct lx_sigframe, info);
    struct lx_sigframe image;
    uint64_t fpu_at, frame_at;

    if (!(action->flags & LX_SA_RESTORER) || place(stack, action, frame->rsp, &fpu_at, &frame_at))
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
        memset(image.info_bytes + sizeof(image.info), 0,
               sizeof(image.info_bytes) - sizeof(image.info));
        nbytes = sizeof(image);
    }
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
    frame->rflags &= ~(RFLAGS_DF | RFLAGS_RF | RFLAGS_TF);
    return 0;
}

/* A code segment other than the one of 64-bit programs, or a stack segment that IRET would refuse,
 * cannot be given to it: the program dies of what the processor would say. RIP is checked by the
 * one way back to ring 3. */
static int context_take(struct trap_frame *frame, const struct lx_ucontext *uc)
{
    const struct lx_sigcontext *context = &uc->context;

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
