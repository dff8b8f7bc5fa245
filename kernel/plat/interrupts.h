/* SPDX-License-Identifier: MIT */
/*
 * plat/interrupts.h - joins the local APIC to core: timer, spurious and error interrupts
 *
 * Context: start-up, after lapic_init.
 */
#pragma once

void interrupts_init(void);
