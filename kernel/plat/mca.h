/* SPDX-License-Identifier: MIT */
/*
 * plat/mca.h - machine checks: what the hardware says of its own errors
 *
 * Owns:    the errors found since start-up, on all processors.
 * Used by: main (each processor joins), the self-test (result `machine-checks`), and the machine
 *          check exception by hook_machine_check of arch/x86_64/hooks.h.
 * Rule:    what the banks hold at start is of the time before: logged and cleared, no fault of
 *          this boot. Later a corrected error is logged and counted, which fails the self-test. An
 *          uncorrected one is a panic that prints it.
 * Context: mca_join with interrupts off or on, on its processor; mca_take_all in a thread, with no
 *          spinlock held.
 * Source:  as plat/mca_banks.h.
 * Tests:   tests/system/test_machine_checks.py, tests/host/plat_mca_test.c
 */
#pragma once

#include "kernel/plat/mca_banks.h"

/* On every processor, once timers work: banks read, logged, cleared, enabled, and from then on
 * polled every MCA_POLL_NS. */
void mca_join(void);
#define MCA_POLL_NS 5000000000ULL

/* Has every processor look now. The number of errors since start-up; the first of them is in
 * *first. */
unsigned mca_take_all(struct mca_record *first);
