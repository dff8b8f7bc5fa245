/* SPDX-License-Identifier: MIT */
/*
 * core/output.h - the one stream on which log, report and program output leave the machine
 *
 * Owns:    the order of lines: a log line never starts inside a program's line.
 * Rule:    devices register through struct output_ops, since they are rooms to the right.
 * Locks:   output.lock, a spinlock, rank KLOG, interrupts off.
 * Context: any but NMI and entry code; output_panic any.
 */
#pragma once

#include "kernel/lib/util.h"

struct output_ops {
    void (*write)(const char *bytes, size_t nbytes);
    void (*panic_write)(const char *bytes, size_t nbytes); /* no lock, no memory */
    void (*flush)(void); /* draws what write only remembered; may take milliseconds */
};

/* Until then output goes nowhere but into a small early buffer, which is written out here. */
void output_set_ops(const struct output_ops *ops);

/* Whole lines of the kernel's own. */
void output_line(const char *bytes, size_t nbytes);

/* Report text that a program caused, already filtered; any pieces. `prefix` restarts its line
 * should a log line have come between. */
void output_program(const char *bytes, size_t nbytes, const char *prefix);

void output_flush(void);
void output_panic(const char *bytes, size_t nbytes);
