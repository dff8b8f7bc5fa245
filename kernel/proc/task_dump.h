/* SPDX-License-Identifier: MIT */
/*
 * proc/task_dump.h - what every task does: the task dump, as SysRq-T
 *
 * Owns:    nothing; it reads what others own, for people.
 * Rule:    a thread that runs reports by NMI where it is; of others the stack is followed. What
 *          changes meanwhile is told as it was at some moment of the listing.
 * Locks:   process_tree_lock, for each process anew: printing is slow.
 * Context: threads.
 * Tests:   tests/system/test_shell.py
 */
#pragma once

#include "kernel/lib/util.h"

/* Into the log: every process with its thread, and the way to where it is; then what each processor
 * does. */
void threads_print(void);
