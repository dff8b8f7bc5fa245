/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/comm, limits and coredump_filter, /proc/self and thread-self: texts too small for a
 * place of their own.
 */
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/core/core.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"

COLD int procfs_show_comm(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    const struct task *task;

    if (!process)
        return -ESRCH;
    /* Another task may write its name just now: then a mixture is read, never more than its
     * bytes. */
    task = procfs_task_locked(node, process);
    procfs_print(text, "%s\n", task ? task->name : process_name(process));
    procfs_unlock(tree);
    return 0;
}

/* Only a process itself gives its threads other names. */
COLD int procfs_write_comm(const struct procfs_node *node, struct user_iter *io)
{
    struct process *self = thread_current()->task->process, *process;
    char name[sizeof(self->leader->name)] = "";
    /* Cut off at 15 bytes, like PR_SET_NAME. */
    size_t wanted = MIN(io->left, sizeof(name) - 1);
    uint64_t tree;

    if (user_iter_get(io, name, wanted) < wanted)
        return -EFAULT;
    process = procfs_lock(node, &tree);
    if (!process)
        return -ESRCH;
    if (process == self)
        memcpy(procfs_task_locked(node, self)->name, name, sizeof(name));
    procfs_unlock(tree);
    return process == self ? 0 : -EINVAL;
}

/* In a column. */
static COLD void limit_print(struct procfs_text *text, uint64_t value)
{
    if (value == LX_RLIM_INFINITY)
        procfs_print(text, "%-20s ", "unlimited");
    else
        procfs_print(text, "%-20llu ", (unsigned long long)value);
}

COLD int procfs_show_limits(const struct procfs_node *node, struct procfs_text *text)
{
    /* In the order of the numbers of RLIMIT_*; words and columns are Linux's, which programs
     * parse. */
    static const char *const names[LX_RLIM_NLIMITS][2] = {
        {"cpu time", "seconds"},    {"file size", "bytes"},      {"data size", "bytes"},
        {"stack size", "bytes"},    {"core file size", "bytes"}, {"resident set", "bytes"},
        {"processes", "processes"}, {"open files", "files"},     {"locked memory", "bytes"},
        {"address space", "bytes"}, {"file locks", "locks"},     {"pending signals", "signals"},
        {"msgqueue size", "bytes"}, {"nice priority", ""},       {"realtime priority", ""},
        {"realtime timeout", "us"},
    };
    struct lx_rlimit limits[LX_RLIM_NLIMITS];
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ESRCH;
    spin_lock(&process->lock);
    for (unsigned i = 0; i < LX_RLIM_NLIMITS; i++)
        limits[i] = process->limits[i];
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    procfs_print(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < LX_RLIM_NLIMITS; i++) {
        procfs_print(text, "Max %-21s ", names[i][0]);
        limit_print(text, limits[i].current);
        limit_print(text, limits[i].maximum);
        procfs_print(text, *names[i][1] ? "%-10s\n" : "\n", names[i][1]);
    }
    return 0;
}

COLD int64_t procfs_self_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct task *self = thread_current()->task;

    (void)node;
    /* The harness reads /proc without being a process. */
    if (!self)
        return -ENOENT;
    return (int64_t)fmt_print(text, size, "%d", self->process->pid);
}

COLD int64_t procfs_thread_self_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct task *self = thread_current()->task;

    (void)node;
    if (!self)
        return -ENOENT;
    return (int64_t)fmt_print(text, size, "%d/task/%d", self->process->pid, self->tid);
}

/* Not longer than sixteen digits: nothing here is. */
COLD int procfs_number_take(struct user_iter *io, uint64_t *out)
{
    char text[24] = "", *at = text;
    size_t nbytes = MIN(io->left, sizeof(text) - 1);
    unsigned base = 10;
    uint64_t value = 0;
    int digits = 0;

    if (user_iter_get(io, text, nbytes) < nbytes)
        return -EFAULT;
    if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        base = 16;
        at += 2;
    }
    /* What is no digit ends the number; a letter counts from ten on. */
    for (;; at++, digits++) {
        unsigned digit =
            *at >= '0' && *at <= '9' ? (unsigned)(*at - '0') : (unsigned)((*at | 0x20) - 'a') + 10;

        if (digit >= base || digits == 16)
            break;
        value = value * base + digit;
    }
    while (*at == '\n' || *at == ' ' || *at == '\t')
        at++;
    if (*at || !digits)
        return -EINVAL;
    *out = value;
    return 0;
}

/* What a core file of it would have, CORE_* in hexadecimal. */
COLD int procfs_show_core_filter(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ESRCH;
    procfs_print(text, "%08x\n", __atomic_load_n(&process->core_filter, __ATOMIC_RELAXED));
    procfs_unlock(tree);
    return 0;
}

/* Bits that mean nothing are dropped. */
COLD int procfs_write_core_filter(const struct procfs_node *node, struct user_iter *io)
{
    uint64_t tree, value = 0;
    int err = procfs_number_take(io, &value);
    struct process *process;

    if (err)
        return err;
    process = procfs_lock(node, &tree);
    if (!process)
        return -ESRCH;
    __atomic_store_n(&process->core_filter, (uint32_t)value & CORE_FILTER_ALL, __ATOMIC_RELAXED);
    procfs_unlock(tree);
    return 0;
}
