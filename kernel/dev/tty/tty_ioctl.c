/* SPDX-License-Identifier: MIT */
/*
 * The ioctl requests of terminals.
 *
 * Honoured: TCGETS, TCSETS, TCSETSW, TCSETSF, their second kind and that of termio, TCSBRK,
 * TCSBRKP, TCXONC, TCFLSH, TIOCGWINSZ, TIOCSWINSZ, TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP,
 * TIOCGSID, TIOCOUTQ, FIONREAD, TIOCGETD, TIOCSETD, TIOCEXCL and its relatives, TIOCVHANGUP,
 * TIOCGLCKTRMIOS, TIOCSLCKTRMIOS.
 * TIOCSTI is refused, as by Linux with its sysctl off. The master of a pair takes the same requests
 * for its terminal; `master` says so where the two ends differ.
 */
#include "kernel/dev/tty/tty.h"

#include "kernel/fs/vfs/file.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/capability.h"
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

/* TCGETA. */
static int64_t get_termio(struct tty *tty, struct uptr arg)
{
    struct lx_termios2 termios = settings_get(tty);
    struct lx_termio termio = {
        .c_iflag = (uint16_t)termios.c_iflag,
        .c_oflag = (uint16_t)termios.c_oflag,
        .c_cflag = (uint16_t)termios.c_cflag,
        .c_lflag = (uint16_t)termios.c_lflag,
        .c_line = termios.c_line,
    };

    memcpy(termio.c_cc, termios.c_cc, sizeof(termio.c_cc));
    return vm_user_write(arg, &termio, sizeof(termio));
}

/* Reads the caller's structure over the settings; what the kind does not have stays. */
static int settings_read(struct lx_termios2 *termios, struct uptr arg, size_t nbytes)
{
    struct lx_termio termio;
    int err;

    if (nbytes != sizeof(termio))
        return vm_user_read(termios, arg, nbytes);
    err = vm_user_read(&termio, arg, sizeof(termio));
    if (err)
        return err;
    termios->c_iflag = (termios->c_iflag & 0xffff0000u) | termio.c_iflag;
    termios->c_oflag = (termios->c_oflag & 0xffff0000u) | termio.c_oflag;
    termios->c_cflag = (termios->c_cflag & 0xffff0000u) | termio.c_cflag;
    termios->c_lflag = (termios->c_lflag & 0xffff0000u) | termio.c_lflag;
    termios->c_line = termio.c_line;
    memcpy(termios->c_cc, termio.c_cc, sizeof(termio.c_cc));
    return 0;
}

/* XON and XOFF by their usual keys: the master's program may act on them itself. */
static bool flow_by_usual_keys(const struct lx_termios2 *termios)
{
    return (termios->c_iflag & LX_IXON) && termios->c_cc[LX_VSTOP] == 'S' - '@' &&
           termios->c_cc[LX_VSTART] == 'Q' - '@';
}

static void packet_settings_locked(struct tty *tty, const struct lx_termios2 *new)
{
    const struct lx_termios2 *old = &tty->line.termios;
    bool flows = flow_by_usual_keys(new);

    ASSERT(spin_is_held(&tty->lock));
    if (flows != flow_by_usual_keys(old))
        tty_packet_event_locked(tty, flows ? LX_TIOCPKT_DOSTOP : LX_TIOCPKT_NOSTOP);
    if ((old->c_lflag | new->c_lflag) & LX_EXTPROC)
        tty_packet_event_locked(tty, LX_TIOCPKT_IOCTL);
}

/* What happened before packet mode began is not told. */
int64_t tty_packets_set(struct tty *tty, struct uptr arg)
{
    int value, err = vm_user_read(&value, arg, sizeof(value));
    uint64_t flags;

    if (err)
        return err;
    flags = spin_lock_irqsave(&tty->lock);
    if (!tty->packets || !value)
        tty->packet_status = 0;
    tty->packets = value != 0;
    spin_unlock_irqrestore(&tty->lock, flags);
    return 0;
}

/* Of what is locked the old settings stay: bits of the flags, whole keys. */
static COLD void keep_locked_settings(const struct tty *tty, struct lx_termios2 *termios)
{
    const struct lx_termios *fixed = &tty->locked;
    const struct lx_termios2 *old = &tty->line.termios;

    ASSERT(spin_is_held(&tty->lock));
    termios->c_iflag ^= (termios->c_iflag ^ old->c_iflag) & fixed->c_iflag;
    termios->c_oflag ^= (termios->c_oflag ^ old->c_oflag) & fixed->c_oflag;
    termios->c_cflag ^= (termios->c_cflag ^ old->c_cflag) & fixed->c_cflag;
    termios->c_lflag ^= (termios->c_lflag ^ old->c_lflag) & fixed->c_lflag;
    if (fixed->c_line)
        termios->c_line = old->c_line;
    for (unsigned i = 0; i < LX_NCCS; i++)
        if (fixed->c_cc[i])
            termios->c_cc[i] = old->c_cc[i];
}

