/* SPDX-License-Identifier: MIT */
/*
 * The ioctl requests of terminals.
 *
 * Honoured: TCGETS, TCSETS, TCSETSW, TCSETSF and their second kind, TCSBRK, TCSBRKP, TCXONC,
 * TCFLSH, TIOCGWINSZ, TIOCSWINSZ, TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID, TIOCOUTQ,
 * FIONREAD. TIOCSTI is refused, as by Linux with its sysctl off. The master of a pair takes the
 * same requests for its terminal; `master` says so where the two ends differ.
 */
#include "kernel/dev/tty/tty.h"

#include "kernel/fs/vfs/file.h"
#include "kernel/lib/string.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/ioctl.h"
#include "shared/linux/signal.h"

/* CBAUDEX of Linux's asm/termbits.h: speeds above 38,400. */
#define SPEED_EXTRA 0x1000u

/* The speed that a number in c_cflag stands for; 0 for those that are not in use. */
static uint32_t speed_of(uint32_t cflag)
{
    static const uint32_t low[] = {0,   50,   75,   110,  134,  150,  200,   300,
                                   600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
    static const uint32_t high[] = {0,       57600,   115200,  230400,  460800,  500000,
                                    576000,  921600,  1000000, 1152000, 1500000, 2000000,
                                    2500000, 3000000, 3500000, 4000000};

    return cflag & SPEED_EXTRA ? high[cflag & 15] : low[cflag & 15];
}

/* A copy: user memory is never touched under tty.lock. */
static struct lx_termios2 settings_get(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    struct lx_termios2 termios = tty->line.termios;

    spin_unlock_irqrestore(&tty->lock, flags);
    return termios;
}

/* The first kind is the beginning of the second. */
static int64_t get_termios(struct tty *tty, struct uptr arg, size_t nbytes)
{
    struct lx_termios2 termios = settings_get(tty);

    return vm_user_write(arg, &termios, nbytes);
}

/* The ready function of drain. A hang-up counts: the bytes will never go out. */
static bool is_sent(struct file *file)
{
    struct tty *tty = file->private;
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    bool sent = ring_used(&tty->line.out) == 0 || tty_file_is_dead(file);

    spin_unlock_irqrestore(&tty->lock, flags);
    return sent;
}

/* Waits until all output is out; a pair of terminals has nothing to wait for. In a loop, since a
 * wake-up only says that there is room again. */
static int drain(struct tty *tty, struct file *file)
{
    int err = 0;

    while (tty->driver->is_slow && !err && !is_sent(file))
        err = tty_wait(file, &tty->writable, is_sent, 0);
    return err;
}

/* kind: 0 at once, 1 after the output has drained (TCSETSW), 2 the same and input is thrown away
 * (TCSETSF). The caller's structure is read before the wait, as on Linux. Fields that the first
 * kind does not have keep their values. */
static int64_t set_termios(struct tty *tty, struct file *file, struct uptr arg, size_t nbytes,
                           unsigned kind)
{
    struct lx_termios2 termios = settings_get(tty);
    uint64_t flags;
    int err = vm_user_read(&termios, arg, nbytes);

    if (!err && kind > 0)
        err = drain(tty, file);
    if (err)
        return err;
    if (kind == 2)
        tty_flush(tty, true, false);
    if (nbytes < sizeof(termios))
        termios.c_ispeed = termios.c_ospeed = speed_of(termios.c_cflag);
    if (!tty->driver->is_slow) /* between two programs there is no parity, and a byte has 8 bits */
        termios.c_cflag = (termios.c_cflag & ~LX_PARENB) | LX_CS8 | LX_CREAD;
    flags = spin_lock_irqsave(&tty->lock);
    line_set(&tty->line, &termios);
    /* Without XON no key could start the output again. */
    if (!(termios.c_iflag & LX_IXON))
        tty->line.stopped = false;
    spin_unlock_irqrestore(&tty->lock, flags);
    /* A new mode may let output flow that was held. */
    tty_output_taken(tty);
    waitq_wake_all(&tty->readable); /* what counts as input may have changed */
    return 0;
}

/* A pair starts with 0 by 0, which programs take for unknown. */
static int64_t get_size(struct tty *tty, struct uptr arg)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    struct lx_winsize size = tty->size;

    spin_unlock_irqrestore(&tty->lock, flags);
    return vm_user_write(arg, &size, sizeof(size));
}

/* Nothing is resized here; SIGWINCH lets the programs in the foreground do so. */
static int64_t set_size(struct tty *tty, struct uptr arg)
{
    struct lx_winsize size;
    int err = vm_user_read(&size, arg, sizeof(size));

    if (!err)
        tty_set_size(tty, &size);
    return err;
}

/* XON or XOFF is not typed: it is sent out like any output. Dropped when the ring is full or the
 * key is switched off (0). */
static void send_key(struct tty *tty, unsigned key)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    char byte = (char)tty->line.termios.c_cc[key];

    if (byte)
        ring_put(&tty->line.out, &byte, 1);
    spin_unlock_irqrestore(&tty->lock, flags);
    tty_output_taken(tty);
    tty->driver->changed(tty);
}

/* TCOOFF and TCOON stop and start this end, TCIOFF and TCION ask the other end to. */
static int64_t flow(struct tty *tty, uint64_t how)
{
    uint64_t flags;

    if (how > LX_TCION)
        return -EINVAL;
    if (how == LX_TCIOFF || how == LX_TCION) {
        send_key(tty, how == LX_TCIOFF ? LX_VSTOP : LX_VSTART);
        return 0;
    }
    flags = spin_lock_irqsave(&tty->lock);
    tty->line.stopped = how == LX_TCOOFF;
    spin_unlock_irqrestore(&tty->lock, flags);
    tty_output_taken(tty);
    tty->driver->changed(tty);
    return 0;
}

