/* SPDX-License-Identifier: MIT */
/*
 * The output ring between what is logged and what is printed.
 *
 * .head counts the bytes that were ever added, .tail those that were printed; their difference is
 * in the ring. Adding and counting are under .lock, for as long as copying takes; printing is not,
 * so that no processor waits for the serial line with interrupts off. The lock is of the last rank:
 * a line may be added under any other lock, where a thread cannot be woken: that is the printer's
 * affair (struct output_printer). One thread prints, so the order of printing is that of adding.
 *
 * A panic stops the other processors, prints what is in the ring itself, without the lock, and then
 * its own lines. The piece that the printing thread was at may appear twice.
 */
#include "kernel/core/output.h"

#include "kernel/arch/x86_64/irq.h"
#include "kernel/core/clock.h"
#include "kernel/core/irq.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

#define RING_SIZE         65536u /* a power of two */
#define RESERVE           128u   /* of it for the line that says how many were dropped */
#define FLUSH_INTERVAL_NS 100000000ULL
#define STUCK_NS          20000000000ULL
#define STUCK_TURNS       1000000
#define IDLE_ROUNDS_MAX   200 /* waits in a row without progress: the devices are dead */

/* By itself: zeroes take no room in the image. */
static char ring[RING_SIZE]; /* [lock] */

static struct {
    struct spinlock lock;
    const struct output_ops *ops;         /* [lock] */
    const struct output_printer *printer; /* [lock] NULL: every caller prints */
    bool in_program_line;                 /* [lock] a program's line has begun and not ended */
    bool interrupted;                     /* [lock] ... and a log line cut it */
    bool flush_wanted;                    /* [a] */
    bool panicked;
    uint64_t flushed_ns;            /* [lock] */
    uint64_t head, tail;            /* [lock] read without it as hints */
    uint64_t dropped, dropped_told; /* [lock] lines */
} output = {.lock = SPINLOCK_INIT(SPIN_KLOG)};

/* A processor that waits here cannot report it, the watchdog least of all: so there is an end to
 * it, which needs no lock. It takes time and turns: a machine may be stopped for any time. */
static uint64_t output_lock(void)
{
    uint64_t flags = irq_save(), begun = clock_monotonic_ns();

    for (uint32_t turns = 0; __atomic_load_n(&output.lock.holder, __ATOMIC_RELAXED); turns++) {
        if (turns > STUCK_TURNS && clock_monotonic_ns() - begun > STUCK_NS)
            panic("the log is locked and does not come free");
        cpu_pause();
    }
    spin_lock(&output.lock);
    return flags;
}

static size_t ring_room(void)
{
    return RING_SIZE - (size_t)(output.head - output.tail);
}

static void ring_add_locked(const char *bytes, size_t nbytes)
{
    size_t at = output.head % RING_SIZE, first = MIN(nbytes, RING_SIZE - at);

    ASSERT(spin_is_held(&output.lock) && nbytes <= ring_room());
    memcpy(ring + at, bytes, first);
    memcpy(ring, bytes + first, nbytes - first);
    output.head += nbytes;
}

/* What lies at the tail in one piece, at most `most` bytes. May be called without the lock in a
 * panic: the other processors have stopped. */
static size_t piece_at_tail(const char **bytes, size_t most)
{
    size_t at = output.tail % RING_SIZE, used = (size_t)(output.head - output.tail);

    *bytes = ring + at;
    return MIN(MIN(used, RING_SIZE - at), most);
}

/* While there is no printing thread. Pixels are slow: they follow the text some ten times a second,
 * and when a flush is asked for. */
static void print_here_locked(void)
{
    uint64_t now = clock_monotonic_ns();
    const char *bytes;
    size_t nbytes;

    ASSERT(spin_is_held(&output.lock));
    if (!output.ops || output.printer)
        return;
    while ((nbytes = piece_at_tail(&bytes, RING_SIZE)) != 0) {
        output.ops->write(bytes, nbytes);
        output.tail += nbytes;
    }
    /* Before the clock runs there is little to print, and a machine that dies shows all of it. */
    if (!now || now - output.flushed_ns >= FLUSH_INTERVAL_NS) {
        output.flushed_ns = now;
        output.ops->flush();
    }
}

/* Waiting means sleeping: not under a spinlock, not in an interrupt handler. */
static bool may_wait(void)
{
    return output.printer && !spin_any_held() && !irq_in_handler() && irq_enabled();
}

/* Locks, with room for so many bytes if the caller can wait for it; whether there is. */
static bool room_lock(size_t nbytes, uint64_t *flags)
{
    bool wait = may_wait();

    for (unsigned idle = 0; idle < IDLE_ROUNDS_MAX;) {
        uint64_t tail;

        *flags = output_lock();
        if (ring_room() >= nbytes + RESERVE || !wait)
            break;
        tail = output.tail;
        spin_unlock_irqrestore(&output.lock, *flags);
        output.printer->wait();
        idle = __atomic_load_n(&output.tail, __ATOMIC_RELAXED) == tail ? idle + 1 : 0;
        if (idle == IDLE_ROUNDS_MAX)
            *flags = output_lock();
    }
    if (ring_room() >= nbytes + RESERVE)
        return true;
    output.dropped++;
    return false;
}

