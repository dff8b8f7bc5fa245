/* SPDX-License-Identifier: MIT */
/*
 * Calls of EFI runtime services that are ended from outside.
 *
 * While firmware runs, this processor is on the firmware's page table, and interrupts that arrive
 * there return there: nothing is scheduled in between, as the kernel is not preempted. So "CR3 is
 * that table, and RIP is not the kernel's" says exactly that firmware was interrupted. Such a frame
 * can be led out of it: the stack pointer goes back to where efi_call_enter left it, and what
 * firmware had on the stack or was about to change is lost. Its state is then unknown, hence the
 * rule of plat/efi_runtime.c that no service is called again.
 *
 * A double fault comes from a stack that firmware has used up, and is led out likewise.
 */
#include "kernel/arch/x86_64/efi_call.h"

#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/tsc.h"
#include "shared/addrmap.h"

/* efi_call.S */
uint64_t efi_call_enter(struct efi_call *call);
void efi_call_leave(void);
void efi_call_end(void);

/* Only ever set by the processor that calls. */
static struct efi_call *current_call; /* [a] */

uint64_t efi_call_run(struct efi_call *call)
{
    struct efi_call *none = NULL;
    uint64_t status;

    /* Only in a panic that has stopped another processor within a call. */
    if (!__atomic_compare_exchange_n(&current_call, &none, call, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return EFI_CALL_BUSY;
    status = efi_call_enter(call);
    __atomic_store_n(&current_call, NULL, __ATOMIC_RELEASE);
    return status;
}

bool efi_call_abandon(struct trap_frame *frame)
{
    struct efi_call *call = __atomic_load_n(&current_call, __ATOMIC_ACQUIRE);

    if (!call || trap_frame_from_user(frame) || cr3_read() != call->cr3)
        return false;
    if (frame->rip >= USER_END &&
        (frame->rip < (uint64_t)efi_call_enter || frame->rip >= (uint64_t)efi_call_end))
        return false;
    frame->rip = (uint64_t)efi_call_leave;
    frame->rsp = call->kernel_rsp;
    frame->rbx = (uint64_t)call;
    frame->rax = EFI_CALL_ABANDONED;
    return true;
}

/* A service may have interrupts off when its fault comes; the caller's own state is restored by
 * plat/efi_runtime.c. */
void efi_call_expire(struct trap_frame *frame)
{
    const struct efi_call *call = __atomic_load_n(&current_call, __ATOMIC_ACQUIRE);

    if (unlikely(call) && tsc_read() > call->deadline_tsc)
        efi_call_abandon(frame);
}
