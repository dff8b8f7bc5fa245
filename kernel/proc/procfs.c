/* SPDX-License-Identifier: MIT */
/* /proc/PID: which files there are, whose they are, who may look into them. */
#include "kernel/proc/procfs.h"

#include "kernel/fs/dentry.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/procfs_inside.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/stat.h"

/* --- finding a process --- */

struct process *procfs_lock(const struct procfs_node *node, uint64_t *flags)
{
    struct process *process;

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
    return process->task && !process->sig_exiting;
}

int procfs_get_space(const struct procfs_node *node, struct vm_space **out_space)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    *out_space = NULL;
    if (!process)
        return -ESRCH;
    spin_lock(&process->lock);
    if (has_task(process) && process->task->thread.space) {
        *out_space = process->task->thread.space;
        vm_space_get(*out_space);
    }
    spin_unlock(&process->lock);
    procfs_unlock(tree);
    return 0;
}

int procfs_lock_files(const struct procfs_node *node, struct fd_table **out_files, uint64_t *flags)
{
    struct process *process = procfs_lock(node, flags);

    if (!process)
        return -ESRCH;
    *out_files = has_task(process) ? process->task->files : NULL;
    return 0;
}

/* --- whose, and for whom --- */

static int op_owner(const struct procfs_node *node, uint32_t *uid, uint32_t *gid)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ENOENT;
    if (has_task(process)) {
        *uid = process->task->fs->cred.euid;
        *gid = process->task->fs->cred.egid;
    } else {
        *uid = process->exit_uid;
    }
    procfs_unlock(tree);
    return 0;
}

static bool same_user(const struct credentials *who, const struct credentials *whom)
{
    return who->fsuid == whom->uid && who->fsuid == whom->euid && who->fsuid == whom->suid &&
           who->fsgid == whom->gid && who->fsgid == whom->egid && who->fsgid == whom->sgid;
}

/* As ptrace would have it. */
static int op_access(const struct procfs_node *node)
{
    struct task *self = thread_current()->task;
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);
    bool allowed;

    if (!process)
        return -ESRCH;
    allowed = !self || self->process == process || credentials_is_privileged(&self->fs->cred) ||
              (has_task(process) && same_user(&self->fs->cred, &process->task->fs->cred));
    procfs_unlock(tree);
    return allowed ? 0 : -EACCES;
}

bool procfs_may_look(const struct procfs_node *node)
{
    return op_access(node) == 0;
}

/* --- the directories --- */

static const struct procfs_dir process_dir, thread_dir;
static const struct procfs_entry process_entry = {.mode = LX_S_IFDIR | 0555, .dir = &process_dir};
static const struct procfs_entry thread_entry = {.mode = LX_S_IFDIR | 0555, .dir = &thread_dir};

static int op_next(const struct procfs_node *dir, int number)
{
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    int lowest = INT32_MAX;

    (void)dir;
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (p->pid >= number && p->pid < lowest)
            lowest = p->pid;
    procfs_unlock(tree);
    return lowest == INT32_MAX ? PROCFS_NONE : lowest;
}

static int op_find(const struct procfs_node *dir, int number, struct procfs_node *out)
{
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    struct process *process = process_find_locked(number);

    (void)dir;
    if (process)
        *out = (struct procfs_node){&process_entry, process->serial, number, 0};
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
    for (int64_t i = 0; i < len; i++)
        text[i] = path[i];
    if (flags & DENTRY_PATH_DELETED)
        len += (int64_t)fmt_print(text + len, size - (size_t)len, "%s", deleted);
    return MIN(len, (int64_t)size);
}

static int exe_jump(const struct procfs_node *node, struct dentry **out_target)
{
    uint64_t tree;
    struct process *process = procfs_lock(node, &tree);

    if (!process)
        return -ESRCH;
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
    *out_target = has_task(process) ? which(process->task->fs) : NULL;
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
    int err = node->entry->jump(node, &dentry);

    return err ? err : procfs_path_text(dentry, text, size);
}

static int64_t self_readlink(const struct procfs_node *node, char *text, size_t size)
{
    struct task *self = thread_current()->task;

    (void)node;
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
    procfs_print(text, "%s\n", process->name);
    procfs_unlock(tree);
    return 0;
}

/* Only a process itself gives itself another name. */
static int write_comm(const struct procfs_node *node, struct vm_io *io)
{
    struct process *self = thread_current()->task->process;
    char name[sizeof(self->name)] = "";
    size_t wanted = MIN(io->left, sizeof(name) - 1);

    if (vm_io_get(io, name, wanted) < wanted)
        return -EFAULT;
    if (self->serial != node->serial)
        return -EINVAL;
    memcpy(self->name, name, sizeof(name));
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
    for (unsigned i = 0; i < LX_RLIM_NLIMITS; i++)
        limits[i] = process->limits[i];
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
        .readlink = place_readlink, .jump = (function)                                             \
    }
#define GUARDED(entry_name, permissions, function)                                                 \
    {                                                                                              \
        .name = (entry_name), .mode = LX_S_IFREG | (permissions), .guarded = true,                 \
        .show = (function)                                                                         \
    }

static const struct procfs_dir task_dir = {.next = task_next, .find = task_find};

/* `task` comes first: a thread's own directory has the others. */
static const struct procfs_entry process_files[] = {
    DIRECTORY("task", 0555, &task_dir),
    DIRECTORY("fd", 0500, &procfs_fd_dir),
    DIRECTORY("fdinfo", 0555, &procfs_fdinfo_dir),
    GUARDED("environ", 0400, procfs_show_environ),
    PROCFS_TEXT("status", 0444, procfs_show_status),
    PROCFS_TEXT("limits", 0444, show_limits),
    {.name = "comm", .mode = LX_S_IFREG | 0644, .show = show_comm, .write = write_comm},
    PROCFS_TEXT("cmdline", 0444, procfs_show_cmdline),
    PROCFS_TEXT("stat", 0444, procfs_show_stat),
    PROCFS_TEXT("statm", 0444, procfs_show_statm),
    GUARDED("maps", 0444, procfs_show_maps),
    PLACE("cwd", cwd_jump),
    PLACE("root", procfs_get_root),
    PLACE("exe", exe_jump),
    PROCFS_TEXT("mounts", 0444, procfs_show_mounts),
    PROCFS_TEXT("mountinfo", 0444, procfs_show_mountinfo),
};

static const struct procfs_dir process_dir = {process_files, ARRAY_SIZE(process_files), NULL, NULL};
static const struct procfs_dir thread_dir = {process_files + 1, ARRAY_SIZE(process_files) - 1, NULL,
                                             NULL};

static const struct procfs_entry self_files[] = {
    {.name = "self", .mode = LX_S_IFLNK | 0777, .readlink = self_readlink},
    {.name = "thread-self", .mode = LX_S_IFLNK | 0777, .readlink = thread_self_readlink},
};

int procfs_start(void)
{
    static const struct procfs_ops ops = {
        .processes = {.next = op_next, .find = op_find},
        .owner = op_owner,
        .access = op_access,
    };

    procfs_register(self_files, ARRAY_SIZE(self_files));
    procfs_system_init();
    return procfs_mount(&ops);
}
