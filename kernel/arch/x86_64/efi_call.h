/* SPDX-License-Identifier: MIT */
/*
 * arch/x86_64/efi_call.h - one call of an EFI runtime service, from which there is always a return
 *
 * Owns:    the way onto the firmware's page table and calling convention, and back.
 * Used by: plat/efi_runtime.c; traps.c, which asks whether an exception or interrupt ends a call.
 * Rule:    one call at a time in the whole machine: firmware is not reentrant.
 * Stack:   the caller's kernel stack, with its guard page; UEFI 2.10 section 2.3.4 asks for 4 KiB.
 * Context: any thread on any processor, its FPU state put away by the caller. Maskable interrupts
 *          as the caller has them: the kernel half is mapped, so handlers run. Nothing flushes the
 *          TLB for the thread's own address space meanwhile: its CR3 is loaded anew at the end.
 */
#pragma once

#include "kernel/lib/util.h"

struct trap_frame;

#define EFI_CALL_ARGS 5

/* Where the system table has the address of the runtime services' table (UEFI 2.10, 4.3.1). */
#define EFI_SYSTEM_TABLE_RUNTIME 0x58

/* Read by efi_call.S. */
struct efi_call {
    uint64_t system_table; /* physical */
    uint64_t service;      /* offset in the table of runtime services */
    uint64_t args[EFI_CALL_ARGS];
    uint64_t cr3;                    /* maps what firmware needs below, and the kernel half */
    uint64_t deadline_tsc;           /* later than this, an interrupt ends the call */
    uint64_t kernel_rsp, kernel_cr3; /* to come back to */
};

/* Not a status of UEFI: the call was ended from outside, by a fault or at its deadline. */
#define EFI_CALL_ABANDONED 0xdeadULL
/* Nor this: another processor was in a call when a panic stopped it. */
#define EFI_CALL_BUSY 0xb5ULL

/* The service's status. */
uint64_t efi_call_run(struct efi_call *call);

/* If the frame interrupts firmware that runs on this processor, makes it continue in efi_call_run,
 * which returns EFI_CALL_ABANDONED. */
bool efi_call_abandon(struct trap_frame *frame);

/* The same if its deadline has passed. Cheap where no call is running. */
void efi_call_expire(struct trap_frame *frame);
