/* SPDX-License-Identifier: MIT */
/*
 * plat/serial.c - polled output through a 16550
 *
 * Registers: PC16550D data sheet (National Semiconductor), table II.
 */
#include "kernel/plat/serial.h"

#include "kernel/arch/x86_64/io.h"

#define COM1 0x3f8

enum {
    REG_DATA = COM1 + 0, /* divisor, low byte, while DLAB is set */
    REG_IER = COM1 + 1,  /* divisor, high byte, while DLAB is set */
    REG_FCR = COM1 + 2,  /* write */
    REG_IIR = COM1 + 2,  /* read */
    REG_LCR = COM1 + 3,
    REG_MCR = COM1 + 4,
    REG_LSR = COM1 + 5,
    REG_SCRATCH = COM1 + 7,
};

#define LCR_8N1          0x03
#define LCR_DLAB         0x80
#define FCR_ON_AND_CLEAR 0x07
#define IIR_FIFO_WORKS   0xc0
#define MCR_DTR_RTS      0x03
#define LSR_THR_EMPTY    0x20
#define LSR_ALL_SENT     0x40

#define DIVISOR_115200 1
#define FIFO_BYTES     16

/* A poll takes about a microsecond on a real port, so this is a second or more: longer than any
 * reader of an emulated port stalls, and spent only once on a port that is dead. */
#define POLLS_MAX 1000000u

static bool serial_ready; /* serial_init has run */
static bool serial_found; /* and there is a port */
static bool serial_stuck; /* the last wait ran out: poll once a call until it takes bytes again */
static unsigned serial_fifo; /* bytes that fit once the transmitter is empty */
static uint64_t serial_lost;

/* Whether the line status shows one of these bits within so many polls. */
static bool status_wait(uint8_t bits, unsigned polls)
{
    while (polls--) {
        if (io_in8(REG_LSR) & bits)
            return true;
    }
    return false;
}

/* An absent port reads 0xff everywhere, and remembers nothing. */
static bool port_detect(void)
{
    io_out8(REG_SCRATCH, 0x5a);
    if (io_in8(REG_SCRATCH) != 0x5a)
        return false;
    io_out8(REG_SCRATCH, 0xa5);
    return io_in8(REG_SCRATCH) == 0xa5 && io_in8(REG_LSR) != 0xff;
}

bool serial_init(void)
{
    serial_ready = true;
    serial_found = port_detect();
    if (!serial_found)
        return false;

    /* Let the firmware's last bytes out before the FIFO is cleared under them. */
    status_wait(LSR_ALL_SENT, POLLS_MAX / 10);

    io_out8(REG_IER, 0);
    io_out8(REG_LCR, LCR_DLAB | LCR_8N1);
    io_out8(REG_DATA, DIVISOR_115200);
    io_out8(REG_IER, 0);
    io_out8(REG_LCR, LCR_8N1);
    io_out8(REG_FCR, FCR_ON_AND_CLEAR);
    io_out8(REG_MCR, MCR_DTR_RTS);

    /* The 8250 and 16450 have no FIFO, the first 16550 a broken one that does not show both bits.
     */
    serial_fifo = (io_in8(REG_IIR) & IIR_FIFO_WORKS) == IIR_FIFO_WORKS ? FIFO_BYTES : 1;
    serial_stuck = false;
    return true;
}

bool serial_present(void)
{
    return serial_found;
}

uint64_t serial_lost_bytes(void)
{
    return serial_lost;
}

/* Sends one byte; *room is what still fits without asking the port again. False: gave up. */
static bool byte_send(char byte, unsigned *room)
{
    if (!*room) {
        serial_stuck = !status_wait(LSR_THR_EMPTY, serial_stuck ? 1 : POLLS_MAX);
        if (serial_stuck)
            return false;
        *room = serial_fifo;
    }
    io_out8(REG_DATA, (uint8_t)byte);
    --*room;
    return true;
}

void serial_write(const char *bytes, size_t nbytes)
{
    unsigned room = 0; /* unknown: whoever wrote last may have filled the FIFO */

    if (!serial_found)
        return;
    for (size_t i = 0; i < nbytes; i++) {
        bool sent = bytes[i] != '\n' || byte_send('\r', &room);

        if (!sent || !byte_send(bytes[i], &room)) {
            serial_lost += nbytes - i;
            return;
        }
    }
}

/* All state that a write keeps between bytes is its own, so one that a fault has cut short does no
 * harm to this one: it waits for an empty transmitter first. */
void serial_write_panic(const char *bytes, size_t nbytes)
{
    if (!serial_ready)
        serial_init();
    serial_write(bytes, nbytes);
}
