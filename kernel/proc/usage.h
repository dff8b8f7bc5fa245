/* SPDX-License-Identifier: MIT */
/*
 * proc/usage.h - what a process has used: time on processors, memory, faults
 *
 * Rule:    time in ring 3 and in the kernel is precise (sched/sched.h). A child's usage is added to
 *          its parent's children when the parent has waited for it, and with it that of the
 *          children it has waited for itself.
 * Used by: getrusage, times, wait4, clocks and timers of processor time, /proc/PID/stat; for
 *          /proc/stat there is sched_cpu_times.
 * Locks:   process_tree_lock where a name says _locked.
 * Tests:   tests/user/time/cpu_time.c
 */
#pragma once

#include "kernel/lib/util.h"

struct process;
struct sched_times;
struct task;
struct vm_space;

/* Calls and bytes, of reading and of writing: /proc/PID/io. */
struct io_usage {
    uint64_t calls[2], nbytes[2];
};

struct process_usage {
    struct io_usage io;
    uint64_t user_ns, system_ns;
    uint64_t faults;      /* none of them had to wait for a disk */
    uint64_t switches[2]; /* it had to give way; it waited */
    uint64_t peak_pages;  /* most memory at one time; of children: the largest of them */
};

/* Up to now, or to its end. No lock held, and the caller keeps the process. */
void process_usage_take(struct process *process, struct process_usage *usage);
/* Of one task; its memory is its process's: peak_pages is as it was. */
void process_usage_add_task(struct process_usage *sum, const struct task *task);
/* Time on processors alone, of a process that lives, usually the caller's own. */
void process_cpu_times(struct process *process, struct sched_times *times);
/* Of those children that have ended and were waited for: process->children_usage. */
void process_usage_add(struct process_usage *sum, const struct process_usage *usage);

/* At its end, before the memory goes, and last: what it used stays with it. */
void process_usage_note_memory(struct process *process, const struct vm_space *space);
void process_usage_end_locked(struct process *process);
