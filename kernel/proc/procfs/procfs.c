/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID: files, owners, and the right to look into a process.
 *
 * A node names a process by number and serial, so one that was opened before the number was given
 * out again finds nothing. Nodes of memory are also bound to a generation, the program that ran at
 * the open: after exec they show nothing of the new one, whose rights may be others.
 *
 * A process is only looked at under process_tree_lock (procfs_lock). What takes long or sleeps is
 * done on references that were taken under it. The right to guarded entries is checked by
 * fs/procfs/procfs.c through the operations below.
 */
#include "kernel/proc/procfs/procfs.h"

#include "kernel/fs/vfs/dentry.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/mm/config.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* --- finding a process --- */

struct process *procfs_lock(const struct procfs_node *node, uint64_t *flags)
{
    struct process *process;

    /* Zombies are found: their status can be read until they are waited for. */
    *flags = spin_lock_irqsave(&process_tree_lock);
    process = process_find_locked(node->pid);
    if (process && process->serial == node->serial)
        return process;
    spin_unlock_irqrestore(&process_tree_lock, *flags);
    return NULL;
}

void procfs_unlock(uint64_t flags)
{
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

/* Init is the kernel's own: it has no task. */
static bool has_task(const struct process *process)
{
    return process->leader && !process->leader->exiting;
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
    if (has_task(process) && (!node->generation || node->generation == process->generation))
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

    if (!process)
        return -ESRCH;
    /* Borrowed, and stays for as long as the tree is locked: exit first sets sig_exiting under
     * it. */
    *out_files = has_task(process) ? process->leader->files : NULL;
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
static bool is_same_user(const struct credentials *caller, const struct credentials *other)
{
    return caller->fsuid == other->uid && caller->fsuid == other->euid &&
           caller->fsuid == other->suid && caller->fsgid == other->gid &&
           caller->fsgid == other->egid && caller->fsgid == other->sgid;
}

/* As ptrace would have it (PTRACE_MODE_READ_FSCREDS): the process itself, root, or the same user if
 * the program is dumpable. With the file-system user root's alone one has none of root's other
 * rights. */
bool procfs_may_look_locked(struct process *process)
{
    struct task *self = thread_current()->task;
    struct credentials cred;

    ASSERT(process_tree_is_held());
    /* Without a task the caller is the kernel's harness. */
    if (!self || self->process == process || credentials_is_capable(&self->fs->cred))
        return true;
    cred = identity_of_locked(process);
    return has_task(process) && is_same_user(&self->fs->cred, &cred) && cred.euid != 0 &&
           !process_is_undumpable(process);
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
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    const struct process *process = process_from_number_locked(number);
    /* Getdents goes from number to number, so processes that come and go do not disturb it. */
    int pid = process ? process->pid : PROCFS_NONE;

    (void)dir;
    procfs_unlock(tree);
    return pid;
}

static int op_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    struct process *process = process_find_locked(number);

    (void)dir;
    /* The serial makes the node refer to this process and no later one. */
    if (process)
        *out =
            (struct procfs_node){.entry = &process_entry, .serial = process->serial, .pid = number};
    procfs_unlock(tree);
    return process ? 0 : -ENOENT;
}

/* A process has one task, of the same number. */
static int task_next(const struct procfs_node *dir, int number)
{
    return number <= dir->pid ? dir->pid : PROCFS_NONE;
}

static int task_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    out->entry = &thread_entry;
    out->number = number;
    return number == dir->pid ? 0 : -ENOENT;
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

    if (!process)
        return -ESRCH;
    /* fs_context functions take their own lock and a reference. */
    *out_target = has_task(process) ? which(process->leader->fs) : NULL;
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

static int64_t self_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct task *self = thread_current()->task;

    (void)node;
    /* The harness reads /proc without being a process. */
    if (!self)
        return -ENOENT;
    return (int64_t)fmt_print(text, size, "%d", self->process->pid);
}

static int64_t thread_self_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct task *self = thread_current()->task;

    (void)node;
    if (!self)
        return -ENOENT;
    return (int64_t)fmt_print(text, size, "%d/task/%d", self->process->pid, self->tid);
}

/* --- texts too small for a place of their own --- */

static int show_comm(const struct procfs_node *node, struct procfs_text *text)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ESRCH;
    /* Another task may write its name just now: then a mixture is read, never more than its
     * bytes. */
    procfs_print(text, "%s\n", process_name(process));
    procfs_unlock(tree);
    return 0;
}

/* Only a process itself gives itself another name. */
static int write_comm(const struct procfs_node *node, struct user_iter *io)
{
    struct process *self = thread_current()->task->process;
    char name[sizeof(self->leader->name)] = "";
    /* Cut off at 15 bytes, like PR_SET_NAME. */
    size_t wanted = MIN(io->left, sizeof(name) - 1);
    uint64_t tree;

    if (user_iter_get(io, name, wanted) < wanted)
        return -EFAULT;
    if (!procfs_lock(node, &tree))
        return -ESRCH;
    procfs_unlock(tree);
    if (self->serial != node->serial)
        return -EINVAL;
    memcpy(self->leader->name, name, sizeof(name));
    return 0;
}

static void limit_print(struct procfs_text *text, uint64_t value)
{
    if (value == LX_RLIM_INFINITY)
        procfs_print(text, "%-20s ", "unlimited");
    else
        procfs_print(text, "%-20llu ", (unsigned long long)value);
}

static int show_limits(const struct procfs_node *node, struct procfs_text *text)
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

static const struct procfs_dir task_dir = {.next = task_next, .find = task_find};

/* `task` comes first: a thread's own directory has the others. */
static const struct procfs_entry process_files[] = {
    /* Modes are those of Linux; what is not guarded may be read by all. */
    DIRECTORY("task", 0555, &task_dir),
    DIRECTORY("fd", 0500, &procfs_fd_dir),
    DIRECTORY("fdinfo", 0555, &procfs_fdinfo_dir),
    MEMORY("environ", 0400, procfs_show_environ),
    PROCFS_TEXT("status", 0444, procfs_show_status),
    PROCFS_TEXT("limits", 0444, show_limits),
    {.name = "comm", .mode = LX_S_IFREG | 0644, .show = show_comm, .write = write_comm},
    PROCFS_TEXT("cmdline", 0444, procfs_show_cmdline),
    PROCFS_TEXT("stat", 0444, procfs_show_stat),
    PROCFS_TEXT("statm", 0444, procfs_show_statm),
    MEMORY("maps", 0444, procfs_show_maps),
    {.name = "pagemap", .mode = LX_S_IFREG | 0400, .bound = true, .file_ops = &procfs_pagemap_ops},
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
    {.name = "fail-nth",
     .mode = LX_S_IFREG | 0644,
     .show = procfs_show_fail_nth,
     .write = procfs_write_fail_nth},
};

#define PROCESS_FILES (ARRAY_SIZE(process_files) - !CONFIG_POISON)

static const struct procfs_dir process_dir = {process_files, PROCESS_FILES, NULL, NULL};
static const struct procfs_dir thread_dir = {process_files + 1, PROCESS_FILES - 1, NULL, NULL};

static const struct procfs_entry self_files[] = {
    {.name = "self", .mode = LX_S_IFLNK | 0777, .readlink = self_readlink},
    {.name = "thread-self", .mode = LX_S_IFLNK | 0777, .readlink = thread_self_readlink},
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
    procfs_hardware_init(info);
    return procfs_mount(&ops);
}
