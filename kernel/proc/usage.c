/* SPDX-License-Identifier: MIT */
/*
 * Resources used by a process: time on processors, memory, faults.
 *
 * The numbers of a process that lives are the sums of its tasks' and of what those used that are
 * gone; at its end they are copied into the process, for the thread's part is freed before the
 * parent has waited for it. Memory is the exception: its peak is noted each time that an address
 * space is left, by exec and by exit.
 *
 * There may be thousands of tasks: they are gone through in slices of process.lock, with interrupts
 * on. When one has left meanwhile, by which the process's own part has grown, the sum begins anew,
 * and after some such attempts is made in one hold of the lock, so that it has an end.
 */
#include "kernel/proc/usage.h"

#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"

#define SLICE     32 /* tasks in one hold of process.lock */
#define BEGUN_MAX 8

void process_usage_note_memory(struct process *process, const struct vm_space *space)
{
    process->usage.peak_pages =
        MAX(process->usage.peak_pages, MAX(space->peak_pages, space->resident_pages));
}

static void io_usage_add(struct io_usage *sum, const struct io_usage *io)
{
    for (unsigned write = 0; write < 2; write++) {
        sum->calls[write] += io->calls[write];
        sum->nbytes[write] += io->nbytes[write];
    }
}

void process_usage_add_task(struct process_usage *sum, const struct task *task)
{
    const struct thread *thread = &task->thread;
    struct sched_times times;

    /* Precise times (sched_thread_times), not the samples at ticks that Linux's default accounting
     * takes. */
    sched_thread_times(thread, &times);
    sum->user_ns += times.user_ns;
    sum->system_ns += times.total_ns - times.user_ns;
    sum->faults += thread->faults;
    sum->switches[0] += thread->switches[0];
    sum->switches[1] += thread->switches[1];
    io_usage_add(&sum->io, &task->io);
}

/* Some of the tasks behind that one; the last of them, NULL: it has come to the end. */
static struct task *usage_add_some_locked(const struct process *process, struct task *task,
                                          struct process_usage *usage, unsigned most)
{
    ASSERT(spin_is_held(&process->lock));
    do {
        task = process_next_task(process, task);
        if (task)
            process_usage_add_task(usage, task);
    } while (task && --most);
    return task;
}

void process_usage_take(struct process *process, struct process_usage *usage)
{
    struct task *at = NULL, *last;
    uint64_t departures = 0;
    unsigned begun = 0;

    do {
        spin_lock(&process->lock);
        /* What a task has used that has left is the process's own, which was taken already. */
        if (!begun || departures != process->departures) {
            *usage = process->usage;
            departures = process->departures;
            begun++;
            last = NULL;
        } else {
            last = at;
        }
        last = process->usage_final ? NULL
                                    : usage_add_some_locked(process, last, usage,
                                                            begun < BEGUN_MAX ? SLICE : UINT32_MAX);
        if (last)
            task_get(last);
        spin_unlock(&process->lock);
        if (at)
            task_put(at);
        at = last;
    } while (at);
}

void process_cpu_times(struct process *process, struct sched_times *times)
{
    spin_lock(&process->lock);
    *times = (struct sched_times){process->usage.user_ns,
                                  process->usage.user_ns + process->usage.system_ns};
    process_each_task (task, process) {
        struct sched_times own;

        sched_thread_times(&task->thread, &own);
        times->user_ns += own.user_ns;
        times->total_ns += own.total_ns;
    }
    spin_unlock(&process->lock);
}

/* Its leader is left. */
void process_usage_end_locked(struct process *process)
{
    ASSERT(process_tree_is_held());
    spin_lock(&process->lock);
    process_each_task (task, process)
        process_usage_add_task(&process->usage, task);
    process->usage_final = true;
    spin_unlock(&process->lock);
}

void process_usage_add(struct process_usage *sum, const struct process_usage *usage)
{
    sum->user_ns += usage->user_ns;
    sum->system_ns += usage->system_ns;
    sum->faults += usage->faults;
    sum->switches[0] += usage->switches[0];
    sum->switches[1] += usage->switches[1];
    io_usage_add(&sum->io, &usage->io);
    /* ru_maxrss of children is that of the largest, not a sum: getrusage(2). */
    sum->peak_pages = MAX(sum->peak_pages, usage->peak_pages);
}
