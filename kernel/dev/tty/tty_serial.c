/* SPDX-License-Identifier: MIT */
/*
 * The terminal on the serial line.
 *
 * The port's interrupt only moves bytes between the UART and the rings of plat/serial.c and notes
 * an event; a kernel thread (serial_serve) feeds them to the line discipline, because that signals
 * process groups and wakes readers, which an interrupt handler must not do for an unbounded time.
 * Output takes the other way: serial_start_locked moves bytes from the terminal's ring to the
 * port's under tty.lock.
 *
 * Until tty_serial_use the port belongs to the report and the log: input is read and dropped, and
 * /dev/console is the sink of the running test.
 */
#include "kernel/dev/tty/tty_serial.h"

#include "kernel/core/clock.h"
#include "kernel/core/irq.h"
#include "kernel/core/timer.h"
#include "kernel/dev/console.h"
#include "kernel/dev/input.h"
#include "kernel/dev/tty/tty.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/klog.h"
#include "kernel/plat/ioapic.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/serial.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define SERIAL_IRQ      4
#define PIECE           64
#define EVENT_RECEIVED  1u
#define EVENT_ATTENTION 2u
#define DRAIN_NS        1000000000ULL
#define POLL_NS         2000000ULL /* where there is no interrupt: a FIFO of 16 fills in 1.4 ms */

/* The only one: COM1. */
static struct tty terminal;
static bool in_use; /* atomic */
static bool has_interrupt;
static void (*attention_key)(void);
static struct timer poll_timer;
static struct thread server;
static struct waitq events_wait;
static uint32_t events; /* [a] EVENT_* that the thread has not seen */

/* --- the device behind the terminal --- */

/* A stopped terminal (VSTOP) keeps its bytes; the port's own queue is not held back. */
static void serial_start_locked(struct tty *tty)
{
    struct ring_span span;

    ASSERT(spin_is_held(&tty->lock));
    while (!tty->line.stopped && (span = ring_readable(&tty->line.out)).nbytes > 0) {
        size_t queued = serial_queue(span.bytes, span.nbytes);

        ring_advance_read(&tty->line.out, queued);
        if (queued < span.nbytes)
            break;
    }
}

/* Rank SERIAL is behind TTY: the port's lock is taken under tty.lock. */
static size_t serial_input_locked(struct tty *tty, char *bytes, size_t nbytes)
{
    ASSERT(spin_is_held(&tty->lock));
    return serial_read(bytes, nbytes);
}

/* Nothing is at the other end that would wait. */
static void serial_changed(struct tty *tty)
{
    (void)tty;
}

static const struct tty_driver serial_driver = {
    .start_locked = serial_start_locked,
    .input_locked = serial_input_locked,
    .changed = serial_changed,
    .is_slow = true,
};

/* --- the port's events --- */

/* From the interrupt: the event is recorded before the wake-up, and the thread clears it before it
 * acts, so that an event during the work leads to another round. */
static void serial_note(uint32_t event)
{
    __atomic_fetch_or(&events, event, __ATOMIC_RELEASE);
    waitq_wake_all(&events_wait);
}

static void received(void)
{
    serial_note(EVENT_RECEIVED);
}

static void attention(void)
{
    serial_note(EVENT_ATTENTION);
}

/* From the interrupt, when the port's queue has room again. */
static void sent(void)
{
    if (__atomic_load_n(&in_use, __ATOMIC_ACQUIRE))
        tty_output_taken(&terminal);
}

/* The attention key works even while nothing reads: input is taken out of the port all the same,
 * and counts as a key. */
static void input_take(void)
{
    char bytes[PIECE];

    if (__atomic_load_n(&in_use, __ATOMIC_ACQUIRE)) {
        tty_input_pull(&terminal);
        return;
    }
    while (serial_read(bytes, sizeof(bytes)) > 0)
        input_key_note();
}

/* The events are taken before they are acted on, and looked at again after the queue was entered:
 * none is lost between the two. */
