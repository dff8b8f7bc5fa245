/* SPDX-License-Identifier: MIT */
/*
 * Accounts of users: what a user's processes hold of limited things.
 *
 * A tree by the user's number: root can make as many users as there are numbers.
 *
 * An account lives while something is charged to it: each charged object has a reference. It is
 * found or made, and goes, under the tree's lock, so that a user never has two. The counts change
 * without it. Root's account is always there, so that its references need not be counted: most of
 * what is charged is root's.
 */
#include "kernel/mm/user_charge.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"

static struct rb_tree accounts;
static struct spinlock tree_lock = SPINLOCK_INIT(SPIN_CHARGE);
static struct user_charge root;

/* The account, or NULL and the place for it. */
static struct user_charge *find_account_locked(uint32_t uid, struct rb_node **parent,
                                               struct rb_node ***link)
{
    ASSERT(spin_is_held(&tree_lock));
    *parent = NULL;
    for (*link = &accounts.root; **link;) {
        struct user_charge *user = rb_entry(**link, struct user_charge, node);

        if (user->uid == uid)
            return user;
        *parent = **link;
        *link = uid < user->uid ? &(*parent)->left : &(*parent)->right;
    }
    return NULL;
}

struct user_charge *user_charge_get(uint32_t uid)
{
    struct user_charge *user, *spare = NULL;
    struct rb_node *parent, **link;

    if (uid == root.uid)
        return &root;
    for (;;) {
        spin_lock(&tree_lock);
        user = find_account_locked(uid, &parent, &link);
        if (!user && spare) {
            user = spare;
            spare = NULL;
            rb_insert(&accounts, &user->node, parent, link);
        }
        if (user)
            user->refs++;
        spin_unlock(&tree_lock);
        if (user)
            break;
        /* Memory is not allocated under the lock; another thread may make the account meanwhile. */
        spare = kzalloc(sizeof(*spare));
        if (!spare)
            return NULL;
        spare->uid = uid;
    }
    kfree(spare);
    return user;
}

/* The last object has taken its charges back before. */
void user_charge_put(struct user_charge *user)
{
    bool last;

    if (!user || user == &root)
        return;
    spin_lock(&tree_lock);
    last = --user->refs == 0;
    if (last)
        rb_erase(&accounts, &user->node);
    spin_unlock(&tree_lock);
    if (!last)
        return;
    for (unsigned kind = 0; kind < CHARGE_KINDS; kind++)
        ASSERT(user->used[kind] == 0);
    kfree(user);
}
