/* SPDX-License-Identifier: MIT */
/* What the system is. */
#include "kernel/core/clock.h"
#include "kernel/core/random.h"
#include "kernel/lib/string.h"
#include "kernel/lib/version.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/sched/waitq.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/system.h"

#define CPU_SET_NBYTES 8 /* room for 64 processors */

/* sysname and release are those of the ABI that programs get; the version tells whose it is. */
int64_t sys_uname(struct task *self, struct uptr name)
{
    static const struct lx_utsname answer = {
        .sysname = "Linux",
        .nodename = "firstlight",
        .release = VERSION_LINUX_ABI "-firstlight",
        .version = "Firstlight " VERSION_TEXT,
        .machine = "x86_64",
        .domainname = "(none)",
    };

    (void)self;
    return vm_user_write(name, &answer, sizeof(answer));
}

int64_t sys_sysinfo(struct task *self, struct uptr info)
{
    struct lx_sysinfo answer = {
        .uptime = (int64_t)(clock_monotonic_ns() / 1000000000ULL),
        .totalram = pmm_total_count() * PAGE_SIZE,
        .freeram = pmm_free_count() * PAGE_SIZE,
        .procs = (uint16_t)process_live_count(),
        .mem_unit = 1,
    };

    (void)self;
    return vm_user_write(info, &answer, sizeof(answer));
}

int64_t sys_getcpu(struct task *self, struct uptr cpu, struct uptr node, struct uptr cache)
{
    uint32_t index = cpu_self()->index, zero = 0;
    int err = 0;

    (void)self;
    (void)cache;
    if (cpu.va)
        err = vm_user_write(cpu, &index, sizeof(index));
    if (!err && node.va)
        err = vm_user_write(node, &zero, sizeof(zero));
    return err;
}

static uint64_t cpus_online(void)
{
    unsigned count = sched_cpus_online();

    return count < 64 ? (1ULL << count) - 1 : UINT64_MAX;
}

/* The process meant, referenced, or NULL. */
static struct process *process_get_by_pid(const struct task *self, int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct process *process = pid ? process_find_locked(pid) : self->process;

    if (process && (process->zombie || process == &process_init_process))
        process = NULL;
    if (process)
        process_get(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return process;
}

int64_t sys_sched_getaffinity(struct task *self, int pid, unsigned nbytes, struct uptr mask)
{
    struct process *process;
    uint64_t cpus;

    if (nbytes < CPU_SET_NBYTES || (nbytes & 7))
        return -EINVAL;
    process = process_get_by_pid(self, pid);
    if (!process)
        return -ESRCH;
    cpus = __atomic_load_n(&process->task->thread.affinity, __ATOMIC_RELAXED) & cpus_online();
    process_put(process);
    return vm_user_write(mask, &cpus, CPU_SET_NBYTES) ? -EFAULT : CPU_SET_NBYTES;
}

int64_t sys_sched_setaffinity(struct task *self, int pid, unsigned nbytes, struct uptr mask)
{
    struct process *process;
    uint64_t cpus = 0;

    if (vm_user_read(&cpus, mask, MIN(nbytes, (unsigned)CPU_SET_NBYTES)))
        return -EFAULT;
    process = process_get_by_pid(self, pid);
    if (!process)
        return -ESRCH;
    if (cpus & cpus_online())
        sched_set_affinity(&process->task->thread, cpus);
    process_put(process);
    return cpus & cpus_online() ? 0 : -EINVAL;
}

int64_t sys_getrandom(struct task *self, struct uptr buffer, size_t nbytes, unsigned flags)
{
    uint8_t bytes[256];
    size_t done = 0;

    (void)self;
    if (flags & ~(unsigned)(LX_GRND_NONBLOCK | LX_GRND_RANDOM | LX_GRND_INSECURE))
        return -EINVAL;
    if ((flags & LX_GRND_RANDOM) && (flags & LX_GRND_INSECURE))
        return -EINVAL;
    nbytes = MIN(nbytes, (size_t)INT32_MAX);
    while (done < nbytes && !(done && waitq_interrupted())) {
        size_t piece = MIN(nbytes - done, sizeof(bytes));

        random_fill(bytes, piece);
        if (vm_user_write((struct uptr){buffer.va + done}, bytes, piece))
            return done ? (int64_t)done : -EFAULT;
        done += piece;
    }
    return (int64_t)done;
}
