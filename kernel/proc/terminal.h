/* SPDX-License-Identifier: MIT */
/*
 * proc/terminal.h - whose terminal is it: sessions, foreground groups, job control
 *
 * Owns:    struct tty_ops; tty.session, tty.group and process.terminal.
 * Rule:    process.terminal is only believed while that terminal still belongs to the process's
 *          session: a fork at the wrong moment may leave an old address in it, never used.
 * Locks:   process_tree_lock. A terminal with a session is counted once for it.
 * Context: threads.
 * Tests:   tests/user/tty/pty_job.c, pty_hangup.c, tests/system/test_shell.py
 */
#pragma once

#include "kernel/lib/util.h"

struct file;
struct process;
struct tty;

/* Before the first program. */
void terminal_init(void);

/* The process leads a session without a terminal, and gets the one behind that file. */
void terminal_acquire(struct process *process, const struct file *file);

/* exit: the leader of a session takes its terminal along. No lock held. */
void terminal_process_exit(struct process *process);

/* For /proc/PID/stat. Tree locked. Device number and foreground group; 0 and -1 without one. */
uint64_t terminal_of_locked(const struct process *process, int *out_group);
