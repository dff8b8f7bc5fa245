/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/ns: the name spaces of a task, as magic links.
 *
 * The name space is taken from the task under process_tree_lock, with a reference: where the link
 * leads to is its file (proc/ns_file.c), whatever the task has by then.
 */
#include "kernel/lib/fmt.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* Referenced. A zombie has none. Process 1 is the kernel's own, and has the initial ones. */
static COLD int space_get(const struct procfs_node *node, struct ns_common **out_space)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    const struct task *task;
    int err = 0;

    if (!process)
        return -ESRCH;
    task = procfs_task_locked(node, process);
    if (process != &process_init_process && (!task || task->exiting))
        err = -ENOENT;
    else
        *out_space = ns_get_locked(task, (enum ns_kind)node->entry->arg);
    procfs_unlock(tree);
    return err;
}

/* Where open(2) goes: setns(2) takes such a descriptor. */
static COLD int space_jump(const struct procfs_node *node, struct dentry **out_target)
{
    struct ns_common *space;
    int err = space_get(node, &space);

    return err ? err : ns_file_place(space, out_target);
}

/* The form that namespaces(7) gives: kind:[inode]. */
static COLD int64_t space_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct ns_common *space;
    int64_t len = space_get(node, &space);

    if (len)
        return len;
    len = (int64_t)fmt_print(text, size, "%s:[%llu]", ns_name(space->kind),
                             (unsigned long long)space->ino);
    ns_put(space);
    return len;
}

#define SPACE(entry_name, kind)                                                                    \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFLNK | 0777, .arg = (kind), .guarded = true,           \
        .readlink = space_readlink, .magic_link = space_jump                                       \
    }

/* Those of kinds that a program could make none of are not shown, as on a Linux without them. */
static const struct procfs_entry links[] = {
    SPACE("uts", NS_UTS),
    SPACE("ipc", NS_IPC),
    SPACE("mnt", NS_MNT),
};

const struct procfs_dir procfs_ns_dir = {.entries = links, .count = ARRAY_SIZE(links)};
