/* SPDX-License-Identifier: MIT */
/*
 * core/output.h - the one stream on which log, report and program output leave the machine
 *
 * Owns:    the order of lines: a log line never starts inside a program's line; a ring of what has
 *          not been printed yet.
 * Rule:    devices register through struct output_ops, since they are rooms to the right. Until
 *          there is a printing thread (output_set_printer) every call prints what it adds.
 *          Afterwards it only adds: a caller that may sleep waits for room, a line of any other is
 *          dropped when there is none, and a line with the number of those follows.
 * Locks:   output.lock, a spinlock, rank KLOG, interrupts off.
 * Context: any but NMI and entry code; output_panic any; output_flush threads.
 * Tests:   kernel/selftest/core_checks.c
 */
#pragma once

#include "kernel/lib/util.h"

struct output_ops {
    void (*write)(const char *bytes, size_t nbytes);       /* until there is a printing thread */
    void (*panic_write)(const char *bytes, size_t nbytes); /* no lock, no memory */
    void (*flush)(void); /* draws what write only remembered; may take milliseconds */
};

/* Until then output goes nowhere but into the ring, which is written out here. */
void output_set_ops(const struct output_ops *ops);

/* The printing thread's room. wake: there are bytes, or the screen is to be drawn; any context but
 * NMI, spinlocks held. wait: sleeps until some have been printed, or a moment. */
struct output_printer {
    void (*wake)(void);
    void (*wait)(void);
};
void output_set_printer(const struct output_printer *printer);

/* For the printing thread: copies of the next bytes, at most size; how many. They stay in the ring
 * until output_printed says that they are out. */
size_t output_next(char *bytes, size_t size);
void output_printed(size_t nbytes);
bool output_take_flush(void); /* whether the screen is to be drawn, once all is printed */

/* Whole lines of the kernel's own. */
void output_line(const char *bytes, size_t nbytes);

/* Report text that a program caused, already filtered; any pieces. `prefix` restarts its line
 * should a log line have come between. */
void output_program(const char *bytes, size_t nbytes, const char *prefix);

/* The screen is to be drawn soon, even if nothing is printed. Any context but NMI. */
void output_draw(void);

/* Comes back when all of it is printed and drawn. */
void output_flush(void);
void output_panic(const char *bytes, size_t nbytes);

uint64_t output_dropped(void); /* lines so far */
