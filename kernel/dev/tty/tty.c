/* SPDX-License-Identifier: MIT */
/*
 * Terminals: the files of a terminal, and what happens between its device and the line discipline.
 *
 * Data path. Input: the driver hands bytes to tty_input (or tty_input_pull fetches them from
 * driver->input_locked); the line discipline edits, echoes and collects them under tty.lock; what
 * it asks for besides (signals, wake-ups) is done by tty_after_input with no lock held. A reader
 * takes bytes with reading_take (tty_read.c). Output: tty_write_piece puts processed bytes into the
 * output ring, from which the driver takes them in start_locked or by tty_output_take_locked.
 *
 * Locking. tty.lock covers line, size and generation; it is a spinlock with interrupts off because
 * the serial interrupt takes it. Signals go to process groups under process_tree_lock, which ranks
 * before TTY, and wake-ups take wait queue locks: both therefore happen after tty.lock was dropped.
 *
 * Hang-up. tty_hang_up raises tty.generation; a file remembers the generation at which it was
 * opened and is dead once the two differ. A sleeper checks for that in its ready function, after it
 * has entered the wait queue, and tty_hang_up wakes both queues after the change: no wake-up is
 * lost.
 */
#include "kernel/dev/tty/tty_internal.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"
#include "shared/linux/signal.h"

#define OUT_ENOUGH  256   /* room that counts as "can be written" */
#define ECHO_MARGIN 64    /* room that writers leave to the echo */
#define SCAN_ENOUGH 32768 /* bytes of the line looked at under one locking: some 30 us */

static const struct tty_ops *operations;

void tty_set_ops(const struct tty_ops *ops)
{
    operations = ops;
}

const struct tty_ops *tty_ops(void)
{
    return operations;
}

int tty_init(struct tty *tty, const struct tty_driver *driver, uint64_t device)
{
    memset(tty, 0, sizeof(*tty));
    tty->memory = kzalloc(LINE_MEMORY_NBYTES);
    if (!tty->memory)
        return -ENOMEM;
    line_init(&tty->line, tty->memory);
    tty->driver = driver;
    tty->refs = 1;
    tty->device = device;
    tty->generation = 1;
    spin_init(&tty->lock, SPIN_TTY);
    waitq_init(&tty->readable);
    waitq_init(&tty->writable);
    poll_head_init(&tty->poll);
    return 0;
}

