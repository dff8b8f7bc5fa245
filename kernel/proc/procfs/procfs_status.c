/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat and status: one set of facts in two formats.
 *
 * Everything is copied into struct facts under process_tree_lock and process.lock, which are held
 * with interrupts off; identity and address space are referenced instead. Numbers of the space
 * follow under its own mutex, after the spinlocks are gone. Only then is text made. So the lines of
 * one read belong together, but for the sizes, which may be a moment younger.
 *
 * Fields that this kernel has no facts for are printed as the constants that Linux shows for a
 * process without that feature: readers find fields by position (stat) or by name (status).
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/ptrace/ptrace.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/auxv.h"
#include "shared/linux/errno.h"
#include "shared/linux/resource.h"
#include "shared/linux/sched.h"

#define TICK_NS          (1000000000ULL / LX_CLOCK_TICKS)
#define PF_EXITING       0x4u
#define PF_FORKED_NOEXEC 0x40u

/* What is copied under the locks. */
struct facts {
    bool alive;     /* it has descriptors, directories, credentials, and mostly memory */
    bool permitted; /* the caller may look into it */
    bool executed, no_new_privs;
    unsigned seccomp_mode, seccomp_count;
    char state;
    char name[16];
    int pid, tgid, parent, tracer, group, session, exit_signal, exit_code, terminal_group;
    unsigned cpu, umask, fd_capacity, queued;
    uint64_t terminal, started_ns, rss_limit, queue_limit;
    struct cpumask affinity;
    uint64_t pending, shared_pending, blocked, ignored, caught;
    int nice;
    unsigned prio, rt_own, policy;
    unsigned threads;
    struct process *whole; /* counted until its usage is taken; NULL: that of a thread is meant */
    struct process_usage usage, children;
    struct identity *identity; /* counted; NULL: init's */
    struct credentials cred;   /* its copy */
    struct exec_layout layout;
    struct vm_space *space; /* counted; NULL: no memory */
    uint64_t mapped, resident, data, locked, tables, brk_start;
};

/* task NULL: init, which sleeps. */
static COLD char state_of(const struct process *process, const struct task *task)
{
    /* Or a leader among living tasks that has given back everything that was its own. */
    if (process->zombie || (task && __atomic_load_n(&task->gone, __ATOMIC_RELAXED)))
        return 'Z';
    if (task && task->ptrace && task->ptrace->state == TRACEE_STOPPED)
        return 't';
    if (process->stopped)
        return 'T';
    /* Read without the run queue's lock: the state of a moment. */
    if (task && task->thread.state == THREAD_RUNNABLE)
        return 'R';
    return task && !(task->thread.wait_ended_by & TIF_SIGNAL) ? 'D' : 'S';
}

/* Tree and process locked. The sets are computed from the actions, as they are shown seldom and
 * change often. */
static COLD void facts_copy_signals(struct facts *facts, const struct process *process,
                                    const struct task *task)
{
    facts->pending = task->sig_queue.set;
    facts->shared_pending = process->sig_queue.set;
    facts->blocked = task->sig_mask;
    for (uint64_t left = process->actions_set; left; left &= left - 1) {
        uint64_t handler = process->actions[__builtin_ctzll(left)].handler, bit = left & -left;

        if (handler == LX_SIG_IGN)
            facts->ignored |= bit;
        else if (handler != LX_SIG_DFL)
            facts->caught |= bit;
    }
}

/* Tree and process locked; the task has not begun to exit. */
static COLD void facts_copy_task(struct facts *facts, const struct process *process,
                                 const struct task *task)
{
    facts->alive = true;
    /* Descriptors and directories stay while the tree is locked and sig_exiting is not set. */
    facts->umask = fs_context_umask(task->fs);
    facts->fd_capacity = task->files->capacity;
    facts->layout = process->layout;
    facts->space = process_space_locked(process);
    if (facts->space)
        vm_space_get(facts->space);
    facts_copy_signals(facts, process, task);
}

/* One thread's own, where the process has others. */
static COLD void thread_facts(struct facts *facts, const struct task *task)
{
    facts->pid = task->tid;
    process_usage_add_task(&facts->usage, task);
    if (task == task->process->leader)
        return;
    facts->exit_signal = -1;
    facts->started_ns = task->started_ns;
}

