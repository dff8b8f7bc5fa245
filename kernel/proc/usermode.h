/* SPDX-License-Identifier: MIT */
/*
 * proc/usermode.h - boot return: run a program in ring 3 and come back
 *
 * The one door through which the harness runs anything. The caller goes on when the program is
 * gone, by exit, by signal or by its limit, with every register, segment, GS base, CR3, interrupt
 * flag and the number of free frames as they were (but for files that the program left behind).
 * Context: the boot thread, no lock held.
 * Tests:   kernel/selftest/return_checks.c (on every boot)
 */
#pragma once

#include "kernel/lib/util.h"
#include "kernel/proc/process.h"

struct file;

struct exec_request {
    const char *path;        /* looked up from the root directory */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp;
    struct file *stdio[3]; /* borrowed; become descriptors 0 to 2; NULL: left closed */
    bool has_terminal;     /* stdio[0] becomes the controlling terminal */
    uint64_t limit_ns;     /* of run time, 0: none */
    uint32_t uid;          /* as whom, and in the group of that number; in no other groups */
    const char *reason;    /* out: why it could not be started, or NULL */
};

struct wait_status {
    enum process_end end;
    int code; /* exit status, or signal number */
    uint64_t time_ns;
};

/* 0 and *status when the program ran; a negative errno when it could not be started. */
MUST_CHECK int usermode_run(struct exec_request *request, struct wait_status *status);

/* The program that is being run reaches its limit now; without one nothing happens. Any thread. */
void usermode_expire(void);
/* Everything that runs in ring 3 is killed: that program, and what it has started. */
void usermode_kill_all(void);

/* For the checks: the next n entries find CR3 or the kernel stack not installed. */
void usermode_inject_entry_faults(unsigned n);

/* TSC at the very first return to ring 3; 0 before. */
uint64_t usermode_first_entry_tsc(void);
