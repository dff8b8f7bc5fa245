/* SPDX-License-Identifier: MIT */
#include "kernel/proc/usage.h"

#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"

void process_usage_note_memory(struct process *process, const struct vm_space *space)
{
    process->usage.peak_pages =
        MAX(process->usage.peak_pages, MAX(space->peak_pages, space->resident_pages));
}

void process_usage_locked(const struct process *process, struct process_usage *usage)
{
    const struct thread *thread;
    struct sched_times times;

    *usage = process->usage;
    if (process->zombie || !process->task)
        return;
    thread = &process->task->thread;
    sched_thread_times(thread, &times);
    usage->user_ns = times.user_ns;
    usage->system_ns = times.total_ns - times.user_ns;
    usage->faults = thread->faults;
    usage->switches[0] = thread->switches[0];
    usage->switches[1] = thread->switches[1];
}

void process_usage_end_locked(struct process *process)
{
    process_usage_locked(process, &process->usage);
}

void process_usage_add(struct process_usage *sum, const struct process_usage *usage)
{
    sum->user_ns += usage->user_ns;
    sum->system_ns += usage->system_ns;
    sum->faults += usage->faults;
    sum->switches[0] += usage->switches[0];
    sum->switches[1] += usage->switches[1];
    sum->peak_pages = MAX(sum->peak_pages, usage->peak_pages);
}
