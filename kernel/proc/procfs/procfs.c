/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID: files, owners, and the right to look into a process.
 *
 * A node names a process by number and serial, so one that was opened before the number was given
 * out again finds nothing; one in /proc/PID/task does so by the number and serial of the thread.
 * Nodes of memory are also bound to a generation, the program that ran at the open: after exec they
 * show nothing of the new one, whose rights may be others.
 *
 * A process is only looked at under process_tree_lock (procfs_lock). What takes long or sleeps is
 * done on references that were taken under it. Guarded entries: fs/procfs/procfs.c asks below.
 */
#include "kernel/proc/procfs/procfs.h"

#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/config.h"
#include "kernel/net/net_procfs.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* --- finding a process --- */

/* Another task than a leader, by its number; NULL: none. */
static struct task *other_task_locked(int tid)
{
    const struct pid *pid = pid_find_locked(tid);

    ASSERT(process_tree_is_held());
    return pid ? pid->task : NULL;
}

static bool is_about_leader(const struct procfs_node *node)
{
    return !node->tid || node->tid == node->pid;
}

static struct process *node_process_locked(const struct procfs_node *node)
{
    struct process *process = NULL;
    const struct task *task;

    ASSERT(process_tree_is_held());
    if (is_about_leader(node)) {
        process = process_find_locked(node->pid);
        return process && process->serial == node->serial ? process : NULL;
    }
    task = other_task_locked(node->tid);
    return task && task->serial == node->serial ? task->process : NULL;
}

struct task *procfs_task_locked(const struct procfs_node *node, const struct process *process)
{
    ASSERT(process_tree_is_held());
    return is_about_leader(node) ? process->leader : other_task_locked(node->tid);
}

struct process *procfs_lock(const struct procfs_node *node, uint64_t *flags)
{
    struct process *process;

    /* Zombies are found: their status can be read until they are waited for. */
    *flags = spin_lock_irqsave(&process_tree_lock);
    process = node_process_locked(node);
    if (!process)
        spin_unlock_irqrestore(&process_tree_lock, *flags);
    return process;
}

void procfs_unlock(uint64_t flags)
{
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* One that lives, and so keeps the memory. Init is the kernel's own: it has none. */
static bool has_task(const struct process *process)
{
    return process->leader && !process->sig_exiting;
}

/* With descriptors and directories. */
static struct task *live_task_locked(const struct procfs_node *node, const struct process *process)
{
    struct task *task = procfs_task_locked(node, process);

    ASSERT(process_tree_is_held());
    return task && !task->exiting ? task : NULL;
}

int procfs_get_memory(const struct procfs_node *node, struct vm_space **out_space,
                      struct exec_layout *layout)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    *out_space = NULL;
    if (!process)
        return -ESRCH;
    spin_lock(&process->lock);
    /* The space and its layout change together under this lock: exec publishes both in one step. */
    if (live_task_locked(node, process) &&
        (!node->generation || node->generation == process->generation))
        *out_space = process_space_locked(process);
    if (*out_space) {
        *layout = process->layout;
        vm_space_get(*out_space);
    }
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    return 0;
}

/* exec makes the number another one: never 0. Taken at the open, compared at each read
 * (node->generation). */
static uint32_t op_generation(const struct procfs_node *node)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    uint32_t generation = 0;

    if (!process)
        return 0;
    generation = __atomic_load_n(&process->generation, __ATOMIC_RELAXED);
    procfs_unlock(tree);
    return generation;
}

int procfs_lock_files(const struct procfs_node *node, struct fd_table **out_files, uint64_t *flags)
{
    struct process *process = procfs_lock(node, flags);
    const struct task *task;

    if (!process)
        return -ESRCH;
    task = live_task_locked(node, process);
    /* Borrowed, and stays for as long as the tree is locked: exit first sets task.exiting under
     * it. */
    *out_files = task ? task->files : NULL;
    return 0;
}

/* --- whose, and for whom --- */

/* The caller's own process, if it has one. */
static bool is_own(const struct process *process)
{
    const struct task *self = thread_current()->task;

    return self && self->process == process;
}

