/* SPDX-License-Identifier: MIT */
/*
 * Processes: allocation, publication in the tree, release.
 *
 * A process is allocated by process_create (the harness's programs) or process_copy (fork). Until
 * it is published nothing else knows it, and it is freed by dropping its one reference. Publishing
 * gives it a number, a parent, a group, a place in the list of all processes, and charges it to its
 * user: all in one hold of process_tree_lock, so that whatever looks sees all of it or nothing.
 * From then on it gets signals, although its thread may not run yet and its memory may be on its
 * way: what needs its space (limits, /proc, the lack of memory) takes process.lock and finds NULL
 * or all of it.
 *
 * The end is in exit.c: alive, sig_exiting (takes no signals, still has a parent and children),
 * zombie (has neither memory nor children), unlinked (waited for). References: the tree's until it
 * is unlinked, the thread's until its stack is left for good, and those that walks and calls take.
 *
 * process_tree_lock comes before process.lock. It guards the relations between processes;
 * process.lock guards what signals, exec and setuid replace. A process under the tree lock that is
 * not sig_exiting keeps its descriptors, directories and memory for as long as the lock is held.
 */
#include "kernel/proc/process.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/restart.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/signal/sigframe_fpu.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define RESERVE_HARNESS    16  /* numbers that only the kernel's own programs get */
#define RESERVE_PRIVILEGED 256 /* and those that are left for root */

struct spinlock process_tree_lock = SPINLOCK_INIT(SPIN_PROC_TREE);
struct process process_init_process;

static struct slab_cache *process_cache, *task_cache, *fpu_cache;
static uint64_t last_serial = 1; /* [tree] init's */

static void limits_init(struct process *process)
{
    for (unsigned i = 0; i < LX_RLIM_NLIMITS; i++)
        process->limits[i] = (struct lx_rlimit){LX_RLIM_INFINITY, LX_RLIM_INFINITY};
    /* Linux's values of a fresh system, where they do not depend on the machine. */
    process->limits[LX_RLIMIT_STACK].current = 8u << 20;
    process->limits[LX_RLIMIT_CORE].current = 0;
    process->limits[LX_RLIMIT_NPROC] = (struct lx_rlimit){PROCESS_PID_MAX - 1, PROCESS_PID_MAX - 1};
    process->limits[LX_RLIMIT_NOFILE] = (struct lx_rlimit){FD_LIMIT_DEFAULT, FD_LIMIT_HARD};
    process->limits[LX_RLIMIT_MEMLOCK] = (struct lx_rlimit){8u << 20, 8u << 20};
    process->limits[LX_RLIMIT_SIGPENDING] = (struct lx_rlimit){16384, 16384};
    process->limits[LX_RLIMIT_NICE] = (struct lx_rlimit){0, 0};
    process->limits[LX_RLIMIT_RTPRIO] = (struct lx_rlimit){0, 0};
    process->limits[LX_RLIMIT_MSGQUEUE] = (struct lx_rlimit){819200, 819200};
}

void process_limits_apply_locked(struct process *process)
{
    struct vm_space *space = process->task->thread.space;
    const struct lx_rlimit *data = &process->limits[LX_RLIMIT_DATA];
    uint64_t bytes = process->limits[LX_RLIMIT_AS].current;

    ASSERT(spin_is_held(&process->lock));
    if (!space) /* it is being forked */
        return;
    /* The address space keeps copies, so that its own checks need no process.lock. */
    space->limit_pages = bytes == LX_RLIM_INFINITY ? bytes : bytes >> PAGE_SHIFT;
    space->brk_limit = data->current;
    /* As on Linux a limit of 0 is one of the break alone, for programs that want none. */
    space->data_limit = (data->current ? data->current : data->maximum) >> PAGE_SHIFT;
    space->stack_limit = process->limits[LX_RLIMIT_STACK].current;
}

/* An interrupt: it may only mark the task, which ends itself on its way to ring 3. */
static void limit_expired(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, limit);

    __atomic_store_n(&process->limit_reached, 1, __ATOMIC_RELEASE);
    arch_thread_add_work(&process->task->thread.arch, TIF_KILL);
    sched_notify(&process->task->thread);
}

