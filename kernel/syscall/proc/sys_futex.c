/* SPDX-License-Identifier: MIT */
/*
 * Futexes, robust lists, restartable sequences.
 *
 * The queues, their locks and the comparison that makes waiting safe are in proc/futex/futex.c.
 * Here operations are decoded: their fifth argument is a time for the waits and a second count for
 * the others, so it is a plain word in the table.
 *
 * A private futex is named by its address in the caller's memory; a shared one by the object behind
 * the page, so that processes that map it at different addresses meet.
 *
 * FUTEX_WAKE_OP changes a word and wakes two queues, the second if the old value says so. The
 * change is a compare-and-exchange in user memory, repeated until no other CPU interferes; each
 * turn means that another one made progress.
 */
#include "kernel/core/clock.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/futex/futex.h"
#include "kernel/proc/futex/rseq.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/futex.h"
#include "shared/linux/time.h"

#define NS_PER_SEC 1000000000LL

/* The time-out of a wait as a deadline: relative for FUTEX_WAIT, and then monotonic, else a time of
 * the clock that the operation names. */
static int futex_deadline_read(struct uptr user, bool relative, uint64_t *deadline_ns)
{
    struct lx_timespec time;
    uint64_t ns;
    int err = vm_user_read(&time, user, sizeof(time));

    if (err)
        return err;
    if (time.sec < 0 || time.nsec < 0 || time.nsec >= NS_PER_SEC)
        return -EINVAL;
    ns = time.sec > INT64_MAX / NS_PER_SEC - 1 ? INT64_MAX
                                               : (uint64_t)(time.sec * NS_PER_SEC + time.nsec);
    if (relative)
        ns = MIN(clock_monotonic_ns() + ns, (uint64_t)INT64_MAX);
    *deadline_ns = MAX(ns, 1);
    return 0;
}

/* The five operations of the first four bits of val3 (futex(2)). */
static uint32_t wake_op_apply(uint32_t word, uint32_t operation, uint32_t argument)
{
    switch (operation) {
    case LX_FUTEX_OP_SET:
        return argument;
    case LX_FUTEX_OP_ADD:
        return word + argument;
    case LX_FUTEX_OP_OR:
        return word | argument;
    case LX_FUTEX_OP_ANDN:
        return word & ~argument;
    default:
        return word ^ argument;
    }
}

/* Signed, as the C library's use of it needs. */
static bool wake_op_compare(int32_t word, uint32_t comparison, int32_t argument)
{
    switch (comparison) {
    case LX_FUTEX_OP_CMP_EQ:
        return word == argument;
    case LX_FUTEX_OP_CMP_NE:
        return word != argument;
    case LX_FUTEX_OP_CMP_LT:
        return word < argument;
    case LX_FUTEX_OP_CMP_LE:
        return word <= argument;
    case LX_FUTEX_OP_CMP_GT:
        return word > argument;
    default:
        return word >= argument;
    }
}

/* The word at va2 is changed; those at va are woken, and those at va2 if the old word says so. */
static int64_t wake_op(struct task *self, uint64_t va, uint64_t va2, bool shared, int count,
                       int count2, uint32_t code)
{
    /* Both arguments are 12 bits with a sign; the top bit of the operation turns the first into 1
     * << argument. */
    uint32_t operation = code >> 28 & 7, comparison = code >> 24 & 15;
    int32_t argument = (int32_t)(code << 8) >> 20, operand = (int32_t)(code << 20) >> 20;
    uint32_t word, seen;
    int woken, more = 0, err;

    if (operation > LX_FUTEX_OP_XOR || comparison > LX_FUTEX_OP_CMP_GE)
        return -ENOSYS;
    if (!IS_ALIGNED(va | va2, sizeof(word)))
        return -EINVAL;
    if (code >> 31)
        argument = (int32_t)(1u << (argument & 31));
    err = vm_user_read(&word, (struct uptr){va2}, sizeof(word));
    while (!err) {
        err = vm_exchange(self->thread.space, va2, word,
                          wake_op_apply(word, operation, (uint32_t)argument), &seen);
        if (err || seen == word)
            break;
        word = seen;
    }
    if (err)
        return err;
    woken = futex_wake(self, va, shared, count, LX_FUTEX_BITSET_MATCH_ANY);
    if (woken >= 0 && wake_op_compare((int32_t)word, comparison, operand))
        more = futex_wake(self, va2, shared, count2, LX_FUTEX_BITSET_MATCH_ANY);
    return more < 0 ? more : woken + more;
}

static bool command_has_time(int command)
{
    return command == LX_FUTEX_WAIT || command == LX_FUTEX_WAIT_BITSET ||
           command == LX_FUTEX_LOCK_PI || command == LX_FUTEX_LOCK_PI2 ||
           command == LX_FUTEX_WAIT_REQUEUE_PI;
}

/* Those that say which clock the time is of. */
static bool command_has_clock(int command)
{
    return command == LX_FUTEX_WAIT_BITSET || command == LX_FUTEX_LOCK_PI2 ||
           command == LX_FUTEX_WAIT_REQUEUE_PI;
}

