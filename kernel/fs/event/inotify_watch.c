/* SPDX-License-Identifier: MIT */
/*
 * Watches of an inotify: by number in its tree, and in the lists of notify.c. One inode has one of
 * them at most: to watch it again changes what there is.
 *
 * Memory for a watch is had without the lock, so the inode is looked at twice: before, since a
 * change of a watch needs none, and after, since another thread may have been faster.
 *
 * The caller of inotify_add holds the inode, and the name that it was found by. So the last name
 * does not go before the watch is there to be told.
 */
#include "kernel/fs/event/inotify.h"

#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"

#define WATCHES_LEAST  8192 /* of one user */
#define WATCHES_MOST   1048576
#define WATCHES_SHARE  100 /* of memory, a part is for the watches of a user */
#define FDINFO_WATCHES 64  /* that are shown */
/* What a watch keeps of the bits that it was made with. */
#define MASK_KEPT (LX_IN_ALL_EVENTS | LX_IN_EXCL_UNLINK | LX_IN_ONESHOT)

/* As Linux reckons, by the size of the machine; each keeps a watch and not the inode here. */
int64_t inotify_watches_max(void)
{
    uint64_t fit = pmm_total_count() * PAGE_SIZE / WATCHES_SHARE / sizeof(struct inotify_watch);

    return (int64_t)MIN(MAX(fit, WATCHES_LEAST), WATCHES_MOST);
}

static struct inotify_watch *watch_of(struct rb_node *node)
{
    return rb_entry(node, struct inotify_watch, node);
}

/* The watch, or NULL and the place for it. */
static struct inotify_watch *watch_find_locked(struct inotify *group, int wd,
                                               struct rb_node **parent, struct rb_node ***link)
{
    ASSERT(spin_is_held(&notify_lock));
    *parent = NULL;
    for (*link = &group->watches.root; **link;) {
        struct inotify_watch *watch = watch_of(**link);

        if (wd == watch->wd)
            return watch;
        *parent = **link;
        *link = wd < watch->wd ? &(*parent)->left : &(*parent)->right;
    }
    return NULL;
}

/* Through the inode's watches, of which there is one for each inotify: fewer than an inotify may
 * have watches. */
static struct inotify_watch *watch_of_inode_locked(struct inotify *group, struct inode *inode)
{
    ASSERT(spin_is_held(&notify_lock));
    if (!inode->watches.next)
        return NULL;
    list_for_each (node, &inode->watches) {
        struct inotify_watch *watch = list_entry(node, struct inotify_watch, inode_link);

        if (watch->group == group)
            return watch;
    }
    return NULL;
}

void inotify_watch_attach_locked(struct inotify_watch *watch, struct inode *inode)
{
    ASSERT(spin_is_held(&notify_lock));
    watch->inode = inode;
    if (!inode->watches.next)
        list_init(&inode->watches);
    list_push_back(&inode->watches, &watch->inode_link);
    list_push_back(&inode->super->watches, &watch->super_link);
    __atomic_fetch_add(&notify_nwatches, 1, __ATOMIC_SEQ_CST);
}

/* Numbers are not used again before all others have been. */
static void watch_add_locked(struct inotify_watch *watch, struct inode *inode)
{
    struct inotify *group = watch->group;
    struct rb_node *parent, **link;

    ASSERT(spin_is_held(&notify_lock));
    do
        group->last_wd = group->last_wd == INT32_MAX ? 1 : group->last_wd + 1;
    while (watch_find_locked(group, group->last_wd, &parent, &link));
    watch->wd = group->last_wd;
    rb_insert(&group->watches, &watch->node, parent, link);
    inotify_watch_attach_locked(watch, inode);
}

void inotify_watch_detach_locked(struct inotify_watch *watch)
{
    struct list *watches = &watch->inode->watches;

    ASSERT(spin_is_held(&notify_lock));
    list_remove(&watch->super_link);
    list_remove(&watch->inode_link);
    watch->inode = NULL;
    /* As if there never was one: the last that touches the inode, which may then be freed. */
    if (list_empty(watches))
        __atomic_store_n(&watches->next, NULL, __ATOMIC_RELEASE);
}

void inotify_watch_free_locked(struct inotify_watch *watch)
{
    struct inotify *group = watch->group;

    ASSERT(spin_is_held(&notify_lock));
    if (watch->inode)
        inotify_watch_detach_locked(watch);
    __atomic_fetch_sub(&notify_nwatches, 1, __ATOMIC_RELAXED);
    if (group) {
        rb_erase(&group->watches, &watch->node);
        user_charge_add(group->charge, CHARGE_INOTIFY_WATCHES, -1);
    }
    kfree(watch);
}

