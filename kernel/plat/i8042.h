/* SPDX-License-Identifier: MIT */
/*
 * plat/i8042.h - the keyboard controller of a PC
 *
 * Owns:    ports 0x60 and 0x64, but for the reset in power.c; the keyboard behind them.
 * Rule:    every wait is bounded. Translation to scan code set 1 stays on, or is switched on. The
 *          second port (a mouse) is switched off: its bytes would block the keyboard's.
 * Context: start-up; i8042_interrupt with interrupts off.
 * Fails:   -ENODEV: there is no controller, or it does not answer.
 * Tests:   tests/host/plat_i8042_test.c
 */
#pragma once

#include "kernel/lib/util.h"

struct acpi_info;

#define I8042_IRQ 1

/* Finds the controller and lets its keyboard send. Says in the log what it found. */
MUST_CHECK int i8042_init(const struct acpi_info *info);

/* From the interrupt, or a timer: hands over what the keyboard has sent. */
void i8042_interrupt(void (*received)(uint8_t byte));