/* own: of the task alone, not of the whole process. */
static COLD void process_facts(struct facts *facts, struct process *process,
                               const struct task *task, bool own)
{
    facts->permitted = procfs_may_look_locked(process);
    str_copy(facts->name, sizeof(facts->name), task ? task->name : process_name(process));
    facts->state = state_of(process, task);
    facts->pid = facts->tgid = process->pid;
    facts->parent = process->parent_pid;
    facts->group = process->group;
    facts->session = process->session;
    facts->terminal = terminal_of_locked(process, &facts->terminal_group);
    facts->exit_signal = process->exit_signal;
    /* As wait(2) encodes it: the status in the second byte, a signal in the first. */
    facts->exit_code = facts->state != 'Z'              ? 0
                       : process->end == PROCESS_EXITED ? process->end_code << 8
                                                        : process->end_code;
    facts->executed = process->has_execed;
    if (task) {
        facts->no_new_privs = task->inherited.no_new_privs;
        facts->seccomp_mode = task->seccomp_mode;
        facts->seccomp_count = task->seccomp_count;
    }
    facts->tracer = task && task->ptrace ? task->ptrace->tracer->pid : 0;
    facts->threads = process_count_tasks(process);
    facts->children = process->children_usage;
    facts->started_ns = process->started_ns;
    if (own && !process->zombie) {
        thread_facts(facts, task);
    } else {
        process_get(process);
        facts->whole = process;
    }
    facts->rss_limit = process->limits[LX_RLIMIT_RSS].current;
    facts->queue_limit = process->limits[LX_RLIMIT_SIGPENDING].current;
    facts->identity = identity_get_locked(process);
    /* Init: all else that is left are zeroes. */
    facts->cred = credentials_of_user(0);
    if (!facts->identity)
        return;
    facts->cred = facts->identity->cred;
    /* Of the user over all processes, as RLIMIT_SIGPENDING counts. */
    facts->queued = (unsigned)facts->identity->user->used[CHARGE_SIGNALS];
    if (task) {
        const struct thread *thread = &task->thread;

        sched_affinity_online(thread, &facts->affinity);
        facts->cpu = thread->cpu;
        facts->nice = thread->nice;
        facts->prio = sched_priority(thread);
        facts->policy = thread->policy & ~(unsigned)LX_SCHED_RESET_ON_FORK;
        facts->rt_own = thread->rt_own;
    }
}

static COLD int facts_take(const struct procfs_node *node, struct facts *facts)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    const struct task *task;
    struct vm_space *space;

    if (!process)
        return -ESRCH;
    *facts = (struct facts){0};
    task = procfs_task_locked(node, process);
    process_facts(facts, process, task, task && node->tid);
    /* process.lock on top: exec cannot change memory and layout between two of these. */
    spin_lock(&process->lock);
    if (task && !task->exiting)
        facts_copy_task(facts, process, task);
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    /* From here on without spinlocks: the mutex may sleep. */
    if (facts->whole) {
        process_usage_take(process, &facts->usage);
        process_put(process);
    }
    space = facts->space;
    if (!space)
        return 0;
    mutex_lock(&space->lock);
    facts->mapped = space->mapped_pages;
    facts->resident = space->resident_pages;
    facts->data = space->data_pages;
    facts->locked = space->locked_pages;
    /* The top-level table is not in the count. */
    facts->tables = space->table_frames + 1;
    facts->brk_start = space->brk_start;
    mutex_unlock(&space->lock);
    return 0;
}

/* References go without locks: each may be the last. */
static COLD void facts_drop(struct facts *facts)
{
    identity_put(facts->identity);
    if (facts->space)
        vm_space_put_later(facts->space);
}

static COLD uint64_t stat_ticks(uint64_t ns)
{
    return ns / TICK_NS;
}

/* The numbers in /proc/PID/stat behind the letter of the state, as proc_pid_stat(5) counts them;
 * what has no name here is always 0. */
enum stat_field {
    STAT_PARENT = 4,
    STAT_GROUP,
    STAT_SESSION,
    STAT_TERMINAL,
    STAT_TERMINAL_GROUP,
    STAT_FLAGS,
    STAT_FAULTS,
    STAT_CHILDREN_FAULTS,
    STAT_USER = 14,
    STAT_SYSTEM,
    STAT_CHILDREN_USER,
    STAT_CHILDREN_SYSTEM,
    STAT_PRIORITY,
    STAT_NICE,
    STAT_THREADS,
    STAT_STARTED = 22,
    STAT_MAPPED,
    STAT_RESIDENT,
    STAT_RSS_LIMIT,
    STAT_CODE_START,
    STAT_CODE_END,
    STAT_STACK,
    STAT_PENDING = 31,
    STAT_BLOCKED,
    STAT_IGNORED,
    STAT_CAUGHT,
    STAT_SLEEPS_IN,
    STAT_EXIT_SIGNAL = 38,
    STAT_CPU,
    STAT_RT_PRIORITY,
    STAT_POLICY,
    STAT_DATA_START = 45,
    STAT_DATA_END,
    STAT_BRK_START,
    STAT_ARGS_START,
    STAT_ARGS_END,
    STAT_ENV_START,
    STAT_ENV_END,
    STAT_EXIT_CODE,
    STAT_FIELDS,
};
#define STAT_SIGNED                                                                                \
    (1UL << STAT_TERMINAL_GROUP | 1UL << STAT_PRIORITY | 1UL << STAT_NICE | 1UL << STAT_EXIT_SIGNAL)

