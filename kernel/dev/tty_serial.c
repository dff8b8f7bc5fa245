/* SPDX-License-Identifier: MIT */
#include "kernel/dev/tty_serial.h"

#include "kernel/core/clock.h"
#include "kernel/core/irq.h"
#include "kernel/core/timer.h"
#include "kernel/dev/console.h"
#include "kernel/dev/tty.h"
#include "kernel/fs/devfs.h"
#include "kernel/fs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/klog.h"
#include "kernel/plat/ioapic.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/serial.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define SERIAL_IRQ      4
#define SERIAL_DEVICE   DEVICE(4, 64)
#define CONSOLE_DEVICE  DEVICE(5, 1)
#define PIECE           64
#define EVENT_RECEIVED  1u
#define EVENT_ATTENTION 2u
#define DRAIN_NS        1000000000ULL
#define POLL_NS         2000000ULL /* where there is no interrupt: a FIFO of 16 fills in 1.4 ms */

static struct tty terminal;
static bool in_use; /* atomic */
static bool has_interrupt;
static void (*attention_key)(void);
static struct timer poll_timer;
static struct thread server;
static struct waitq events_wait;
static uint32_t events; /* [a] EVENT_* that the thread has not seen */

/* --- the device behind the terminal --- */

static void start_locked(struct tty *tty)
{
    struct ring_span span;

    while (!tty->line.stopped && (span = ring_readable(&tty->line.out)).nbytes > 0) {
        size_t queued = serial_queue(span.bytes, span.nbytes);

        ring_advance_read(&tty->line.out, queued);
        if (queued < span.nbytes)
            break;
    }
}

static size_t input_locked(struct tty *tty, char *bytes, size_t nbytes)
{
    (void)tty;
    return serial_read(bytes, nbytes);
}

static void changed(struct tty *tty)
{
    (void)tty;
}

static const struct tty_driver serial_driver = {
    .start_locked = start_locked,
    .input_locked = input_locked,
    .changed = changed,
    .is_slow = true,
};

/* --- the port's events --- */

static void note(uint32_t event)
{
    __atomic_fetch_or(&events, event, __ATOMIC_RELEASE);
    waitq_wake_all(&events_wait);
}

static void received(void)
{
    note(EVENT_RECEIVED);
}

static void attention(void)
{
    note(EVENT_ATTENTION);
}

static void sent(void)
{
    if (__atomic_load_n(&in_use, __ATOMIC_ACQUIRE))
        tty_output_taken(&terminal);
}

static void input_take(void)
{
    char bytes[PIECE];

    if (__atomic_load_n(&in_use, __ATOMIC_ACQUIRE)) {
        tty_input_pull(&terminal);
        return;
    }
    while (serial_read(bytes, sizeof(bytes)) > 0)
        ;
}

NORETURN static void serve(void *argument)
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
            ASSERT(!err); /* nobody signals this thread */
        }
        waitq_leave(&events_wait, &waiter);
    }
}

static void handle_interrupt(void)
{
    serial_interrupt();
    lapic_eoi();
}

static void handle_timer(struct timer *timer)
{
    serial_interrupt();
    timer_start(timer, clock_monotonic_ns() + POLL_NS);
}

/* --- files --- */

static int open_terminal(struct file *file)
{
    if (file->inode->device == CONSOLE_DEVICE)
        file->access |= FILE_NOCTTY;
    tty_get(&terminal);
    return tty_file_open(file, &terminal);
}

static int open_current(struct file *file)
{
    struct tty *tty = tty_ops()->current();

    return tty ? tty_file_open(file, tty) : -ENXIO;
}

int tty_serial_init(void (*attention_function)(void))
{
    static const struct serial_client client = {
        .received = received,
        .sent = sent,
        .attention = attention,
    };
    unsigned vector;
    int err = tty_init(&terminal, &serial_driver, SERIAL_DEVICE);

    if (err)
        return err;
    terminal.line.termios.c_cflag = LX_B115200 | LX_CS8 | LX_CREAD | LX_HUPCL | LX_CLOCAL;
    terminal.line.termios.c_ispeed = terminal.line.termios.c_ospeed = 115200;
    console_set_files(&tty_file_ops, open_current);
    attention_key = attention_function;
    if (!serial_present())
        return 0;
    waitq_init(&events_wait);
    err = thread_create(&server, serve, NULL);
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

int tty_serial_use(void)
{
    if (!serial_present())
        return -ENODEV;
    __atomic_store_n(&in_use, true, __ATOMIC_RELEASE);
    console_set_terminal(open_terminal);
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

void tty_serial_drain(void)
{
    uint64_t deadline = clock_monotonic_ns() + DRAIN_NS;

    while ((ring_used(&terminal.line.out) || serial_queued()) && clock_monotonic_ns() < deadline)
        sched_yield_cpu();
}
