/* SPDX-License-Identifier: MIT */
/*
 * plat/power.h - the ways to end: off, again, standstill, and a verdict for an emulator
 *
 * Rule:    every step waits a bounded time and then the next is tried. Port I/O and constant data
 *          only, no lock and no allocation, so that a panic can use all but power_off, which logs.
 * Context: any; interrupts are off afterwards.
 * Tests:   tests/host/plat_power_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Fetches what the steps need (acpi_info, mapping of a reset register in memory), so that they
 * need no memory later. Without this call the steps that need ACPI are left out. */
void power_init(void);

/* EFI's ResetSystem, where runtime services can be called: off or again. It comes back, in bounded
 * time, when the firmware does not do it. */
void power_set_firmware(void (*reset_system)(bool off));

/* The firmware's way, then ACPI S5, else a message to the user and standstill. */
NORETURN void power_off(void);

/* FADT reset register, 8042, both again, the firmware's way, port 0xcf9, triple fault. */
NORETURN void power_reboot(void);

/* Interrupts off, hlt, for ever. */
NORETURN void power_halt(void);

/* Ends an emulator that has the isa-debug-exit device with this code. Returns where there is no
 * hypervisor or no such device, having written nothing. */
void power_debug_exit(uint32_t code);

/* Whether power_debug_exit would end the machine. */
bool power_debug_exit_present(void);
