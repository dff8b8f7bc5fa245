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
#include "kernel/lib/string.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/proc/terminal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/auxv.h"
#include "shared/linux/errno.h"
#include "shared/linux/resource.h"

#define TICK_NS          (1000000000ULL / LX_CLOCK_TICKS)
#define PF_EXITING       0x4u
#define PF_FORKED_NOEXEC 0x40u
#define CAPS_ALL         0x1ffffffffffUL

/* What is copied under the locks. */
struct facts {
    bool alive; /* it has descriptors, directories, credentials, and mostly memory */
    bool executed, no_new_privs;
    char state;
    char name[16];
    int pid, parent, group, session, exit_signal, exit_code, terminal_group;
    unsigned cpu, umask, fd_capacity, queued;
    uint64_t terminal, started_ns, rss_limit, queue_limit, affinity;
    uint64_t pending, shared_pending, blocked, ignored, caught;
    int nice;
    unsigned threads;
    struct process_usage usage, children;
    struct identity *identity; /* counted; NULL: init's */
    struct credentials cred;   /* its copy */
    struct exec_layout layout;
    struct vm_space *space; /* counted; NULL: no memory */
    uint64_t mapped, resident, data, tables, brk_start;
};

static char state_of(const struct process *process)
{
    if (process->zombie)
        return 'Z';
    if (process->stopped)
        return 'T';
    /* Read without the run queue's lock: the state of a moment. */
    if (process->leader && process->leader->thread.state == THREAD_RUNNABLE)
        return 'R';
    /* Init has no task and sleeps. */
    return process->leader && !(process->leader->thread.wait_ended_by & TIF_SIGNAL) ? 'D' : 'S';
}

/* Tree and process locked. The sets are computed from the actions, as they are shown seldom and
 * change often. */
static void facts_copy_signals(struct facts *facts, const struct process *process)
{
    const struct task *task = process->leader;

    facts->pending = task->sig_queue.set;
    facts->shared_pending = process->sig_queue.set;
    facts->blocked = task->sig_mask;
    for (unsigned i = 0; i < LX_NSIG; i++) {
        if (process->actions[i].handler == LX_SIG_IGN)
            facts->ignored |= 1ULL << i;
        else if (process->actions[i].handler != LX_SIG_DFL)
            facts->caught |= 1ULL << i;
    }
}

/* Tree and process locked; the process has not begun to exit. */
static void facts_copy_task(struct facts *facts, const struct process *process)
{
    const struct task *task = process->leader;

    facts->alive = true;
    /* Descriptors and directories stay while the tree is locked and sig_exiting is not set. */
    facts->umask = fs_context_umask(task->fs);
    facts->fd_capacity = task->files->capacity;
    facts->layout = process->layout;
    facts->space = process_space_locked(process);
    if (facts->space)
        vm_space_get(facts->space);
    facts_copy_signals(facts, process);
}

static void process_facts(struct facts *facts, struct process *process)
{
    str_copy(facts->name, sizeof(facts->name), process_name(process));
    facts->state = state_of(process);
    facts->pid = process->pid;
    facts->parent = process->parent_pid;
    facts->group = process->group;
    facts->session = process->session;
    facts->terminal = terminal_of_locked(process, &facts->terminal_group);
    facts->exit_signal = process->exit_signal;
    /* As wait(2) encodes it: the status in the second byte, a signal in the first. */
    facts->exit_code = process->end == PROCESS_EXITED ? process->end_code << 8 : process->end_code;
    facts->executed = process->has_execed;
    facts->no_new_privs = process->no_new_privs;
    /* A zombie's usage is what it had at its end. */
    process_usage_locked(process, &facts->usage);
    process_each_task (task, process)
        facts->threads++;
    facts->children = process->children_usage;
    facts->started_ns = process->started_ns;
    facts->rss_limit = process->limits[LX_RLIMIT_RSS].current;
    facts->queue_limit = process->limits[LX_RLIMIT_SIGPENDING].current;
    facts->identity = identity_get_locked(process);
    /* Init: all that is left are zeroes. */
    if (!facts->identity)
        return;
    facts->cred = facts->identity->cred;
    /* Of the user over all processes, as RLIMIT_SIGPENDING counts. */
    facts->queued = (unsigned)facts->identity->user->used[CHARGE_SIGNALS];
    if (process->leader) {
        const struct thread *thread = &process->leader->thread;

        facts->affinity = thread->affinity;
        facts->cpu = thread->cpu;
        facts->nice = thread->nice;
    }
}

