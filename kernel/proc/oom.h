/* SPDX-License-Identifier: MIT */
/*
 * proc/oom.h - what happens when a program touches memory and there is none
 *
 * Owns:    the choice of the process that has to go: the one of the highest badness, which is its
 *          pages and a wish of its own (process.oom_adjust).
 * Rule:    never the kernel, never a hang: all waits are bounded.
 * Tests:   tests/user/mem/mem_oom.c, tests/user/mem/mem_hungry.c, tests/user/proc/proc_memory.c
 */
#pragma once

#include "kernel/lib/util.h"

struct process;

#define OOM_ADJUST_MIN (-1000) /* never to be killed */
#define OOM_ADJUST_MAX 1000    /* all of memory more */
#define OOM_NEVER      INT64_MIN

void oom_init(void); /* once, before the first program */

/* In pages; OOM_NEVER: it has no memory, or is not to be killed. Tree locked. */
int64_t oom_badness_locked(struct process *process);