/* Not by procfs_print: programs like ps read this line of every process, and a format costs several
 * times what the digits do. Backwards, as digits come. The name may hold any byte, so readers
 * search the last ")". */
static COLD void stat_put_line(struct procfs_text *text, const struct facts *f,
                               const uint64_t *numbers)
{
    char line[STAT_FIELDS * sizeof(" 18446744073709551615") + sizeof(f->name)];
    char *end = line + sizeof(line), *at = end;
    size_t len = strlen(f->name);

    *--at = '\n';
    for (unsigned i = STAT_FIELDS - 1; i >= STAT_PARENT; i--, *--at = ' ') {
        uint64_t number = numbers[i];

        if (number < 10) { /* most of them */
            *--at = (char)('0' + number);
        } else if ((int64_t)number < 0 && STAT_SIGNED >> i & 1) {
            at = fmt_decimal_before(at, 0 - number);
            *--at = '-';
        } else {
            at = fmt_decimal_before(at, number);
        }
    }
    *--at = f->state;
    at -= 2;
    memcpy(at, ") ", 2);
    at -= len;
    memcpy(at, f->name, len);
    at -= 2;
    memcpy(at, " (", 2);
    at = fmt_decimal_before(at, (uint64_t)f->pid);
    procfs_put(text, at, (size_t)(end - at));
}

/* What only callers with the right to look into the process learn. */
static COLD void stat_memory(const struct facts *facts, uint64_t *numbers)
{
    const struct exec_layout *l = &facts->layout;

    /* Permitted or not, no memory is shown as zeroes; 1 1 0 is Linux's "not permitted". */
    if (facts->space && !facts->permitted)
        numbers[STAT_CODE_START] = numbers[STAT_CODE_END] = 1;
    if (!facts->space || !facts->permitted)
        return;
    numbers[STAT_CODE_START] = l->code_start;
    numbers[STAT_CODE_END] = l->code_end;
    numbers[STAT_STACK] = l->stack;
    numbers[STAT_DATA_START] = l->data_start;
    numbers[STAT_DATA_END] = l->data_end;
    numbers[STAT_BRK_START] = facts->brk_start;
    numbers[STAT_ARGS_START] = l->args_start;
    numbers[STAT_ARGS_END] = numbers[STAT_ENV_START] = l->args_end;
    numbers[STAT_ENV_END] = l->env_end;
}

static COLD void stat_times(const struct facts *facts, uint64_t *numbers)
{
    numbers[STAT_USER] = stat_ticks(facts->usage.user_ns);
    numbers[STAT_SYSTEM] = stat_ticks(facts->usage.system_ns);
    numbers[STAT_CHILDREN_USER] = stat_ticks(facts->children.user_ns);
    numbers[STAT_CHILDREN_SYSTEM] = stat_ticks(facts->children.system_ns);
    numbers[STAT_STARTED] = stat_ticks(facts->started_ns);
}

static COLD void stat_signals(const struct facts *facts, uint64_t *numbers)
{
    /* The sets have 31 bits here. */
    numbers[STAT_PENDING] = facts->pending & 0x7fffffff;
    numbers[STAT_BLOCKED] = facts->blocked & 0x7fffffff;
    numbers[STAT_IGNORED] = facts->ignored & 0x7fffffff;
    numbers[STAT_CAUGHT] = facts->caught & 0x7fffffff;
    numbers[STAT_EXIT_SIGNAL] = (uint64_t)facts->exit_signal;
}

COLD int procfs_show_stat(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t numbers[STAT_FIELDS] = {0};
    struct facts f;
    int err = facts_take(node, &f);

    if (err)
        return err;
    numbers[STAT_PARENT] = (uint64_t)f.parent;
    numbers[STAT_GROUP] = (uint64_t)f.group;
    numbers[STAT_SESSION] = (uint64_t)f.session;
    numbers[STAT_TERMINAL] = f.terminal;
    numbers[STAT_TERMINAL_GROUP] = (uint64_t)f.terminal_group;
    numbers[STAT_FLAGS] = (f.executed ? 0 : PF_FORKED_NOEXEC) | (f.alive ? 0 : PF_EXITING);
    numbers[STAT_FAULTS] = f.usage.faults;
    numbers[STAT_CHILDREN_FAULTS] = f.children.faults;
    numbers[STAT_PRIORITY] = f.prio ? -1 - (uint64_t)f.prio : (uint64_t)(20 + f.nice);
    numbers[STAT_RT_PRIORITY] = f.rt_own;
    numbers[STAT_POLICY] = f.policy;
    numbers[STAT_NICE] = (uint64_t)f.nice;
    numbers[STAT_THREADS] = f.threads;
    numbers[STAT_MAPPED] = f.mapped << PAGE_SHIFT;
    numbers[STAT_RESIDENT] = f.resident;
    numbers[STAT_RSS_LIMIT] = f.rss_limit;
    numbers[STAT_SLEEPS_IN] = f.permitted && f.state != 'R';
    numbers[STAT_CPU] = f.cpu;
    numbers[STAT_EXIT_CODE] = f.permitted && !f.space ? (uint64_t)f.exit_code : 0;
    stat_times(&f, numbers);
    stat_signals(&f, numbers);
    stat_memory(&f, numbers);
    stat_put_line(text, &f, numbers);
    facts_drop(&f);
    return 0;
}

