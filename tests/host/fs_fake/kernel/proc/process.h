/* SPDX-License-Identifier: MIT */
/*
 * proc/process.h - the calls on files want no more of a process than its number
 *
 * Used by: the system calls on files, compiled for the host; found by -iquote before the kernel's.
 */
#pragma once

#include "kernel/proc/task.h"

struct process {
    int pid;
};
