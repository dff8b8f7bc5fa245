/* SPDX-License-Identifier: MIT */
/*
 * plat/serial.h - the first serial port
 *
 * Owns:    a 16550 at I/O port 0x3f8, 115200 baud, 8 data bits, no parity, FIFO on; bytes that came
 *          in and were not fetched yet; bytes of the terminal that wait for the transmitter.
 * Rule:    messages (serial_write) are polled, and every wait is bounded: a port that stops taking
 *          bytes is given up after the bound, and then costs one poll a call until it takes bytes
 *          again. The terminal's bytes go out and come in by interrupt. Input that is not fetched
 *          stays in the port, with RTS down, rather than being dropped.
 * Format:  a message's "\n" is sent as "\r\n", which real terminals want; tools that keep the
 *          output strip the carriage return. Nothing else is changed.
 * Locks:   port.lock, a spinlock, rank SERIAL, interrupts off; no other lock is taken under it, and
 *          the client is called without it.
 * Context: any; serial_write_panic too from NMI and with everything broken.
 * Tests:   tests/host/plat_serial_test.c
 */
#pragma once

#include "kernel/lib/util.h"

/* Whether there is a port. Without one the other calls do nothing. */
bool serial_init(void);
bool serial_present(void);

void serial_write(const char *bytes, size_t nbytes);

/* As many of them as fit now, perhaps none: for a caller that can wait by sleeping. */
size_t serial_write_some(const char *bytes, size_t nbytes);
/* That caller gives so many up. */
void serial_lose(size_t nbytes);

/* Bytes given up because the port did not take them in time: for the log. */
uint64_t serial_lost_bytes(void);

/* Works before serial_init, which it then does itself; needs no lock and no memory. */
void serial_write_panic(const char *bytes, size_t nbytes);

/* Who is told about input and room for output, in the interrupt. */
struct serial_client {
    void (*received)(void);  /* serial_read has bytes */
    void (*sent)(void);      /* serial_queue has room again */
    void (*attention)(void); /* SERIAL_ATTENTION came in; it is not among the bytes */
};
#define SERIAL_ATTENTION 0x1d /* Ctrl-] */

/* From now on the port interrupts; the interrupt's handler calls serial_interrupt. Where there
 * is no interrupt, a timer may call it instead. */
void serial_start(const struct serial_client *client);
void serial_interrupt(void);

size_t serial_read(char *bytes, size_t nbytes);        /* 0: nothing there */
size_t serial_queue(const char *bytes, size_t nbytes); /* how many fit */
size_t serial_queued(void);                            /* and how many still wait */