/* The structure may lie in a larger one that destroy frees: `memory` is read before. */
void tty_put(struct tty *tty)
{
    void *memory = tty->memory;

    if (__atomic_sub_fetch(&tty->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    ASSERT(tty->driver->destroy);
    tty->driver->destroy(tty);
    kfree(memory);
}

/* The order below: what tty.lock covers first, what needs it dropped last. */
/* --- input --- */

static void tty_wake_all(struct tty *tty)
{
    waitq_wake_all(&tty->readable);
    waitq_wake_all(&tty->writable);
    poll_notify(&tty->poll);
}

/* What the line discipline requests after input; no lock held. */
static void tty_after_input(struct tty *tty, uint32_t signals)
{
    for (int signal = 1; signals; signal++, signals >>= 1)
        if (signals & 1)
            tty_ops()->signal(tty, signal);
    tty_wake_all(tty);
    tty->driver->changed(tty);
}

/* Takes the signals that the line discipline asks for, and lets the driver send the echo. */
static uint32_t input_finish_locked(struct tty *tty)
{
    uint32_t signals = tty->line.signals;

    ASSERT(spin_is_held(&tty->lock));
    tty->line.signals = 0;
    tty->driver->start_locked(tty);
    return signals;
}

/* STOP and START replace each other; all else adds up until the master reads. */
void tty_packet_event_locked(struct tty *tty, uint8_t status)
{
    ASSERT(spin_is_held(&tty->lock));
    if (!tty->packets)
        return;
    if (status & (LX_TIOCPKT_STOP | LX_TIOCPKT_START))
        tty->packet_status &= (uint8_t) ~(LX_TIOCPKT_STOP | LX_TIOCPKT_START);
    if (status & (LX_TIOCPKT_NOSTOP | LX_TIOCPKT_DOSTOP))
        tty->packet_status &= (uint8_t) ~(LX_TIOCPKT_NOSTOP | LX_TIOCPKT_DOSTOP);
    tty->packet_status |= status;
}

/* A key that throws output away has its own echo left. */
static void input_byte_locked(struct tty *tty, char byte)
{
    size_t before = ring_used(&tty->line.out);
    bool stopped = tty->line.stopped;

    ASSERT(spin_is_held(&tty->lock));
    line_input(&tty->line, byte);
    if (tty->line.stopped != stopped)
        tty_packet_event_locked(tty, stopped ? LX_TIOCPKT_START : LX_TIOCPKT_STOP);
    if (tty->line.flush_out)
        tty_packet_event_locked(tty, LX_TIOCPKT_FLUSHREAD | LX_TIOCPKT_FLUSHWRITE);
    if (tty->line.flush_out && tty->driver->is_slow)
        ring_advance_read(&tty->line.out, MIN(before, ring_used(&tty->line.out)));
    tty->line.flush_out = false;
}

/* As many bytes under one locking as are cheap: each that takes a tab off looks through the line,
 * with interrupts off. False: that was all, or there is no room; what the line asks for is then in
 * *signals. */
static bool input_piece(struct tty *tty, const char *bytes, size_t nbytes, size_t *done,
                        uint32_t *signals)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool more;

    tty->line.scanned = 0;
    while (*done < nbytes && tty->line.scanned < SCAN_ENOUGH && line_input_room(&tty->line) > 0)
        input_byte_locked(tty, bytes[(*done)++]);
    more = *done < nbytes && tty->line.scanned >= SCAN_ENOUGH;
    if (!more)
        *signals = input_finish_locked(tty);
    spin_unlock_irqrestore(&tty->lock, flags);
    return more;
}

/* A full line stops the loop: the rest stays with the caller (a pty's master sleeps on it, a serial
 * port keeps it in its own ring). */
size_t tty_input(struct tty *tty, const char *bytes, size_t nbytes)
{
    size_t done = 0;
    uint32_t signals = 0;

    while (input_piece(tty, bytes, nbytes, &done, &signals))
        ;
    if (done)
        tty_after_input(tty, signals);
    return done;
}

void tty_input_pull(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    uint32_t signals;
    bool any = false;
    size_t room;
    char bytes[16];

    /* The driver's bytes are taken in small pieces, so that no byte is fetched that does not fit.
     */
    while ((room = line_input_room(&tty->line)) > 0) {
        size_t nbytes = tty->driver->input_locked(tty, bytes, MIN(room, sizeof(bytes)));

        for (size_t i = 0; i < nbytes; i++)
            input_byte_locked(tty, bytes[i]);
        any = any || nbytes > 0;
        if (nbytes == 0)
            break;
    }
    signals = input_finish_locked(tty);
    spin_unlock_irqrestore(&tty->lock, flags);
    if (any)
        tty_after_input(tty, signals);
}

/* --- output --- */

size_t tty_output_take_locked(struct tty *tty, char *bytes, size_t nbytes)
{
    ASSERT(spin_is_held(&tty->lock));
    return tty->line.stopped ? 0 : ring_get(&tty->line.out, bytes, nbytes);
}

/* Writers sleep on `writable` until any_room; the pollers of the same file are told likewise. */
void tty_output_taken(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);

    tty->driver->start_locked(tty);
    spin_unlock_irqrestore(&tty->lock, flags);
    waitq_wake_all(&tty->writable);
    poll_notify_events(&tty->poll, POLL_WRITE_EVENTS);
}

/* Both queues: there is room for writers now, and readers that polled have to look again. */
void tty_flush(struct tty *tty, bool input, bool output)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);

    if (input)
        line_flush_input(&tty->line);
    if (output)
        line_flush_output(&tty->line);
    spin_unlock_irqrestore(&tty->lock, flags);
    tty_wake_all(tty);
    tty->driver->changed(tty);
}

/* SIGWINCH only on a real change, as Linux: a shell that sets the size it has read causes no
 * signal. */
void tty_set_size(struct tty *tty, const struct lx_winsize *size)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool changed = memcmp(&tty->size, size, sizeof(*size)) != 0;

    tty->size = *size;
    spin_unlock_irqrestore(&tty->lock, flags);
    if (changed)
        tty_ops()->signal(tty, LX_SIGWINCH);
}

/* The generation changes before the session is signalled: a process that reacts to SIGHUP by
 * reading finds the end of the file already. */
void tty_hang_up(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);

    tty->generation++;
    line_flush_input(&tty->line);
    tty->line.stopped = false;
    spin_unlock_irqrestore(&tty->lock, flags);
    tty_ops()->hung_up(tty);
    tty_wake_all(tty);
    tty->driver->changed(tty);
}

/* --- files --- */

bool tty_file_is_dead(const struct file *file)
{
    return file->private_state != __atomic_load_n(&tty_of(file)->generation, __ATOMIC_ACQUIRE);
}

/* /dev/tty, /dev/console and /dev/pts/N all end here: the file becomes one of tty_file_ops, so that
 * reads and writes need no second dispatch. On failure the file keeps the operations it was opened
 * with. */
int tty_file_open(struct file *file, struct tty *tty)
{
    int err;

    if (__atomic_load_n(&tty->exclusive, __ATOMIC_RELAXED) &&
        !tty_ops()->capable(LX_CAP_SYS_ADMIN)) {
        tty_put(tty);
        return -EBUSY;
    }
    /* Before the driver is asked: a hang-up from here on finds the file, or refuses it. */
    file->private_state = __atomic_load_n(&tty->generation, __ATOMIC_ACQUIRE);
    err = tty->driver->count ? tty->driver->count(tty, 1) : 0;
    if (err) {
        tty_put(tty);
        return err;
    }
    __atomic_fetch_add(&tty->nfiles, 1, __ATOMIC_RELAXED);
    file->private = tty;
    file->ops = &tty_file_ops;
    if (!(file->access & FILE_NOCTTY) && (file->access & FILE_READ))
        tty_ops()->opened(file);
    return 0;
}

