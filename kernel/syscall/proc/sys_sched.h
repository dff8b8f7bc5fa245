/* SPDX-License-Identifier: MIT */
/*
 * syscall/proc/sys_sched.h - whom a scheduling call means, and whether the caller may
 *
 * Used by: sys_sched.c, sys_policy.c.
 * Locks:   process_tree_lock where a name says _locked.
 */
#pragma once

#include "kernel/lib/util.h"
#include "shared/linux/sched.h"

struct process;
struct task;

static inline bool sched_policy_is_idle(uint32_t policy)
{
    return (policy & ~(uint32_t)LX_SCHED_RESET_ON_FORK) == LX_SCHED_IDLE;
}

static inline bool sched_policy_is_realtime(uint32_t policy)
{
    policy &= ~(uint32_t)LX_SCHED_RESET_ON_FORK;
    return policy == LX_SCHED_FIFO || policy == LX_SCHED_RR;
}

/* The action on each task that is meant, one after the other; `merge` joins what it gave. */
struct priority_call {
    int (*action)(const struct task *self, struct task *target, int nice); /* 0 and up, or errno */
    int (*merge)(int result, int next);
    int nice;
};
/* which: LX_PRIO_PROCESS, PGRP or USER; target 0: the caller, its group, its user. */
int priority_apply(const struct task *self, int which, int target,
                   const struct priority_call *call);

/* Borrowed, NULL: none; referenced until the put. */
struct task *sched_target_find_locked(struct task *self, int pid);
struct task *sched_target_get(struct task *self, int pid);
void sched_target_put(struct task *target);

bool sched_may_set_locked(const struct task *self, struct process *process);
bool sched_may_have_nice(const struct task *self, const struct process *process, int nice);