/* Tree locked. */
static bool process_is_undumpable(struct process *process)
{
    const struct vm_space *space;
    bool undumpable;

    spin_lock(&process->lock);
    /* A process without memory (a zombie, or a fork that is not finished) hides nothing. */
    space = has_task(process) ? process_space_locked(process) : NULL;
    /* Written by prctl without a lock, and by exec before the space is seen. */
    undumpable = space && __atomic_load_n(&space->undumpable, __ATOMIC_RELAXED);
    spin_unlock(&process->lock);
    return undumpable;
}

/* As on Linux, what is in the directories of a process that others may not look into is root's; the
 * process still finds its own descriptors. */
static int op_owner(const struct procfs_node *node, uint32_t *uid, uint32_t *gid)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    struct credentials cred;

    if (!process)
        return -ENOENT;
    cred = identity_of_locked(process);
    /* The directory of the process itself always shows its user, for ps and the like. */
    if (node->entry->mode == (LX_S_IFDIR | 0555) || !process_is_undumpable(process) ||
        (node->entry->dir == &procfs_fd_dir && is_own(process))) {
        *uid = cred.euid;
        *gid = cred.egid;
    }
    procfs_unlock(tree);
    return 0;
}

/* ptrace(2), "Ptrace access mode checking": all three IDs of the target must be the caller's. */
static bool is_same_user(const struct credentials *caller, bool by_real_ids,
                         const struct credentials *other)
{
    uint32_t uid = by_real_ids ? caller->uid : caller->fsuid;
    uint32_t gid = by_real_ids ? caller->gid : caller->fsgid;

    return uid == other->uid && uid == other->euid && uid == other->suid && gid == other->gid &&
           gid == other->egid && gid == other->sgid;
}

/* As ptrace would have it (PTRACE_MODE_READ_FSCREDS, or _REALCREDS): the process itself,
 * CAP_SYS_PTRACE, or the same user if the program is dumpable and has no capability that the caller
 * has not. */
bool process_may_look_locked(struct process *process, bool by_real_ids)
{
    struct task *self = thread_current()->task;
    struct credentials cred;

    ASSERT(process_tree_is_held());
    /* Without a task the caller is the kernel's harness. */
    if (!self || self->process == process ||
        credentials_capable(&self->fs->cred, LX_CAP_SYS_PTRACE))
        return true;
    cred = identity_of_locked(process);
    return has_task(process) && is_same_user(&self->fs->cred, by_real_ids, &cred) &&
           !(cred.permitted & ~self->fs->cred.effective) && !process_is_undumpable(process);
}

static int op_access(const struct procfs_node *node)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    bool allowed;

    if (!process)
        return -ESRCH;
    allowed = procfs_may_look_locked(process);
    procfs_unlock(tree);
    return allowed ? 0 : -EACCES;
}

/* --- the directories --- */

static const struct procfs_dir process_dir, thread_dir;
static const struct procfs_entry process_entry = {.mode = LX_S_IFDIR | 0555, .dir = &process_dir};
static const struct procfs_entry thread_entry = {.mode = LX_S_IFDIR | 0555, .dir = &thread_dir};

static int op_next(const struct procfs_node *dir, int number)
{
    (void)dir;
    /* Getdents goes from number to number, so processes that come and go do not disturb it. */
    return pid_next(number, NULL);
}

static int op_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = process_find_locked(number);
    const struct task *task = process ? NULL : other_task_locked(number);

    (void)dir;
    /* The serial makes the node refer to this process and no later one. A thread's number is found,
     * though not listed. */
    if (process)
        *out =
            (struct procfs_node){.entry = &process_entry, .serial = process->serial, .pid = number};
    else if (task)
        *out =
            (struct procfs_node){&process_entry, task->serial, task->process->pid, .tid = number};
    procfs_unlock(tree);
    return process || task ? 0 : -ENOENT;
}

bool procfs_is_process(const struct file *file)
{
    return file->inode->data_kind == INODE_PROCFS &&
           inode_procfs(file->inode)->entry == &process_entry;
}

