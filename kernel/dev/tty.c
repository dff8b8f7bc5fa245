/* SPDX-License-Identifier: MIT */
#include "kernel/dev/tty.h"

#include "kernel/core/clock.h"
#include "kernel/fs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/poll.h"
#include "shared/linux/signal.h"

#define CHUNK       256
#define TENTH_NS    100000000ULL
#define OUT_ENOUGH  256 /* room that counts as "can be written" */
#define ECHO_MARGIN 64  /* room that writers leave to the echo */

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
    list_init(&tty->claimed);
    return 0;
}

void tty_put(struct tty *tty)
{
    void *memory = tty->memory;

    if (__atomic_sub_fetch(&tty->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    ASSERT(tty->driver->destroy);
    tty->driver->destroy(tty);
    kfree(memory);
}

/* --- input --- */

static void wake_all(struct tty *tty)
{
    waitq_wake_all(&tty->readable);
    waitq_wake_all(&tty->writable);
    poll_notify(&tty->poll);
}

/* What the line wants done after input; no lock held. */
static void act(struct tty *tty, uint32_t signals)
{
    for (int signal = 1; signals; signal++, signals >>= 1)
        if (signals & 1)
            tty_ops()->signal(tty, signal);
    wake_all(tty);
    tty->driver->changed(tty);
}

static uint32_t after_input_locked(struct tty *tty)
{
    uint32_t signals = tty->line.signals;

    tty->line.signals = 0;
    tty->driver->start_locked(tty);
    return signals;
}

/* A key that throws output away has its own echo left. */
static void input_byte_locked(struct tty *tty, char byte)
{
    size_t before = ring_used(&tty->line.out);

    line_input(&tty->line, byte);
    if (tty->line.flush_out && tty->driver->is_slow)
        ring_advance_read(&tty->line.out, MIN(before, ring_used(&tty->line.out)));
    tty->line.flush_out = false;
}

size_t tty_input(struct tty *tty, const char *bytes, size_t nbytes)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    size_t done = 0;
    uint32_t signals;

    while (done < nbytes && line_input_room(&tty->line) > 0)
        input_byte_locked(tty, bytes[done++]);
    signals = after_input_locked(tty);
    spin_unlock_irqrestore(&tty->lock, flags);
    if (done)
        act(tty, signals);
    return done;
}

void tty_input_pull(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    uint32_t signals;
    bool any = false;
    size_t room;
    char bytes[16];

    while ((room = line_input_room(&tty->line)) > 0) {
        size_t nbytes = tty->driver->input_locked(tty, bytes, MIN(room, sizeof(bytes)));

        for (size_t i = 0; i < nbytes; i++)
            input_byte_locked(tty, bytes[i]);
        any = any || nbytes > 0;
        if (nbytes == 0)
            break;
    }
    signals = after_input_locked(tty);
    spin_unlock_irqrestore(&tty->lock, flags);
    if (any)
        act(tty, signals);
}

/* --- output --- */

size_t tty_output_take_locked(struct tty *tty, char *bytes, size_t nbytes)
{
    return tty->line.stopped ? 0 : ring_get(&tty->line.out, bytes, nbytes);
}

void tty_output_taken(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);

    tty->driver->start_locked(tty);
    spin_unlock_irqrestore(&tty->lock, flags);
    waitq_wake_all(&tty->writable);
    poll_notify(&tty->poll);
}

void tty_flush(struct tty *tty, bool input, bool output)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);

    if (input)
        line_flush_input(&tty->line);
    if (output)
        line_flush_output(&tty->line);
    spin_unlock_irqrestore(&tty->lock, flags);
    wake_all(tty);
    tty->driver->changed(tty);
}

void tty_set_size(struct tty *tty, const struct lx_winsize *size)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool changed = memcmp(&tty->size, size, sizeof(*size)) != 0;

    tty->size = *size;
    spin_unlock_irqrestore(&tty->lock, flags);
    if (changed)
        tty_ops()->signal(tty, LX_SIGWINCH);
}

void tty_hang_up(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);

    tty->generation++;
    line_flush_input(&tty->line);
    tty->line.stopped = false;
    spin_unlock_irqrestore(&tty->lock, flags);
    tty_ops()->hung_up(tty);
    wake_all(tty);
    tty->driver->changed(tty);
}

/* --- files --- */