static void fields_init(struct process *process)
{
    family_init(&process->family);
    list_init(&process->sibling.link);
    list_init(&process->group_link.link);
    list_init(&process->all_link.link);
    process->sibling.process = process->group_link.process = process->all_link.process = process;
    waitq_init(&process->child_wait);
    waitq_init(&process->release_wait);
    spin_init(&process->lock, SPIN_PROC);
    timer_init(&process->limit, limit_expired);
    process->exit_signal = LX_SIGCHLD;
    process->generation = 1;
    process->started_ns = clock_monotonic_ns();
}

/* The first number is that of the harness. Nothing competes for the lock yet; the functions below
 * assert it. */
static void init_link(void)
{
    struct process *init = &process_init_process;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err;

    init->own_pid = pid_alloc();
    ASSERT(init->own_pid);
    err = pid_assign_locked(init->own_pid, 0);
    ASSERT(!err && init->own_pid->number == PROCESS_INIT_PID);
    init->own_pid->process = init;
    init->pid = PROCESS_INIT_PID;
    process_group_enter_locked(init, init->own_pid, init->own_pid, NULL);
    process_list_enter_locked(init, NULL);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

void process_init(void)
{
    process_cache = slab_cache_create("process", sizeof(struct process));
    task_cache = slab_cache_create("task", sizeof(struct task));
    /* Room to align the area to 64 bytes by hand. */
    fpu_cache = slab_cache_create("fpu", MIN(features.fpu_nbytes + 64u, 4096u));
    sigframe_fpu_init();
    pid_init();
    fields_init(&process_init_process);
    limits_init(&process_init_process);
    process_init_process.refs = 1;
    process_init_process.serial = last_serial;
    init_link();
}

bool process_exists(int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool found =
        pid > 0 ? process_find_locked(pid) != NULL : process_group_find_locked(-pid) != NULL;

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return found;
}

static void task_free(struct task *task)
{
    /* A task that never got so far has NULL in what it lacks; process_alloc frees half-made ones
     * here. */
    if (task->files)
        fd_table_put(task->files);
    if (task->fs)
        fs_context_destroy(task->fs);
    if (task->fpu_object)
        slab_free(fpu_cache, task->fpu_object);
    /* Only a thread that never ran: one that did has given its stack back in task_ended. */
    if (task->thread.arch.stack_top)
        thread_destroy(&task->thread);
    identity_put(task->identity);
    slab_free(task_cache, task);
}

static void process_free(struct process *process)
{
    if (process->task)
        task_free(process->task);
    if (process->own_pid && !process->pid) /* it never had its number */
        pid_discard(process->own_pid);
    slab_free(process_cache, process);
}

void process_put(struct process *process)
{
    if (__atomic_fetch_sub(&process->refs, 1, __ATOMIC_ACQ_REL) == 1)
        process_free(process);
}

/* The last switch away from a task: no processor is on its stack any more. */
static void task_ended(struct thread *thread)
{
    struct task *task = container_of(thread, struct task, thread);

    thread_destroy(thread); /* a zombie needs no stack */
    slab_free(fpu_cache, task->fpu_object);
    task->fpu_object = NULL;
    process_put(task->process);
}

static int process_alloc(struct process **out_process)
{
    struct process *process = slab_zalloc(process_cache);

    if (!process)
        return -ENOMEM;
    fields_init(process);
    process->refs = 1;
    process->own_pid = pid_alloc();
    process->task = slab_zalloc(task_cache);
    if (process->task)
        process->task->fpu_object = slab_alloc(fpu_cache);
    if (!process->own_pid || !process->task || !process->task->fpu_object) {
        process_free(process);
        return -ENOMEM;
    }
    process->task->process = process;
    process->task->sig_stack.flags = LX_SS_DISABLE;
    *out_process = process;
    return 0;
}

/* RLIMIT_NPROC, which root need not mind. The new process is counted already. The user is the real
 * one, and init's own programs are root's: never limited. */
static bool is_one_too_many(const struct process *process)
{
    const struct identity *identity = process->task->identity;
    uint64_t limit = process->limits[LX_RLIMIT_NPROC].current;

    return identity->cred.uid && !credentials_is_privileged(&identity->cred) &&
           (uint64_t)__atomic_load_n(&identity->user->used[CHARGE_PROCESSES], __ATOMIC_RELAXED) >
               limit;
}

/* How many numbers are none of its business. A user that takes all numbers leaves some to root, and
 * root some to the harness, so that the machine can still be helped. */
static unsigned reserve_for(const struct process *behind, const struct process *process)
{
    if (!behind) /* no copy: one of the harness; an orphan's copy may be a child of init, too */
        return 0;
    return credentials_is_privileged(&process->task->identity->cred) ? RESERVE_HARNESS
                                                                     : RESERVE_PRIVILEGED;
}

/* Into the tree, with a number. `behind`: the process that it is a copy of, or NULL. */
static int link_locked(struct process *parent, struct process *process, struct process *behind)
{
    struct pid *pid = process->own_pid;
    int err;

    ASSERT(process_tree_is_held());
    /* Counted before the comparison, since setuid counts without this lock: neither misses the
     * other. */
    identity_charge_process(process, 1);
    err = is_one_too_many(process) ? -EAGAIN : pid_assign_locked(pid, reserve_for(behind, process));
    if (err) {
        identity_charge_process(process, -1);
        return err;
    }
    pid->process = process;
    process->pid = pid->number;
    /* Numbers come again, serials never: /proc and the killer compare these. */
    process->serial = ++last_serial;
    process->task->tid = process->pid;
    family_enter_locked(parent, process);
    process_list_enter_locked(process, behind);
    process_group_enter_locked(process, behind ? behind->group_pid : pid,
                               behind ? behind->group_pid->group.session : pid, behind);
    return 0;
}

void process_unlink_locked(struct process *process)
{
    ASSERT(process_tree_is_held());
    identity_charge_process(process, -1);
    family_leave_locked(process);
    process_group_leave_locked(process);
    list_remove(&process->all_link.link);
    /* The number stays in use while a group, a session or a walk has a reference to it. */
    process->own_pid->process = NULL;
    pid_put_locked(process->own_pid);
}

/* Its group or session has changed: so has perhaps what its children are to their groups. */
static void children_anchors_update_locked(struct process *process, uint64_t *flags)
{
    struct process_walk walk;
    struct process *child;

    ASSERT(process_tree_is_held());
    if (list_empty(&process->family.children))
        return;
    process_walk_children_locked(&walk, process);
    while ((child = process_walk_next_locked(&walk)) != NULL) {
        process_anchor_update_locked(child);
        process_walk_pause_locked(&walk, flags);
    }
    process_walk_end_locked(&walk);
}

void process_set_group_locked(struct process *process, struct pid *group, uint64_t *flags)
{
    struct pid *session = process->group_pid->group.session;

    ASSERT(process_tree_is_held());
    if (group == process->group_pid)
        return;
    pid_get_locked(session); /* its last group may be the one that is left */
    process_group_leave_locked(process);
    process_group_enter_locked(process, group, session, NULL);
    pid_put_locked(session);
    children_anchors_update_locked(process, flags);
}

void process_set_session_locked(struct process *process, uint64_t *flags)
{
    ASSERT(process_tree_is_held());
    /* The session number of before may live on as long as another group is in it. */
    process_group_leave_locked(process);
    process_group_enter_locked(process, process->own_pid, process->own_pid, NULL);
    process->terminal_grant = 0;
    children_anchors_update_locked(process, flags);
}

static int process_link(struct process *parent, struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = link_locked(parent, process, NULL);

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* The harness's own way; all other processes are copies (process_copy). */
int process_create(struct process *parent, struct process **out_process)
{
    struct process *process;
    int err = process_alloc(&process);

    if (err)
        return err;
    limits_init(process);
    /* Publication comes last: nothing has to be taken out of the tree again. */
    err = fd_table_create(&process->task->files);
    if (!err)
        err = fs_context_create(&process->task->fs);
    if (!err)
        err = identity_create(&process->task->fs->cred, &process->task->identity);
    if (!err)
        err = process_link(parent, process);
    if (err) {
        process_free(process);
        return err;
    }
    /* It cannot have ended yet: its thread is started by the caller, later. */
    process->reaped_by_init = true;
    *out_process = process;
    return 0;
}

static void signals_copy(struct task *self, struct process *child)
{
    struct process *process = self->process;

    spin_lock(&process->lock);
    /* What is sent to the group from here on is noted, and given to the child by
     * process_publish. */
    __atomic_store_n(&process->group_signals, 0, __ATOMIC_RELAXED);
    memcpy(child->actions, process->actions, sizeof(child->actions));
    spin_unlock(&process->lock);
    child->task->sig_stack = self->sig_stack;
    child->task->sig_mask = self->sig_mask;
}

int process_copy(struct task *self, bool share_files, bool share_fs, struct process **out_process)
{
    struct process *parent = self->process, *child;
    int err = process_alloc(&child);

    if (err)
        return err;
    signals_copy(self, child);
    identity_get(self->identity);
    child->task->identity = self->identity;
    if (share_files) {
        fd_table_get(self->files);
        child->task->files = self->files;
    } else {
        err = fd_table_dup(self->files, &child->task->files);
    }
    if (!err)
        err = fs_context_fork(self->fs, share_fs, &child->task->fs);
    if (err) {
        process_free(child);
        return err;
    }
    spin_lock(&parent->lock); /* others set them, too: prlimit */
    memcpy(child->limits, parent->limits, sizeof(child->limits));
    spin_unlock(&parent->lock);
    /* Only the task itself writes these, so they are read without a lock. */
    memcpy(child->task->name, self->name, sizeof(self->name));
    child->no_new_privs = parent->no_new_privs;
    child->keep_caps = parent->keep_caps;
    child->layout = parent->layout;
    if (parent->exe) {
        file_get(parent->exe);
        child->exe = parent->exe;
    }
    *out_process = child;
    return 0;
}

/* Other tasks read the pointer, and the table behind it, under process_tree_lock (/proc, prlimit):
 * it changes under that lock, and the old table goes after it has been dropped. */
void process_replace_files(struct task *self, struct fd_table *files)
{
    struct fd_table *old = self->files;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    /* The new table follows the limit of this process, whatever the old one did. */
    files->limit = (uint32_t)MIN(self->process->limits[LX_RLIMIT_NOFILE].current, FD_LIMIT_MAX);
    self->files = files;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    fd_table_put(old);
}

int process_publish(struct process *self, struct process *child, bool same_parent)
{
    /* Looked at under the tree lock, under which groups are signalled: what comes later finds the
     * child. */
    uint32_t work = TIF_SIGNAL | TIF_KILL;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = -ERESTARTNOINTR;

    if (!(__atomic_load_n(&self->task->thread.arch.work, __ATOMIC_ACQUIRE) & work)) {
        /* In the same hold of the lock as the group: a terminal that is released in between is not
         * inherited. */
        child->terminal_grant = self->terminal_grant;
        err = link_locked(same_parent ? self->parent : self, child, self);
    }
    /* Without an entry the signal has no sender's number; only the blocked ones are left to
     * give, others made the fork start anew. */
    if (!err)
        child->sig_queue.set = self->group_signals & child->task->sig_mask;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

void process_abandon(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *parent = process->group_pid ? process->parent : NULL;

    if (parent) /* it got as far as that: another parent (CLONE_PARENT) may wait for it */
        process_unlink_locked(process);
    if (parent)
        waitq_wake_all(&parent->child_wait);
    /* It was visible: signals may have come, whose entries are charged to its user. */
    signal_queue_drop(&process->sig_queue, ~0ULL);
    signal_queue_drop(&process->task->sig_queue, ~0ULL);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    timer_stop(&process->limit);
    if (process->exe)
        file_put(process->exe);
    process_put(process);
}

void process_start(struct process *process)
{
    process_get(process); /* the thread's own, until task_ended */
    process->task->thread.ended = task_ended;
    sched_start(&process->task->thread);
}

uint64_t process_live_count(void)
{
    return slab_objects(process_cache);
}

int process_last_pid(void)
{
    return pid_last();
}

uint64_t process_forks(void)
{
    return __atomic_load_n(&last_serial, __ATOMIC_RELAXED);
}

void process_set_limit(struct process *process, uint64_t deadline_ns)
{
    if (deadline_ns)
        timer_start(&process->limit, deadline_ns);
}

void task_set_name(struct task *task, const char *path)
{
    const char *slash = strrchr(path, '/');

    /* Cut off at 15 bytes, as PR_SET_NAME does. */
    str_copy(task->name, sizeof(task->name), slash ? slash + 1 : path);
}

const char *process_name(const struct process *process)
{
    return process->task ? process->task->name : "init";
}
