/* SPDX-License-Identifier: MIT */
/*
 * syscall/dispatch.h - from a number to its handler
 *
 * Owns:    the table of thunks, made from table.def; the way around it for calls that are watched.
 * Context: the task's own thread, interrupts on, no lock held.
 */
#pragma once

#include "kernel/lib/util.h"

struct task;
struct trap_frame;

/* Makes the call that the frame's registers hold; -ENOSYS for a number without a row. */
int64_t dispatch_make(struct task *self, const struct trap_frame *frame, uint32_t number);

/* From now on every call goes through trace_call. It costs the others nothing: the check of the
 * number's range finds no number in range. */
void dispatch_trace_calls(void);