/* Honoured: all commands but FD; PRIVATE_FLAG, CLOCK_REALTIME where there is a choice of clocks. */
int64_t sys_futex(struct task *self, uint64_t va, int operation, unsigned value, uint64_t timeout,
                  uint64_t va2, unsigned value3)
{
    int command = operation & ~(LX_FUTEX_PRIVATE_FLAG | LX_FUTEX_CLOCK_REALTIME);
    bool shared = !(operation & LX_FUTEX_PRIVATE_FLAG);
    bool realtime = (operation & LX_FUTEX_CLOCK_REALTIME) != 0;
    uint64_t deadline_ns = 0;
    int err = 0;

    if (timeout && command_has_time(command))
        err = futex_deadline_read((struct uptr){timeout}, command == LX_FUTEX_WAIT, &deadline_ns);
    if (err)
        return err;
    if (realtime && !command_has_clock(command))
        return -ENOSYS;
    switch (command) {
    case LX_FUTEX_WAIT:
        value3 = LX_FUTEX_BITSET_MATCH_ANY;
        /* falls through */
    case LX_FUTEX_WAIT_BITSET:
        return futex_wait(self, va, shared, value, deadline_ns, realtime, value3);
    case LX_FUTEX_WAKE:
        value3 = LX_FUTEX_BITSET_MATCH_ANY;
        /* falls through */
    case LX_FUTEX_WAKE_BITSET:
        return futex_wake(self, va, shared, (int)value, value3);
    case LX_FUTEX_REQUEUE:
        return futex_requeue(self, va, va2, shared, (int)value, (int)timeout, NULL);
    case LX_FUTEX_CMP_REQUEUE:
        return futex_requeue(self, va, va2, shared, (int)value, (int)timeout, &value3);
    case LX_FUTEX_WAKE_OP:
        return wake_op(self, va, va2, shared, (int)value, (int)timeout, value3);
    case LX_FUTEX_LOCK_PI:
        return futex_pi_acquire(self, va, shared, deadline_ns, true, false);
    case LX_FUTEX_LOCK_PI2:
        return futex_pi_acquire(self, va, shared, deadline_ns, realtime, false);
    case LX_FUTEX_TRYLOCK_PI:
        return futex_pi_acquire(self, va, shared, 0, false, true);
    case LX_FUTEX_UNLOCK_PI:
        return futex_pi_release(self, va, shared);
    case LX_FUTEX_WAIT_REQUEUE_PI:
        return futex_wait_requeue_pi(self, va, va2, shared, value, deadline_ns, realtime);
    case LX_FUTEX_CMP_REQUEUE_PI:
        return futex_cmp_requeue_pi(self, va, va2, shared, (int)value, (int)timeout, value3);
    default:
        return -ENOSYS;
    }
}

/* Honoured: words of 32 bits, each private or shared. */
COLD int64_t sys_futex_waitv(struct task *self, struct uptr user, unsigned count, unsigned flags,
                             struct uptr timeout, int clock)
{
    struct lx_futex_waitv *words;
    uint64_t deadline_ns = 0;
    int64_t result = 0;

    if (flags || !count || count > LX_FUTEX_WAITV_MAX || !user.va)
        return -EINVAL;
    if (timeout.va && clock != LX_CLOCK_REALTIME && clock != LX_CLOCK_MONOTONIC)
        return -EINVAL;
    if (timeout.va)
        result = futex_deadline_read(timeout, false, &deadline_ns);
    if (result)
        return result;
    words = kmalloc(count * sizeof(*words));
    if (!words)
        return -ENOMEM;
    if (vm_user_read(words, user, count * sizeof(*words)))
        result = -EFAULT;
    for (unsigned i = 0; !result && i < count; i++)
        if ((words[i].flags & ~(uint32_t)LX_FUTEX_PRIVATE_FLAG) != LX_FUTEX_32 || words[i].reserved)
            result = -EINVAL;
    if (!result)
        result = futex_wait_many(self, words, count, deadline_ns, clock == LX_CLOCK_REALTIME);
    kfree(words);
    return result;
}

/* Whose list: the caller's own, or that of a process whose owner the caller is. */
static int robust_list_of(struct task *self, int pid, uint64_t *head)
{
    const struct credentials *mine = &self->fs->cred;
    const struct task *task;
    uint64_t flags;
    int err = 0;

    if (pid == 0 || pid == self->tid) {
        *head = self->robust_list.va;
        return 0;
    }
    flags = spin_lock_irqsave(&process_tree_lock);
    task = task_find_locked(pid);
    if (pid != PROCESS_INIT_PID && (!task || task->exiting))
        err = -ESRCH;
    else if (!credentials_capable(mine, LX_CAP_SYS_PTRACE))
        err = -EPERM;
    else if (task) /* init has none */
        *head = task->robust_list.va;
    spin_unlock_irqrestore(&process_tree_lock, flags);
    return err;
}

/* The size is written first, as Linux does: it shows which of two bad pointers is reported. */
COLD int64_t sys_get_robust_list(struct task *self, int pid, struct uptr head, struct uptr nbytes)
{
    uint64_t size = sizeof(struct lx_robust_list_head), list = 0;
    int err = robust_list_of(self, pid, &list);

    if (!err)
        err = vm_user_write(nbytes, &size, sizeof(size));
    return err ? err : vm_user_write(head, &list, sizeof(list));
}

int64_t sys_rseq(struct task *self, struct uptr area, unsigned nbytes, int flags,
                 unsigned signature)
{
    return rseq_register(self, area, nbytes, flags, signature);
}