static int facts_take(const struct procfs_node *node, struct facts *facts)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    struct vm_space *space;

    if (!process)
        return -ESRCH;
    *facts = (struct facts){0};
    process_facts(facts, process);
    /* process.lock on top: exec cannot change memory and layout between two of these. */
    spin_lock(&process->lock);
    if (process->leader && !process->sig_exiting)
        facts_copy_task(facts, process);
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    /* From here on without spinlocks: the mutex may sleep. */
    space = facts->space;
    if (!space)
        return 0;
    mutex_lock(&space->lock);
    facts->mapped = space->mapped_pages;
    facts->resident = space->resident_pages;
    facts->data = space->data_pages;
    /* The top-level table is not in the count. */
    facts->tables = space->table_frames + 1;
    facts->brk_start = space->brk_start;
    mutex_unlock(&space->lock);
    return 0;
}

/* References go without locks: each may be the last. */
static void facts_drop(struct facts *facts)
{
    identity_put(facts->identity);
    if (facts->space)
        vm_space_put_later(facts->space);
}

static uint64_t stat_ticks(uint64_t ns)
{
    return ns / TICK_NS;
}

/* What only callers with the right to look into the process learn. */
static void stat_memory(const struct facts *facts, bool permitted, struct procfs_text *text)
{
    const struct exec_layout *l = &facts->layout;

    /* Permitted or not, no memory is shown as zeroes; 1 1 0 is Linux's "not permitted". */
    if (!facts->space)
        procfs_print(text, "0 0 0 ");
    else if (permitted)
        procfs_print(text, "%lu %lu %lu ", l->code_start, l->code_end, l->stack);
    else
        procfs_print(text, "1 1 0 ");
    /* Stack and instruction pointer of a thread are shown of no thread that runs. The sets of
     * signals have 31 bits here. */
    procfs_print(text, "0 0 %lu %lu %lu %lu %d 0 0 %d %u 0 0 0 0 0 ", facts->pending & 0x7fffffff,
                 facts->blocked & 0x7fffffff, facts->ignored & 0x7fffffff,
                 facts->caught & 0x7fffffff, permitted && facts->state != 'R', facts->exit_signal,
                 facts->cpu);
    if (facts->space && permitted)
        procfs_print(text, "%lu %lu %lu %lu %lu %lu %lu %d\n", l->data_start, l->data_end,
                     facts->brk_start, l->args_start, l->args_end, l->args_end, l->env_end, 0);
    else
        procfs_print(text, "0 0 0 0 0 0 0 %d\n", permitted ? facts->exit_code : 0);
}

int procfs_show_stat(const struct procfs_node *node, struct procfs_text *text)
{
    /* Asked before the facts are taken: both lock the tree. A program that changes its user in
     * between is shown as it was. */
    bool permitted = procfs_may_look(node);
    struct facts f;
    int err = facts_take(node, &f);

    if (err)
        return err;
    /* proc_pid_stat(5), fields 1 to 13; the name may hold any byte, so readers search the last
     * ")". */
    procfs_print(text, "%d (%s) %c %d %d %d %lu %d %u %lu %lu 0 0 ", f.pid, f.name, f.state,
                 f.parent, f.group, f.session, f.terminal, f.terminal_group,
                 (f.executed ? 0 : PF_FORKED_NOEXEC) | (f.alive ? 0 : PF_EXITING), f.usage.faults,
                 f.children.faults);
    procfs_print(text, "%lu %lu %lu %lu %d %d %u 0 %lu %lu %lu %lu ", stat_ticks(f.usage.user_ns),
                 stat_ticks(f.usage.system_ns), stat_ticks(f.children.user_ns),
                 stat_ticks(f.children.system_ns), 20 + f.nice, f.nice, f.threads,
                 stat_ticks(f.started_ns), f.mapped << PAGE_SHIFT, f.resident, f.rss_limit);
    stat_memory(&f, permitted, text);
    facts_drop(&f);
    return 0;
}

