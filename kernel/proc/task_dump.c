/* SPDX-License-Identifier: MIT */
/*
 * Task dump: what every task does, by a key (as SysRq-T).
 *
 * Processors are asked first, by NMI, so that one that spins with interrupts off answers, too; the
 * answers are matched to threads by their address. Tasks are then listed by the number of their
 * process, each copied under process_tree_lock and printed without it. A thread that starts to run
 * in between is shown as it was, or not followed at all: nothing here waits or relies on what it
 * reads.
 */
#include "kernel/proc/task_dump.h"

#include "kernel/arch/x86_64/percpu.h"
#include "kernel/arch/x86_64/regs.h"
#include "kernel/arch/x86_64/vectors.h"
#include "kernel/core/backtrace.h"
#include "kernel/lib/klog.h"
#include "kernel/lib/string.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"

/* What arch_stack_switch left on the stack of a thread that does not run, in words from its stack
 * pointer. */
#define SAVED_RBP    4
#define SAVED_RETURN 6

/* What the processors did when they were asked; by the one thread that lists. */
static PERCPU struct {
    struct backtrace_cpu view;
    bool answers;
    int runs_tid; /* of a task that has been listed; 0: none */
} seen;

/* One task, copied under the lock. Strings and numbers only: it may be gone when it is printed. */
struct entry {
    int pid, tid, parent, group, session;
    char name[16];
    const char *state;
    unsigned cpu;
    bool runs;
    int call; /* the system call it is in, or NO_CALL */
    struct backtrace trace;
};
#define NO_CALL (-1)

static void dump_ask_processors(void)
{
    for (unsigned i = 0; i < sched_cpus_online(); i++) {
        percpu_of(seen, i)->answers =
            i != cpu_self()->index && backtrace_of_cpu(i, &percpu_of(seen, i)->view);
        percpu_of(seen, i)->runs_tid = 0;
    }
}

static void sleeper_follow(const struct arch_thread *arch, struct backtrace *trace)
{
    uint64_t rsp = arch->rsp, top = arch->stack_top;
    const uint64_t *saved = (const uint64_t *)rsp;

    /* The thread may have begun to run since: its saved stack pointer is checked before it is
     * read. */
    if (!IS_ALIGNED(rsp, 8) || rsp < top - KERNEL_STACK_SIZE || rsp + 64 > top)
        return;
    trace->addresses[trace->count++] = saved[SAVED_RETURN];
    backtrace_follow(trace, saved[SAVED_RBP], rsp, top);
}

static const char *dump_state_of(const struct task *task, bool runs)
{
    const struct process *process = task->process;

    if (process->zombie)
        return "ended, not waited for";
    if (process->stopped)
        return "stopped";
    if (task->thread.state == THREAD_BLOCKED)
        return task->thread.wait_ended_by & TIF_SIGNAL ? "sleeps" : "sleeps, uninterruptibly";
    return runs ? "runs" : "waits for a processor";
}

static void thread_look(const struct thread *thread, struct entry *entry)
{
    const struct trap_frame *frame = arch_thread_frame(&thread->arch);

    entry->cpu = thread->cpu;
    /* The entry code leaves the call's number in the place of an error code. */
    if (trap_frame_is_call(frame))
        entry->call = (int)frame->error;
    for (unsigned i = 0; i < sched_cpus_online(); i++) {
        if (!percpu_of(seen, i)->answers || percpu_of(seen, i)->view.thread != &thread->arch)
            continue;
        entry->runs = true;
        entry->cpu = i;
        entry->trace = percpu_of(seen, i)->view.trace;
        percpu_of(seen, i)->runs_tid = entry->tid;
        return;
    }
    sleeper_follow(&thread->arch, &entry->trace);
}

static void entry_fill(const struct task *task, struct entry *entry)
{
    const struct process *process = task->process;

    *entry = (struct entry){.pid = process->pid,
                            .tid = task->tid,
                            .parent = process->parent_pid,
                            .group = process->group,
                            .session = process->session,
                            .call = NO_CALL};
    memcpy(entry->name, task->name, sizeof(entry->name));
    /* One that is being made has no stack yet, one that has ended none any more. */
    if (!process->zombie && task->thread.arch.stack_top)
        thread_look(&task->thread, entry);
    entry->state = dump_state_of(task, entry->runs);
}

/* The task behind `after` among those of its process; NULL: that was the last, or it is gone. */
static const struct task *sibling_find_locked(const struct entry *after)
{
    const struct process *process = process_find_locked(after->pid);
    bool passed = false;

    ASSERT(process_tree_is_held());
    if (!process)
        return NULL;
    process_each_task (task, process) {
        if (passed)
            return task;
        passed = task->tid == after->tid;
    }
    return NULL;
}

/* On to the next task: of the same process, or of the one with the lowest number above. */
static bool entry_next(struct entry *entry)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int above = MAX(entry->pid, PROCESS_INIT_PID) + 1;
    const struct task *task = sibling_find_locked(entry);
    const struct process *process;

    if (!task && (process = process_from_number_locked(above)) != NULL)
        task = process->leader;
    if (task)
        entry_fill(task, entry);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return task != NULL;
}

static void entry_print(const struct entry *entry)
{
    klog("  %d %s: %s; parent %d, group %d, session %d, processor %u", entry->tid, entry->name,
         entry->state, entry->parent, entry->group, entry->session, entry->cpu);
    /* A running thread whose trace is in ring 3 alone has left the call: the frame is that of its
     * last. */
    if (entry->call != NO_CALL &&
        !(entry->runs && entry->trace.from_user && entry->trace.count == 1))
        klog("    in system call %d", entry->call);
    backtrace_print(&entry->trace);
}

static void dump_print_processors(void)
{
    for (unsigned i = 0; i < sched_cpus_online(); i++) {
        if (i == cpu_self()->index) {
            klog("  processor %u: lists this", i);
        } else if (!percpu_of(seen, i)->answers) {
            klog("  processor %u: does not answer", i);
        } else if (percpu_of(seen, i)->runs_tid) {
            klog("  processor %u: runs %d", i, percpu_of(seen, i)->runs_tid);
        } else {
            klog("  processor %u:", i);
            backtrace_print(&percpu_of(seen, i)->view.trace);
        }
    }
}

COLD void threads_print(void)
{
    struct entry entry = {.pid = 0};
    unsigned count = 0;

    dump_ask_processors();
    klog("threads:");
    /* By number, not by a walk: processes that come or go do not disturb the order. */
    for (; entry_next(&entry); count++)
        entry_print(&entry);
    dump_print_processors();
    klog("threads: %u of programs", count);
}
