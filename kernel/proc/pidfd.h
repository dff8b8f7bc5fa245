/* SPDX-License-Identifier: MIT */
/*
 * proc/pidfd.h - descriptors of processes: pidfd_open(2), CLONE_PIDFD
 *
 * Owns:    struct pidfd, what all descriptors of one process lead to; their file operations.
 * Used by: clone, exit, wait, the system calls on such descriptors.
 * Rule:    a descriptor keeps neither the process nor its number: once the process has been waited
 *          for, it leads to nothing, whatever gets the number next.
 * Locks:   process_tree_lock, for all but `ended`.
 * Context: threads.
 * Fails:   -ENOMEM, -EMFILE, -ENFILE.
 * Tests:   tests/user/proc/pidfd.c
 */
#pragma once

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/poll.h"

struct process;
struct task;

/* t process_tree_lock   a atomic */
struct pidfd {
    struct process *process; /* [t] NULL: it was waited for */
    uint32_t refs;           /* [t] open files, and a wake-up that goes on */
    uint32_t ended;          /* [a] it is a zombie, or was one */
    struct poll_head poll;   /* woken once it has ended */
};

/* A descriptor that is about to be: its number and its open file. */
struct pidfd_new {
    int fd; /* -1: none */
    struct file *file;
};

/* For a process that nothing else knows yet; then one of the other two. */
MUST_CHECK int pidfd_reserve(struct task *self, struct process *process, struct pidfd_new *out_new);
void pidfd_fill(struct task *self, const struct pidfd_new *new);
void pidfd_cancel(struct task *self, const struct pidfd_new *new);

/* Another one, of the process that has that number: the descriptor. -ESRCH; -EINVAL: a thread's
 * number, or one that only a group or a session has. */
MUST_CHECK int pidfd_open(struct task *self, int number, uint32_t flags);

/* What the file leads to; NULL: it is no such file. It stays as long as the file does. */
struct pidfd *pidfd_of(const struct file *file);

/* The process has ended: what is to be told, once the tree is unlocked; NULL: nothing. */
MUST_CHECK struct pidfd *pidfd_end_locked(struct process *process);
void pidfd_wake(struct pidfd *pidfd);
/* It was waited for. It has such descriptors. */
void pidfd_leave_locked(struct process *process);
