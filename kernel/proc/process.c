/* SPDX-License-Identifier: MIT */
#include "kernel/proc/process.h"

#include "kernel/arch/x86_64/features.h"
#include "kernel/core/clock.h"
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/sigframe_fpu.h"
#include "kernel/proc/signal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

#define BUCKETS 256

struct spinlock process_tree_lock = SPINLOCK_INIT(SPIN_PROC_TREE);
struct process process_init_process;

static struct slab_cache *process_cache, *task_cache, *fpu_cache;
static struct list numbers[BUCKETS];    /* [tree] by pid */
static int last_pid = PROCESS_INIT_PID; /* [tree] */
static uint64_t last_serial = 1;        /* [tree] init's */
/* [tree] How often a number is that of a process, of its group, of its session: groups and sessions
 * outlive who gave them its number. At most 2 for each process and 1 more: 16 bits are enough. */
static uint16_t uses[PROCESS_PID_MAX];

static struct list *bucket_of(int pid)
{
    return &numbers[(unsigned)pid % BUCKETS];
}

static void limits_init(struct process *process)
{
    for (unsigned i = 0; i < LX_RLIM_NLIMITS; i++)
        process->limits[i] = (struct lx_rlimit){LX_RLIM_INFINITY, LX_RLIM_INFINITY};
    process->limits[LX_RLIMIT_STACK].current = 8u << 20;
    process->limits[LX_RLIMIT_CORE].current = 0;
    process->limits[LX_RLIMIT_NPROC] = (struct lx_rlimit){PROCESS_PID_MAX - 1, PROCESS_PID_MAX - 1};
    process->limits[LX_RLIMIT_NOFILE] = (struct lx_rlimit){FD_LIMIT_DEFAULT, FD_LIMIT_MAX};
    process->limits[LX_RLIMIT_MEMLOCK] = (struct lx_rlimit){8u << 20, 8u << 20};
    process->limits[LX_RLIMIT_SIGPENDING] = (struct lx_rlimit){1024, 1024};
    process->limits[LX_RLIMIT_NICE] = (struct lx_rlimit){0, 0};
    process->limits[LX_RLIMIT_RTPRIO] = (struct lx_rlimit){0, 0};
    process->limits[LX_RLIMIT_MSGQUEUE] = (struct lx_rlimit){819200, 819200};
}

void process_limits_apply_locked(struct process *process)
{
    struct vm_space *space = process->task->thread.space;
    uint64_t bytes = process->limits[LX_RLIMIT_AS].current;

    if (!space) /* it is being forked */
        return;
    space->limit_pages = bytes == LX_RLIM_INFINITY ? bytes : bytes >> PAGE_SHIFT;
    space->brk_limit = process->limits[LX_RLIMIT_DATA].current;
    space->stack_limit = process->limits[LX_RLIMIT_STACK].current;
}

static void limit_expired(struct timer *timer)
{
    struct process *process = container_of(timer, struct process, limit);

    __atomic_store_n(&process->limit_reached, 1, __ATOMIC_RELEASE);
    arch_thread_add_work(&process->task->thread.arch, ARCH_WORK_KILL);
    sched_notify(&process->task->thread);
}

static void fields_init(struct process *process)
{
    list_init(&process->children);
    list_init(&process->sibling);
    list_init(&process->numbered);
    waitq_init(&process->child_wait);
    waitq_init(&process->release_wait);
    spin_init(&process->lock, SPIN_PROC);
    timer_init(&process->limit, limit_expired);
    process->sig_stack.flags = LX_SS_DISABLE;
    process->exit_signal = LX_SIGCHLD;
    process->started_ns = clock_monotonic_ns();
}

void process_init(void)
{
    process_cache = slab_cache_create("process", sizeof(struct process));
    task_cache = slab_cache_create("task", sizeof(struct task));
    /* Room to align the area to 64 bytes by hand. */
    fpu_cache = slab_cache_create("fpu", MIN(features.fpu_nbytes + 64u, 4096u));
    sigframe_fpu_init();
    for (unsigned i = 0; i < BUCKETS; i++)
        list_init(&numbers[i]);
    fields_init(&process_init_process);
    limits_init(&process_init_process);
    process_init_process.refs = 1;
    process_init_process.pid = PROCESS_INIT_PID;
    process_init_process.serial = last_serial;
    process_move_locked(&process_init_process, PROCESS_INIT_PID, PROCESS_INIT_PID);
    str_copy(process_init_process.name, sizeof(process_init_process.name), "init");
    list_push_back(bucket_of(PROCESS_INIT_PID), &process_init_process.numbered);
}