struct process *procfs_process_of_locked(const struct file *file)
{
    const struct procfs_node *node = inode_procfs(file->inode);
    struct process *process = process_find_locked(node->pid);

    ASSERT(process_tree_is_held());
    return process && process->serial == node->serial ? process : NULL;
}

static int task_next(const struct procfs_node *dir, int number)
{
    uint64_t tree;
    const struct process *process = procfs_lock(dir, &tree);

    if (!process)
        return -ENOENT;
    procfs_unlock(tree);
    return pid_next(number, process);
}

static int task_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    uint64_t tree;
    const struct process *process = procfs_lock(dir, &tree);
    const struct task *task = NULL;
    bool is_leader;

    if (!process)
        return -ENOENT;
    is_leader = number == process->pid;
    if (!is_leader)
        task = other_task_locked(number);
    if (task && task->process != process)
        task = NULL;
    out->entry = &thread_entry;
    out->tid = number;
    out->serial = task ? task->serial : process->serial;
    procfs_unlock(tree);
    return task || is_leader ? 0 : -ENOENT;
}

static uint64_t task_count(const struct procfs_node *dir)
{
    uint64_t tree;
    const struct process *process = procfs_lock(dir, &tree);
    unsigned count;

    if (!process)
        return 0;
    count = process_count_tasks(process);
    procfs_unlock(tree);
    return count;
}

/* --- links --- */

int64_t procfs_path_text(struct dentry *dentry, char *text, size_t size)
{
    static const char deleted[] = " (deleted)";
    struct task *self = thread_current()->task;
    struct dentry *root = self ? fs_context_root(self->fs) : NULL;
    unsigned flags;
    char *path;
    int64_t len = dentry_path(dentry, root, text, size, &path, &flags);

    dentry_put(root);
    dentry_put(dentry);
    if (len < 0)
        return len;
    /* dentry_path builds from the end of the buffer; the regions may overlap, upwards is safe. */
    for (int64_t i = 0; i < len; i++)
        text[i] = path[i];
    /* As readlink(2) of /proc/PID/exe shows it: proc(5). */
    if (flags & DENTRY_PATH_DELETED)
        len += (int64_t)fmt_print(text + len, size - (size_t)len, "%s", deleted);
    return MIN(len, (int64_t)size);
}

/* A magic link: the target is the object itself, not what its path leads to now. */
static int exe_jump(const struct procfs_node *node, struct dentry **out_target)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ESRCH;
    /* The dentry may have been unlinked since: it is still what runs. */
    *out_target = NULL;
    spin_lock(&process->lock);
    if (has_task(process) && process->exe)
        *out_target = process->exe->dentry;
    if (*out_target)
        dentry_get(*out_target);
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    return *out_target ? 0 : -ENOENT;
}

static int place_jump(const struct procfs_node *node, struct dentry **out_target,
                      struct dentry *(*which)(struct fs_context *context))
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    const struct task *task;

    if (!process)
        return -ESRCH;
    /* fs_context functions take their own lock and a reference. */
    task = live_task_locked(node, process);
    *out_target = task ? which(task->fs) : NULL;
    procfs_unlock(tree);
    return *out_target ? 0 : -ENOENT;
}

static int cwd_jump(const struct procfs_node *node, struct dentry **out_target)
{
    return place_jump(node, out_target, fs_context_cwd);
}

int procfs_get_root(const struct procfs_node *node, struct dentry **out_root)
{
    return place_jump(node, out_root, fs_context_root);
}

static int64_t place_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct dentry *dentry;
    int err = node->entry->magic_link(node, &dentry);

    return err ? err : procfs_path_text(dentry, text, size);
}

/* --- the tables --- */

#define DIRECTORY(entry_name, permissions, table)                                                  \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFDIR | (permissions), .dir = (table)                   \
    }
#define PLACE(entry_name, function)                                                                \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFLNK | 0777, .guarded = true,                          \
        .readlink = place_readlink, .magic_link = (function)                                       \
    }
