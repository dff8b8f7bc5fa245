/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/timerslack_ns: by how much sleeps of a thread may end late, in nanoseconds.
 *
 * Kept for programs that ask. Timers here ring when they are due, which no slack forbids. As on
 * Linux 0 stands for what the thread began with, and another's may be looked at and set only with
 * the right to its priority.
 */
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_user.h"

#define DIGITS_MAX 20 /* of 64 bits */

/* The task, whose tree is locked; else why not. */
static COLD int slack_task_lock(const struct procfs_node *node, struct task **out, uint64_t *tree)
{
    const struct task *self = thread_current()->task;
    struct process *process = procfs_lock(node, tree);

    if (!process)
        return -ESRCH;
    if (!process->leader ||
        (process != self->process && !credentials_capable(&self->fs->cred, LX_CAP_SYS_NICE))) {
        procfs_unlock(*tree);
        return process->leader ? -EPERM : -ESRCH;
    }
    *out = process->leader;
    return 0;
}

/* The leader's, whichever thread asks. */
COLD int procfs_show_timerslack(const struct procfs_node *node, struct procfs_text *text)
{
    struct task *task;
    uint64_t tree;
    int err = slack_task_lock(node, &task, &tree);

    if (err)
        return err;
    procfs_print(text, "%llu\n", (unsigned long long)task->slack_ns);
    procfs_unlock(tree);
    return 0;
}

/* Decimal, with a line's end or without. It is read as a whole before the task is looked up. */
COLD int procfs_write_timerslack(const struct procfs_node *node, struct user_iter *io)
{
    char text[DIGITS_MAX + 1];
    size_t nbytes = io->left;
    uint64_t slack_ns = 0, tree;
    struct task *task;
    int err;

    if (nbytes == 0 || nbytes > sizeof(text))
        return -EINVAL;
    if (user_iter_get(io, text, nbytes) < nbytes)
        return -EFAULT;
    if (nbytes > 1 && text[nbytes - 1] == '\n')
        nbytes--;
    for (size_t i = 0; i < nbytes; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (digit > 9)
            return -EINVAL;
        if (slack_ns > (UINT64_MAX - digit) / 10)
            return -ERANGE;
        slack_ns = slack_ns * 10 + digit;
    }
    err = slack_task_lock(node, &task, &tree);
    if (err)
        return err;
    task->slack_ns = slack_ns ? slack_ns : task->slack_start_ns;
    procfs_unlock(tree);
    return 0;
}
