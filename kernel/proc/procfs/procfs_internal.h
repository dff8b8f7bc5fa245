/* SPDX-License-Identifier: MIT */
/*
 * proc/procfs/procfs_internal.h - what the files of /proc share
 *
 * Owns:    finding the process that a file is about; what it holds, referenced.
 * Used by: proc/procfs_*.c.
 * Rule:    process_tree_lock keeps a process found from being freed, and one that has not begun to
 *          exit (sig_exiting) from losing its descriptors and directories; process.lock on top of
 *          it from changing its program. What is needed is referenced under them, and read after.
 */
#pragma once

#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/process.h"

struct fd_table;
struct vm_space;

/* Tree locked, interrupts off: borrowed. NULL: it, or the thread that the node is about, is gone,
 * and nothing is locked. */
struct process *procfs_lock(const struct procfs_node *node, uint64_t *flags);
void procfs_unlock(uint64_t flags);
/* Of the process that procfs_lock has found: the node's thread, else the leader; NULL: init has
 * none. */
struct task *procfs_task_locked(const struct procfs_node *node, const struct process *process);

/* Its memory, referenced, and where things are in that: both of one program, and if the node is
 * bound to a program, of that one. 0 and NULL when the process has none (any more), -ESRCH when it
 * is gone. */
MUST_CHECK int procfs_get_memory(const struct procfs_node *node, struct vm_space **out_space,
                                 struct exec_layout *layout);
/* Likewise, but borrowed, and the tree is locked on success: a table that is referenced counts as
 * shared, which makes a difference to its process. */
MUST_CHECK int procfs_lock_files(const struct procfs_node *node, struct fd_table **out_files,
                                 uint64_t *flags);

/* -ENOENT: it has none any more. */
MUST_CHECK int procfs_get_root(const struct procfs_node *node, struct dentry **out_root);

/* By the rights that files are opened with. */
static inline bool procfs_may_look_locked(struct process *process)
{
    ASSERT(process_tree_is_held());
    return process_may_look_locked(process, false);
}

/* Text of a link to a place, as the caller sees it. Takes over the reference. */
int64_t procfs_path_text(struct dentry *dentry, char *text, size_t size);

/* Contents, one row each in procfs_process.c. */
int procfs_show_stat(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_statm(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_status(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_maps(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_smaps(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_smaps_rollup(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_auxv(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_cmdline(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_environ(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_mounts(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_mountinfo(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_core_filter(const struct procfs_node *node, struct procfs_text *text);
int procfs_write_core_filter(const struct procfs_node *node, struct user_iter *io);
int procfs_show_io(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_limits(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_comm(const struct procfs_node *node, struct procfs_text *text);
int procfs_write_comm(const struct procfs_node *node, struct user_iter *io);
int64_t procfs_self_readlink(const struct procfs_node *node, char *text, size_t size);
int64_t procfs_thread_self_readlink(const struct procfs_node *node, char *text, size_t size);

int procfs_show_timerslack(const struct procfs_node *node, struct procfs_text *text);
int procfs_write_timerslack(const struct procfs_node *node, struct user_iter *io);

int procfs_show_fail_nth(const struct procfs_node *node, struct procfs_text *text);
int procfs_write_fail_nth(const struct procfs_node *node, struct user_iter *io);

struct vm_area;
/* A line of maps for each area, and what `details` adds; the space is locked. */
int procfs_show_areas(const struct procfs_node *node, struct procfs_text *text,
                      void (*details)(struct procfs_text *text, const struct vm_area *area));

int procfs_show_oom_score(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_oom_score_adj(const struct procfs_node *node, struct procfs_text *text);
int procfs_write_oom_score_adj(const struct procfs_node *node, struct user_iter *io);

extern const struct procfs_dir procfs_fd_dir, procfs_fdinfo_dir, procfs_ns_dir;
extern const struct file_ops procfs_mem_ops, procfs_pagemap_ops;

/* Files of the root. */
int procfs_show_cpuinfo(const struct procfs_node *node, struct procfs_text *text);
int procfs_show_lock_stat(const struct procfs_node *node, struct procfs_text *text);

/* iomem and interrupts. */
struct bootinfo;
void procfs_hardware_init(const struct bootinfo *info);

/* A number as programs write it, decimal or as in C; a line's end does not matter. */
MUST_CHECK int procfs_number_take(struct user_iter *io, uint64_t *out);

/* /proc/sys. */
void procfs_sysctl_init(void);

/* The files of the root (procfs_system.c). */
void procfs_system_init(void);
