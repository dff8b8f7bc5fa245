/* SPDX-License-Identifier: MIT */
/*
 * proc/task.h - as much of a task as syscall/trace.c looks at
 *
 * Used by: tests/host/syscall_trace_test.c; found by -iquote before the kernel's.
 */
#pragma once

struct task {
    int tid;
};
