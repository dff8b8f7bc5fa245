/* SPDX-License-Identifier: MIT */
/*
 * core/irq.h - who handles which interrupt vector
 *
 * Context: irq_set_handler at start-up. Handlers run with interrupts off and acknowledge the
 *          interrupt themselves.
 */
#pragma once

#include "kernel/lib/util.h"

void irq_set_handler(unsigned vector, void (*handler)(void));

/* Interrupts that nobody handles, counted and otherwise ignored. */
uint64_t irq_unhandled(void);

/* Whether this processor is in an interrupt handler. */
bool irq_in_handler(void);
