/* SPDX-License-Identifier: MIT */
/*
 * unshare and setns: what a task has in common with others, or gets in common with another.
 *
 * unshare makes everything that can fail first: a copy of the place, a copy of the descriptors, the
 * checks of rights, the new name spaces. The order of errors is that of Linux. Only then is the
 * task given any of it; so a call that fails has changed nothing.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/lib/assert.h"
#include "kernel/proc/ipc/sem.h"
#include "kernel/proc/ns.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/signal_share.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/clone.h"
#include "shared/linux/errno.h"

#define NS_FLAGS                                                                                   \
    (LX_CLONE_NEWNS | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWUSER | LX_CLONE_NEWPID |     \
     LX_CLONE_NEWNET | LX_CLONE_NEWCGROUP | LX_CLONE_NEWTIME)

/* Some parts are unshared with others, as unshare(2) has it. */
static COLD uint64_t flags_complete(uint64_t flags)
{
    if (flags & LX_CLONE_NEWUSER)
        flags |= LX_CLONE_THREAD | LX_CLONE_FS;
    if (flags & LX_CLONE_VM)
        flags |= LX_CLONE_SIGHAND;
    if (flags & LX_CLONE_SIGHAND)
        flags |= LX_CLONE_THREAD;
    if (flags & LX_CLONE_NEWNS)
        flags |= LX_CLONE_FS;
    return flags;
}

/* What can only be confirmed not to be shared. */
static COLD bool is_alone(const struct task *self, uint64_t flags)
{
    /* The caller is the only one that could add a task, if there is none but it. */
    uint64_t tree = spin_lock_irqsave(&process_tree_lock);
    bool has_tasks = process_count_tasks(self->process) > 1;
    bool shares_actions = signal_is_shared(self->process);

    spin_unlock_irqrestore(&process_tree_lock, tree);
    if (((flags & LX_CLONE_THREAD) && has_tasks) || ((flags & LX_CLONE_SIGHAND) && shares_actions))
        return false;
    return !(flags & LX_CLONE_VM) || !vm_space_is_shared(self->thread.space);
}

/* Honoured: FILES, FS, SYSVSEM, NEWNS, NEWUTS, NEWIPC; THREAD, SIGHAND and VM, where there is
 * nothing to be done. Refused: other name spaces. */
COLD int64_t sys_unshare(struct task *self, uint64_t flags)
{
    struct fd_table *files = NULL;
    struct fs_struct *place = NULL;
    int err = 0;

    if (flags & ~(uint64_t)(LX_CLONE_THREAD | LX_CLONE_FS | LX_CLONE_SIGHAND | LX_CLONE_VM |
                            LX_CLONE_FILES | LX_CLONE_SYSVSEM | NS_FLAGS))
        return -EINVAL;
    flags = flags_complete(flags);
    if (!is_alone(self, flags))
        return -EINVAL;
    if ((flags & LX_CLONE_FS) && fs_context_is_shared(self->fs))
        err = fs_context_copy_place(self->fs, &place);
    if (!err && (flags & LX_CLONE_FILES) && fd_table_is_shared(self->files))
        err = fd_table_dup(self->files, &files);
    if (!err)
        err = ns_flags_check(self, flags);
    if (!err && (flags & NS_FLAGS))
        err = ns_unshare(self, flags, place ? place : self->fs->place);
    if (err) {
        if (files)
            fd_table_put(files);
        if (place)
            fs_struct_put(place);
        return err;
    }
    if (flags & LX_CLONE_SYSVSEM)
        sem_exit(self);
    if (place)
        process_replace_place(self, place);
    if (files)
        process_replace_files(self, files);
    return 0;
}

/* --- setns --- */

/* What the flags name of the name spaces of its leader, referenced. */
static COLD int spaces_get_locked(struct process *process, uint64_t flags,
                                  struct ns_common *wanted[NS_KINDS])
{
    ASSERT(process_tree_is_held());
    if (!process || !process->leader || process->leader->exiting)
        return -ESRCH;
    if (!process_may_look_locked(process, true))
        return -EPERM;
    for (unsigned i = 0; i < NS_KINDS; i++)
        if (flags & ns_flag((enum ns_kind)i))
            wanted[i] = ns_get_locked(process->leader, (enum ns_kind)i);
    return 0;
}

/* Those of a process: some of the kinds that there are. */
static COLD int enter_by_pidfd(struct task *self, const struct pidfd *pidfd, uint64_t flags)
{
    struct ns_common *wanted[NS_KINDS] = {NULL};
    uint64_t known = 0, tree;
    int err;

    for (unsigned i = 0; i < NS_KINDS; i++)
        known |= ns_flag((enum ns_kind)i);
    if (!flags || (flags & ~known))
        return -EINVAL;
    tree = spin_lock_irqsave(&process_tree_lock);
    err = spaces_get_locked(pidfd->process, flags, wanted);
    spin_unlock_irqrestore(&process_tree_lock, tree);
    if (!err)
        err = ns_enter(self, wanted);
    for (unsigned i = 0; i < NS_KINDS; i++)
        if (wanted[i])
            ns_put(wanted[i]);
    return err;
}

/* One descriptor stands for one name space: the flags say what it is expected to be. */
static COLD int enter_by_file(struct task *self, struct ns_common *space, uint64_t flags)
{
    struct ns_common *wanted[NS_KINDS] = {NULL};

    if (flags && flags != ns_flag(space->kind))
        return -EINVAL;
    wanted[space->kind] = space;
    return ns_enter(self, wanted);
}

/* Honoured: NEWUTS, NEWIPC, NEWNS. */
COLD int64_t sys_setns(struct task *self, int fd, int flags)
{
    struct fd_ref ref = fd_find(self->files, fd);
    struct ns_common *space;
    int err = -EINVAL;

    if (!ref.file || (ref.file->access & FILE_PATH))
        err = -EBADF;
    else if ((space = ns_of_file(ref.file)) != NULL)
        err = enter_by_file(self, space, (unsigned)flags);
    else if (pidfd_of(ref.file))
        err = enter_by_pidfd(self, pidfd_of(ref.file), (unsigned)flags);
    fd_ref_put(ref);
    return err;
}
