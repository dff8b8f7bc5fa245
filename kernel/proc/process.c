/* SPDX-License-Identifier: MIT */
/*
 * Processes: allocation, publication in the tree, release.
 *
 * A process is allocated by process_create (the harness's programs) or by fork (fork.c). Until it
 * is published nothing else knows it, and it is freed by dropping its one reference. Publishing
 * gives it a number, a parent, a group, a place in the list of all processes, and charges it to its
 * user: all in one hold of process_tree_lock, so that whatever looks sees all of it or nothing.
 * From then on it gets signals, although its thread may not run yet and its memory may be on its
 * way: what needs its space (limits, /proc, the lack of memory) takes process.lock and finds NULL
 * or all of it.
 *
 * A process has tasks, its leader first. Tasks come and go under both process_tree_lock and
 * process.lock, so a holder of either finds the list as it is; the leader stays on it until the
 * process is freed, even if it ends before the others. exec by another task puts that one in the
 * leader's place.
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
#include "kernel/mm/config.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/seccomp/seccomp.h"
#include "kernel/proc/signal/sigframe_fpu.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/signal/signal_poll.h"
#include "kernel/proc/signal/signal_share.h"
#include "kernel/proc/usermode.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define RESERVE_HARNESS    16  /* numbers that only the kernel's own programs get */
#define RESERVE_PRIVILEGED 256 /* and those that are left for root */

struct spinlock process_tree_lock = SPINLOCK_INIT(SPIN_PROC_TREE);
struct process process_init_process;

static struct slab_cache *process_cache;
static struct task init_record;  /* in no list, and it never runs */
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
    struct vm_space *space = process_space_locked(process);
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

struct vm_space *process_space_locked(const struct process *process)
{
    ASSERT(process_is_held(process));
    process_each_task (task, process) {
        /* Read once: a task leaves its memory without a lock. */
        struct vm_space *space = __atomic_load_n(&task->thread.space, __ATOMIC_RELAXED);

        if (space)
            return space;
    }
    return NULL;
}

/* The one that executes is not killed by its siblings' end, so it is the one to be told. Another
 * may be on its way out already and not see it: it passes the message on (signal_exit). */
static struct task *task_to_kill(const struct process *process)
{
    if (unlikely(process->dumper))
        return process->dumper;
    if (likely(!process->leader->exiting) && !process->exec_task)
        return process->leader;
    if (process->exec_task)
        return process->exec_task;
    process_each_task (task, process)
        if (!task->exiting)
            return task;
    return NULL;
}

void process_kill_locked(struct process *process)
{
    struct task *task = task_to_kill(process);

    ASSERT(process_is_held(process));
    __atomic_store_n(&process->killed, 1, __ATOMIC_RELEASE);
    if (!task)
        return;
    arch_thread_add_work(&task->thread.arch, TIF_KILL);
    sched_notify(&task->thread);
}

void process_check_cpu_time_locked(struct process *process)
{
    ASSERT(spin_is_held(&process->lock));
    process_each_task (task, process)
        task_check_cpu_time(task);
}

void task_check_cpu_time(struct task *task)
{
    arch_thread_add_work(&task->thread.arch, TIF_CPU_TIME);
    if (&task->thread != thread_current()) /* which is on its way already */
        sched_kick_thread(&task->thread);
}

struct task *task_find_locked(int tid)
{
    const struct pid *pid = pid_find_locked(tid);

    ASSERT(process_tree_is_held());
    if (!pid)
        return NULL;
    return pid->process ? pid->process->leader : pid->task;
}

struct task *task_scheduled_find_locked(int tid)
{
    ASSERT(process_tree_is_held());
    return tid == PROCESS_INIT_PID ? &init_record : task_find_locked(tid);
}

static void limit_kill(struct deferred *item)
{
    struct process *process = container_of(item, struct process, limit_ended);

    usermode_kill_all();
    process_put(process);
}

/* An interrupt, which may take no lock that keeps the list of tasks as it is. The process lives:
 * its exit stops the timer first of all. */
static void limit_expired(struct timer *timer)
{
    process_expire(container_of(timer, struct process, limit));
}