void inotify_watch_end_locked(struct inotify_watch *watch, struct inotify **wake)
{
    const struct notify_what ignored = {.mask = LX_IN_IGNORED};

    ASSERT(spin_is_held(&notify_lock));
    if (watch->group)
        inotify_queue_locked(watch, &ignored, wake);
    inotify_watch_free_locked(watch);
}

/* Of a watch that is there: its number. -ENOENT: there is none. */
static int watch_change_locked(struct inotify *group, struct inode *inode, uint32_t mask)
{
    struct inotify_watch *watch = watch_of_inode_locked(group, inode);

    ASSERT(spin_is_held(&notify_lock));
    if (!watch)
        return -ENOENT;
    if (mask & LX_IN_MASK_CREATE)
        return -EEXIST;
    watch->mask = (mask & LX_IN_MASK_ADD ? watch->mask : 0) | (mask & MASK_KEPT);
    return watch->wd;
}

/* -ENOSPC, also for want of memory. */
static struct inotify_watch *watch_create(struct inotify *group, uint32_t mask, int *err)
{
    struct inotify_watch *watch;

    *err = -ENOSPC;
    watch = user_charge_add(group->charge, CHARGE_INOTIFY_WATCHES, 1) <= inotify_watches_max()
                ? kmalloc(sizeof(*watch))
                : NULL;
    if (!watch) {
        user_charge_add(group->charge, CHARGE_INOTIFY_WATCHES, -1);
        return NULL;
    }
    watch->group = group;
    watch->mask = mask & MASK_KEPT;
    return watch;
}

int inotify_add(struct file *file, struct inode *inode, uint32_t mask)
{
    struct inotify *group = inotify_of(file);
    struct inotify_watch *watch;
    int wd, err;

    spin_lock(&notify_lock);
    wd = watch_change_locked(group, inode, mask);
    spin_unlock(&notify_lock);
    if (wd != -ENOENT)
        return wd;
    watch = watch_create(group, mask, &err);
    if (!watch)
        return err;
    /* Again: another thread may have been faster. */
    spin_lock(&notify_lock);
    wd = watch_change_locked(group, inode, mask);
    if (wd == -ENOENT) {
        watch_add_locked(watch, inode);
        wd = watch->wd;
        watch = NULL;
    }
    spin_unlock(&notify_lock);
    if (watch) {
        user_charge_add(group->charge, CHARGE_INOTIFY_WATCHES, -1);
        kfree(watch);
    }
    return wd;
}

int inotify_remove(struct file *file, int wd)
{
    struct rb_node *parent, **link;
    struct inotify *wake = NULL;
    struct inotify_watch *watch;

    spin_lock(&notify_lock);
    watch = watch_find_locked(inotify_of(file), wd, &parent, &link);
    if (watch)
        inotify_watch_end_locked(watch, &wake);
    spin_unlock(&notify_lock);
    inotify_wake(wake);
    return watch ? 0 : -EINVAL;
}

/* Without an event: there is no reader any more. */
static bool one_watch_free(struct inotify *group)
{
    bool found;

    spin_lock(&notify_lock);
    found = group->watches.root != NULL;
    if (found)
        inotify_watch_free_locked(watch_of(group->watches.root));
    spin_unlock(&notify_lock);
    return found;
}

void inotify_watches_free(struct inotify *group)
{
    while (one_watch_free(group))
        sched_preempt_point();
}

/* For fdinfo. */
struct watch_facts {
    int wd;
    uint32_t mask;
    uint64_t ino, device;
};

/* The watch with the next higher number. One at a time: printing may wait. */
static bool watch_next(struct inotify *group, int after, struct watch_facts *out)
{
    struct inotify_watch *best = NULL;

    spin_lock(&notify_lock);
    for (struct rb_node *node = group->watches.root; node;) {
        struct inotify_watch *watch = watch_of(node);

        if (watch->wd > after)
            best = watch;
        node = watch->wd > after ? node->left : node->right;
    }
    if (best)
        *out = (struct watch_facts){best->wd, best->mask, best->inode ? best->inode->ino : 0,
                                    best->inode ? best->inode->super->device : 0};
    spin_unlock(&notify_lock);
    return best != NULL;
}

void inotify_fdinfo(struct file *file, struct procfs_text *text)
{
    struct watch_facts facts = {0};

    for (unsigned i = 0; i < FDINFO_WATCHES && watch_next(inotify_of(file), facts.wd, &facts); i++)
        procfs_print(text, "inotify wd:%x ino:%llx sdev:%llx mask:%x ignored_mask:0 \n",
                     (unsigned)facts.wd, (unsigned long long)facts.ino,
                     (unsigned long long)facts.device, facts.mask);
}
