/* SPDX-License-Identifier: MIT */
/*
 * Process identifiers, process groups and sessions.
 *
 * All of it is guarded by process_tree_lock, which is held with
 * interrupts off: nothing here, and nothing that its callers do under the lock, takes longer when
 * there are more processes. What must reach many of them does so in a walk, which gives the lock up
 * every WALK_SLICE steps.
 *
 * A struct pid comes with its process and holds the group and the session of that number as well,
 * so that setpgid and setsid need no memory and cannot fail for want of it. The counts of members
 * and of groups keep the number in use by themselves: a group that begins or ends with a setpgid
 * costs no references. Shells call that twice for each process they start, so it is one section of
 * the lock and one function here.
 *
 * Whether a group is orphaned is asked at every stop signal and at every exit. The answer is kept
 * as a count, `anchors`: each process remembers whether it counts in its group, and is looked at
 * again when something that decides it has changed. When a process with many children changes its
 * group, they are looked at in slices; between these each group's count lies between its old and
 * its new value and is not 0 unless one of the two is.
 */
#include "kernel/proc/pid.h"

#include "kernel/lib/assert.h"
#include "kernel/lib/bitmap.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define WALK_SLICE 32 /* steps with the lock held: some ten microseconds */

static struct slab_cache *pid_cache;
static struct pid **table;                                   /* [t] by number */
static uint64_t used[BITMAP_WORDS(PROCESS_PID_MAX)];         /* [t] */
static unsigned used_count;                                  /* [t] */
static int last_number;                                      /* [t] */
static struct list all_processes = LIST_INIT(all_processes); /* [t] struct process_link */

void pid_init(void)
{
    pid_cache = slab_cache_create("pid", sizeof(struct pid));
    table = kzalloc(PROCESS_PID_MAX * sizeof(*table));
    ASSERT(table);
    /* Number 0 means "the caller's" in most calls, so no process ever has it. */
    bitmap_set(used, 0);
    used_count = 1;
}

/* Zeroed: no number, no process, no session until it is assigned. */
struct pid *pid_alloc(void)
{
    struct pid *pid = slab_zalloc(pid_cache);

    if (!pid)
        return NULL;
    list_init(&pid->group.members);
    return pid;
}

void pid_discard(struct pid *pid)
{
    ASSERT(!pid->refs);
    slab_free(pid_cache, pid);
}

static inline bool is_used(const struct pid *pid)
{
    return pid->refs || pid->group.count || pid->session.groups;
}

static NOINLINE void pid_free(struct pid *pid)
{
    ASSERT(!pid->process && !pid->task && !pid->session.terminal);
    bitmap_clear(used, (size_t)pid->number);
    used_count--;
    table[pid->number] = NULL;
    slab_free(pid_cache, pid);
}

int pid_assign_locked(struct pid *pid, unsigned reserve)
{
    size_t number;

    ASSERT(process_tree_is_held());
    if (used_count + reserve >= PROCESS_PID_MAX)
        return -EAGAIN;
    /* Upwards from the last one: a number that was freed is not used again for as long as possible,
     * as on Linux. */
    number = bitmap_find_zero(used, PROCESS_PID_MAX, (size_t)last_number + 1);
    if (number == PROCESS_PID_MAX)
        number = bitmap_find_zero(used, PROCESS_PID_MAX, PROCESS_INIT_PID);
    ASSERT(number < PROCESS_PID_MAX);
    bitmap_set(used, number);
    used_count++;
    table[number] = pid;
    pid->number = (int)number;
    pid->refs = 1;
    __atomic_store_n(&last_number, (int)number, __ATOMIC_RELAXED);
    return 0;
}

void pid_get_locked(struct pid *pid)
{
    ASSERT(process_tree_is_held() && is_used(pid));
    pid->refs++;
}

void pid_put_locked(struct pid *pid)
{
    ASSERT(process_tree_is_held() && pid->refs);
    pid->refs--;
    if (!is_used(pid))
        pid_free(pid);
}

static inline struct pid *pid_lookup(int number)
{
    return (unsigned)number < PROCESS_PID_MAX ? table[(unsigned)number] : NULL;
}

static inline struct process *process_lookup(int number)
{
    const struct pid *found = pid_lookup(number);

    return found ? found->process : NULL;
}

struct pid *pid_find_locked(int number)
{
    ASSERT(process_tree_is_held());
    return pid_lookup(number);
}

int pid_last(void)
{
    return __atomic_load_n(&last_number, __ATOMIC_RELAXED);
}

struct process *process_find_locked(int pid)
{
    ASSERT(process_tree_is_held());
    return process_lookup(pid);
}

struct process *process_from_number_locked(int number)
{
    size_t at = (size_t)MAX(number, 1);

    ASSERT(process_tree_is_held());
    /* Numbers without a process are those of groups, sessions and walks that outlive theirs. */
    for (; at < PROCESS_PID_MAX; at++) {
        at = bitmap_find_set(used, PROCESS_PID_MAX, at);
        if (at < PROCESS_PID_MAX && table[at]->process)
            return table[at]->process;
    }
    return NULL;
}

