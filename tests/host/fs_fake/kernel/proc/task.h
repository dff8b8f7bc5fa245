/* SPDX-License-Identifier: MIT */
/* tests/host/fs_fake/kernel/proc/task.h - as much of a task as the calls on files look at */
#pragma once

#include "kernel/lib/util.h"

struct fd_table;
struct fs_context;

struct task {
    struct fd_table *files;
    struct fs_context *fs;
    uint64_t sig_mask;
};
