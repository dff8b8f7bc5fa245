/* SPDX-License-Identifier: MIT */
/* tests/host/fs_fake/kernel/proc/signal.h - signals are counted by the test */
#pragma once

#include "kernel/proc/task.h"

void signal_send_task(struct task *task, int number);
void signal_set_mask(struct task *self, uint64_t mask);