/* process NULL: any process's number, but no other task's. */
static bool number_is_meant(const struct pid *pid, const struct process *process)
{
    if (!process)
        return pid->process != NULL;
    return pid->process == process || (pid->task && pid->task->process == process);
}

int pid_next(int number, const struct process *process)
{
    size_t at = (size_t)MAX(number, 1);
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    unsigned steps = 0;

    /* Numbers are all that is kept over a pause: those that come and go meanwhile make no
     * difference. */
    while ((at = bitmap_find_set(used, PROCESS_PID_MAX, at)) < PROCESS_PID_MAX &&
           !number_is_meant(table[at], process)) {
        at++;
        process_tree_pause_locked(&steps, &flags);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return at < PROCESS_PID_MAX ? (int)at : -1;
}

/* --- groups and sessions --- */

struct pid *process_group_find_locked(int number)
{
    struct pid *pid = pid_lookup(number);

    ASSERT(process_tree_is_held());
    return pid && pid->group.count ? pid : NULL;
}

/* The parent is of another group of the same session than that group, and may thus know that the
 * process stopped. init does not care: nothing else is in its session. What has ended is continued
 * by nothing. POSIX, "orphaned process group". */
static inline bool is_anchor(const struct process *process, const struct pid *group)
{
    const struct process *parent = process->parent;

    return parent->group_pid != group && parent->session == process->session && !process->zombie;
}

void process_anchor_update_locked(struct process *process)
{
    bool now = process->parent && is_anchor(process, process->group_pid); /* init has none */

    ASSERT(process_tree_is_held());
    if (now == process->anchor)
        return;
    process->anchor = now;
    process->group_pid->group.anchors += now ? 1 : -1U;
}

void process_set_stopped_locked(struct process *process, bool stopped)
{
    ASSERT(process_tree_is_held());
    if (stopped == process->stopped)
        return;
    process->stopped = stopped;
    process->group_pid->group.stopped += stopped ? 1 : -1U;
}

/* A group that gets its first member joins its session; both are in use from now on. */
static inline void group_begin(struct pid *group, struct pid *session)
{
    session->session.groups++;
    group->group.session = session;
}

/* One that has lost its last member leaves it. */
static inline void group_end(struct pid *group)
{
    struct pid *session = group->group.session;

    /* The last member took its own share along: the counts are exact. */
    ASSERT(!(group->group.anchors | group->group.stopped));
    group->group.session = NULL;
    session->session.groups--;
    if (unlikely(!is_used(session)) && session != group)
        pid_free(session);
    if (unlikely(!is_used(group)))
        pid_free(group);
}

void process_group_enter_locked(struct process *process, struct pid *group, struct pid *session,
                                const struct process *behind)
{
    struct process_group *it = &group->group;
    bool is_behind = behind && behind->group_pid == group;

    ASSERT(process_tree_is_held());
    ASSERT(!process->group_pid && (!it->count || it->session == session));
    if (it->count++ == 0)
        group_begin(group, session);
    /* Behind its parent: a walk that has passed the parent before the fork meets the child as
     * well. */
    list_insert_after(is_behind ? (struct list *)&behind->group_link.link : &it->members,
                      &process->group_link.link);
    process->group_pid = group;
    __atomic_store_n(&process->group, group->number, __ATOMIC_RELAXED);
    __atomic_store_n(&process->session, session->number, __ATOMIC_RELAXED);
    it->stopped += process->stopped;
    process_anchor_update_locked(process);
}

void process_group_leave_locked(struct process *process)
{
    struct pid *group = process->group_pid;
    struct process_group *it = &group->group;

    ASSERT(process_tree_is_held());
    it->anchors -= process->anchor;
    it->stopped -= process->stopped;
    process->anchor = false;
    process->group_pid = NULL;
    list_remove(&process->group_link.link);
    if (--it->count == 0)
        group_end(group);
}

/* --- all processes, and walks --- */

void process_list_enter_locked(struct process *process, struct process *behind)
{
    ASSERT(process_tree_is_held());
    list_insert_after(behind ? &behind->all_link.link : &all_processes, &process->all_link.link);
}

bool process_tree_pause_locked(unsigned *steps, uint64_t *flags)
{
    ASSERT(process_tree_is_held());
    if (++*steps < WALK_SLICE)
        return false;
    *steps = 0;
    spin_unlock_irqrestore(&process_tree_lock, *flags);
    /* Interrupts were off for the slice; other threads of this processor may be due. */
    sched_preempt_point();
    *flags = spin_lock_irqsave(&process_tree_lock);
    return true;
}

static void process_walk_begin(struct process_walk *walk, struct list *head)
{
    ASSERT(process_tree_is_held());
    *walk = (struct process_walk){.head = head};
    /* The cursor stands in the list itself, so members before and behind it may come and go. */
    list_push_front(head, &walk->cursor.link);
}

void process_walk_group_locked(struct process_walk *walk, struct pid *group)
{
    ASSERT(process_tree_is_held());
    process_walk_begin(walk, &group->group.members);
    pid_get_locked(group);
    walk->group = group;
}

void process_walk_all_locked(struct process_walk *walk)
{
    ASSERT(process_tree_is_held());
    process_walk_begin(walk, &all_processes);
}

void process_walk_children_locked(struct process_walk *walk, struct process *parent)
{
    ASSERT(process_tree_is_held());
    process_walk_begin(walk, &parent->family.children);
}

/* A cursor of another walk is a step like any other: where members are few and walks are many, a
 * crowd of cursors stands in one place. */
struct process *process_walk_next_locked(struct process_walk *walk, uint64_t *flags)
{
    struct process *process = NULL;

    ASSERT(process_tree_is_held());
    while (!process) {
        struct list *node;

        process_tree_pause_locked(&walk->steps, flags);
        node = walk->cursor.link.next;
        if (node == walk->head)
            return NULL;
        list_remove(&walk->cursor.link);
        list_insert_after(node, &walk->cursor.link);
        process = list_entry(node, struct process_link, link)->process;
    }
    return process;
}

void process_walk_end_locked(struct process_walk *walk)
{
    ASSERT(process_tree_is_held());
    list_remove(&walk->cursor.link);
    if (walk->group)
        pid_put_locked(walk->group);
}

/* --- setpgid and setsid --- */

/* From its group to another one of the same session, which may have no members yet. */
static inline void group_change(struct process *process, struct pid *group)
{
    struct pid *left = process->group_pid;
    struct process_group *from = &left->group, *to = &group->group;

    /* The new one first: the session has a group at any time. */
    if (to->count++ == 0)
        group_begin(group, from->session);
    list_move_after(&to->members, &process->group_link.link);
    process->group_pid = group;
    __atomic_store_n(&process->group, group->number, __ATOMIC_RELAXED);
    if (unlikely(process->stopped)) {
        from->stopped--;
        to->stopped++;
    }
    from->anchors -= process->anchor;
    process->anchor = false;
    if (is_anchor(process, group)) {
        process->anchor = true;
        to->anchors++;
    }
    if (--from->count == 0)
        group_end(left);
}

/* Its group or session has changed: so has perhaps what its children are to their groups. */
static void children_anchors_update_locked(struct process *process, uint64_t *flags)
{
    struct process_walk walk;
    struct process *child;

    ASSERT(process_tree_is_held());
    if (list_empty(&process->family.children))
        return;
    process_walk_children_locked(&walk, process);
    while ((child = process_walk_next_locked(&walk, flags)) != NULL)
        process_anchor_update_locked(child);
    process_walk_end_locked(&walk);
}

/* The end of setpgid for a process with children. The lock is given up between them, so the process
 * might be gone but for the reference. */
static NOINLINE int64_t set_group_of_parent_locked(struct process *process, uint64_t flags)
{
    ASSERT(process_tree_is_held());
    process_get(process);
    children_anchors_update_locked(process, &flags);
    spin_unlock_irqrestore(&process_tree_lock, flags);
    process_put(process);
    return 0;
}

/* The order of the errors is Linux's: not a child, another session, has executed a program, leads a
 * session, no such group in this session. A group without members is in no session. */
static inline int64_t group_meant(const struct process *caller, const struct process *process,
                                  int number, struct pid **out_group)
{
    if (process != caller) {
        if (!process || process->parent != caller)
            return -ESRCH;
        if (process->session != caller->session)
            return -EPERM;
        if (process->has_execed)
            return -EACCES;
    }
    if (process->session == process->pid)
        return -EPERM; /* the leader of a session */
    *out_group = process->own_pid;
    if (number == process->pid)
        return 0;
    *out_group = pid_lookup(number);
    if (!*out_group || (*out_group)->group.session != process->group_pid->group.session)
        return -EPERM;
    return 0;
}

int64_t process_set_group(struct process *caller, int number, int group)
{
    struct process *process = caller;
    int wanted = group ? group : number;
    struct pid *to = NULL;
    uint64_t flags;
    int64_t err;

    if (unlikely(wanted <= 0)) {
        if (wanted < 0)
            return -EINVAL;
        wanted = caller->pid; /* both are 0: its own group, by its own number */
    }
    flags = spin_lock_irqsave_inline(&process_tree_lock);
    if (number)
        process = process_lookup(number);
    err = group_meant(caller, process, wanted, &to);
    if (!err && to != process->group_pid) {
        group_change(process, to);
        if (unlikely(!list_empty(&process->family.children)))
            return set_group_of_parent_locked(process, flags);
    }
    spin_unlock_irqrestore_inline(&process_tree_lock, flags);
    return err;
}

void process_set_session_locked(struct process *process, uint64_t *flags)
{
    ASSERT(process_tree_is_held());
    /* The session number of before may live on as long as another group is in it. */
    process_group_leave_locked(process);
    process_group_enter_locked(process, process->own_pid, process->own_pid, NULL);
    process->terminal_grant = 0;
    children_anchors_update_locked(process, flags);
}
