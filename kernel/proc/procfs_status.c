/* SPDX-License-Identifier: MIT */
/* /proc/PID/stat and status: the same facts, for programs and for people. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/proc/procfs_inside.h"
#include "kernel/proc/signal.h"
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
    struct process_usage usage, children;
    struct credentials cred; /* groups counted */
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
    if (process->task && process->task->thread.state == THREAD_RUNNABLE)
        return 'R';
    return process->task && !process->task->thread.interruptible ? 'D' : 'S';
}

/* Tree and process locked. */
static void signals_copy(struct facts *facts, const struct process *process)
{
    const struct task *task = process->task;

    facts->pending = task->sig_queue.set;
    facts->shared_pending = process->sig_queue.set;
    facts->queued = task->sig_queue.count + process->sig_queue.count;
    facts->blocked = task->sig_mask;
    for (unsigned i = 0; i < LX_NSIG; i++) {
        if (process->actions[i].handler == LX_SIG_IGN)
            facts->ignored |= 1ULL << i;
        else if (process->actions[i].handler != LX_SIG_DFL)
            facts->caught |= 1ULL << i;
    }
}

/* Tree and process locked; the process has not begun to exit. */
static void task_copy(struct facts *facts, const struct process *process)
{
    const struct task *task = process->task;

    facts->alive = true;
    facts->cred = task->fs->cred;
    group_set_get(facts->cred.groups);
    facts->umask = fs_context_umask(task->fs);
    facts->fd_capacity = task->files->capacity;
    facts->layout = process->layout;
    facts->space = task->thread.space;
    if (facts->space)
        vm_space_get(facts->space);
    signals_copy(facts, process);
}

static void process_facts(struct facts *facts, const struct process *process)
{
    memcpy(facts->name, process->name, sizeof(facts->name));
    facts->state = state_of(process);
    facts->pid = process->pid;
    facts->parent = process->parent_pid;
    facts->group = process->group;
    facts->session = process->session;
    facts->terminal = terminal_of_locked(process, &facts->terminal_group);
    facts->exit_signal = process->exit_signal;
    facts->exit_code = process->end == PROCESS_EXITED ? process->end_code << 8 : process->end_code;
    facts->executed = process->has_execed;
    facts->no_new_privs = process->no_new_privs;
    process_usage_locked(process, &facts->usage);
    facts->children = process->children_usage;
    facts->started_ns = process->started_ns;
    facts->rss_limit = process->limits[LX_RLIMIT_RSS].current;
    facts->queue_limit = process->limits[LX_RLIMIT_SIGPENDING].current;
    facts->cred.uid = facts->cred.euid = facts->cred.suid = facts->cred.fsuid = process->exit_uid;
    if (process->task) {
        const struct thread *thread = &process->task->thread;

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
    spin_lock(&process->lock);
    if (process->task && !process->sig_exiting)
        task_copy(facts, process);
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    space = facts->space;
    if (!space)
        return 0;
    mutex_lock(&space->lock);
    facts->mapped = space->mapped_pages;
    facts->resident = space->resident_pages;
    facts->data = space->data_pages;
    facts->tables = space->table_frames + 1;
    facts->brk_start = space->brk_start;
    mutex_unlock(&space->lock);
    return 0;
}

static void facts_drop(struct facts *facts)
{
    group_set_put(facts->cred.groups);
    if (facts->space)
        vm_space_put(facts->space);
}

static uint64_t ticks(uint64_t ns)
{
    return ns / TICK_NS;
}

/* What only those learn who may look into the process. */
static void stat_memory(const struct facts *facts, bool permitted, struct procfs_text *text)
{
    const struct exec_layout *l = &facts->layout;

    if (!facts->space)
        procfs_print(text, "0 0 0 ");
    else if (permitted)
        procfs_print(text, "%lu %lu %lu ", l->code_start, l->code_end, l->stack);
    else
        procfs_print(text, "1 1 0 ");
    /* Stack and instruction pointer of a thread are told of nobody that runs. The sets of signals
     * have 31 bits here. */
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
    bool permitted = procfs_may_look(node);
    struct facts f;
    int err = facts_take(node, &f);

    if (err)
        return err;
    procfs_print(text, "%d (%s) %c %d %d %d %lu %d %u %lu %lu 0 0 ", f.pid, f.name, f.state,
                 f.parent, f.group, f.session, f.terminal, f.terminal_group,
                 (f.executed ? 0 : PF_FORKED_NOEXEC) | (f.alive ? 0 : PF_EXITING), f.usage.faults,
                 f.children.faults);
    procfs_print(text, "%lu %lu %lu %lu %d %d 1 0 %lu %lu %lu %lu ", ticks(f.usage.user_ns),
                 ticks(f.usage.system_ns), ticks(f.children.user_ns), ticks(f.children.system_ns),
                 20 + f.nice, f.nice, ticks(f.started_ns), f.mapped << PAGE_SHIFT, f.resident,
                 f.rss_limit);
    stat_memory(&f, permitted, text);
    facts_drop(&f);
    return 0;
}

/* --- status --- */

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
    procfs_print(text, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", f->pid, f->pid,
                 f->group, f->session);
}

static void status_memory(const struct facts *f, struct procfs_text *text)
{
    uint64_t code =
        ALIGN_UP(f->layout.code_end, PAGE_SIZE) - ALIGN_DOWN(f->layout.code_start, PAGE_SIZE);

    procfs_print(text, "VmSize:\t%8lu kB\nVmLck:\t%8u kB\nVmPin:\t%8u kB\n", f->mapped << 2, 0, 0);
    procfs_print(text, "VmRSS:\t%8lu kB\nVmData:\t%8lu kB\nVmExe:\t%8lu kB\n", f->resident << 2,
                 f->data << 2, code >> 10);
    procfs_print(text, "VmPTE:\t%8lu kB\nVmSwap:\t%8u kB\n", f->tables << 2, 0);
}

static void status_signals(const struct facts *f, struct procfs_text *text)
{
    procfs_print(text, "Threads:\t1\nSigQ:\t%u/%lu\n", f->queued, f->queue_limit);
    procfs_print(text, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", f->pending,
                 f->shared_pending, f->blocked);
    procfs_print(text, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", f->ignored, f->caught);
}

/* Root has every capability; nobody else has one. */
static void status_rights(const struct facts *f, struct procfs_text *text)
{
    uint64_t permitted = f->cred.euid == 0 || f->cred.suid == 0 || f->cred.uid == 0 ? CAPS_ALL : 0;
    uint64_t effective = f->cred.euid == 0 ? CAPS_ALL : 0;
    unsigned cpus = sched_cpus_online();

    procfs_print(text, "CapInh:\t%016x\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", 0, permitted,
                 effective);
    procfs_print(text, "CapBnd:\t%016lx\nCapAmb:\t%016x\nNoNewPrivs:\t%d\nSeccomp:\t0\n", CAPS_ALL,
                 0, f->no_new_privs);
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
