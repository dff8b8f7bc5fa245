/* SPDX-License-Identifier: MIT */
/*
 * syscall/trace.h - what programs ask of the kernel, for people to see
 *
 * Owns:    the boot option trace=syscall[,NAME...]: a line for each call in the kernel's log, as
 *          strace prints it. And audit=syscall, whose records syscall/audit.c keeps.
 * Context: as a handler of a call.
 * Tests:   tests/host/syscall_trace_test.c, tests/system/test_trace.py
 */
#pragma once

#include "kernel/lib/util.h"

struct task;
struct trap_frame;

/* Reads the options. After the processors have been started. */
void trace_init(void);

/* Makes the call, and reports of it what is asked for. */
int64_t trace_call(struct task *self, const struct trap_frame *frame);
