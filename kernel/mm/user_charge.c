/* SPDX-License-Identifier: MIT */
/*
 * Accounts of users: what a user's processes hold of limited things.
 *
 * A small hash table, since few users have anything at a time.
 *
 * An account lives while something is charged to it: each charged object has a reference. It is
 * found or made, and goes, under the table's lock, so that a user never has two. The counts change
 * without it. Root's account is always there, so that its references need not be counted: most of
 * what is charged is root's.
 */
#include "kernel/mm/user_charge.h"

#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"

#define BUCKETS 32

static struct list buckets[BUCKETS]; /* all zero: empty and never used */
static struct spinlock table_lock = SPINLOCK_INIT(SPIN_CHARGE);
static struct user_charge root;

static struct user_charge *find_account_locked(const struct list *bucket, uint32_t uid)
{
    ASSERT(spin_is_held(&table_lock));
    list_for_each (node, bucket) {
        struct user_charge *user = list_entry(node, struct user_charge, node);
        if (user->uid == uid)
            return user;
    }
    return NULL;
}

struct user_charge *user_charge_get(uint32_t uid)
{
    struct list *bucket = &buckets[uid % BUCKETS];
    struct user_charge *user, *spare = NULL;

    if (uid == root.uid)
        return &root;
    for (;;) {
        spin_lock(&table_lock);
        if (!bucket->next)
            list_init(bucket);
        user = find_account_locked(bucket, uid);
        if (!user && spare) {
            user = spare;
            spare = NULL;
            list_push_front(bucket, &user->node);
        }
        if (user)
            user->refs++;
        spin_unlock(&table_lock);
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
    spin_lock(&table_lock);
    last = --user->refs == 0;
    if (last)
        list_remove(&user->node);
    spin_unlock(&table_lock);
    if (!last)
        return;
    for (unsigned kind = 0; kind < CHARGE_KINDS; kind++)
        ASSERT(user->used[kind] == 0);
    kfree(user);
}
