/* SPDX-License-Identifier: MIT */
/*
 * Offsets and constants of C structures, for the assembly code.
 *
 * Never linked: compiled to assembly, from which the build takes every string "->NAME value" into
 * offsets.h. No offset is written by hand.
 */
#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/efi_call.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/trampoline.h"
#include "kernel/arch/x86_64/vectors.h"
#include "shared/addrmap.h"
#include "shared/vdso.h"

/* The constraint "i" makes the compiler print the number; the text need not assemble. */
#define EMIT(name, value) __asm__ volatile(".ascii \"->" #name " %0\"" : : "i"(value))

/* A prototype of its own, as the compiler's warnings demand. */
void offsets_emit(void);

void offsets_emit(void)
{
    EMIT(CPU_THREAD, offsetof(struct cpu, thread));
    EMIT(CPU_KERNEL_RSP, offsetof(struct cpu, kernel_rsp));
    EMIT(CPU_USER_RSP, offsetof(struct cpu, user_rsp));
    EMIT(CPU_FLIGHT_NEXT, offsetof(struct cpu, flight_next));
    EMIT(CPU_USER_TICKS, offsetof(struct cpu, user_ticks));
    EMIT(CPU_FLIGHT, offsetof(struct cpu, flight));
    EMIT(FLIGHT_STEP, FLIGHT_RECORD_STEP);
    EMIT(FLIGHT_TSC, offsetof(struct flight_record, tsc));
    EMIT(FLIGHT_RIP, offsetof(struct flight_record, rip));
    EMIT(FLIGHT_RSP, offsetof(struct flight_record, rsp));
    EMIT(FLIGHT_WHERE, offsetof(struct flight_record, where));
    EMIT(FLIGHT_EXIT_BIT, FLIGHT_EXIT);
    EMIT(FLIGHT_CALL, FLIGHT_CALL_SHIFT);
    EMIT(THREAD_WORK, offsetof(struct arch_thread, work));
    EMIT(THREAD_DS, offsetof(struct arch_thread, ds));
    EMIT(THREAD_ES, offsetof(struct arch_thread, es));
    EMIT(THREAD_FS, offsetof(struct arch_thread, fs));
    EMIT(THREAD_GS, offsetof(struct arch_thread, gs));
    /* The entry code builds this frame by pushes, in the structure's order.
     */
    EMIT(FRAME_SIZE, sizeof(struct trap_frame));
    EMIT(FRAME_VECTOR, offsetof(struct trap_frame, vector));
    EMIT(FRAME_ERROR, offsetof(struct trap_frame, error));
    EMIT(FRAME_RIP, offsetof(struct trap_frame, rip));
    EMIT(FRAME_CS, offsetof(struct trap_frame, cs));
    EMIT(FRAME_RFLAGS, offsetof(struct trap_frame, rflags));
    EMIT(FRAME_R8, offsetof(struct trap_frame, r8));
    EMIT(FRAME_R9, offsetof(struct trap_frame, r9));
    EMIT(FRAME_R10, offsetof(struct trap_frame, r10));
    EMIT(FRAME_RAX, offsetof(struct trap_frame, rax));
    EMIT(FRAME_RDX, offsetof(struct trap_frame, rdx));
    EMIT(FRAME_RSI, offsetof(struct trap_frame, rsi));
    EMIT(FRAME_RDI, offsetof(struct trap_frame, rdi));
    EMIT(FRAME_RSP, offsetof(struct trap_frame, rsp));
    EMIT(EFI_CALL_SYSTEM_TABLE, offsetof(struct efi_call, system_table));
    EMIT(EFI_CALL_SERVICE, offsetof(struct efi_call, service));
    EMIT(EFI_CALL_ARGUMENTS, offsetof(struct efi_call, args));
    EMIT(EFI_CALL_CR3, offsetof(struct efi_call, cr3));
    EMIT(EFI_CALL_KERNEL_RSP, offsetof(struct efi_call, kernel_rsp));
    EMIT(EFI_CALL_KERNEL_CR3, offsetof(struct efi_call, kernel_cr3));
    EMIT(EFI_RUNTIME_SERVICES, EFI_SYSTEM_TABLE_RUNTIME);
    EMIT(KERNEL_CS, SELECTOR_KERNEL_CS);
    EMIT(KERNEL_DS, SELECTOR_KERNEL_DS);
    EMIT(TSS_SELECTOR, SELECTOR_TSS);
    EMIT(USER_CS, SELECTOR_USER_CS);
    EMIT(USER_SS, SELECTOR_USER_DS);
    EMIT(USER_LIMIT, USER_END);
    EMIT(CPU_SELECTOR, VDSO_CPU_SELECTOR);
    EMIT(GS_BASE_MSR, MSR_GS_BASE);
    EMIT(FLAG_AC, RFLAGS_AC);
    EMIT(EFER_MSR, MSR_EFER);
    EMIT(TRAMPOLINE_DATA, TRAMPOLINE_DATA_OFFSET);
    EMIT(TRAMPOLINE_CR3, offsetof(struct trampoline_data, cr3));
    EMIT(TRAMPOLINE_EFER, offsetof(struct trampoline_data, efer));
    EMIT(TRAMPOLINE_ENTRY, offsetof(struct trampoline_data, entry));
    EMIT(TRAMPOLINE_ARGUMENT, offsetof(struct trampoline_data, argument));
    EMIT(TRAMPOLINE_APIC_ID, offsetof(struct trampoline_data, apic_id));
    EMIT(CPU_APIC_ID, offsetof(struct cpu, apic_id));
    EMIT(APIC_BASE_MSR, MSR_APIC_BASE);
    EMIT(APIC_BASE_X2APIC_ON, APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    EMIT(X2APIC_ID_MSR, MSR_X2APIC_ID);
    EMIT(TRAMPOLINE_INTEL, offsetof(struct trampoline_data, intel));
    EMIT(TRAMPOLINE_NX_OFF, offsetof(struct trampoline_data, nx_off));
    EMIT(MISC_ENABLE_MSR, MSR_MISC_ENABLE);
    EMIT(TRAMPOLINE_CR0, CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    EMIT(TRAMPOLINE_CR4, CR4_PAE);
}
