/* SPDX-License-Identifier: MIT */
/*
 * Exceptions of ring 3: resolved as page faults, or made into signals.
 *
 * Vector, error code and address are kept in the task for the handler's frame (sigcontext), as the
 * last fault that became a signal: a page fault that is resolved leaves them alone. The tables give
 * what Linux gives for each vector (arch/x86/kernel/traps.c): signal, si_code, and si_addr where
 * the fault has an address.
 */
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/hooks.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/lib/string.h"
#include "kernel/proc/signal/signal_internal.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

/* A page fault: 0 when it is resolved, else the signal. */
static int page_fault(struct task *self, const struct trap_frame *frame, uint64_t cr2,
                      struct lx_siginfo *info)
{
    enum vm_access access = frame->error & FAULT_FETCH   ? VM_EXEC
                            : frame->error & FAULT_WRITE ? VM_WRITE
                                                         : VM_READ;
    int err;

    /* From ring 3, yet not an access by ring 3: the processor read its own tables at an address
     * that the program chose (or, emulated, the stack of a far return under SMAP). */
    if (!(frame->error & FAULT_USER))
        return LX_SIGSEGV;
    /* Interrupts are on and nothing is held: this may sleep for memory or for a file. */
    err = vm_fault(self->thread.space, cr2, access);
    if (!err || err == -EINTR) /* it ends before it gets back to ring 3 */
        return 0;
    self->fault_address = cr2;
    /* vm_fault has waited for the out-of-memory killer in vain: the program cannot go on, and a
     * handler would fault at once. */
    if (err == -ENOMEM)
        return LX_SIGKILL;
    info->fault.address = cr2;
    /* A mapping of a file behind the file's end: SIGBUS, mmap(2). */
    if (err == -ENXIO) {
        info->code = LX_BUS_ADRERR;
        return LX_SIGBUS;
    }
    /* What the kernel has there is not told. */
    if (cr2 >= USER_END)
        self->fault_error |= FAULT_PRESENT;
    info->code = err == -EACCES ? LX_SEGV_ACCERR : LX_SEGV_MAPERR;
    return LX_SIGSEGV;
}

/* The highest of the unmasked exceptions, in Linux's order. */
static int fpu_code(unsigned raised)
{
    if (raised & 0x01)
        return LX_FPE_FLTINV;
    if (raised & 0x04)
        return LX_FPE_FLTDIV;
    if (raised & 0x08)
        return LX_FPE_FLTOVF;
    if (raised & 0x12)
        return LX_FPE_FLTUND;
    return raised & 0x20 ? LX_FPE_FLTRES : LX_SI_KERNEL;
}

static int x87_code(struct task *self)
{
    uint16_t words[2]; /* control, status */

    /* The words are in the registers, not in memory, while the thread runs. */
    fpu_save(self->thread.arch.fpu);
    memcpy(words, self->thread.arch.fpu, sizeof(words));
    return fpu_code(words[1] & ~words[0] & 0x3fU);
}

static int simd_code(void)
{
    uint32_t mxcsr = fpu_mxcsr_read();

    /* Flags in bits 0 to 5, their masks in bits 7 to 12 (Intel SDM vol. 1, 10.2.3). */
    return fpu_code(mxcsr & ~(mxcsr >> 7) & 0x3fU);
}

/* What a #DB of ring 3 is about: a step, breakpoints that are on, or, with no bit set, INT1. False:
 * nothing, for a bit is set for a breakpoint that is off, too. RF lets the instruction run before
 * which it came. */