/* About one program's memory: nothing once it has executed another. */
#define MEMORY(entry_name, permissions, function)                                                  \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | (permissions), .guarded = true, .bound = true,  \
        .show = (function)                                                                         \
    }
#define OWN_FILE(entry_name, permissions, functions)                                               \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | (permissions), .bound = true, .own_ops = true,  \
        .file_ops = (functions)                                                                    \
    }

static const struct procfs_dir task_dir = {.next = task_next, .find = task_find};

/* `task` comes first: a thread's own directory has the others. Then what is read most often. */
static const struct procfs_entry process_files[] = {
    /* Modes are those of Linux; what is not guarded may be read by all. */
    {.name = "task",
     .mode = LX_S_IFDIR | 0555,
     .sized = true,
     .dir = &task_dir,
     .size = task_count},
    PROCFS_TEXT("stat", 0444, procfs_show_stat),
    DIRECTORY("fd", 0500, &procfs_fd_dir),
    DIRECTORY("fdinfo", 0555, &procfs_fdinfo_dir),
    DIRECTORY("ns", 0511, &procfs_ns_dir),
    DIRECTORY("net", 0555, &net_procfs_dir),
    MEMORY("environ", 0400, procfs_show_environ),
    PROCFS_TEXT("status", 0444, procfs_show_status),
    PROCFS_TEXT("limits", 0444, procfs_show_limits),
    PROCFS_TEXT("io", 0400, procfs_show_io),
    PROCFS_WRITABLE("comm", procfs_show_comm, procfs_write_comm),
    PROCFS_TEXT("cmdline", 0444, procfs_show_cmdline),
    PROCFS_WRITABLE("coredump_filter", procfs_show_core_filter, procfs_write_core_filter),
    PROCFS_TEXT("statm", 0444, procfs_show_statm),
    MEMORY("maps", 0444, procfs_show_maps),
    MEMORY("smaps", 0444, procfs_show_smaps),
    MEMORY("smaps_rollup", 0444, procfs_show_smaps_rollup),
    MEMORY("auxv", 0400, procfs_show_auxv),
    PROCFS_TEXT("oom_score", 0444, procfs_show_oom_score),
    PROCFS_WRITABLE("oom_score_adj", procfs_show_oom_score_adj, procfs_write_oom_score_adj),
    OWN_FILE("mem", 0600, &procfs_mem_ops),
    OWN_FILE("pagemap", 0400, &procfs_pagemap_ops),
    PLACE("cwd", cwd_jump),
    PLACE("root", procfs_get_root),
    PLACE("exe", exe_jump),
    PROCFS_TEXT("mounts", 0444, procfs_show_mounts),
    PROCFS_TEXT("mountinfo", 0444, procfs_show_mountinfo),
    {.name = "timerslack_ns",
     .mode = LX_S_IFREG | 0666,
     .show = procfs_show_timerslack,
     .write = procfs_write_timerslack},
    /* The last, so that builds without it leave it out by their count. */
    PROCFS_WRITABLE("fail-nth", procfs_show_fail_nth, procfs_write_fail_nth),
};

#define PROCESS_FILES (ARRAY_SIZE(process_files) - !CONFIG_POISON)

static const struct procfs_dir process_dir = {.entries = process_files, .count = PROCESS_FILES};
static const struct procfs_dir thread_dir = {.entries = process_files + 1,
                                             .count = PROCESS_FILES - 1};

static const struct procfs_entry self_files[] = {
    {.name = "self", .mode = LX_S_IFLNK | 0777, .readlink = procfs_self_readlink},
    {.name = "thread-self", .mode = LX_S_IFLNK | 0777, .readlink = procfs_thread_self_readlink},
};

int procfs_start(const struct bootinfo *info)
{
    static const struct procfs_ops ops = {
        .processes = {.next = op_next, .find = op_find},
        .owner = op_owner,
        .access = op_access,
        .generation = op_generation,
    };

    /* The tables are known before the mount makes them visible. */
    procfs_register(self_files, ARRAY_SIZE(self_files));
    procfs_system_init();
    procfs_sysctl_init();
    procfs_hardware_init(info);
    return procfs_mount(&ops);
}