void process_expire(struct process *process)
{
    __atomic_store_n(&process->limit_reached, 1, __ATOMIC_RELEASE);
    process_get(process);
    if (!deferred_queue(&process->limit_ended))
        process_put(process);
}

static COLD void fields_init(struct process *process)
{
    family_init(&process->family);
    list_init(&process->sibling.link);
    list_init(&process->group_link.link);
    list_init(&process->all_link.link);
    process->sibling.process = process->group_link.process = process->all_link.process = process;
    waitq_init(&process->child_wait);
    waitq_init(&process->release_wait);
    waitq_init(&process->stop_wait);
    spin_init(&process->lock, SPIN_PROC);
    timer_init(&process->limit, limit_expired);
    deferred_init(&process->limit_ended, limit_kill);
    deferred_init(&process->retarget, signal_retarget);
    list_init(&process->tasks);
    list_init(&process->sharers);
    list_init(&process->tracees);
    list_init(&process->trace_news);
    signal_timers_init(&process->timers);
    process->exit_signal = LX_SIGCHLD;
    process->core_filter = CORE_FILTER_DEFAULT;
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
    thread_init_record(&init_record.thread);
    init_record.process = init;
    init_record.refs = 1;
    init_record.tid = PROCESS_INIT_PID;
    process_group_enter_locked(init, init->own_pid, init->own_pid, NULL);
    process_list_enter_locked(init, NULL);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

COLD void process_init(void)
{
    process_cache = slab_cache_create("process", sizeof(struct process));
    task_init();
    ptrace_init();
    sigframe_fpu_init();
    signal_queue_init_cache();
    signal_timer_init_cache();
    pid_init();
    ns_init();
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

void process_free(struct process *process)
{
    if (process->leader) {
        list_remove(&process->leader->link);
        task_put(process->leader);
    }
    if (process->own_pid && !process->pid) /* it never had its number */
        pid_discard(process->own_pid);
    if (process->signal_poll)
        signal_poll_put(process->signal_poll);
    for (uint64_t left = process->actions_set; left; left &= left - 1)
        process->actions[__builtin_ctzll(left)] = (struct lx_sigaction){0};
    slab_free(process_cache, process);
}

void process_put(struct process *process)
{
    if (__atomic_fetch_sub(&process->refs, 1, __ATOMIC_ACQ_REL) == 1)
        process_free(process);
}

int process_alloc(struct process **out_process)
{
    struct process *process = slab_alloc(process_cache);

    if (!process)
        return -ENOMEM;
    /* Half of it is actions, of which few are ever set: process_free clears those. */
    memset(process, 0, CONFIG_POISON ? sizeof(*process) : offsetof(struct process, actions));
    fields_init(process);
    process->refs = 1;
    process->own_pid = pid_alloc();
    if (!process->own_pid || task_alloc(process, &process->leader)) {
        process_free(process);
        return -ENOMEM;
    }
    list_push_back(&process->tasks, &process->leader->link);
    process->live = process->present = 1;
    *out_process = process;
    return 0;
}

/* RLIMIT_NPROC, which root need not mind. The new task is counted already. The user is the real
 * one, and init's own programs are root's: never limited. */
static bool is_one_too_many(const struct process *process, const struct identity *identity)
{
    uint64_t limit = process->limits[LX_RLIMIT_NPROC].current;

    return identity->cred.uid && !credentials_unlimited(&identity->cred) &&
           (uint64_t)__atomic_load_n(&identity->user->used[CHARGE_PROCESSES], __ATOMIC_RELAXED) >
               limit;
}

/* How many numbers are none of its business. A user that takes all numbers leaves some to root, and
 * root some to the harness, so that the machine can still be helped. */
static unsigned reserve_for(const struct identity *identity)
{
    return credentials_unlimited(&identity->cred) ? RESERVE_HARNESS : RESERVE_PRIVILEGED;
}

int process_link_locked(struct process *parent, struct process *process, struct process *behind)
{
    struct identity *identity = process->leader->identity;
    struct pid *pid = process->own_pid;
    int err = -EAGAIN;

    ASSERT(process_tree_is_held());
    /* Counted before the comparison, since setuid counts without this lock: neither misses the
     * other. */
    identity_charge_task(identity, 1);
    /* No copy: one of the harness; an orphan's copy may be a child of init, too. */
    if (!is_one_too_many(process, identity))
        err = pid_assign_locked(pid, behind ? reserve_for(identity) : 0);
    if (err) {
        identity_charge_task(identity, -1);
        return err;
    }
    pid->process = process;
    process->pid = pid->number;
    /* Numbers come again, serials never: /proc and the killer compare these. */
    process->serial = ++last_serial;
    process->leader->tid = process->pid;
    family_enter_locked(parent, process);
    process_list_enter_locked(process, behind);
    process_group_enter_locked(process, behind ? behind->group_pid : pid,
                               behind ? behind->group_pid->group.session : pid, behind);
    return 0;
}

void process_unlink_locked(struct process *process)
{
    ASSERT(process_tree_is_held());
    identity_charge_task(process->leader->identity, -1);
    family_leave_locked(process);
    process_group_leave_locked(process);
    if (process->pidfd)
        pidfd_leave_locked(process);
    list_remove(&process->all_link.link);
    /* The number stays in use while a group, a session or a walk has a reference to it. */
    process->own_pid->process = NULL;
    pid_put_locked(process->own_pid);
}

int process_add_task_locked(struct process *process, struct task *task, struct pid *pid)
{
    int err = -EAGAIN;

    ASSERT(process_tree_is_held() && spin_is_held(&process->lock));
    identity_charge_task(task->identity, 1);
    if (!is_one_too_many(process, task->identity))
        err = pid_assign_locked(pid, reserve_for(task->identity));
    if (err) {
        identity_charge_task(task->identity, -1);
        return err;
    }
    pid->task = task;
    task->own_pid = pid;
    task->tid = pid->number;
    task->serial = ++last_serial;
    list_push_back(&process->tasks, &task->link);
    process->live++;
    __atomic_fetch_add(&process->present, 1, __ATOMIC_RELAXED);
    return 0;
}

void process_remove_task_locked(struct process *process, struct task *task)
{
    ASSERT(process_tree_is_held() && spin_is_held(&process->lock));
    ASSERT(task != process->leader);
    process_usage_add_task(&process->usage, task);
    process->departures++;
    identity_charge_task(task->identity, -1);
    list_remove(&task->link);
    list_init(&task->link);
    task->own_pid->task = NULL;
    pid_put_locked(task->own_pid);
    task->own_pid = NULL;
}

static int process_link(struct process *parent, struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = process_link_locked(parent, process, NULL);

    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* The harness's own way; all other processes are copies (fork.c). */
int process_create(struct process *parent, uint32_t uid, struct process **out_process)
{
    struct process *process;
    int err = process_alloc(&process);

    if (err)
        return err;
    limits_init(process);
    /* Publication comes last: nothing has to be taken out of the tree again. */
    err = fd_table_create(&process->leader->files);
    if (!err)
        err = fs_context_create(&process->leader->fs);
    if (!err) {
        process->leader->fs->cred = credentials_of_user(uid);
        err = identity_create(&process->leader->fs->cred, &process->leader->identity);
    }
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

void process_abandon(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *parent = process->group_pid ? process->parent : NULL;
    struct pidfd *pidfd = parent ? pidfd_end_locked(process) : NULL;

    signal_unshare_locked(process);
    ptrace_drop_locked(process->leader);
    if (parent) /* it got as far as that: another parent (CLONE_PARENT) may wait for it */
        process_unlink_locked(process);
    if (parent)
        waitq_wake_all(&parent->child_wait);
    spin_lock(&process->lock);
    process->sig_exiting = process->leader->exiting = true;
    spin_unlock(&process->lock);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    if (pidfd)
        pidfd_wake(pidfd);
    futex_pi_drop(process->leader, true);
    /* It was visible: signals may have come, thousands perhaps, whose entries are charged to its
     * user. None is added any more. */
    signal_entries_free(signal_queue_cut(&process->sig_queue, ~0ULL, NULL));
    signal_entries_free(signal_queue_cut(&process->leader->sig_queue, ~0ULL, NULL));
    timer_stop(&process->limit);
    if (process->exe)
        file_put(process->exe);
    process_put(process);
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

const char *process_name(const struct process *process)
{
    return process->leader ? process->leader->name : "init";
}
