/* SPDX-License-Identifier: MIT */
/*
 * dev/console.h - /dev/console, /dev/ttyS0, /dev/tty1, /dev/tty and /dev/kmsg
 *
 * Owns:    the character devices; what is written to them goes to the sink, unless there is a
 *          terminal for them.
 * Used by: start-up; selftest, which takes the output of the running test; tty_serial.c and
 *          tty_screen.c.
 * Locks:   none of its own; the sink is called without locks.
 * Context: boot for init; thread.
 * Fails:   opening /dev/tty without a controlling terminal: -ENXIO.
 * Tests:   tests/host/fs_dev_test.c
 */
#pragma once

#include "kernel/fs/devfs/devfs.h"
#include "kernel/lib/util.h"

#define CONSOLE_DEVICE DEVICE(5, 1)

struct file;

/* Takes bytes written to /dev/console (or, as one line without its newline, to /dev/kmsg). */
struct console_sink {
    void (*write)(struct console_sink *sink, const char *bytes, size_t nbytes);
};

MUST_CHECK int console_devices_init(void);

/* NULL: output is dropped. Returns the sink there was. */
struct console_sink *console_set_sink(struct console_sink *sink);

/* How /dev/tty is opened: open makes the file one of the caller's controlling terminal. */
void console_set_current(int (*open)(struct file *file));
/* That device, when it is opened from now on, is a terminal: open makes the file one of it. */
void console_set_terminal(uint64_t device, int (*open)(struct file *file));
