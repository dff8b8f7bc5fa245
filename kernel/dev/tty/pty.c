/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals: pairs of a master and a terminal, and their nodes in /dev/pts.
 *
 * Opening /dev/ptmx takes the lowest free slot, makes a pair and adds its node to devpts, N.
 * Closing the master removes the node, frees the slot and hangs the terminal up; the pair itself
 * goes with the last file of its terminal.
 *
 * So a number outlives its pair, and so do references to a node: an O_PATH descriptor, another
 * name. A pair therefore keeps the node that was made for it, and only that inode opens its
 * terminal. Any other of the same number gives EIO, also one made by mknod, whether the number is
 * free or belongs to another pair by now. The pair's reference keeps the inode's address from being
 * used again while it is compared.
 *
 * pty_lock covers the slots, which pair and which inode each has, and the count of files. It is
 * taken for these alone: nodes are added and removed, and terminals hung up, without it. A node
 * that is opened in between finds no pair, no inode in it, or a locked one: EIO each time.
 */
#include "kernel/dev/tty/pty.h"

#include "kernel/dev/tty/tty_internal.h"
#include "kernel/fs/devfs/devfs.h"
#include "kernel/fs/devfs/devpts.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/poll.h"

#define PTMX_DEVICE DEVICE(5, 2)
#define PTS_MAJOR   136
#define PTS_GROUP   5 /* "tty" on Debian */

/* I constant after creation   a atomic   m pty_lock */
struct pty {
    struct tty tty;        /* the terminal; first */
    bool master_open;      /* [m] */
    bool exclusive;        /* [a] TIOCEXCL of the master, which is never opened again anyway */
    bool locked;           /* [m] TIOCSPTLCK: the terminal cannot be opened */
    uint32_t nfiles;       /* [m] open files of the terminal */
    struct dentry *node;   /* [m] counted: what opens the terminal; NULL: not made yet */
    uint32_t gone;         /* [a] it was open, and is not any more: the master reads -EIO */
    struct waitq readable; /* the master waits here for output */
    struct waitq writable; /* and here for room in the line */
    struct poll_head poll;
};

/* A number, its node, and the pair that has it. Numbers live for ever, pairs do not. */
struct pty_slot {
    struct char_device device;
    char name[12];
    struct pty *pty; /* [m] borrowed: the master's; NULL: free */
};

static struct mutex pty_lock = MUTEX_INIT(MUTEX_PIPE);
static struct pty_slot slots[PTY_PAIRS_MAX];

static struct pty *pty_of(struct tty *tty)
{
    return container_of(tty, struct pty, tty);
}

/* --- the terminal's side --- */

/* The master takes output when it reads: there is nothing to start. */
static void slave_start(struct tty *tty)
{
    (void)tty;
}

/* Output for the master, room in the line, or the last close: whichever it was, both queues are
 * woken and the waiters look. */
static void slave_changed(struct tty *tty)
{
    struct pty *pty = pty_of(tty);

    waitq_wake_all(&pty->readable);
    waitq_wake_all(&pty->writable);
    poll_notify(&pty->poll);
}

/* Under pty_lock, so that an open either comes before the master's close and is hung up by it, or
 * is refused. */
static int slave_count(struct tty *tty, int change)
{
    struct pty *pty = pty_of(tty);
    int err = 0;

    mutex_lock(&pty_lock);
    if (change > 0 && (pty->locked || !pty->master_open))
        err = -EIO;
    else
        pty->nfiles += (uint32_t)change;
    if (!err)
        __atomic_store_n(&pty->gone, pty->nfiles == 0, __ATOMIC_RELEASE);
    mutex_unlock(&pty_lock);
    if (!err)
        slave_changed(tty);
    return err;
}

/* The last reference, the master's or a file's: no list has the pair any more. */
static void pty_destroy(struct tty *tty)
{
    kfree(pty_of(tty));
}

static const struct tty_driver pty_driver = {
    .start_locked = slave_start,
    .changed = slave_changed,
    .count = slave_count,
    .destroy = pty_destroy,
};

