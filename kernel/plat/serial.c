/* SPDX-License-Identifier: MIT */
/*
 * The serial port, a 16550: polled messages, and a terminal's bytes by interrupt.
 *
 * Registers: PC16550D data sheet (National Semiconductor), table II.
 */
#include "kernel/plat/serial.h"

#include "kernel/arch/x86_64/io.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/ring.h"

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
#define IIR_NOTHING      0x01
#define IER_RECEIVED     0x05 /* data, and errors of the line */
#define IER_SENT         0x02
#define MCR_DTR_RTS      0x03
#define MCR_RTS          0x02
#define MCR_OUT2         0x08 /* lets the interrupt out of a PC's port */
#define LSR_DATA         0x01
#define LSR_THR_EMPTY    0x20
#define LSR_ALL_SENT     0x40

#define DIVISOR_115200 1
#define FIFO_BYTES     16

/* A poll takes about a microsecond on a real port, so this is a second or more: longer than any
 * reader of an emulated port stalls, and spent only once on a port that is dead. */
#define POLLS_MAX 1000000u

#define IN_NBYTES  4096
#define OUT_NBYTES 1024
#define ROUNDS_MAX 64 /* of one interrupt: a port that never calms down is left to the next one */

static bool serial_ready; /* serial_init has run */
static bool serial_found; /* and there is a port */
static bool serial_stuck; /* the last wait ran out: poll once a call until it takes bytes again */
static unsigned serial_fifo; /* bytes that fit once the transmitter is empty */
static uint64_t serial_lost;

/* The terminal's part. l: lock. The buffers by themselves: zeroes take no room in the image. */
static char in_bytes[IN_NBYTES], out_bytes[OUT_NBYTES]; /* [l] */
static struct {
    struct spinlock lock;
    const struct serial_client *client; /* constant after serial_start */
    struct ring in, out;                /* [l] */
    uint8_t enabled;                    /* [l] the interrupt enable register */
} port = {.lock = SPINLOCK_INIT(SPIN_SERIAL)};

/* Whether the line status shows one of these bits within so many polls. */
static bool status_wait(uint8_t bits, unsigned polls)
{
    while (polls--) {
        if (io_in8(REG_LSR) & bits)
            return true;
    }
    return false;
}

/* An absent port reads 0xff everywhere, and remembers nothing. The scratch register is the only one
 * that can be written without side effects. */
static bool port_detect(void)
{
    io_out8(REG_SCRATCH, 0x5a);
    if (io_in8(REG_SCRATCH) != 0x5a)
        return false;
    io_out8(REG_SCRATCH, 0xa5);
    return io_in8(REG_SCRATCH) == 0xa5 && io_in8(REG_LSR) != 0xff;
}

/* 115,200 baud, 8 data bits, no parity: what every terminal program offers. */
COLD bool serial_init(void)
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

static void message_send(const char *bytes, size_t nbytes)
{
    unsigned room = 0; /* unknown: the last writer may have filled the FIFO */

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

/* Polled, with interrupts off for the length of a message: the port is the last thing that must
 * work. */
void serial_write(const char *bytes, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&port.lock);

    message_send(bytes, nbytes);
    spin_unlock_irqrestore(&port.lock, flags);
}

/* Never waits: returns how many bytes the FIFO took. */
size_t serial_write_some(const char *bytes, size_t nbytes)
{
    uint64_t flags;
    unsigned room = 0;
    size_t sent = 0;

    if (!serial_found)
        return nbytes;
    flags = spin_lock_irqsave(&port.lock);
    if (io_in8(REG_LSR) & LSR_THR_EMPTY)
        room = serial_fifo;
    /* A FIFO of one byte takes the two of a line's end one after the other. */
    while (sent < nbytes && (room >= 2 || (room && (bytes[sent] != '\n' || serial_fifo == 1)))) {
        if (bytes[sent] == '\n') {
            byte_send('\r', &room);
        }
        byte_send(bytes[sent++], &room);
    }
    spin_unlock_irqrestore(&port.lock, flags);
    return sent;
}

void serial_lose(size_t nbytes)
{
    serial_lost += nbytes;
}

/* All state that a write keeps between bytes is its own, so one that a fault has cut short does no
 * harm to this one: it waits for an empty transmitter first. */
void serial_write_panic(const char *bytes, size_t nbytes)
{
    if (!serial_ready)
        serial_init();
    message_send(bytes, nbytes); /* the lock's holder may never give it up */
}

