/* SPDX-License-Identifier: MIT */
/*
 * Controlling terminals: which session has which, and which group is in the foreground.
 *
 * A session has at most one terminal and a terminal at most one session; both ends change together
 * under process_tree_lock. Each acquisition has a number, the grant. A process has its session's
 * terminal only if it remembers that grant: the leader that acquired it, and what is forked by
 * processes that have it. So releasing a terminal is one store, however many processes there are,
 * and one that is given again does not come back to processes that had the old grant.
 *
 * The foreground group is held by a reference: its number goes to no other group while keys can
 * send signals there. Signals to groups are sent without the lock, to a group that was referenced
 * under it. An exiting leader looks again whether the terminal is still its own: it may have been
 * stolen (TIOCSCTTY by root) between its first look and the release.
 */
#include "kernel/proc/terminal.h"

#include "kernel/dev/tty/tty.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

/* NULL: start-up, which is no process. The terminal's operations are called by drivers, in the
 * context of the task that uses the file. */
static struct process *caller(void)
{
    struct task *task = thread_current()->task;

    return task ? task->process : NULL;
}

static bool leads_session(const struct process *process)
{
    return process->session == process->pid;
}

static struct session *session_of(const struct process *process)
{
    return &process->group_pid->group.session->session;
}

/* The process's terminal, borrowed, or NULL. */
static struct tty *terminal_locked(const struct process *process)
{
    const struct session *session = session_of(process);

    ASSERT(process_tree_is_held());
    return session->grant == process->terminal_grant ? session->terminal : NULL;
}

uint64_t terminal_of_locked(const struct process *process, int *out_group)
{
    const struct tty *tty = terminal_locked(process);

    ASSERT(process_tree_is_held());
    *out_group = tty ? tty->group : -1;
    return tty ? tty->device : 0;
}

static void signal_leader_locked(struct process *leader, int signal)
{
    const struct lx_siginfo info = {.signo = signal, .code = LX_SI_KERNEL};
    int err = signal_send_info_locked(leader, NULL, &info, false);

    ASSERT(process_tree_is_held());
    ASSERT(!err);
}

/* --- acquiring and releasing the terminal --- */

/* The group that keys send signals to; NULL: none. The number stays its own meanwhile. */
static void foreground_set_locked(struct tty *tty, struct session *session, struct pid *group)
{
    ASSERT(process_tree_is_held());
    /* The new reference before the old one goes: both may be the same group. */
    if (group)
        pid_get_locked(group);
    if (session->foreground)
        pid_put_locked(session->foreground);
    session->foreground = group;
    tty->group = group ? group->number : 0;
}

static void terminal_acquire_locked(struct tty *tty, struct process *process)
{
    static uint64_t last_grant; /* [t] */
    struct session *session = session_of(process);

    ASSERT(process_tree_is_held() && !session->terminal);
    tty_get(tty);
    pid_get_locked(process->group_pid->group.session);
    /* The driver reads session and group as numbers without the lock; they mean nothing but
     * equality. */
    tty->session = process->session;
    session->terminal = tty;
    session->grant = process->terminal_grant = ++last_grant;
    foreground_set_locked(tty, session, process->group_pid);
    /* What an earlier terminal would have had hung up at the leader's end is no longer its
     * business. */
    process->hup_group = 0;
}

/* The session's reference to the terminal is the caller's to put, without the lock. */
static void terminal_release_locked(struct tty *tty)
{
    struct pid *owner = pid_find_locked(tty->session);

    ASSERT(process_tree_is_held() && owner && owner->session.terminal == tty);
    foreground_set_locked(tty, &owner->session, NULL);
    owner->session.terminal = NULL;
    /* Grants that processes remember match no more: a number is used once. */
    owner->session.grant = 0;
    tty->session = 0;
    pid_put_locked(owner);
}

/* Referenced, for signals that are sent without the lock; NULL: none. */
static struct pid *foreground_get_locked(const struct tty *tty)
{
    struct pid *group = tty->session ? pid_find_locked(tty->group) : NULL;

    ASSERT(process_tree_is_held());
    if (group)
        pid_get_locked(group);
    return group;
}