/* Only the node that was made for the pair leads to it. */
static int slave_open(struct file *file)
{
    struct pty_slot *slot = file->private;
    struct tty *tty = NULL;

    mutex_lock(&pty_lock);
    if (slot->pty && slot->pty->node && slot->pty->node->inode == file->inode) {
        tty = &slot->pty->tty;
        tty_get(tty);
    }
    mutex_unlock(&pty_lock);
    return tty ? tty_file_open(file, tty) : -EIO;
}

/* A copy made in pty_devices_init, constant from then on. */
static struct file_ops slave_ops; /* tty_file_ops with an open of its own */

/* --- the master's side --- */

static struct pty *master_of(const struct file *file)
{
    return pty_of(file->private);
}

/* The lowest free number, as Linux's devpts gives it. */
static struct pty_slot *slot_take(struct pty *pty)
{
    struct pty_slot *found = NULL;

    mutex_lock(&pty_lock);
    for (unsigned i = 0; i < PTY_PAIRS_MAX && !found; i++)
        if (!slots[i].pty)
            found = &slots[i];
    if (found)
        found->pty = pty;
    mutex_unlock(&pty_lock);
    return found;
}

/* The pair was never visible: no node was made. */
static void slot_give(struct pty_slot *slot)
{
    mutex_lock(&pty_lock);
    slot->pty = NULL;
    mutex_unlock(&pty_lock);
}

/* Locked until the program calls unlockpt(3), which is TIOCSPTLCK. */
static int pty_create(struct pty **out_pty)
{
    struct pty *pty = kzalloc(sizeof(*pty));
    int err;

    if (!pty)
        return -ENOMEM;
    err = tty_init(&pty->tty, &pty_driver, 0);
    if (err) {
        kfree(pty);
        return err;
    }
    pty->locked = true;
    pty->master_open = true;
    waitq_init(&pty->readable);
    waitq_init(&pty->writable);
    poll_head_init(&pty->poll);
    *out_pty = pty;
    return 0;
}

/* The node is the last thing that can fail; it leads to no terminal until pty->node is set. */
static int master_open(struct file *file)
{
    struct pty_slot *slot;
    struct dentry *node;
    struct pty *pty;
    int err = pty_create(&pty);

    if (err)
        return err;
    slot = slot_take(pty);
    if (!slot) {
        tty_put(&pty->tty);
        return -ENOSPC;
    }
    pty->tty.number = (uint32_t)(slot - slots);
    pty->tty.device = slot->device.device;
    err = devpts_add(pty->tty.number, slot->device.device, tty_ops()->uid(), PTS_GROUP, &node);
    if (err) {
        slot_give(slot);
        tty_put(&pty->tty);
        return err;
    }
    mutex_lock(&pty_lock);
    pty->node = node;
    mutex_unlock(&pty_lock);
    file->private = &pty->tty;
    return 0;
}

static void master_release(struct file *file)
{
    struct pty *pty = master_of(file);
    struct pty_slot *slot = &slots[pty->tty.number];

    /* First of all, so that the name is gone before the terminal is dead. */
    devpts_remove(pty->node);
    mutex_lock(&pty_lock);
    pty->master_open = false;
    slot->pty = NULL;
    mutex_unlock(&pty_lock);
    /* The pair's reference, taken by devpts_add. */
    dentry_put(pty->node); /* no open compares it any more */
    tty_hang_up(&pty->tty);
    tty_put(&pty->tty);
}

static bool is_gone(const struct pty *pty)
{
    return __atomic_load_n(&pty->gone, __ATOMIC_ACQUIRE);
}

/* What a read would find. A terminal stopped by VSTOP shows nothing, like one on a serial line. */
static bool has_output(struct pty *pty, bool *status)
{
    uint64_t flags = spin_lock_irqsave(&pty->tty.lock);
    size_t used = pty->tty.line.stopped ? 0 : ring_used(&pty->tty.line.out);

    *status = pty->tty.packet_status != 0;
    spin_unlock_irqrestore(&pty->tty.lock, flags);
    return used > 0;
}