/* The register is written only on a change: each access costs a microsecond, or an exit under a
 * hypervisor. */
static void port_enable_locked(uint8_t mask)
{
    ASSERT(spin_is_held(&port.lock));
    if (port.enabled != mask)
        io_out8(REG_IER, mask);
    port.enabled = mask;
}

void serial_start(const struct serial_client *client)
{
    uint64_t flags;

    if (!serial_found)
        return;
    flags = spin_lock_irqsave(&port.lock);
    ring_init(&port.in, in_bytes, IN_NBYTES);
    ring_init(&port.out, out_bytes, OUT_NBYTES);
    port.client = client;
    io_out8(REG_MCR, MCR_DTR_RTS | MCR_OUT2);
    port_enable_locked(IER_RECEIVED);
    spin_unlock_irqrestore(&port.lock, flags);
}

/* What has happened, for the client. */
struct happened {
    bool received, sent, attention;
};

/* Fetches what came in. A full ring leaves the rest in the port, and asks the other side to stop.
 */
static void port_receive_locked(struct happened *happened)
{
    ASSERT(spin_is_held(&port.lock));
    while (io_in8(REG_LSR) & LSR_DATA) {
        char byte;

        if (ring_free(&port.in) == 0) {
            io_out8(REG_MCR, (MCR_DTR_RTS & ~MCR_RTS) | MCR_OUT2);
            port_enable_locked((uint8_t)(port.enabled & ~IER_RECEIVED));
            return;
        }
        byte = (char)io_in8(REG_DATA);
        if (byte == SERIAL_ATTENTION) {
            happened->attention = true;
            continue;
        }
        ring_put(&port.in, &byte, 1);
        happened->received = true;
    }
}

/* As many bytes as the FIFO takes, since it was found empty. The client hears of room only when
 * half of the queue is free, not at every byte. */
static void port_send_locked(struct happened *happened)
{
    char bytes[FIFO_BYTES];
    size_t nbytes;

    ASSERT(spin_is_held(&port.lock));
    if (!(port.enabled & IER_SENT) || !(io_in8(REG_LSR) & LSR_THR_EMPTY))
        return;
    nbytes = ring_get(&port.out, bytes, serial_fifo);
    for (size_t i = 0; i < nbytes; i++)
        io_out8(REG_DATA, (uint8_t)bytes[i]);
    if (nbytes == 0)
        port_enable_locked((uint8_t)(port.enabled & ~IER_SENT));
    happened->sent = happened->sent || ring_used(&port.out) <= OUT_NBYTES / 2;
}

/* The client is called with the lock dropped: it takes locks of earlier ranks and wakes threads. */
void serial_interrupt(void)
{
    struct happened happened = {0};
    uint64_t flags;

    if (!port.client)
        return;
    flags = spin_lock_irqsave(&port.lock);
    /* The line is edge-triggered: it has to fall before it can rise again. */
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        port_receive_locked(&happened);
        port_send_locked(&happened);
        if (io_in8(REG_IIR) & IIR_NOTHING)
            break;
    }
    spin_unlock_irqrestore(&port.lock, flags);
    if (happened.attention)
        port.client->attention();
    if (happened.received)
        port.client->received();
    if (happened.sent)
        port.client->sent();
}

/* Room again: the other side may go on sending, and the interrupt comes back. */
size_t serial_read(char *bytes, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&port.lock);
    size_t got = ring_get(&port.in, bytes, nbytes);

    if (got && !(port.enabled & IER_RECEIVED)) {
        io_out8(REG_MCR, MCR_DTR_RTS | MCR_OUT2);
        port_enable_locked(port.enabled | IER_RECEIVED);
    }
    spin_unlock_irqrestore(&port.lock, flags);
    return got;
}

size_t serial_queue(const char *bytes, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&port.lock);
    size_t queued = ring_put(&port.out, bytes, nbytes);

    if (queued)
        port_enable_locked(port.enabled |
                           IER_SENT); /* interrupts at once if the port has nothing */
    spin_unlock_irqrestore(&port.lock, flags);
    return queued;
}

size_t serial_queued(void)
{
    uint64_t flags = spin_lock_irqsave(&port.lock);
    size_t queued = ring_used(&port.out);

    spin_unlock_irqrestore(&port.lock, flags);
    return queued;
}