/* TIOCGLCKTRMIOS and TIOCSLCKTRMIOS: what is not 0 in it is locked. */
static COLD int64_t locked_ioctl(struct tty *tty, bool sets, struct uptr arg)
{
    struct lx_termios locked;
    uint64_t flags;
    int err = 0;

    if (sets && !tty_ops()->capable(LX_CAP_SYS_ADMIN))
        return -EPERM;
    if (sets)
        err = vm_user_read(&locked, arg, sizeof(locked));
    if (err)
        return err;
    flags = spin_lock_irqsave(&tty->lock);
    if (sets)
        tty->locked = locked;
    else
        locked = tty->locked;
    spin_unlock_irqrestore(&tty->lock, flags);
    return sets ? 0 : vm_user_write(arg, &locked, sizeof(locked));
}

/* kind: 0 at once, 1 after the output has drained (TCSETSW), 2 the same and input is thrown away
 * (TCSETSF). The caller's structure is read before the wait, as on Linux. Fields that the first
 * kind does not have keep their values. */
static int64_t set_termios(struct tty *tty, struct file *file, struct uptr arg, size_t nbytes,
                           unsigned kind)
{
    struct lx_termios2 termios = settings_get(tty);
    uint64_t flags;
    int err = settings_read(&termios, arg, nbytes);

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
    keep_locked_settings(tty, &termios);
    packet_settings_locked(tty, &termios);
    line_set(&tty->line, &termios);
    /* Without XON no key could start the output again. */
    if (!(termios.c_iflag & LX_IXON))
        tty->line.stopped = false;
    spin_unlock_irqrestore(&tty->lock, flags);
    /* A new mode may let output flow that was held. */
    tty_output_taken(tty);
    tty->driver->changed(tty);
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
    if (tty->line.stopped != (how == LX_TCOOFF))
        tty_packet_event_locked(tty, how == LX_TCOOFF ? LX_TIOCPKT_STOP : LX_TIOCPKT_START);
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

    uint64_t flags;

    if (what > LX_TCIOFLUSH)
        return -EINVAL;
    flags = spin_lock_irqsave(&tty->lock);
    if (!master)
        tty_packet_event_locked(tty, (input ? LX_TIOCPKT_FLUSHREAD : 0) |
                                         (output ? LX_TIOCPKT_FLUSHWRITE : 0));
    spin_unlock_irqrestore(&tty->lock, flags);
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

/* The one line discipline. */
static int64_t set_discipline(struct uptr arg)
{
    int number, err = vm_user_read(&number, arg, sizeof(number));

    return err ? err : number == LX_N_TTY ? 0 : -EINVAL;
}

static int64_t report_int(struct uptr arg, int value)
{
    return vm_user_write(arg, &value, sizeof(value));
}

/* As if the line were cut, for login(1): whatever has the terminal open is rid of it. */
static int64_t hang_up(struct tty *tty)
{
    if (!tty_ops()->capable(LX_CAP_SYS_ADMIN))
        return -EPERM;
    tty_hang_up(tty);
    return 0;
}

/* Requests that only one end of a pair has: the master's own are in pty.c. */
static int64_t terminal_ioctl(struct tty *tty, const struct file *file, uint32_t request,
                              struct uptr arg)
{
    switch (request) {
    case LX_TIOCEXCL:
    case LX_TIOCNXCL:
        __atomic_store_n(&tty->exclusive, request == LX_TIOCEXCL, __ATOMIC_RELAXED);
        return 0;
    case LX_TIOCGEXCL:
        return report_int(arg, __atomic_load_n(&tty->exclusive, __ATOMIC_RELAXED));
    case LX_TIOCVHANGUP:
        return hang_up(tty);
    case LX_TIOCGPTPEER: /* the master's */
        return -EIO;
    default:
        return job_ioctl(tty, file, request, arg, false);
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
    case LX_TCSETA:
    case LX_TCSETAW:
    case LX_TCSETAF:
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
    case LX_TCGETA:
        return get_termio(tty, arg);
    case LX_TCSETA:
    case LX_TCSETAW:
    case LX_TCSETAF:
        return set_termios(tty, file, arg, sizeof(struct lx_termio), request - LX_TCSETA);
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
    case LX_TIOCGETD:
        return report_int(arg, LX_N_TTY);
    case LX_TIOCSETD:
        return set_discipline(arg);
    case LX_TIOCGLCKTRMIOS:
    case LX_TIOCSLCKTRMIOS:
        return locked_ioctl(tty, request == LX_TIOCSLCKTRMIOS, arg);
    default:
        return master ? job_ioctl(tty, file, request, arg, true)
                      : terminal_ioctl(tty, file, request, arg);
    }
}
