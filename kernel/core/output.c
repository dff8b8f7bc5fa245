/* SPDX-License-Identifier: MIT */
#include "kernel/core/output.h"

#include "kernel/core/clock.h"
#include "kernel/core/panic.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/string.h"

#define EARLY_SIZE        4096
#define FLUSH_INTERVAL_NS 100000000ULL
#define STUCK_NS          20000000000ULL
#define STUCK_TURNS       1000000

/* What was said before there was a port. By itself: zeroes take no room in the image. */
static char early[EARLY_SIZE]; /* [lock] */

static struct {
    struct spinlock lock;
    const struct output_ops *ops; /* [lock] */
    bool in_program_line;         /* [lock] a program's line has begun and not ended */
    bool interrupted;             /* [lock] ... and a log line cut it */
    uint64_t flushed_ns;          /* [lock] */
    size_t early_nbytes;          /* [lock] */
} output = {.lock = SPINLOCK_INIT(SPIN_KLOG)};

/* Who waits here cannot tell anybody, the watchdog least of all: so there is an end to it, which
 * needs no lock. It takes time and turns: a machine may be stopped for any time. */
static uint64_t output_lock(void)
{
    uint64_t flags = irq_save(), begun = clock_monotonic_ns();

    for (uint32_t turns = 0; __atomic_load_n(&output.lock.held, __ATOMIC_RELAXED); turns++) {
        if (turns > STUCK_TURNS && clock_monotonic_ns() - begun > STUCK_NS)
            panic("the log is locked and does not come free");
        cpu_pause();
    }
    spin_lock(&output.lock);
    return flags;
}

static void write_locked(const char *bytes, size_t nbytes)
{
    if (output.ops) {
        output.ops->write(bytes, nbytes);
        return;
    }
    nbytes = MIN(nbytes, EARLY_SIZE - output.early_nbytes);
    memcpy(early + output.early_nbytes, bytes, nbytes);
    output.early_nbytes += nbytes;
}

/* Pixels are slow: they follow the text some ten times a second, and whenever a test ends. */
static void flush_if_due_locked(void)
{
    uint64_t now = clock_monotonic_ns();

    if (!output.ops || now - output.flushed_ns < FLUSH_INTERVAL_NS)
        return;
    output.flushed_ns = now;
    output.ops->flush();
}

void output_set_ops(const struct output_ops *ops)
{
    uint64_t flags = output_lock();

    output.ops = ops;
    ops->write(early, output.early_nbytes);
    output.early_nbytes = 0;
    spin_unlock_irqrestore(&output.lock, flags);
}

void output_line(const char *bytes, size_t nbytes)
{
    uint64_t flags = output_lock();

    if (output.in_program_line) {
        write_locked("\n", 1);
        output.in_program_line = false;
        output.interrupted = true;
    }
    write_locked(bytes, nbytes);
    flush_if_due_locked();
    spin_unlock_irqrestore(&output.lock, flags);
}

void output_program(const char *bytes, size_t nbytes, const char *prefix)
{
    uint64_t flags;

    if (!nbytes)
        return;
    flags = output_lock();
    if (output.interrupted)
        write_locked(prefix, strlen(prefix));
    output.interrupted = false;
    write_locked(bytes, nbytes);
    output.in_program_line = bytes[nbytes - 1] != '\n';
    flush_if_due_locked();
    spin_unlock_irqrestore(&output.lock, flags);
}

void output_flush(void)
{
    uint64_t flags = output_lock();

    if (output.ops) {
        output.flushed_ns = clock_monotonic_ns();
        output.ops->flush();
    }
    spin_unlock_irqrestore(&output.lock, flags);
}

void output_panic(const char *bytes, size_t nbytes)
{
    if (output.ops)
        output.ops->panic_write(bytes, nbytes);
}
