/* SPDX-License-Identifier: MIT */
/*
 * proc/return_to_user.h - what a task does before it goes back to ring 3
 *
 * Owns:    hook_exit_to_user and hook_bad_return, which the entry code calls.
 * Context: the task's own thread, interrupts on, no lock held.
 * Tests:   tests/user/signal, tests/user/sched
 */
#pragma once

struct task;

/* Ends a task that is to die; else returns. */
void return_die_if_killed(struct task *self);