NORETURN static void serial_serve(void *argument)
{
    (void)argument;
    sched_first();
    for (;;) {
        uint32_t happened = __atomic_exchange_n(&events, 0, __ATOMIC_ACQ_REL);
        struct waiter waiter;

        if (happened & EVENT_ATTENTION)
            attention_key();
        if (happened & EVENT_RECEIVED)
            input_take();
        waitq_enter(&events_wait, &waiter);
        if (!__atomic_load_n(&events, __ATOMIC_ACQUIRE)) {
            int err = waitq_sleep(&waiter, 1, 0);
            ASSERT(!err); /* a kernel thread gets no signals */
        }
        waitq_leave(&events_wait, &waiter);
    }
}

/* Acknowledged last: the line is edge-triggered and cannot interrupt again before it was serviced.
 */
static void handle_interrupt(void)
{
    serial_interrupt();
    lapic_eoi();
}

/* Firmware that routes no interrupt to the port leaves this poll. */
static void handle_timer(struct timer *timer)
{
    serial_interrupt();
    timer_start(timer, clock_monotonic_ns() + POLL_NS);
}

/* --- files --- */

/* /dev/console never becomes a controlling terminal, as on Linux. */
static int open_terminal(struct file *file)
{
    if (file->inode->device == CONSOLE_DEVICE)
        file->access |= FILE_NOCTTY;
    tty_get(&terminal);
    return tty_file_open(file, &terminal);
}

/* /dev/tty: the reference taken by current() becomes the file's. */
static int open_current(struct file *file)
{
    struct tty *tty = tty_ops()->current();

    return tty ? tty_file_open(file, tty) : -ENXIO;
}

/* The thread and the interrupt first, the port last: it may interrupt at once. Without a port the
 * terminal exists, but no file leads to it. */
COLD int tty_serial_init(void (*attention_function)(void))
{
    static const struct serial_client client = {
        .received = received,
        .sent = sent,
        .attention = attention,
    };
    unsigned vector;
    int err = tty_init(&terminal, &serial_driver, TTY_SERIAL_DEVICE);

    if (err)
        return err;
    terminal.line.termios.c_cflag = LX_B115200 | LX_CS8 | LX_CREAD | LX_HUPCL | LX_CLOCAL;
    terminal.line.termios.c_ispeed = terminal.line.termios.c_ospeed = 115200;
    console_set_current(open_current);
    attention_key = attention_function;
    if (!serial_present())
        return 0;
    waitq_init(&events_wait);
    err = thread_create(&server, serial_serve, NULL);
    if (err)
        return err;
    sched_start(&server);
    err = ioapic_enable(SERIAL_IRQ, &vector);
    has_interrupt = err == 0;
    if (has_interrupt)
        irq_set_handler(vector, handle_interrupt);
    else
        klog("serial: no interrupt (error %d): the port is polled while a terminal is used", -err);
    serial_start(&client);
    return 0;
}

/* From the plan to the shell: the report has ended. */
int tty_serial_use(void)
{
    if (!serial_present())
        return -ENODEV;
    __atomic_store_n(&in_use, true, __ATOMIC_RELEASE);
    console_set_terminal(TTY_SERIAL_DEVICE, open_terminal);
    console_set_terminal(CONSOLE_DEVICE, open_terminal);
    if (!has_interrupt) {
        timer_init(&poll_timer, handle_timer);
        timer_start(&poll_timer, clock_monotonic_ns() + POLL_NS);
    }
    return 0;
}

void tty_serial_set_size(uint16_t rows, uint16_t columns)
{
    const struct lx_winsize size = {.ws_row = rows, .ws_col = columns};

    tty_set_size(&terminal, &size);
}

/* Bounded: a reader of the other end may have stopped the port. */
void tty_serial_drain(void)
{
    uint64_t deadline = clock_monotonic_ns() + DRAIN_NS;

    while ((ring_used(&terminal.line.out) || serial_queued()) && clock_monotonic_ns() < deadline)
        sched_yield_cpu();
}