/* TCIFLUSH, TCOFLUSH and TCIOFLUSH are 0, 1 and 2. */
static int64_t flush(struct tty *tty, uint64_t what, bool master)
{
    bool input = what != LX_TCOFLUSH, output = what != LX_TCIFLUSH;

    if (what > LX_TCIOFLUSH)
        return -EINVAL;
    if (!tty->driver->is_slow)
        output = false; /* what one end of a pair has written is with the other one already */
    /* What one end reads the other has written. */
    tty_flush(tty, master ? output : input, master ? input : output);
    return 0;
}

/* TIOCOUTQ and FIONREAD; for the master, what can be read is the terminal's output. */
static int64_t queued(struct tty *tty, struct uptr arg, bool output)
{
    uint64_t flags = spin_lock_irqsave(&tty->lock);
    uint32_t nbytes = (uint32_t)(output ? ring_used(&tty->line.out) : line_used(&tty->line));

    spin_unlock_irqrestore(&tty->lock, flags);
    return vm_user_write(arg, &nbytes, sizeof(nbytes));
}

/* Between the two ends of a pair nothing is ever on its way. */
static int64_t report_none(struct uptr arg)
{
    uint32_t none = 0;

    return vm_user_write(arg, &none, sizeof(none));
}

/* `master` lifts the condition that it is the caller's own terminal. */
static int64_t get_group(struct tty *tty, struct uptr arg, bool master)
{
    int group, err = tty_ops()->group_get(tty, master, &group);

    return err ? err : vm_user_write(arg, &group, sizeof(group));
}

/* Linux gives ENOTTY where the check says EIO: an orphaned group in the background. */
static int64_t set_group(struct tty *tty, struct uptr arg, bool master)
{
    int group, err = tty_ops()->check(tty, LX_SIGTTOU);

    if (err)
        return err == -EIO ? -ENOTTY : err;
    err = vm_user_read(&group, arg, sizeof(group));
    return err ? err : tty_ops()->group_set(tty, master, group);
}

static int64_t get_session(struct tty *tty, struct uptr arg, bool master)
{
    int session, err = tty_ops()->session_get(tty, master, &session);

    return err ? err : vm_user_write(arg, &session, sizeof(session));
}

/* Requests about the session and the foreground group of the terminal.  */
static int64_t job_ioctl(struct tty *tty, const struct file *file, uint32_t request,
                         struct uptr arg, bool master)
{
    switch (request) {
    case LX_TIOCSCTTY:
        return tty_ops()->claim(tty, master ? NULL : file, arg.va == 1);
    case LX_TIOCNOTTY:
        return tty_ops()->give_up(tty);
    case LX_TIOCGPGRP:
        return get_group(tty, arg, master);
    case LX_TIOCSPGRP:
        return set_group(tty, arg, master);
    case LX_TIOCGSID:
        return get_session(tty, arg, master);
    case LX_TIOCSTI:
        return -EIO;
    default:
        return -ENOTTY;
    }
}

/* Requests that change something stop a background job first. Linux's tty_check_change is called
 * for these. */
static bool changes(uint32_t request)
{
    switch (request) {
    case LX_TCSETS:
    case LX_TCSETSW:
    case LX_TCSETSF:
    case LX_TCSETS2:
    case LX_TCSETSW2:
    case LX_TCSETSF2:
    /* A break is not sent; tcdrain(3) is this request with an argument. */
    case LX_TCSBRK:
    case LX_TCSBRKP:
    case LX_TCXONC:
    case LX_TCFLSH:
        return true;
    default:
        return false;
    }
}

/* A dead file answers as Linux's hung_up_tty_ioctl. */
int64_t tty_ioctl(struct tty *tty, struct file *file, uint32_t request, struct uptr arg,
                  bool master)
{
    const size_t first = sizeof(struct lx_termios), second = sizeof(struct lx_termios2);

    if (!master && tty_file_is_dead(file))
        return request == LX_TIOCSPGRP ? -ENOTTY : -EIO;
    if (changes(request)) {
        int err = tty_ops()->check(tty, LX_SIGTTOU);
        if (err)
            return err;
    }
    switch (request) {
    case LX_TCGETS:
        return get_termios(tty, arg, first);
    case LX_TCGETS2:
        return get_termios(tty, arg, second);
    case LX_TCSETS:
    case LX_TCSETSW:
    case LX_TCSETSF:
        return set_termios(tty, file, arg, first, request - LX_TCSETS);
    case LX_TCSETS2:
    case LX_TCSETSW2:
    case LX_TCSETSF2:
        return set_termios(tty, file, arg, second, request - LX_TCSETS2);
    case LX_TCSBRK:
    case LX_TCSBRKP:
        return drain(tty, file);
    case LX_TCXONC:
        return flow(tty, arg.va);
    case LX_TCFLSH:
        return flush(tty, arg.va, master);
    case LX_TIOCGWINSZ:
        return get_size(tty, arg);
    case LX_TIOCSWINSZ:
        return set_size(tty, arg);
    case LX_TIOCOUTQ:
        return tty->driver->is_slow ? queued(tty, arg, true) : report_none(arg);
    /* In canonical mode only whole lines count. */
    case LX_FIONREAD:
        return queued(tty, arg, master);
    default:
        return job_ioctl(tty, file, request, arg, master);
    }
}