/* --- status --- */

/* proc_pid_status(5) has the letter with one of these words. */
static const char *state_name(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'D':
        return "disk sleep";
    case 'T':
        return "stopped";
    case 'Z':
        return "zombie";
    default:
        return "sleeping";
    }
}

static void status_identity(const struct facts *f, struct procfs_text *text)
{
    const struct credentials *c = &f->cred;

    procfs_print(text, "Name:\t");
    for (const char *at = f->name; *at; at++) /* no name makes lines of its own */
        procfs_print(text, *at == '\n' ? "\\n" : *at == '\\' ? "\\\\" : "%c", *at);
    procfs_print(text, f->alive ? "\nUmask:\t0%03o\n" : "\n", f->umask);
    procfs_print(text, "State:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n", f->state,
                 state_name(f->state), f->pid, f->pid, f->parent);
    procfs_print(text, "TracerPid:\t0\nUid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid,
                 c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
    procfs_print(text, "FDSize:\t%u\nGroups:\t", f->fd_capacity);
    for (uint32_t i = 0; c->groups && i < c->groups->ngroups; i++)
        procfs_print(text, i ? " %u" : "%u", c->groups->gids[i]);
    /* The blank before the line's end is Linux's. */
    procfs_print(text, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", f->pid, f->pid,
                 f->group, f->session);
}

static void status_memory(const struct facts *f, struct procfs_text *text)
{
    uint64_t code =
        ALIGN_UP(f->layout.code_end, PAGE_SIZE) - ALIGN_DOWN(f->layout.code_start, PAGE_SIZE);

    /* Pages are 4 KiB: << 2 gives KiB. */
    procfs_print(text, "VmSize:\t%8lu kB\nVmLck:\t%8u kB\nVmPin:\t%8u kB\n", f->mapped << 2, 0, 0);
    procfs_print(text, "VmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmExe:\t%8lu kB\n", f->resident << 2,
                 f->data << 2, code >> 10);
    procfs_print(text, "VmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n", f->tables << 2, 0);
}

static void status_signals(const struct facts *f, struct procfs_text *text)
{
    procfs_print(text, "Threads:\t%u\nSigQ:\t%u/%lu\n", f->threads, f->queued, f->queue_limit);
    procfs_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", f->pending,
                 f->shared_pending, f->blocked);
    procfs_print(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", f->ignored, f->caught);
}

/* Root has every capability; no other user has one. */
static void status_rights(const struct facts *f, struct procfs_text *text)
{
    uint64_t permitted = f->cred.euid == 0 || f->cred.suid == 0 || f->cred.uid == 0 ? CAPS_ALL : 0;
    uint64_t effective = f->cred.euid == 0 ? CAPS_ALL : 0;
    unsigned cpus = sched_cpus_online();

    procfs_print(text, "CapInh:\t%016x\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", 0, permitted,
                 effective);
    procfs_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016x\nNoNewPrivs:\t%d\nSeccomp:\t0\n", CAPS_ALL,
                 0, f->no_new_privs);
    /* A thread's mask has all 64 bits set by default; only processors that exist are shown. */
    procfs_print(text, "Cpus_allowed:\t%lx\n", f->affinity & (~0UL >> (64 - cpus)));
    procfs_print(text, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
}

int procfs_show_status(const struct procfs_node *node, struct procfs_text *text)
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