static void unlock_and_wake(uint64_t flags)
{
    const struct output_printer *printer = output.printer;

    print_here_locked();
    spin_unlock_irqrestore(&output.lock, flags);
    if (printer)
        printer->wake();
}

/* A log line never starts in the middle of a program's line; the rest of that line follows under a
 * prefix of its own. */
static void break_line_locked(void)
{
    ASSERT(spin_is_held(&output.lock));
    if (output.in_program_line) {
        ring_add_locked("\n", 1);
        output.in_program_line = false;
        output.interrupted = true;
    }
}

static void tell_dropped_locked(void)
{
    char line[RESERVE - 8];
    uint64_t count = output.dropped - output.dropped_told;

    ASSERT(spin_is_held(&output.lock));
    if (!count)
        return;
    output.dropped_told = output.dropped;
    ring_add_locked(line, fmt_print(line, sizeof(line), "# log: %llu lines did not fit\n",
                                    (unsigned long long)count));
}

void output_set_ops(const struct output_ops *ops)
{
    uint64_t flags = output_lock();

    output.ops = ops;
    unlock_and_wake(flags);
}

void output_set_printer(const struct output_printer *printer)
{
    uint64_t flags = output_lock();

    output.printer = printer;
    spin_unlock_irqrestore(&output.lock, flags);
}

/* Copied, and counted as printed only by output_printed: a panic in between finds the bytes still
 * in the ring. */
size_t output_next(char *bytes, size_t size)
{
    uint64_t flags = output_lock();
    const char *from;
    size_t nbytes = piece_at_tail(&from, size);

    memcpy(bytes, from, nbytes);
    spin_unlock_irqrestore(&output.lock, flags);
    return nbytes;
}

void output_printed(size_t nbytes)
{
    uint64_t flags = output_lock();

    ASSERT(nbytes <= output.head - output.tail);
    output.tail += nbytes;
    spin_unlock_irqrestore(&output.lock, flags);
}

/* For the printing thread alone, hence flushed_ns without the lock. */
bool output_take_flush(void)
{
    uint64_t now = clock_monotonic_ns();
    bool wanted = __atomic_exchange_n(&output.flush_wanted, false, __ATOMIC_ACQ_REL);

    if (!wanted && now - output.flushed_ns < FLUSH_INTERVAL_NS)
        return false;
    output.flushed_ns = now;
    return true;
}

void output_line(const char *bytes, size_t nbytes)
{
    uint64_t flags;

    /* A dropped line is counted; the note about it goes out with the next one that fits. */
    if (room_lock(nbytes, &flags)) {
        break_line_locked();
        tell_dropped_locked();
        ring_add_locked(bytes, nbytes);
    }
    unlock_and_wake(flags);
}

void output_program(const char *bytes, size_t nbytes, const char *prefix)
{
    uint64_t flags;

    /* In pieces: a program may write more than the ring holds. */
    while (nbytes) {
        size_t piece = MIN(nbytes, RING_SIZE / 4);

        if (room_lock(piece, &flags)) {
            if (output.interrupted)
                ring_add_locked(prefix, strlen(prefix));
            output.interrupted = false;
            ring_add_locked(bytes, piece);
            output.in_program_line = bytes[piece - 1] != '\n';
        }
        unlock_and_wake(flags);
        bytes += piece;
        nbytes -= piece;
    }
}

/* Without a printing thread the next line that is printed draws. */
void output_draw(void)
{
    const struct output_printer *printer = __atomic_load_n(&output.printer, __ATOMIC_RELAXED);

    if (!printer)
        return;
    __atomic_store_n(&output.flush_wanted, true, __ATOMIC_RELEASE);
    printer->wake();
}

/* Waits for what was added up to now, not for what is added meanwhile; bounded by progress. */
void output_flush(void)
{
    uint64_t flags = output_lock(), head = output.head, tail = output.tail;

    if (!output.printer) {
        output.flushed_ns = 0;
        print_here_locked();
    }
    spin_unlock_irqrestore(&output.lock, flags);
    if (!may_wait())
        return;
    __atomic_store_n(&output.flush_wanted, true, __ATOMIC_RELEASE);
    output.printer->wake();
    for (unsigned idle = 0; idle < IDLE_ROUNDS_MAX; idle++) {
        uint64_t now = __atomic_load_n(&output.tail, __ATOMIC_ACQUIRE);

        if (now >= head && !__atomic_load_n(&output.flush_wanted, __ATOMIC_ACQUIRE))
            return;
        if (now != tail)
            idle = 0;
        tail = now;
        output.printer->wait();
    }
}

void output_panic(const char *bytes, size_t nbytes)
{
    const char *rest;
    size_t left;

    if (!output.ops)
        return;
    while (!output.panicked && (left = piece_at_tail(&rest, RING_SIZE)) != 0) {
        output.tail += left;
        output.ops->panic_write(rest, left);
    }
    output.panicked = true;
    output.ops->panic_write(bytes, nbytes);
}

uint64_t output_dropped(void)
{
    return __atomic_load_n(&output.dropped, __ATOMIC_RELAXED);
}
