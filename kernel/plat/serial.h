/* SPDX-License-Identifier: MIT */
/*
 * plat/serial.h - the first serial port, output only
 *
 * Owns:    a 16550 at I/O port 0x3f8, 115200 baud, 8 data bits, no parity, FIFO on.
 * Rule:    every wait is bounded. A port that stops taking bytes is given up after the bound, and
 *          then costs one poll a call until it takes bytes again.
 * Format:  "\n" is sent as "\r\n", which real terminals want; tools that keep the output strip
 *          the carriage return. Nothing else is changed.
 * Locks:   none: the caller (core/log) writes one message at a time.
 * Context: any; serial_write_panic too from NMI and with everything broken.
 * Tests:   tests/host/plat_serial_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Whether there is a port. Without one the other calls do nothing. */
bool serial_init(void);
bool serial_present(void);

void serial_write(const char *bytes, size_t nbytes);

/* Bytes given up because the port did not take them in time: for the log. */
uint64_t serial_lost_bytes(void);

/* Works before serial_init, which it then does itself; needs no lock and no memory. */
void serial_write_panic(const char *bytes, size_t nbytes);
