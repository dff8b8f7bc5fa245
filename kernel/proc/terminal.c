/* SPDX-License-Identifier: MIT */
#include "kernel/proc/terminal.h"

#include "kernel/dev/tty.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "shared/linux/errno.h"

static struct list claimed = LIST_INIT(claimed); /* [tree] struct tty with a session */

/* NULL: start-up, which is nobody. */
static struct process *caller(void)
{
    struct task *task = thread_current()->task;

    return task ? task->process : NULL;
}

static bool leads_session(const struct process *process)
{
    return process->session == process->pid;
}

/* The process's terminal, borrowed, or NULL. */
static struct tty *terminal_locked(const struct process *process)
{
    list_for_each (node, &claimed) {
        struct tty *tty = list_entry(node, struct tty, claimed);

        if (tty == process->terminal && tty->session == process->session)
            return tty;
    }
    return NULL;
}

uint64_t terminal_of_locked(const struct process *process, int *out_group)
{
    const struct tty *tty = terminal_locked(process);

    *out_group = tty ? tty->group : -1;
    return tty ? tty->device : 0;
}

static void signal_leader_locked(struct process *leader, int signal)
{
    const struct lx_siginfo info = {.signo = signal, .code = LX_SI_KERNEL};
    int err = signal_send_info_locked(leader, NULL, &info, false);

    ASSERT(!err);
}

/* --- who has the terminal --- */

static void claim_locked(struct tty *tty, struct process *process)
{
    tty_get(tty);
    tty->session = process->session;
    tty->group = process->group;
    process->terminal = tty;
    process->hung_group = 0;
    list_push_back(&claimed, &tty->claimed);
}

/* The session's reference is the caller's to put, without the lock. */
static void disclaim_locked(struct tty *tty)
{
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (p->session == tty->session && p->terminal == tty)
            p->terminal = NULL;
    tty->session = 0;
    tty->group = 0;
    list_remove(&tty->claimed);
}

static struct tty *op_current(void)
{
    struct process *self = caller();
    struct tty *tty = NULL;
    uint64_t flags;

    if (!self)
        return NULL;
    flags = spin_lock_irqsave(&process_tree_lock);
    tty = terminal_locked(self);
    if (tty)
        tty_get(tty);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return tty;
}

/* A hang-up takes the terminal from its session with the lock held, after it has made files dead:
 * what is not dead here is either hung up later or not at all. */
static void give(struct process *process, const struct file *file)
{
    struct tty *tty = file->context;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    if (leads_session(process) && !terminal_locked(process) && !tty->session &&
        !tty_file_is_dead(file))
        claim_locked(tty, process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static void op_opened(const struct file *file)
{
    struct process *self = caller();

    if (self)
        give(self, file);
}

void terminal_give(struct process *process, struct file *file)
{
    give(process, file);
}

static int op_claim(struct tty *tty, const struct file *file, bool steal)
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
    else if (tty->session && !(steal && credentials_is_privileged(&self->task->fs->cred)))
        err = -EPERM;
    else {
        stolen = tty->session != 0;
        if (stolen)
            disclaim_locked(tty);
        claim_locked(tty, self);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (stolen)
        tty_put(tty);
    return err;
}

/* The leader takes the terminal from all of its session; another process only leaves it. */
static int op_give_up(struct tty *tty)
{
    struct process *self = caller();
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool all = leads_session(self);
    int err = 0;

    if (terminal_locked(self) != tty) {
        err = -ENOTTY;
    } else if (!all) {
        self->terminal = NULL;
    } else {
        signal_send_group_locked(tty->group, LX_SIGHUP);
        signal_send_group_locked(tty->group, LX_SIGCONT);
        disclaim_locked(tty);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
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
            signal_leader_locked(leader, LX_SIGHUP);
            signal_leader_locked(leader, LX_SIGCONT);
            leader->hung_group = tty->group;
        }
        disclaim_locked(tty);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (session)
        tty_put(tty);
}

/* --- job control --- */

static void op_signal(struct tty *tty, int signal)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    signal_send_group_locked(tty->group, signal);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

static bool is_refused(const struct process *process, int signal)
{
    return (process->task->sig_mask & SIGNAL_BIT(signal)) ||
           process->actions[signal - 1].handler == LX_SIG_IGN;
}

static int op_check(struct tty *tty, int signal)
{
    struct process *self = caller();
    uint64_t flags;
    int err = 0;

    if (!self)
        return 0;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (terminal_locked(self) != tty || !tty->group || tty->group == self->group)
        err = 0;
    else if (is_refused(self, signal))
        err = signal == LX_SIGTTIN ? -EIO : 0;
    else if (signal_group_orphaned_locked(self->group))
        err = -EIO;
    else {
        signal_send_group_locked(self->group, signal);
        err = -EINTR;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

static int op_group_get(struct tty *tty, bool anyone, int *out_group)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = anyone || terminal_locked(caller()) == tty ? 0 : -ENOTTY;

    *out_group = tty->group;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* Whether some process of the session has that group; -ESRCH: nobody at all has it. */
static int group_in_session_locked(int group, int session)
{
    int err = -ESRCH;

    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p)) {
        if (p->group != group)
            continue;
        if (p->session == session)
            return 0;
        err = -EPERM;
    }
    return err;
}

static int op_group_set(struct tty *tty, bool anyone, int group)
{
    struct process *self = caller();
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err;

    (void)anyone; /* the master's caller needs the terminal as its own, too */
    if (terminal_locked(self) != tty)
        err = -ENOTTY;
    else if (group < 0)
        err = -EINVAL;
    else
        err = group_in_session_locked(group, self->session);
    if (!err)
        tty->group = group;
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

static uint32_t op_uid(void)
{
    struct process *self = caller();

    return self ? self->task->fs->cred.fsuid : 0;
}

void terminal_init(void)
{
    static const struct tty_ops ops = {
        .current = op_current,
        .opened = op_opened,
        .claim = op_claim,
        .give_up = op_give_up,
        .check = op_check,
        .signal = op_signal,
        .hung_up = op_hung_up,
        .group_get = op_group_get,
        .group_set = op_group_set,
        .session_get = op_session_get,
        .uid = op_uid,
    };

    tty_set_ops(&ops);
}

/* --- exit --- */

/* Takes the terminal from a session whose leader ends. */
static void leader_left(struct tty *tty)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool had = tty->session != 0;

    signal_send_group_locked(tty->group, LX_SIGHUP);
    if (had)
        disclaim_locked(tty);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (had)
        tty_put(tty);
}

void terminal_process_exit(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct tty *tty = leads_session(process) ? terminal_locked(process) : NULL;

    if (tty)
        tty_get(tty);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (tty) {
        /* Files of a real line are dead from now on; a pair lives as long as its master. */
        if (tty->driver->is_slow)
            tty_hang_up(tty);
        else
            leader_left(tty);
        tty_put(tty);
    }
    if (!process->hung_group)
        return;
    flags = spin_lock_irqsave(&process_tree_lock);
    if (!group_in_session_locked(process->hung_group, process->session)) {
        signal_send_group_locked(process->hung_group, LX_SIGHUP);
        signal_send_group_locked(process->hung_group, LX_SIGCONT);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
}
