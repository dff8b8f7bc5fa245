/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/tty_serial.h - the terminal on the serial line
 *
 * Owns:    the one terminal of the first serial port, the port's interrupt, and what files of
 *          /dev/console, /dev/ttyS0 and /dev/tty do with terminals.
 * Rule:    the port listens from the start, for the attention key. Whatever else is typed goes
 *          nowhere until the terminal is put to use; then /dev/console and /dev/ttyS0 are it.
 *          The interrupt only stores what came in: a thread takes it from there, since keys may
 *          signal processes.
 * Context: start-up.
 * Tests:   tests/system/test_shell.py
 */
#pragma once

#include "kernel/fs/devfs/devfs.h"
#include "kernel/lib/util.h"

#define TTY_SERIAL_DEVICE DEVICE(4, 64)

struct tty;

/* After devfs is mounted and ioapic_init. attention: called by the thread for Ctrl-]. */
MUST_CHECK int tty_serial_init(void (*attention)(void));

/* /dev/console and /dev/ttyS0 are the terminal from now on. -ENODEV: there is no port. */
MUST_CHECK int tty_serial_use(void);

/* What a person's terminal shows; 0: unknown. */
void tty_serial_set_size(uint16_t rows, uint16_t columns);

/* Waits, a second at most, until what was written has left. */
void tty_serial_drain(void);
