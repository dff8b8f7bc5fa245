/* SPDX-License-Identifier: MIT */
/*
 * dev/console.h - /dev/console, /dev/tty and /dev/kmsg
 *
 * Owns:    the character devices; what is written to them goes to the sink.
 * Used by: start-up, and selftest, which takes the output of the running test.
 * Locks:   none of its own; the sink is called without locks.
 * Context: boot for init; thread.
 * Fails:   opening /dev/tty without a controlling terminal: -ENXIO.
 * Tests:   tests/host/fs_dev_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Takes bytes written to /dev/console (or, as one line without its newline, to /dev/kmsg). */
struct console_sink {
    void (*write)(struct console_sink *sink, const char *bytes, size_t nbytes);
};

MUST_CHECK int console_devices_init(void);

/* NULL: output is dropped. Returns the sink there was. */
struct console_sink *console_set_sink(struct console_sink *sink);
