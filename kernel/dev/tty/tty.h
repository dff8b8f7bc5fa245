/* SPDX-License-Identifier: MIT */
/*
 * dev/tty/tty.h - terminals: a line discipline between a device and the programs of a session
 *
 * Owns:    struct tty: its line, its window size, its waiters; the operations of its files.
 * Used by: tty_serial.c and pty.c, the two kinds of device; proc, which fills in struct tty_ops and
 *          keeps the session and the foreground group of each terminal.
 * Locks:   tty.lock, a spinlock, rank TTY, interrupts off: taken by the serial interrupt.
 *          Notifying and signalling happen after it is given up.
 * Context: threads; tty_output_taken and what has _locked in its name also interrupts.
 * Fails:   -EIO (hung up, or a background read by an orphan), -EINTR, -EAGAIN, -ENOTTY.
 * Tests:   tests/user/tty/pty_*.c, tests/system/test_shell.py
 */
#pragma once

#include "kernel/core/spinlock.h"
#include "kernel/dev/tty/tty_line.h"
#include "kernel/fs/vfs/poll.h"
#include "kernel/lib/list.h"
#include "kernel/sched/waitq.h"

struct dentry;
struct file;
struct file_ops;
struct tty;
struct user_iter;

/* What a device does for its terminal. Optional ones are marked. */
struct tty_driver {
    /* tty.lock held: there may be output to take with tty_output_take_locked. */
    void (*start_locked)(struct tty *tty);
    /* No lock held: output may have been taken in, or input may fit again. */
    void (*changed)(struct tty *tty);
    /* tty.lock held, optional: bytes that came in and fit into the line, at most nbytes. */
    size_t (*input_locked)(struct tty *tty, char *bytes, size_t nbytes);
    /* Output takes time: it can be waited for, and thrown away by a signal. */
    bool is_slow;
    /* The last reference is gone, optional. */
    void (*destroy)(struct tty *tty);
    /* A file was opened (+1) or closed (-1), optional; may refuse an opening. */
    int (*count)(struct tty *tty, int change);
};

/* I constant after creation   a atomic   l lock   p process_tree_lock, by way of tty_ops */
struct tty {
    const struct tty_driver *driver; /* [I] */
    uint32_t refs;                   /* [a] files, the session, the device itself */
    uint32_t number;                 /* [I] minor device number */
    uint64_t device;                 /* [I] as in /proc/PID/stat */
    struct spinlock lock;            /* rank TTY */
    struct tty_line line;            /* [l] */
    struct lx_winsize size;          /* [l] */
    struct lx_termios locked;        /* [l] TIOCSLCKTRMIOS: settings that stay as they are */
    uint64_t generation;             /* [l] goes on at every hang-up: files of the one before are
                                      *     dead; file->private_state has theirs */
    struct waitq readable;           /* woken when there is input, or a hang-up */
    struct waitq writable;           /* woken when there is room for output, or a hang-up */
    struct poll_head poll;
    uint32_t nfiles;       /* [a] open files of it */
    bool exclusive;        /* [a] TIOCEXCL: no other may open it; until the last file goes */
    bool packets;          /* [l] the master of the pair reads packets (TIOCPKT) */
    uint8_t packet_status; /* [l] what it has not been told yet, LX_TIOCPKT_* */
    int session;           /* [p] 0: no session's controlling terminal */
    int group;             /* [p] in the foreground; 0: none */
    void *memory;          /* [I] of the line */
};

/* What a terminal asks of the room that knows processes. Each of them is about the caller where it
 * says so; a caller without a process (start-up) has no terminal and may do anything. */
struct tty_ops {
    struct tty *(*current)(void); /* the caller's, with a reference; NULL: none */
    /* The caller leads a session without a terminal: its own, unless it has hung up meanwhile. */
    void (*opened)(const struct file *file);
    /* file: NULL for the master of a pair, which is there. */
    int (*claim)(struct tty *tty, const struct file *file, bool steal);
    int (*give_up)(struct tty *tty);
    /* Background access: 0 go on, -EIO, or -ERESTARTSYS after the caller's group got the signal. */
    int (*check)(struct tty *tty, int signal);
    void (*signal)(struct tty *tty, int signal); /* to the foreground group */
    void (*hung_up)(struct tty *tty);            /* the session is told, and loses it */
    /* anyone: also for those whose terminal it is not (the master of a pair). */
    int (*group_get)(struct tty *tty, bool anyone, int *out_group);
    int (*group_set)(struct tty *tty, bool anyone, int group);
    int (*session_get)(struct tty *tty, bool anyone, int *out_session);
    uint32_t (*uid)(void);
    bool (*capable)(unsigned capability); /* LX_CAP_* */
    /* A descriptor of the caller's for that node, or an errno. */
    int (*open_node)(struct dentry *node, uint32_t flags);
};

/* Before the first program runs. */
void tty_set_ops(const struct tty_ops *ops);
const struct tty_ops *tty_ops(void);

/* One reference. -ENOMEM. */
MUST_CHECK int tty_init(struct tty *tty, const struct tty_driver *driver, uint64_t device);

static inline void tty_get(struct tty *tty)
{
    __atomic_fetch_add(&tty->refs, 1, __ATOMIC_RELAXED);
}
void tty_put(struct tty *tty);

/* Bytes from the device into the line; returns how many it took. What they bring about (echo,
 * signals, wake-ups) has happened when it returns. */
size_t tty_input(struct tty *tty, const char *bytes, size_t nbytes);
/* The same from driver->input_locked, until that has no more or the line is full. */
void tty_input_pull(struct tty *tty);

/* For drivers: output on its way, at most nbytes; nothing while it is stopped. */
size_t tty_output_take_locked(struct tty *tty, char *bytes, size_t nbytes);
/* After output was taken: lets it flow on, wakes writers that wait for room. No lock held. */
void tty_output_taken(struct tty *tty);

/* Every file that is open now is dead: reads give the end, writes -EIO. */
void tty_hang_up(struct tty *tty);
void tty_set_size(struct tty *tty, const struct lx_winsize *size);
void tty_flush(struct tty *tty, bool input, bool output);

/* Something happened that the master's next packet is to say; LX_TIOCPKT_*. */
void tty_packet_event_locked(struct tty *tty, uint8_t status);

/* Files of a terminal: file->private is the tty, counted. tty_file_open is the last step of
 * opening: the caller's reference to tty becomes the file's, also on failure. */
extern const struct file_ops tty_file_ops;
MUST_CHECK int tty_file_open(struct file *file, struct tty *tty);
bool tty_file_is_dead(const struct file *file);

/* Waits on the queue until ready(file) or the deadline (0: none). It may come back early. */
MUST_CHECK int tty_wait(struct file *file, struct waitq *queue, bool (*ready)(struct file *file),
                        uint64_t deadline_ns);

/* tty_ioctl.c; master: the request came in at the other end of a pair. */
MUST_CHECK int64_t tty_ioctl(struct tty *tty, struct file *file, uint32_t request, struct uptr arg,
                             bool master);
/* The master reads packets, or bytes (TIOCPKT). */
MUST_CHECK int64_t tty_packets_set(struct tty *tty, struct uptr arg);
