/* SPDX-License-Identifier: MIT */
/*
 * proc/threads.h - what is everybody doing: the attention key
 *
 * Owns:    nothing; it reads what others own, for people.
 * Rule:    a thread that sleeps has its stack followed by frame pointers, within its own stack
 *          only. One that runs has no trace here.
 * Locks:   process_tree_lock for the length of the list.
 * Context: threads.
 * Tests:   tests/system/test_shell.py
 */
#pragma once

#include "kernel/lib/util.h"

/* The kernel's ELF file, for names. */
void threads_set_symbols(const void *file, size_t nbytes);

/* Into the log: every process with its thread, and the way into its sleep. */
void threads_print(void);