struct process *process_find_locked(int pid)
{
    list_for_each (node, bucket_of(pid)) {
        struct process *process = list_entry(node, struct process, numbered);

        if (process->pid == pid)
            return process;
    }
    return NULL;
}

struct process *process_next_locked(const struct process *after)
{
    const struct list *bucket = after ? bucket_of(after->pid) : &numbers[0];
    const struct list *node = after ? after->numbered.next : bucket->next;

    while (node == bucket) {
        if (++bucket == &numbers[BUCKETS])
            return NULL;
        node = bucket->next;
    }
    return list_entry(node, struct process, numbered);
}

/* A new process is in group and session 0, where the count does not matter. */
void process_move_locked(struct process *process, int group, int session)
{
    uses[process->group]--;
    uses[process->session]--;
    process->group = group;
    process->session = session;
    uses[group]++;
    uses[session]++;
}

bool process_exists(int pid)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    bool found = pid > 0 && process_find_locked(pid);

    for (struct process *p = process_next_locked(NULL); p && pid < 0 && !found;
         p = process_next_locked(p))
        found = p->group == -pid;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return found;
}

static int number_take_locked(void)
{
    for (int tries = 0; tries < PROCESS_PID_MAX; tries++) {
        last_pid = last_pid + 1 < PROCESS_PID_MAX ? last_pid + 1 : PROCESS_INIT_PID + 1;
        if (!uses[last_pid])
            return last_pid;
    }
    return -EAGAIN;
}

static void task_free(struct task *task)
{
    if (task->files)
        fd_table_put(task->files);
    if (task->fs)
        fs_context_destroy(task->fs);
    if (task->fpu_object)
        slab_free(fpu_cache, task->fpu_object);
    if (task->thread.arch.stack_top)
        thread_destroy(&task->thread);
    slab_free(task_cache, task);
}

static void process_free(struct process *process)
{
    if (process->task)
        task_free(process->task);
    slab_free(process_cache, process);
}

void process_put(struct process *process)
{
    if (__atomic_fetch_sub(&process->refs, 1, __ATOMIC_ACQ_REL) == 1)
        process_free(process);
}

/* The last switch away from a task: nobody is on its stack any more. */
static void task_ended(struct thread *thread)
{
    struct task *task = container_of(thread, struct task, thread);

    thread_destroy(thread); /* who waits to be waited for needs no stack */
    slab_free(fpu_cache, task->fpu_object);
    task->fpu_object = NULL;
    process_put(task->process);
}

static int process_alloc(struct process **out_process)
{
    struct process *process = slab_zalloc(process_cache);

    if (!process)
        return -ENOMEM;
    fields_init(process);
    process->refs = 1;
    process->task = slab_zalloc(task_cache);
    if (process->task)
        process->task->fpu_object = slab_alloc(fpu_cache);
    if (!process->task || !process->task->fpu_object) {
        process_free(process);
        return -ENOMEM;
    }
    process->task->process = process;
    *out_process = process;
    return 0;
}

/* RLIMIT_NPROC, which root need not mind. The new process is not in the tree yet. */
static bool too_many_locked(const struct process *process)
{
    const struct credentials *cred = &process->task->fs->cred;
    uint64_t limit = process->limits[LX_RLIMIT_NPROC].current, count = 1;

    if (limit >= PROCESS_PID_MAX - 1 || !cred->uid || credentials_is_privileged(cred))
        return false;
    for (struct process *p = process_next_locked(NULL); p; p = process_next_locked(p))
        if (p->task && cred->uid == (p->sig_exiting ? p->exit_uid : p->task->fs->cred.uid))
            count++;
    return count > limit;
}

