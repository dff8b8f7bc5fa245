/* SPDX-License-Identifier: MIT */
/*
 * Numbers in /proc/sys that root may change.
 *
 * Each is read by its owner whenever it counts, so a change is in force from the next use on. A
 * file can have several, in one line: kernel/sem.
 */
#include "kernel/proc/procfs/procfs_setting.h"

#include "kernel/fs/event/notify.h"
#include "kernel/fs/pipe/pipe.h"
#include "kernel/fs/vfs/lease.h"
#include "kernel/lib/util.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/ipc/mqueue.h"
#include "kernel/proc/pid.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/ipc.h"

static uint64_t task_numbers = PROCESS_PID_MAX; /* fixed: each task has one */

/* A bound of UINT32_MAX is none. */
static const struct {
    uint64_t *word;
    uint32_t least, most;
} settings[] = {
    [SET_DNOTIFY] = {&dnotify_enable, 0, INT32_MAX},
    [SET_LEASE_BREAK] = {&lease_break_time, 0, INT32_MAX},
    [SET_LEASES] = {&leases_enable, 0, INT32_MAX},
    [SET_MQ_MSGS] = {&mqueue_limits.msg_max, 1, MQUEUE_MSG_HARD},
    [SET_MQ_MSGS_DEFAULT] = {&mqueue_limits.msg_default, 1, MQUEUE_MSG_HARD},
    [SET_MQ_QUEUES] = {&mqueue_limits.queues_max, 0, INT32_MAX},
    [SET_MQ_SIZE] = {&mqueue_limits.msgsize_max, MQUEUE_MSGSIZE_LEAST, MQUEUE_MSGSIZE_HARD},
    [SET_MQ_SIZE_DEFAULT] = {&mqueue_limits.msgsize_default, MQUEUE_MSGSIZE_LEAST,
                             MQUEUE_MSGSIZE_HARD},
    [SET_MSG_BYTES] = {&ipc_limits.msg_bytes, 0, LX_MSGMAX},
    [SET_MSG_NEXT] = {&ipc_limits.msg_next, 0, INT32_MAX},
    [SET_MSG_QUEUE] = {&ipc_limits.msg_queue, 0, INT32_MAX},
    [SET_MSG_QUEUES] = {&ipc_limits.msg_queues, 0, IPC_INDEXES},
    [SET_PIPE_SIZE] = {&pipe_nbytes_max, PAGE_SIZE, PIPE_NBYTES_LIMIT},
    [SET_PIPE_SOFT] = {&pipe_user_soft, 0, PIPE_USER_SOFT},
    [SET_SEMAPHORES] = {&ipc_limits.sem_set, 0, LX_SEMMSL},
    {&ipc_limits.sem_all, 0, LX_SEMMNS},
    {&ipc_limits.sem_ops, 0, LX_SEMOPM},
    {&ipc_limits.sem_sets, 0, IPC_INDEXES},
    [SET_SEM_NEXT] = {&ipc_limits.sem_next, 0, INT32_MAX},
    [SET_SHM_ALL] = {&ipc_limits.shm_pages, 0, UINT32_MAX},
    [SET_SHM_BYTES] = {&ipc_limits.shm_bytes, 0, UINT32_MAX},
    [SET_SHM_NEXT] = {&ipc_limits.shm_next, 0, INT32_MAX},
    [SET_SHM_SEGMENTS] = {&ipc_limits.shm_segments, 0, IPC_INDEXES},
    [SET_TASKS] = {&task_numbers, PROCESS_PID_MAX, PROCESS_PID_MAX},
};

COLD int procfs_show_setting(const struct procfs_node *node, struct procfs_text *text)
{
    unsigned first = node->entry->arg & ((1u << COUNT_SHIFT) - 1);
    unsigned count = node->entry->arg >> COUNT_SHIFT;

    for (unsigned i = 0; i < count; i++) {
        uint64_t value = __atomic_load_n(settings[first + i].word, __ATOMIC_RELAXED);

        if (value == UINT64_MAX && settings[first + i].most == INT32_MAX)
            procfs_print(text, "-1\n"); /* an id that is not asked for */
        else
            procfs_print(text, i + 1 < count ? "%llu\t" : "%llu\n", (unsigned long long)value);
    }
    return 0;
}

static COLD const char *skip_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t' || *text == '\n')
        text++;
    return text;
}

/* Decimal, up to a blank or the end. */
static COLD int setting_read(const char **text, uint64_t *out)
{
    const char *at = *text;

    *out = 0;
    if (*at < '0' || *at > '9')
        return -EINVAL;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*at - '0'), out))
            return -EINVAL;
    *text = skip_blanks(at);
    return at == *text && *at ? -EINVAL : 0;
}

/* All of them are right, or none is changed. Fewer than there are leave the last ones as they are.
 */
COLD int procfs_write_setting(const struct procfs_node *node, struct user_iter *io)
{
    unsigned first = node->entry->arg & ((1u << COUNT_SHIFT) - 1);
    unsigned count = node->entry->arg >> COUNT_SHIFT, given = 0;
    char bytes[96];
    size_t nbytes = MIN(io->left, sizeof(bytes) - 1);
    uint64_t values[SETTINGS_ENTRY];
    const char *text;

    if (user_iter_get(io, bytes, nbytes) < nbytes)
        return -EFAULT;
    bytes[nbytes] = '\0';
    for (text = skip_blanks(bytes); *text && given < count; given++) {
        uint32_t least = settings[first + given].least, most = settings[first + given].most;
        int err = setting_read(&text, &values[given]);

        if (err || values[given] < least || (values[given] > most && most != UINT32_MAX))
            return -EINVAL;
    }
    if (first == SET_PIPE_SIZE && given) /* the size of a pipe is a power of two */
        while (values[0] & (values[0] - 1))
            values[0] += values[0] & -values[0];
    for (unsigned i = 0; i < given; i++)
        __atomic_store_n(settings[first + i].word, values[i], __ATOMIC_RELAXED);
    return 0;
}