/* --- status --- */

/* proc_pid_status(5) has the letter with one of these words. */
static COLD const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'D':
        return "disk sleep";
    case 'T':
        return "stopped";
    case 't':
        return "tracing stop";
    case 'Z':
        return "zombie";
    default:
        return "sleeping";
    }
}

static COLD void status_identity(const struct facts *f, struct procfs_text *text)
{
    const struct credentials *c = &f->cred;

    procfs_print(text, "Name:\t");
    for (const char *at = f->name; *at; at++) /* no name makes lines of its own */
        procfs_print(text, *at == '\n' ? "\\n" : *at == '\\' ? "\\\\" : "%c", *at);
    procfs_print(text, f->alive ? "\nUmask:\t0%03o\n" : "\n", f->umask);
    procfs_print(text, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n", f->state,
                 state_name(f->state), f->tgid, f->pid, f->parent);
    procfs_print(text, "TracerPid:\t%d\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", f->tracer,
                 c->uid, c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
    procfs_print(text, "FDSize:\t%u\nGroups:\t", f->fd_capacity);
    for (uint32_t i = 0; c->groups && i < c->groups->ngroups; i++)
        procfs_print(text, i ? " %u" : "%u", c->groups->gids[i]);
    /* The blank before the line's end is Linux's. */
    procfs_print(text, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", f->tgid, f->pid,
                 f->group, f->session);
}

static COLD void status_memory(const struct facts *f, struct procfs_text *text)
{
    uint64_t code =
        ALIGN_UP(f->layout.code_end, PAGE_SIZE) - ALIGN_DOWN(f->layout.code_start, PAGE_SIZE);

    /* Pages are 4 KiB: << 2 gives KiB. */
    procfs_print(text, "VmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8u kB\n", f->mapped << 2,
                 f->locked << 2, 0);
    procfs_print(text, "VmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmExe:\t%8lu kB\n", f->resident << 2,
                 f->data << 2, code >> 10);
    procfs_print(text, "VmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n", f->tables << 2, 0);
}

static COLD void status_signals(const struct facts *f, struct procfs_text *text)
{
    procfs_print(text, "Threads:\t%u\nSigQ:\t%u/%lu\n", f->threads, f->queued, f->queue_limit);
    procfs_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", f->pending,
                 f->shared_pending, f->blocked);
    procfs_print(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", f->ignored, f->caught);
}

/* As Linux: a hexadecimal digit for four processors that exist, in groups of eight digits. */
static COLD void status_cpus(const struct facts *f, struct procfs_text *text)
{
    procfs_print(text, "Cpus_allowed:\t");
    for (unsigned digit = (sched_cpus_online() + 3) / 4; digit-- > 0;)
        procfs_print(text, "%x%s", (unsigned)(f->affinity.words[digit / 16] >> digit % 16 * 4 & 15),
                     !digit      ? "\n"
                     : digit % 8 ? ""
                                 : ",");
}

static COLD void status_rights(const struct facts *f, struct procfs_text *text)
{
    const struct credentials *c = &f->cred;

    procfs_print(text, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", c->inheritable,
                 c->permitted, c->effective);
    procfs_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", c->bounding, c->ambient);
    procfs_print(text, "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n", f->no_new_privs,
                 f->seccomp_mode, f->seccomp_count);
    status_cpus(f, text);
    procfs_print(text, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
}

COLD int procfs_show_status(const struct procfs_node *node, struct procfs_text *text)
{
    struct facts f;
    int err = facts_take(node, &f);

    if (err)
        return err;
    status_identity(&f, text);
    if (f.space)
        status_memory(&f, text);
    status_signals(&f, text);
    status_rights(&f, text);
    procfs_print(text, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
                 f.usage.switches[1], f.usage.switches[0]);
    facts_drop(&f);
    return 0;
}
