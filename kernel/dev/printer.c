/* SPDX-License-Identifier: MIT */
/*
 * The printing thread: from the output ring to the serial line and the screen.
 *
 * It takes pieces of what fits into the port's FIFO out of core/output.c's ring. While the port is
 * busy it sleeps, so the serial line costs no processor and is never waited for under a lock or
 * with interrupts off. A port that takes nothing for STUCK_NS is given up: then bytes are thrown
 * away until it is ready again.
 *
 * A line may be added under any spinlock, even a run queue's, where no thread can be woken. Then
 * the processor sends itself an interrupt, which comes when it allows interrupts again.
 */
#include "kernel/dev/printer.h"

#include "kernel/arch/x86_64/cpu.h"
#include "kernel/arch/x86_64/irq.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/clock.h"
#include "kernel/core/ipi.h"
#include "kernel/core/irq.h"
#include "kernel/core/output.h"
#include "kernel/core/spinlock.h"
#include "kernel/dev/fb/fbterm.h"
#include "kernel/dev/fb/screen.h"
#include "kernel/lib/restart.h"
#include "kernel/plat/lapic.h"
#include "kernel/plat/serial.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "shared/linux/errno.h"

#define PIECE        16
#define SCREEN_PIECE 512 /* more cells are drawn at once, rather than lines scrolled one by one */
#define BUSY_NS      500000ULL     /* a FIFO at 115,200 baud takes 1.4 ms */
#define STUCK_NS     1000000000ULL /* longer than any reader of an emulated port stalls */
#define MOMENT_NS    10000000ULL

/* One for the machine, so that lines come out in the order in which they were added. */
static struct thread thread;
static struct waitq work, progress; /* for the printing thread; for those that wait for it */
static bool has_work;               /* [a] */
static size_t (*screen_take)(char *bytes, size_t nbytes); /* [a] */

static void write_both(const char *bytes, size_t nbytes)
{
    serial_write(bytes, nbytes);
    screen_report(bytes, nbytes);
}

static void panic_write_both(const char *bytes, size_t nbytes)
{
    serial_write_panic(bytes, nbytes);
    fbterm_panic_write(bytes, nbytes);
}

/* From here on every caller prints by itself, until the thread is there. */
void printer_init(void)
{
    static const struct output_ops ops = {
        .write = write_both,
        .panic_write = panic_write_both,
        .flush = screen_flush,
    };

    output_set_ops(&ops);
}

/* A call while has_work is set costs one exchange: the thread looks again before it sleeps. */
void printer_kick(void)
{
    if (__atomic_exchange_n(&has_work, true, __ATOMIC_SEQ_CST))
        return;
    if (spin_any_held())
        ipi_send(CPU_OWN->index, ARCH_VECTOR_PRINT);
    else
        waitq_wake_one(&work);
}

static void print_interrupt(void)
{
    lapic_eoi();
    waitq_wake_one(&work);
}

/* The time limit covers a wake-up between the caller's last look and its entry into the queue. */
static void progress_wait(void)
{
    struct waiter waiter;

    waitq_enter(&progress, &waiter);
    if (waitq_sleep(&waiter, 1, clock_monotonic_ns() + MOMENT_NS) == -ERESTARTSYS)
        sched_yield_cpu(); /* a signal would end each sleep at once */
    waitq_leave(&progress, &waiter);
}

/* To the serial line, all of it unless the port is stuck. */
static void serial_send(const char *bytes, size_t nbytes)
{
    static bool stuck;
    uint64_t begun = clock_monotonic_ns();

    while (nbytes) {
        size_t sent = serial_write_some(bytes, nbytes);

        bytes += sent;
        nbytes -= sent;
        if (sent) {
            stuck = false;
            begun = clock_monotonic_ns();
        } else if (stuck || clock_monotonic_ns() - begun > STUCK_NS) {
            stuck = true;
            serial_lose(nbytes);
            return;
        } else if (waitq_sleep(NULL, 0, clock_monotonic_ns() + BUSY_NS) == 0) {
            continue;
        }
    }
}

/* has_work is taken after the queue was entered: a line added since then either finds the flag
 * clear and wakes the thread, or is seen here. */
static void work_wait(void)
{
    struct waiter waiter;

    waitq_enter(&work, &waiter);
    if (!__atomic_exchange_n(&has_work, false, __ATOMIC_SEQ_CST) && waitq_sleep(&waiter, 1, 0) == 0)
        __atomic_store_n(&has_work, false, __ATOMIC_SEQ_CST);
    waitq_leave(&work, &waiter);
}

void printer_set_screen(size_t (*take)(char *bytes, size_t nbytes))
{
    __atomic_store_n(&screen_take, take, __ATOMIC_RELEASE);
}

/* A terminal's text is drawn at once: a person waits for the echo of a key. But no more than a
 * piece is taken while log lines may be waiting. */
static bool screen_serve(void)
{
    size_t (*take)(char *, size_t) = __atomic_load_n(&screen_take, __ATOMIC_ACQUIRE);
    char bytes[SCREEN_PIECE];
    size_t nbytes = take ? take(bytes, sizeof(bytes)) : 0;

    if (nbytes == 0)
        return false;
    fbterm_write(bytes, nbytes);
    return true;
}

static void printer_run(void *argument)
{
    char bytes[PIECE];
    size_t nbytes;
    bool more, drawn = true; /* the terminal's text is */

    (void)argument;
    sched_first();
    for (;;) {
        while ((nbytes = output_next(bytes, sizeof(bytes))) != 0) {
            serial_send(bytes, nbytes);
            screen_report(bytes, nbytes);
            output_printed(nbytes);
        }
        more = screen_serve();
        drawn = drawn && !more;
        if (output_take_flush() || !(drawn || more)) {
            screen_flush();
            drawn = true;
        }
        if (more)
            continue;
        waitq_wake_all(&progress);
        work_wait();
    }
}

/* From output_set_printer on no other code prints; the queues must be ready before. */
COLD int printer_start(void)
{
    static const struct output_printer printer = {
        .wake = printer_kick,
        .wait = progress_wait,
    };
    int err = thread_create(&thread, printer_run, NULL);

    if (err)
        return err;
    waitq_init(&work);
    waitq_init(&progress);
    irq_set_handler(ARCH_VECTOR_PRINT, print_interrupt);
    sched_start(&thread);
    output_set_printer(&printer);
    return 0;
}