/* Into the tree, with a number. */
static int link_locked(struct process *parent, struct process *process)
{
    int pid = too_many_locked(process) ? -EAGAIN : number_take_locked();

    if (pid < 0)
        return pid;
    process->pid = pid;
    process->serial = ++last_serial;
    process->task->tid = pid;
    process->parent = parent;
    process->parent_pid = parent->pid;
    list_push_back(&parent->children, &process->sibling);
    list_push_back(bucket_of(pid), &process->numbered);
    uses[pid]++;
    return 0;
}

void process_unlink_locked(struct process *process)
{
    list_remove(&process->sibling);
    list_remove(&process->numbered);
    uses[process->pid]--;
    process_move_locked(process, 0, 0);
}

static int process_link(struct process *parent, struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = link_locked(parent, process);

    if (!err)
        process_move_locked(process, process->pid, process->pid);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

int process_create(struct process *parent, struct process **out_process)
{
    struct process *process;
    int err = process_alloc(&process);

    if (err)
        return err;
    limits_init(process);
    err = fd_table_create(&process->task->files);
    if (!err)
        err = fs_context_create(&process->task->fs);
    if (!err)
        err = process_link(parent, process);
    if (err) {
        process_free(process);
        return err;
    }
    process->awaited = true;
    *out_process = process;
    return 0;
}

static void signals_copy(struct task *self, struct process *child)
{
    struct process *process = self->process;

    spin_lock(&process->lock);
    __atomic_store_n(&process->group_signals, 0, __ATOMIC_RELAXED);
    memcpy(child->actions, process->actions, sizeof(child->actions));
    spin_unlock(&process->lock);
    child->sig_stack = process->sig_stack;
    child->task->sig_mask = self->sig_mask;
}

int process_copy(struct task *self, bool share_files, bool share_fs, struct process **out_process)
{
    struct process *parent = self->process, *child;
    int err = process_alloc(&child);

    if (err)
        return err;
    signals_copy(self, child);
    if (share_files) {
        fd_table_get(self->files);
        child->task->files = self->files;
    } else {
        err = fd_table_dup(self->files, &child->task->files);
    }
    if (!err)
        err = fs_context_fork(self->fs, share_fs, &child->task->fs);
    if (err) {
        process_free(child);
        return err;
    }
    memcpy(child->limits, parent->limits, sizeof(child->limits));
    memcpy(child->name, parent->name, sizeof(child->name));
    child->no_new_privs = parent->no_new_privs;
    child->layout = parent->layout;
    if (parent->exe) {
        file_get(parent->exe);
        child->exe = parent->exe;
    }
    *out_process = child;
    return 0;
}

int process_join(struct process *self, struct process *child, bool same_parent)
{
    uint32_t work = ARCH_WORK_SIGNAL | ARCH_WORK_KILL;
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    int err = -EINTR;

    if (!(__atomic_load_n(&self->task->thread.arch.work, __ATOMIC_ACQUIRE) & work)) {
        child->terminal = self->terminal;
        err = link_locked(same_parent ? self->parent : self, child);
    }
    if (!err) {
        process_move_locked(child, self->group, self->session);
        child->sig_queue.set = self->group_signals & child->task->sig_mask;
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

void process_abandon(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    process_unlink_locked(process);
    signal_queue_drop(&process->sig_queue, ~0ULL);
    signal_queue_drop(&process->task->sig_queue, ~0ULL);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    timer_stop(&process->limit);
    if (process->exe)
        file_put(process->exe);
    process_put(process);
}

void process_start(struct process *process)
{
    process_get(process); /* the thread's own, until task_ended */
    process->task->thread.ended = task_ended;
    sched_start(&process->task->thread);
}

uint64_t process_live_count(void)
{
    return slab_objects(process_cache);
}

int process_last_pid(void)
{
    return __atomic_load_n(&last_pid, __ATOMIC_RELAXED);
}

uint64_t process_forks(void)
{
    return __atomic_load_n(&last_serial, __ATOMIC_RELAXED);
}

void process_set_limit(struct process *process, uint64_t deadline_ns)
{
    if (deadline_ns)
        timer_start(&process->limit, deadline_ns);
}

void process_set_name(struct process *process, const char *path)
{
    const char *slash = strrchr(path, '/');

    str_copy(process->name, sizeof(process->name), slash ? slash + 1 : path);
}