static void tty_release(struct file *file)
{
    struct tty *tty = tty_of(file);
    int err = tty->driver->count ? tty->driver->count(tty, -1) : 0;

    ASSERT(!err);
    if (__atomic_sub_fetch(&tty->nfiles, 1, __ATOMIC_RELAXED) == 0)
        __atomic_store_n(&tty->exclusive, false, __ATOMIC_RELAXED);
    tty_put(tty);
}

/* The queue is entered before the condition is looked at, so a wake-up in between ends the sleep.
 */
int tty_wait(struct file *file, struct waitq *queue, bool (*ready)(struct file *file),
             uint64_t deadline_ns)
{
    struct waiter waiter;
    int err = 0;

    waitq_enter(queue, &waiter);
    if (!ready(file))
        err = waitq_sleep(&waiter, 1, deadline_ns);
    waitq_leave(queue, &waiter);
    return err;
}

static bool any_room(struct file *file)
{
    struct tty *tty = tty_of(file);
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool ready = ring_free(&tty->line.out) > OUT_ENOUGH || tty_file_is_dead(file);

    spin_unlock_irqrestore(&tty->lock, flags);
    return ready;
}

/* All of a piece, waiting for room as often as it takes. Bytes written, or an error if none.
 * ECHO_MARGIN bytes stay free for the echo of what is typed meanwhile. A signal ends the wait; what
 * was written up to then counts. */
static int64_t tty_write_piece(struct file *file, const char *bytes, size_t nbytes)
{
    struct tty *tty = tty_of(file);
    size_t done = 0;
    int err = 0;

    while (done < nbytes && !err) {
        uint64_t flags = spin_lock_irqsave(&tty->lock);

        if (tty_file_is_dead(file))
            err = -EIO;
        else if (ring_free(&tty->line.out) > ECHO_MARGIN)
            done += line_output(&tty->line, bytes + done,
                                MIN(nbytes - done, ring_free(&tty->line.out) - ECHO_MARGIN));
        tty->driver->start_locked(tty);
        spin_unlock_irqrestore(&tty->lock, flags);
        tty->driver->changed(tty);
        if (done == nbytes || err)
            break;
        if (file->flags & LX_O_NONBLOCK)
            err = any_room(file) ? 0 : -EAGAIN;
        else
            err = tty_wait(file, &tty->writable, any_room, 0);
    }
    return done ? (int64_t)done : err;
}

/* TOSTOP is checked once, at the start, as n_tty does. */
static int64_t tty_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct tty *tty = tty_of(file);
    char bytes[TTY_CHUNK];
    int64_t total = 0;

    (void)offset;
    if (tty_file_is_dead(file))
        return -EIO;
    if (tty->line.termios.c_lflag & LX_TOSTOP) {
        int err = tty_ops()->check(tty, LX_SIGTTOU);
        if (err)
            return err;
    }
    while (io->left > 0) {
        size_t wanted = MIN(io->left, sizeof(bytes));
        size_t got = user_iter_get(io, bytes, wanted);
        int64_t done = got ? tty_write_piece(file, bytes, got) : 0;

        if (done > 0)
            total += done;
        if (got < wanted && done == (int64_t)got)
            return total ? total : -EFAULT;
        if (done < (int64_t)got)
            return total || done >= 0 ? total : done;
        if (tty_write_pause(total))
            break;
    }
    return total;
}

/* VMIN counts for readiness only without VTIME, as in n_tty_poll. */
static uint32_t tty_poll(struct file *file, struct poll_waiter *waiter)
{
    struct tty *tty = tty_of(file);
    const struct lx_termios2 *termios = &tty->line.termios;
    uint32_t mask = 0;
    uint64_t flags;

    /* Registered before the state is looked at: a change after that reaches the waiter. */
    poll_register(&tty->poll, waiter);
    flags = spin_lock_irqsave(&tty->lock);
    if (line_readable(&tty->line,
                      termios->c_cc[LX_VTIME] ? 1 : MAX(termios->c_cc[LX_VMIN], (uint8_t)1)))
        mask |= LX_POLLIN | LX_POLLRDNORM;
    if (ring_free(&tty->line.out) > OUT_ENOUGH)
        mask |= LX_POLLOUT | LX_POLLWRNORM;
    spin_unlock_irqrestore(&tty->lock, flags);
    if (tty_file_is_dead(file))
        mask = LX_POLLIN | LX_POLLOUT | LX_POLLERR | LX_POLLHUP | LX_POLLRDNORM | LX_POLLWRNORM;
    return mask;
}

static int64_t tty_file_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    return tty_ioctl(tty_of(file), file, request, arg, false);
}

const struct file_ops tty_file_ops = {
    .release = tty_release,
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .async = file_async_input,
    .ioctl = tty_file_ioctl,
};
