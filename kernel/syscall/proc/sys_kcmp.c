/* SPDX-License-Identifier: MIT */
/*
 * kcmp(2): whether two tasks have something in common.
 *
 * What they have is found under process_tree_lock, files with a reference; what is compared is the
 * address of the object, and never looked into. Programs get an order of objects, but none that
 * says where in memory these are: addresses are scrambled by two random numbers first.
 */
#include "kernel/core/random.h"
#include "kernel/fs/event/epoll.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/kcmp.h"

/* One of the two, and what it has. */
struct kcmp_side {
    struct process *process; /* [t] */
    const struct task *task; /* [t] NULL: it has given back all it had, or is init */
    int fd;
    struct file *file; /* counted, or NULL */
    const void *object;
};

static int side_find_locked(struct kcmp_side *side, int pid)
{
    const struct task *task;

    ASSERT(process_tree_is_held());
    side->process = pid > 0 ? process_of_task_locked(pid) : NULL;
    if (!side->process)
        return -ESRCH;
    task = task_find_locked(pid);
    side->task = task && !task->exiting ? task : NULL;
    return 0;
}

/* Processes that share their actions have a copy each (signal_share.h): the ring that they are in
 * stands for it, and its lowest address for the ring. */
static const void *actions_of_locked(const struct process *process)
{
    const struct list *lowest = &process->sharers;

    ASSERT(process_tree_is_held());
    list_for_each (node, &process->sharers)
        lowest = MIN(lowest, node);
    return lowest;
}

static int side_take_locked(struct kcmp_side *side, int type)
{
    const struct task *task = side->task;

    ASSERT(process_tree_is_held());
    switch (type) {
    case LX_KCMP_FILE:
    case LX_KCMP_EPOLL_TFD:
        side->file = task ? fd_get(task->files, side->fd) : NULL;
        side->object = side->file;
        return side->file ? 0 : -EBADF;
    case LX_KCMP_VM:
        side->object = process_space_locked(side->process);
        return 0;
    case LX_KCMP_FILES:
        side->object = task ? task->files : NULL;
        return 0;
    case LX_KCMP_FS:
        side->object = task ? task->fs->place : NULL;
        return 0;
    case LX_KCMP_SIGHAND:
        side->object = actions_of_locked(side->process);
        return 0;
    case LX_KCMP_SYSVSEM:
        side->object = task ? __atomic_load_n(&task->sem_undo, __ATOMIC_RELAXED) : NULL;
        return 0;
    case LX_KCMP_IO: /* no task has an I/O context: all have the same */
        return 0;
    default:
        return -EINVAL;
    }
}

static int sides_take_locked(struct kcmp_side sides[2], int pid1, int pid2, int type, int slot_err)
{
    int err = side_find_locked(&sides[0], pid1);

    ASSERT(process_tree_is_held());
    if (!err)
        err = side_find_locked(&sides[1], pid2);
    if (err)
        return err;
    if (!process_may_look_locked(sides[0].process, true) ||
        !process_may_look_locked(sides[1].process, true))
        return -EPERM;
    err = slot_err ? slot_err : side_take_locked(&sides[0], type);
    return err ? err : side_take_locked(&sides[1], type);
}

/* 0: equal, 1: less, 2: greater; the same at each call. */
static int pointers_compare(const void *one, const void *other)
{
    static uint64_t secret[2]; /* [t] drawn by the first call */
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    uint64_t left, right;

    if (!secret[1]) {
        random_fill(secret, sizeof(secret));
        secret[1] |= 1; /* so that the multiplication loses nothing */
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    left = ((uint64_t)one ^ secret[0]) * secret[1];
    right = ((uint64_t)other ^ secret[0]) * secret[1];
    return left == right ? 0 : left < right ? 1 : 2;
}

/* All types of Linux. */
COLD int64_t sys_kcmp(struct task *self, int pid1, int pid2, int type, uint64_t index1,
                      uint64_t index2)
{
    struct kcmp_side sides[2] = {{.fd = (int)index1}, {.fd = (int)index2}};
    struct lx_kcmp_epoll_slot slot = {0};
    bool by_epoll = type == LX_KCMP_EPOLL_TFD;
    int err = by_epoll ? vm_user_read(&slot, (struct uptr){index2}, sizeof(slot)) : 0;
    uint64_t tree;

    (void)self;
    if (by_epoll)
        sides[1].fd = (int)slot.efd;
    tree = spin_lock_irqsave(&process_tree_lock);
    err = sides_take_locked(sides, pid1, pid2, type, err);
    spin_unlock_irqrestore(&process_tree_lock, tree);
    if (!err && by_epoll)
        err = epoll_find_target(sides[1].file, (int)slot.tfd, slot.toff, &sides[1].object);
    if (!err)
        err = pointers_compare(sides[0].object, sides[1].object);
    for (unsigned i = 0; i < 2; i++)
        if (sides[i].file)
            file_put(sides[i].file);
    return err;
}