/* Open of /dev/tty. */
static struct tty *op_current(void)
{
    struct process *self = caller();
    struct tty *tty = NULL;
    uint64_t flags;

    if (!self)
        return NULL;
    flags = spin_lock_irqsave(&process_tree_lock);
    tty = terminal_locked(self);
    /* The look and the action are apart, for tty_hang_up sleeps: a reference keeps the terminal. */
    if (tty)
        tty_get(tty);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return tty;
}

/* A hang-up takes the terminal from its session with the lock held, after it has made files dead:
 * what is not dead here is either hung up later or not at all. */
void terminal_acquire(struct process *process, const struct file *file)
{
    struct tty *tty = file->private;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    if (leads_session(process) && !terminal_locked(process) && !tty->session &&
        !tty_file_is_dead(file))
        terminal_acquire_locked(tty, process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static void op_opened(const struct file *file)
{
    struct process *self = caller();

    if (self)
        terminal_acquire(self, file);
}

static int op_acquire(struct tty *tty, const struct file *file, bool steal)
{
    struct process *self = caller();
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool stolen = false;
    int err = 0;

    if (leads_session(self) && self->session == tty->session)
        ; /* it is that already */
    else if (!leads_session(self) || terminal_locked(self))
        err = -EPERM;
    else if (file && tty_file_is_dead(file))
        err = -EIO;
    /* TIOCSCTTY with argument 1 and CAP_SYS_ADMIN takes a terminal from another session:
     * ioctl_tty(2). */
    else if (tty->session &&
             !(steal && credentials_capable(&task_current()->fs->cred, LX_CAP_SYS_ADMIN)))
        err = -EPERM;
    else {
        stolen = tty->session != 0;
        if (stolen)
            terminal_release_locked(tty);
        terminal_acquire_locked(tty, self);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (stolen)
        tty_put(tty);
    return err;
}

/* The leader takes the terminal from all of its session; another process only leaves it. */
static int op_release(struct tty *tty)
{
    struct process *self = caller();
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool all = leads_session(self);
    struct pid *group = NULL;
    int err = 0;

    if (terminal_locked(self) != tty) {
        err = -ENOTTY;
    } else if (!all) {
        self->terminal_grant = 0;
    } else {
        /* TIOCNOTTY by the leader: the foreground group gets SIGHUP and SIGCONT (ioctl_tty(2)),
         * sent below without the lock. */
        group = foreground_get_locked(tty);
        terminal_release_locked(tty);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (group)
        signal_hang_up_group(group);
    if (!err && all)
        tty_put(tty);
    return err;
}

/* The leader of the session is told, and its foreground group when the leader ends. */
static void op_hung_up(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int session = tty->session;
    struct process *leader = process_find_locked(session);

    if (session) {
        if (leader && leader != &process_init_process && !leader->zombie) {
            /* As on Linux: the leader at once, the foreground group when the leader ends
             * (hup_group). */
            signal_leader_locked(leader, LX_SIGHUP);
            signal_leader_locked(leader, LX_SIGCONT);
            leader->hup_group = tty->group;
        }
        terminal_release_locked(tty);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (session)
        tty_put(tty);
}

/* --- job control --- */

static void op_signal(struct tty *tty, int signal)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct pid *group = foreground_get_locked(tty);

    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (group)
        signal_send_group(group, signal);
}

/* Read without process.lock: a task's own mask and actions change by its own hand alone. */
static bool is_refused(const struct task *self, int signal)
{
    return (self->sig_mask & SIGNAL_BIT(signal)) ||
           self->process->actions[signal - 1].handler == LX_SIG_IGN;
}

/* Access from the background (POSIX XBD 11.1.4). A refused signal makes a read fail with EIO and
 * lets a write through, an orphaned group makes both fail; else the whole group is stopped, and the
 * call starts anew after SIGCONT. */
static int op_check(struct tty *tty, int signal)
{
    struct process *self = caller();
    struct pid *group = NULL;
    uint64_t flags;
    int err = 0;

    if (!self)
        return 0;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (terminal_locked(self) != tty || !tty->group || tty->group == self->group)
        err = 0;
    else if (is_refused(task_current(), signal))
        err = signal == LX_SIGTTIN ? -EIO : 0;
    else if (process_group_is_orphaned(&self->group_pid->group))
        err = -EIO;
    else {
        group = self->group_pid;
        pid_get_locked(group);
        /* The signal is pending by the time that the call ends, so it is restarted after the
         * stop. */
        err = -ERESTARTSYS;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (group)
        signal_send_group(group, signal);
    return err;
}

/* tcgetpgrp(3) and TIOCGPGRP: `anyone` for the master of a pair. */
static int op_group_get(struct tty *tty, bool anyone, int *out_group)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = anyone || terminal_locked(caller()) == tty ? 0 : -ENOTTY;

    /* Through the master side any caller may ask; through the line only its own session. */
    *out_group = tty->group;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

static int op_group_set(struct tty *tty, bool anyone, int group)
{
    struct process *self = caller();
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct pid *wanted = process_group_find_locked(group);
    int err = 0;

    (void)anyone; /* the master's caller needs the terminal as its own, too */
    if (terminal_locked(self) != tty)
        err = -ENOTTY;
    else if (group < 0)
        err = -EINVAL;
    else if (!wanted)
        err = -ESRCH;
    else if (wanted->group.session->number != self->session)
        err = -EPERM;
    else
        foreground_set_locked(tty, session_of(self), wanted);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

static int op_session_get(struct tty *tty, bool anyone, int *out_session)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = anyone || terminal_locked(caller()) == tty ? 0 : -ENOTTY;

    *out_session = tty->session;
    if (!tty->session)
        err = -ENOTTY;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* The owner of a new pair's slave. */
static uint32_t op_uid(void)
{
    const struct task *self = thread_current()->task;

    return self ? self->fs->cred.fsuid : 0;
}

static bool op_capable(unsigned capability)
{
    const struct task *self = thread_current()->task;

    return !self || credentials_capable(&self->fs->cred, capability);
}

/* Flags that make no sense for a terminal are no error, and have no effect. */
static int op_open_node(struct dentry *node, uint32_t flags)
{
    const uint32_t known = LX_O_ACCMODE | LX_O_NOCTTY | LX_O_NONBLOCK | LX_O_CLOEXEC;
    struct open_how how = {.flags = flags & known, .walk = PATH_EMPTY};
    struct task *self = task_current();
    struct file *file;
    int fd, err = fs_open(self->fs, node, "", &how, &file);

    if (err)
        return err;
    fd = fd_install(self->files, file, 0, (flags & LX_O_CLOEXEC) != 0);
    if (fd < 0)
        file_put(file);
    return fd;
}

void terminal_init(void)
{
    static const struct tty_ops ops = {
        .current = op_current,
        .opened = op_opened,
        .claim = op_acquire,
        .give_up = op_release,
        .check = op_check,
        .signal = op_signal,
        .hung_up = op_hung_up,
        .group_get = op_group_get,
        .group_set = op_group_set,
        .session_get = op_session_get,
        .uid = op_uid,
        .capable = op_capable,
        .open_node = op_open_node,
    };

    tty_set_ops(&ops);
}

/* --- exit --- */

/* The leader takes the terminal along, unless it has gone to another session meanwhile. */
static void leader_leaves(struct process *process, struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool had = terminal_locked(process) == tty;
    struct pid *group = had ? foreground_get_locked(tty) : NULL;

    if (had)
        terminal_release_locked(tty);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (group)
        signal_send_group(group, LX_SIGHUP);
    if (had)
        tty_put(tty);
}

void terminal_process_exit(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tty *tty = leads_session(process) ? terminal_locked(process) : NULL;
    struct pid *group;

    if (tty)
        tty_get(tty);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (tty) {
        /* Files of a real line are dead from now on; a pair lives as long as its master. */
        if (tty->driver->is_slow)
            tty_hang_up(tty);
        else
            leader_leaves(process, tty);
        tty_put(tty);
    }
    /* The second half of op_hung_up: this leader's terminal was hung up while it lived. */
    if (!process->hup_group)
        return;
    flags = spin_lock_irqsave(&process_tree_lock);
    group = process_group_find_locked(process->hup_group);
    if (group && group->group.session->number == process->session)
        pid_get_locked(group);
    else
        group = NULL;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (group)
        signal_hang_up_group(group);
}
