/* SPDX-License-Identifier: MIT */
/*
 * proc/signal/signal.h - signals are counted by the test
 *
 * Used by: the system calls on files, compiled for the host; found by -iquote before the kernel's.
 */
#pragma once

#include "kernel/proc/task.h"
#include "shared/linux/signal.h"

void signal_send_task(struct task *task, int number);
int signal_send_self(struct task *self, bool to_task, const struct lx_siginfo *info,
                     bool must_queue);
void signal_set_wait(struct task *self, uint64_t set);
void signal_set_mask(struct task *self, uint64_t mask);
void signal_restore_mask_later(struct task *self, uint64_t mask);
