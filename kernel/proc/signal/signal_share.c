/* SPDX-License-Identifier: MIT */
/*
 * Actions that several processes have in common: CLONE_SIGHAND without CLONE_THREAD.
 *
 * Each process has its own copy, which its own lock guards as ever, so that delivery knows nothing
 * of this. Who changes one copies it to the others under the tree lock: what it copies is its
 * action of that moment, so of two that change one signal at a time the later copy is everyone's.
 * Between the change and the copies the others act as before.
 */
#include "kernel/proc/signal/signal_share.h"

#include "kernel/lib/assert.h"
#include "kernel/proc/signal/signal.h"
#include "shared/linux/errno.h"

/* Most programs have set few. */
void signal_copy_actions_locked(struct process *process, struct process *child)
{
    ASSERT(spin_is_held(&process->lock));
    for (uint64_t left = process->actions_set; left; left &= left - 1) {
        unsigned i = (unsigned)__builtin_ctzll(left);

        child->actions[i] = process->actions[i];
    }
    child->actions_set = process->actions_set;
}

int signal_share_locked(struct process *process, struct process *child)
{
    unsigned count = 2;

    ASSERT(process_tree_is_held());
    list_for_each (node, &process->sharers)
        count++;
    if (count > SIGNAL_SHARERS_MAX)
        return -EAGAIN;
    spin_lock(&process->lock);
    signal_copy_actions_locked(process, child);
    spin_unlock(&process->lock);
    list_insert_after(&process->sharers, &child->sharers);
    return 0;
}

void signal_unshare_locked(struct process *process)
{
    ASSERT(process_tree_is_held());
    list_remove(&process->sharers);
    list_init(&process->sharers);
}

void signal_unshare(struct process *process)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);

    signal_unshare_locked(process);
    spin_unlock_irqrestore(&process_tree_lock, flags);
}

void signal_share_action(struct process *process, int number)
{
    uint64_t flags = spin_lock_irqsave(&process_tree_lock);
    struct lx_sigaction action;

    spin_lock(&process->lock);
    action = process->actions[number - 1];
    spin_unlock(&process->lock);
    list_for_each (node, &process->sharers) {
        struct process *other = list_entry(node, struct process, sharers);

        spin_lock(&other->lock);
        other->actions[number - 1] = action;
        other->actions_set |= SIGNAL_BIT(number);
        spin_unlock(&other->lock);
    }
    spin_unlock_irqrestore(&process_tree_lock, flags);
}
