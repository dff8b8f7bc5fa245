/* SPDX-License-Identifier: MIT */
/*
 * proc/procfs/procfs_facts.h - what stat, status and io of a process or thread show, as one set
 *
 * Owns:    how these facts are taken, so that those of one read belong together.
 * Users:   procfs_stat.c, procfs_status.c
 * Context: reads of /proc, which may sleep; no lock held.
 * Fails:   -ESRCH for a process that is gone.
 * Tests:   tests/user/proc/proc_files.c
 */
#pragma once

#include "kernel/arch/x86_64/cpumask.h"
#include "kernel/fs/procfs/procfs.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/process.h"

/* What is copied under the locks. */
struct procfs_facts {
    bool alive;     /* it has descriptors, directories, credentials, and mostly memory */
    bool permitted; /* the caller may look into it */
    bool executed, no_new_privs;
    unsigned seccomp_mode, seccomp_count;
    char state;
    char name[16];
    int pid, tgid, parent, tracer, group, session, exit_signal, exit_code, terminal_group;
    unsigned cpu, umask, fd_capacity;
    uint64_t terminal, started_ns, rss_limit;
    uint64_t pending, shared_pending, blocked, ignored, caught;
    int nice;
    unsigned prio, rt_own, policy;
    unsigned threads;
    struct process *whole; /* counted until its usage is taken; NULL: that of a thread is meant */
    struct process_usage usage, children;
    struct identity *identity; /* counted; NULL: init's */
    struct exec_layout layout;
    struct vm_space *space; /* counted; NULL: no memory */
    uint64_t mapped, resident, data, locked, tables, brk_start;
    /* What `stat` does not show, and is not set for it: ps reads that of every process. */
    struct procfs_facts_of_status {
        struct credentials cred; /* a copy of the identity's */
        struct cpumask affinity;
        unsigned queued;
        uint64_t queue_limit;
    } of_status;
};

/* of_status: that part, too. What has been taken goes with procfs_facts_drop. */
MUST_CHECK int procfs_facts_take(const struct procfs_node *node, struct procfs_facts *facts,
                                 bool of_status);
void procfs_facts_drop(struct procfs_facts *facts);
