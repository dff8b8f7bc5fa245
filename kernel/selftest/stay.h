/* SPDX-License-Identifier: MIT */
/*
 * selftest/stay.h - what happens between the verdict and the end of the machine
 *
 * Rule:    where a harness reads the verdict (the debug-exit device), nothing waits for a person
 *          unless stay= says so. Elsewhere the verdict stays on the screen until a key is pressed
 *          or its time is over. A machine that starts again by itself does so a counted number of
 *          times, and never behind a FAIL.
 * Context: the boot thread, with the report flushed.
 * Tests:   tests/system/test_end.py
 */
#pragma once

#include "kernel/lib/util.h"

/* Until a key or stay= seconds. */
void stay_verdict(void);

/* For after=reboot: whether the machine is to start again. Waits a moment for a key that stops it.
 */
bool stay_starts_again(bool passed);