static bool master_readable(struct file *file)
{
    struct pty *pty = master_of(file);
    bool status;

    return has_output(pty, &status) || status || is_gone(pty);
}

/* In packet mode a read begins with a byte that says what happened at the terminal, and ends with
 * it if it does; else it is TIOCPKT_DATA, before output. */
static size_t piece_take(struct pty *pty, char *bytes, size_t nbytes, bool first, bool *status)
{
    struct tty *tty = &pty->tty;
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    size_t head = tty->packets && first, got = 0;
    bool any = !tty->line.stopped && ring_used(&tty->line.out) > 0;

    *status = head && tty->packet_status;
    if (*status) {
        bytes[0] = (char)tty->packet_status;
        tty->packet_status = 0;
    } else {
        got = tty_output_take_locked(tty, bytes + head, nbytes - head);
        if (head)
            bytes[0] = LX_TIOCPKT_DATA;
    }
    spin_unlock_irqrestore(&tty->lock, flags);
    /* A read of one byte gets no further than the first. */
    return any || *status ? head + got : 0;
}

/* Copied to the program in pieces, outside tty.lock. Bytes that were taken and cannot be copied are
 * lost. */
static int64_t master_take(struct pty *pty, struct user_iter *io)
{
    char bytes[TTY_CHUNK];
    int64_t total = 0;

    while (io->left > 0) {
        bool status;
        size_t nbytes = piece_take(pty, bytes, MIN(io->left, sizeof(bytes)), !total, &status);

        if (nbytes == 0)
            break;
        if (user_iter_put(io, bytes, nbytes) < nbytes)
            return total ? total : -EFAULT;
        total += (int64_t)nbytes;
        if (status)
            break;
        sched_preempt_point(); /* a writer on another processor may go on all the time */
        if (waitq_interrupted())
            break;
    }
    if (total)
        tty_output_taken(&pty->tty);
    return total;
}

/* -EIO once the terminal was open and is not any more; before the first open the master waits. */
static int64_t master_read(struct file *file, struct user_iter *io, int64_t *offset)
{
    struct pty *pty = master_of(file);
    int64_t got = 0;
    int err = 0;

    (void)offset;
    if (io->left == 0)
        return 0;
    while (!err) {
        /* Else bytes written between the two looks would be lost to an error. */
        bool gone = is_gone(pty); /* before: what it wrote last is still taken */

        got = master_take(pty, io);
        if (got)
            break;
        if (gone)
            err = -EIO;
        else if (file->flags & LX_O_NONBLOCK)
            err = -EAGAIN;
        else
            err = tty_wait(file, &pty->readable, master_readable, 0);
    }
    return got ? got : err;
}

static bool master_writable(struct file *file)
{
    struct tty *tty = file->private;
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool room = line_input_room(&tty->line) > 0;

    spin_unlock_irqrestore(&tty->lock, flags);
    return room;
}

/* Keys, as many as there are bytes in the piece. Waits while the line is full: in canonical mode it
 * never is before a whole line can be read. */
static int64_t master_type(struct file *file, const char *bytes, size_t nbytes)
{
    struct pty *pty = master_of(file);
    size_t done = 0;
    int err = 0;

    while (!err) {
        done += tty_input(&pty->tty, bytes + done, nbytes - done);
        if (done == nbytes)
            break;
        if (file->flags & LX_O_NONBLOCK)
            err = -EAGAIN;
        else
            err = tty_wait(file, &pty->writable, master_writable, 0);
    }
    return done ? (int64_t)done : err;
}

/* An error counts only if nothing was written. */
static int64_t master_write(struct file *file, struct user_iter *io, int64_t *offset)
{
    char bytes[TTY_CHUNK];
    int64_t total = 0;

    (void)offset;
    while (io->left > 0) {
        size_t wanted = MIN(io->left, sizeof(bytes));
        size_t got = user_iter_get(io, bytes, wanted);
        int64_t done = got ? master_type(file, bytes, got) : -EFAULT;

        if (done < 0)
            return total ? total : done;
        total += done;
        if (done < (int64_t)wanted || tty_write_pause(total))
            break;
    }
    return total;
}

