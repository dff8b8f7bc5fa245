/* SPDX-License-Identifier: MIT */
/*
 * Reads from a terminal: termios(3)'s canonical and noncanonical mode, with VMIN and VTIME.
 *
 * A read alternates between taking what the line discipline has for it, under tty.lock, and
 * sleeping on tty.readable until there is more. It ends with a whole line, with VMIN bytes, when
 * VTIME has run out, with a full buffer, at a signal, or at a hang-up. The settings are those at
 * its start.
 */
#include "kernel/dev/tty/tty_internal.h"

#include "kernel/core/clock.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/signal.h"

#define TENTH_NS 100000000ULL /* the unit of VTIME */

/* Something to take, whatever VMIN says: readers count by themselves. The ready function of
 * readers. It runs after the reader has entered the wait queue, so that a byte that arrives between
 * reading_take and the sleep is seen here. */
static bool tty_any_input(struct file *file)
{
    struct tty *tty = tty_of(file);
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool ready = line_readable(&tty->line, 1) || tty_file_is_dead(file);

    spin_unlock_irqrestore(&tty->lock, flags);
    return ready;
}

/* One read, as it goes on. */
struct reading {
    struct tty *tty;
    bool canonical;
    uint64_t at_least; /* raw: VMIN */
    uint64_t time_ns;  /* raw: VTIME */
    uint64_t deadline_ns;
    int64_t got;
    bool ended;
};

/* VMIN and VTIME are read once: a change of settings during a read holds for the next one, as in
 * Linux's n_tty. VTIME without VMIN limits the whole read, VTIME with VMIN the pause after each
 * byte. */
static void reading_begin(struct reading *reading, const struct file *file, size_t wanted)
{
    struct tty *tty = tty_of(file);
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    const struct lx_termios2 *termios = &tty->line.termios;

    *reading = (struct reading){
        .tty = tty,
        .canonical = termios->c_lflag & LX_ICANON,
        .at_least = MIN(termios->c_cc[LX_VMIN], wanted),
        .time_ns = termios->c_cc[LX_VTIME] * TENTH_NS,
    };
    spin_unlock_irqrestore(&tty->lock, flags);
    if (reading->at_least == 0 && reading->time_ns)
        reading->deadline_ns = clock_monotonic_ns() + reading->time_ns;
}

/* Takes all that this read may have now. 0 or -EFAULT. Copying to the program happens between two
 * sections under tty.lock, never inside one. tty_read has faulted the buffer in before; where it is
 * unmapped meanwhile, bytes taken from the line are lost, as on Linux. */
static int reading_take(struct reading *reading, struct user_iter *io)
{
    struct tty *tty = reading->tty;
    char bytes[TTY_CHUNK];
    size_t nbytes;

    do {
        uint64_t flags = spin_lock_irqsave(&tty->lock);

        nbytes = line_take(&tty->line, bytes, MIN(io->left, sizeof(bytes)), &reading->ended);
        spin_unlock_irqrestore(&tty->lock, flags);
        if (user_iter_put(io, bytes, nbytes) < nbytes)
            return -EFAULT;
        reading->got += (int64_t)nbytes;
        if (nbytes && reading->time_ns && reading->at_least)
            reading->deadline_ns = clock_monotonic_ns() + reading->time_ns;
        sched_preempt_point();
    } while (nbytes && !reading->ended && io->left);
    return 0;
}

/* The four cases of termios(3), "Canonical and noncanonical mode". */
static bool reading_done(const struct reading *reading, const struct user_iter *io)
{
    if (reading->ended || io->left == 0)
        return true;
    if (reading->canonical)
        return reading->got > 0;
    if (reading->at_least == 0)
        return reading->got > 0 || !reading->time_ns;
    return reading->got >= (int64_t)reading->at_least;
}

/* A signal, a full buffer or a time-out ends it; what was taken up to then is returned. */
static int64_t read_loop(struct file *file, struct reading *reading, struct user_iter *io)
{
    struct tty *tty = reading->tty;
    int err = 0;

    while (!err) {
        err = reading_take(reading, io);
        if (err || reading_done(reading, io))
            break;
        /* As Linux: the end of the file, but an error when the other end of a pair went away. */
        if (tty_file_is_dead(file)) {
            err = tty->driver->is_slow ? 0 : -EIO;
            break;
        }
        if (file->flags & LX_O_NONBLOCK)
            err = -EAGAIN;
        else
            err = tty_wait(file, &tty->readable, tty_any_input, reading->deadline_ns);
    }
    if (reading->got > 0 || err == -ETIMEDOUT)
        return reading->got;
    return err;
}

/* The background check comes first: a stopped job takes no input. */
int64_t tty_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct tty *tty = tty_of(file);
    struct reading reading;
    int64_t result;
    int err;

    (void)offset;
    if (tty_file_is_dead(file) || io->left == 0)
        return 0;
    err = tty_ops()->check(tty, LX_SIGTTIN);
    if (!err)
        /* Before bytes are taken for nothing. */
        err = io->kernel ? 0 : user_iter_fault_in(io, true);
    if (err)
        return err;
    reading_begin(&reading, file, io->left);
    result = read_loop(file, &reading, io);
    if (reading.got > 0 || reading.ended) {
        /* There is room in the line now: what the device had to keep comes in. */
        if (tty->driver->input_locked)
            tty_input_pull(tty);
        tty->driver->changed(tty);
    }
    return result;
}
