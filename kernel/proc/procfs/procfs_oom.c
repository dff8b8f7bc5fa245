/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/oom_score and oom_score_adj: which process goes first when there is no memory.
 *
 * Whoever may write to the file may make the process a better victim. A worse one only as far as it
 * was set by a task with CAP_SYS_RESOURCE, which a child inherits.
 */
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/oom.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/capability.h"
#include "shared/linux/errno.h"

#define NUMBER_MAX 13 /* bytes that are looked at, as on Linux */

/* Between 0 and 2000: what Linux shows, in which 667 is a process that has nothing. */
COLD int procfs_show_oom_score(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    int64_t badness, score = 0;

    if (!process)
        return -ESRCH;
    badness = oom_badness_locked(process);
    procfs_unlock(tree);
    if (badness != OOM_NEVER)
        score = (1000 + badness * 1000 / (int64_t)pmm_total_count()) * 2 / 3;
    procfs_print(text, "%lld\n", (long long)score);
    return 0;
}

/* As it was written: -1000 to 1000. */
COLD int procfs_show_oom_score_adj(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ESRCH;
    procfs_print(text, "%d\n", __atomic_load_n(&process->oom_adjust, __ATOMIC_RELAXED));
    procfs_unlock(tree);
    return 0;
}

/* Decimal, with a sign or not; blanks around it do not matter. */
static COLD int number_read(const char *text, int *out)
{
    bool negative;
    int value = 0;

    while (*text == ' ' || *text == '\t' || *text == '\n')
        text++;
    negative = *text == '-';
    text += negative || *text == '+';
    if (*text < '0' || *text > '9')
        return -EINVAL;
    for (; *text >= '0' && *text <= '9'; text++)
        value = MIN(value * 10 + (*text - '0'), OOM_ADJUST_MAX + 1);
    while (*text == ' ' || *text == '\t' || *text == '\n')
        text++;
    if (*text || value > OOM_ADJUST_MAX)
        return -EINVAL;
    *out = negative ? -value : value;
    return 0;
}

/* With the capability the bound for those without it moves, too, as on Linux. */
static COLD int adjust_locked(struct process *process, int value)
{
    bool may = credentials_capable(&task_current()->fs->cred, LX_CAP_SYS_RESOURCE);

    ASSERT(process_tree_is_held());
    if (value < process->oom_adjust_min && !may)
        return -EACCES;
    if (may)
        __atomic_store_n(&process->oom_adjust_min, (int16_t)value, __ATOMIC_RELAXED);
    __atomic_store_n(&process->oom_adjust, (int16_t)value, __ATOMIC_RELAXED);
    return 0;
}

/* The number is read before the process is looked up: a bad one is EINVAL for a zombie, too. */
COLD int procfs_write_oom_score_adj(const struct procfs_node *node, struct user_iter *io)
{
    char text[NUMBER_MAX + 1] = "";
    size_t nbytes = MIN(io->left, NUMBER_MAX - 1);
    struct process *process;
    uint64_t tree;
    int value, err;

    if (user_iter_get(io, text, nbytes) < nbytes)
        return -EFAULT;
    err = number_read(text, &value);
    if (err)
        return err;
    process = procfs_lock(node, &tree);
    if (!process)
        return -ESRCH;
    err = adjust_locked(process, value);
    procfs_unlock(tree);
    return err;
}