/* Registered first: a change after the look reaches the waiter. */
static uint32_t master_poll(struct file *file, struct poll_waiter *waiter)
{
    struct pty *pty = master_of(file);
    uint32_t mask = 0;
    bool status;

    poll_register(&pty->poll, waiter);
    if (has_output(pty, &status))
        mask |= LX_POLLIN | LX_POLLRDNORM;
    if (status)
        mask |= LX_POLLIN | LX_POLLRDNORM | LX_POLLPRI;
    if (master_writable(file))
        mask |= LX_POLLOUT | LX_POLLWRNORM;
    if (is_gone(pty))
        /* The terminal has no file: the master may still read what is left. */
        mask |= LX_POLLHUP;
    return mask;
}

/* Any value other than zero locks. */
static int64_t lock_set(struct pty *pty, struct uptr arg)
{
    int value, err = vm_user_read(&value, arg, sizeof(value));

    if (err)
        return err;
    mutex_lock(&pty_lock);
    pty->locked = value != 0;
    mutex_unlock(&pty_lock);
    return 0;
}

/* Honoured besides those of terminals: TIOCGPTN, TIOCSPTLCK, TIOCGPTLCK, TIOCPKT, TIOCGPKT,
 * TIOCGPTPEER, TIOCEXCL and its relatives. */
static int64_t master_ioctl(struct file *file, uint32_t request, struct uptr arg)
{
    struct pty *pty = master_of(file);
    uint32_t value;

    switch (request) {
    case LX_TIOCGPTN:
        value = pty->tty.number;
        return vm_user_write(arg, &value, sizeof(value));
    case LX_TIOCSPTLCK:
        return lock_set(pty, arg);
    case LX_TIOCGPTLCK:
        /* Without pty_lock: one word, and old by the time the program sees it. */
        value = pty->locked;
        return vm_user_write(arg, &value, sizeof(value));
    case LX_TIOCPKT:
        return tty_packets_set(&pty->tty, arg);
    case LX_TIOCGPKT:
        value = pty->tty.packets;
        return vm_user_write(arg, &value, sizeof(value));
    /* By the node itself: its name may be out of the caller's sight. */
    case LX_TIOCGPTPEER:
        return tty_ops()->open_node(pty->node, (uint32_t)arg.va);
    case LX_TIOCEXCL:
    case LX_TIOCNXCL:
        __atomic_store_n(&pty->exclusive, request == LX_TIOCEXCL, __ATOMIC_RELAXED);
        return 0;
    case LX_TIOCGEXCL:
        value = __atomic_load_n(&pty->exclusive, __ATOMIC_RELAXED);
        return vm_user_write(arg, &value, sizeof(value));
    default:
        return tty_ioctl(&pty->tty, file, request, arg, true);
    }
}

static const struct file_ops master_ops = {
    .open = master_open,
    .release = master_release,
    .read = master_read,
    .write = master_write,
    .poll = master_poll,
    .async = file_async_input,
    .ioctl = master_ioctl,
};

static struct char_device ptmx = {
    .name = "ptmx", .device = PTMX_DEVICE, .mode = 0666, .ops = &master_ops};

COLD int pty_devices_init(void)
{
    int err = devfs_register(&ptmx);

    if (!err)
        err = devpts_mount();
    /* tty_file_open sets the file's operations to tty_file_ops itself; slave_ops serves the open
     * alone. */
    slave_ops = tty_file_ops;
    slave_ops.open = slave_open;
    for (unsigned i = 0; i < PTY_PAIRS_MAX && !err; i++) {
        struct pty_slot *slot = &slots[i];

        fmt_print(slot->name, sizeof(slot->name), "pts/%u", i);
        slot->device = (struct char_device){
            .name = slot->name,
            .device = DEVICE(PTS_MAJOR, i),
            .ops = &slave_ops,
            /* file->private of an open node, before slave_open replaces it. */
            .context = slot,
            /* The node appears in devpts when its pair does, and not in devfs. */
            .hidden = true,
        };
        err = devfs_register(&slot->device);
    }
    return err;
}