static COLD bool debug_fault(struct task *self, struct trap_frame *frame, uint64_t dr6)
{
    struct arch_debug *debug = &self->thread.arch.debug;
    const bool is_int1 = !(dr6 & (DR6_HITS | DR6_SINGLE_STEP));
    uint64_t hits = 0;

    for (unsigned i = 0; i < DR_COUNT; i++)
        if ((dr6 & 1ULL << i) && (debug->dr7 & DR7_ON(i))) {
            hits |= 1ULL << i;
            if (DR7_FIELD(debug->dr7, i) == DR7_EXECUTE)
                frame->rflags |= RFLAGS_RF;
        }
    if ((dr6 & DR6_HITS) && !hits) /* one that is off for this task may be for this instruction */
        frame->rflags |= RFLAGS_RF;
    /* A step for a tracer that is gone. */
    if (self->trace_flag && !self->ptrace) {
        frame->rflags &= ~RFLAGS_TF;
        self->trace_flag = false;
        dr6 &= ~DR6_SINGLE_STEP;
    }
    debug->dr6 = hits | (dr6 & DR6_SINGLE_STEP);
    return debug->dr6 || is_int1;
}

static COLD int debug_code(const struct task *self)
{
    const uint64_t dr6 = self->thread.arch.debug.dr6;

    return dr6 & DR6_SINGLE_STEP ? LX_TRAP_TRACE : dr6 ? LX_TRAP_HWBKPT : LX_TRAP_BRKPT;
}

/* si_code and si_addr of what is not a page fault; where nothing is set, Linux reports nothing. */
static void explain(struct task *self, const struct trap_frame *frame, struct lx_siginfo *info)
{
    info->fault.address = frame->rip;
    switch (frame->vector) {
    case VECTOR_DIVIDE:
        info->code = LX_FPE_INTDIV;
        break;
    case VECTOR_DEBUG:
        info->code = debug_code(self);
        break;
    case VECTOR_INVALID_OPCODE:
        info->code = LX_ILL_ILLOPN;
        break;
    case VECTOR_X87:
        info->code = x87_code(self);
        break;
    case VECTOR_SIMD:
        info->code = simd_code();
        break;
    case VECTOR_ALIGNMENT:
        info->code = LX_BUS_ADRALN;
        info->fault.address = 0;
        break;
    default:
        info->fault.address = 0;
        break;
    }
}

void hook_user_fault(struct trap_frame *frame, uint64_t cr2)
{
    static const uint8_t signals[VECTOR_FIRST_INTERRUPT] = {
        [VECTOR_DIVIDE] = LX_SIGFPE,       [VECTOR_DEBUG] = LX_SIGTRAP,
        [VECTOR_BREAKPOINT] = LX_SIGTRAP,  [VECTOR_OVERFLOW] = LX_SIGSEGV,
        [VECTOR_BOUND] = LX_SIGSEGV,       [VECTOR_INVALID_OPCODE] = LX_SIGILL,
        [VECTOR_INVALID_TSS] = LX_SIGSEGV, [VECTOR_NO_SEGMENT] = LX_SIGBUS,
        [VECTOR_STACK] = LX_SIGBUS,        [VECTOR_PROTECTION] = LX_SIGSEGV,
        [VECTOR_X87] = LX_SIGFPE,          [VECTOR_ALIGNMENT] = LX_SIGBUS,
        [VECTOR_SIMD] = LX_SIGFPE,
    };
    struct lx_siginfo info = {.code = LX_SI_KERNEL};
    struct task *self = task_current();

    if (unlikely(frame->vector == VECTOR_DEBUG && !debug_fault(self, frame, cr2)))
        return;
    if (frame->vector == VECTOR_PAGE_FAULT) {
        /* Set before the call, for page_fault adds to it; put back when nothing was wrong. */
        uint64_t error = self->fault_error;

        self->fault_error = frame->error;
        info.signo = page_fault(self, frame, cr2, &info);
        if (!info.signo) {
            self->fault_error = error;
            return;
        }
    } else {
        info.signo = signals[frame->vector] ? signals[frame->vector] : LX_SIGSEGV;
        self->fault_error = frame->error;
        explain(self, frame, &info);
    }
    self->fault_vector = frame->vector;
    signal_force_info(self, &info);
}
