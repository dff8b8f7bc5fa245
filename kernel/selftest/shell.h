/* SPDX-License-Identifier: MIT */
/*
 * selftest/shell.h - after=shell: a shell on the screen or the serial line, once the plan is
 * through
 *
 * Context: the boot thread. Comes back when the shell has ended.
 * Tests:   tests/system/test_shell.py
 */
#pragma once

/* Says why where there can be none. */
void shell_run(void);
