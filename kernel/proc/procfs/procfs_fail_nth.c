/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/fail-nth: which allocation of a thread fails on purpose (mm/fail_nth.h).
 *
 * As on Linux with fault injection: writing n makes the n-th allocation from then on fail, writing
 * 0 takes it back, reading gives how many are left; 0 after a count was set: it has failed. Unlike
 * there the file is always about the thread that reads or writes, whose count nothing else touches;
 * so neither needs a lock. Only in builds that have CONFIG_POISON.
 */
#include "kernel/proc/identity.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/proc/task.h"
#include "kernel/vm/vm_user.h"

#define DIGITS_MAX 9 /* more would not fit into the count */

COLD int procfs_show_fail_nth(const struct procfs_node *node, struct procfs_text *text)
{
    (void)node;
    procfs_print(text, "%u\n", thread_current()->arch.fail_nth);
    return 0;
}

COLD int procfs_write_fail_nth(const struct procfs_node *node, struct user_iter *io)
{
    struct thread *self = thread_current();
    char text[DIGITS_MAX + 1];
    size_t nbytes = io->left;
    uint32_t count = 0;

    (void)node;
    if (!credentials_capable(&self->task->fs->cred, LX_CAP_SYS_RESOURCE))
        return -EPERM;
    if (nbytes == 0 || nbytes > sizeof(text))
        return -EINVAL;
    if (user_iter_get(io, text, nbytes) < nbytes)
        return -EFAULT;
    if (text[nbytes - 1] == '\n')
        nbytes--;
    for (size_t i = 0; i < nbytes; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
        count = count * 10 + (uint32_t)(text[i] - '0');
    }
    self->arch.fail_nth = count;
    return 0;
}