static struct tty *tty_of(const struct file *file)
{
    return file->context;
}

bool tty_file_is_dead(const struct file *file)
{
    return file->position != __atomic_load_n(&tty_of(file)->generation, __ATOMIC_ACQUIRE);
}

int tty_file_open(struct file *file, struct tty *tty)
{
    int err;

    /* Before the driver is asked: a hang-up from here on finds the file, or refuses it. */
    file->position = __atomic_load_n(&tty->generation, __ATOMIC_ACQUIRE);
    err = tty->driver->count ? tty->driver->count(tty, 1) : 0;
    if (err) {
        tty_put(tty);
        return err;
    }
    file->context = tty;
    if (!(file->access & FILE_NOCTTY) && (file->access & FILE_READ))
        tty_ops()->opened(file);
    return 0;
}

static void tty_release(struct file *file)
{
    struct tty *tty = tty_of(file);
    int err = tty->driver->count ? tty->driver->count(tty, -1) : 0;

    ASSERT(!err);
    tty_put(tty);
}

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

/* Something to take, whatever VMIN says: readers count by themselves. */
static bool any_input(struct file *file)
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

/* Takes all that this read may have now. 0 or -EFAULT. */
static int reading_take(struct reading *reading, struct vm_io *io)
{
    struct tty *tty = reading->tty;
    char bytes[CHUNK];
    size_t nbytes;

    do {
        uint64_t flags = spin_lock_irqsave(&tty->lock);

        nbytes = line_take(&tty->line, bytes, MIN(io->left, sizeof(bytes)), &reading->ended);
        spin_unlock_irqrestore(&tty->lock, flags);
        if (vm_io_put(io, bytes, nbytes) < nbytes)
            return -EFAULT;
        reading->got += (int64_t)nbytes;
        if (nbytes && reading->time_ns && reading->at_least)
            reading->deadline_ns = clock_monotonic_ns() + reading->time_ns;
    } while (nbytes && !reading->ended && io->left);
    return 0;
}

static bool reading_done(const struct reading *reading, const struct vm_io *io)
{
    if (reading->ended || io->left == 0)
        return true;
    if (reading->canonical)
        return reading->got > 0;
    if (reading->at_least == 0)
        return reading->got > 0 || !reading->time_ns;
    return reading->got >= (int64_t)reading->at_least;
}

static int64_t read_loop(struct file *file, struct reading *reading, struct vm_io *io)
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
            err = tty_wait(file, &tty->readable, any_input, reading->deadline_ns);
    }
    if (reading->got > 0 || err == -ETIMEDOUT)
        return reading->got;
    return err;
}

static int64_t tty_read(struct file *file, struct vm_io *io, int64_t *offset)
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
        err = io->kernel ? 0 : vm_io_fault_in(io, true); /* before bytes are taken for nothing */
    if (err)
        return err;
    reading_begin(&reading, file, io->left);
    result = read_loop(file, &reading, io);
    if (reading.got > 0 || reading.ended) {
        if (tty->driver->input_locked)
            tty_input_pull(tty);
        tty->driver->changed(tty);
    }
    return result;
}

static bool any_room(struct file *file)
{
    struct tty *tty = tty_of(file);
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool ready = ring_free(&tty->line.out) > OUT_ENOUGH || tty_file_is_dead(file);

    spin_unlock_irqrestore(&tty->lock, flags);
    return ready;
}

/* All of a piece, waiting for room as often as it takes. Bytes written, or an error if none. */
static int64_t write_piece(struct file *file, const char *bytes, size_t nbytes)
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

static int64_t tty_write(struct file *file, struct vm_io *io, int64_t *offset)
{
    struct tty *tty = tty_of(file);
    char bytes[CHUNK];
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
        size_t got = vm_io_get(io, bytes, wanted);
        int64_t done = got ? write_piece(file, bytes, got) : 0;

        if (done > 0)
            total += done;
        if (got < wanted && done == (int64_t)got)
            return total ? total : -EFAULT;
        if (done < (int64_t)got)
            return total || done >= 0 ? total : done;
    }
    return total;
}

static uint32_t tty_poll(struct file *file, struct poll_waiter *waiter)
{
    struct tty *tty = tty_of(file);
    const struct lx_termios2 *termios = &tty->line.termios;
    uint32_t mask = 0;
    uint64_t flags;

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
    .ioctl = tty_file_ioctl,
};
