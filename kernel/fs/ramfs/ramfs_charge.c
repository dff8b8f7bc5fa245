/* SPDX-License-Identifier: MIT */
/*
 * Limits on what a file system in memory holds. Whatever a program puts into one stays when the
 * program has gone, so nothing else bounds it: the pages of files by a quota (page_cache.h), inodes
 * and names by a count, both as in Linux's tmpfs.
 *
 * A file counts for as many names as it has, and for one while it lives without any; a directory,
 * whose link count goes up with each subdirectory, for one. So each name after the first is charged
 * when it is added and uncharged when it goes, by the step of the link count that says so; what is
 * left is uncharged when the inode is freed. Two links at once may see the count one too high for a
 * moment, never too low.
 *
 * The file systems of start-up keep a reserve for root in both limits, as the whole of memory does:
 * a test that an ordinary user has filled them in is followed by tests that want to work.
 */
#include "kernel/fs/ramfs/ramfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "shared/linux/errno.h"

#define RESERVE_SHIFT 4

int ramfs_charge(struct super_block *super, const struct credentials *cred)
{
    bool privileged = !cred || credentials_unlimited(cred);
    uint64_t reserve = privileged ? 0 : super->inodes_reserve;
    uint64_t count = __atomic_add_fetch(&super->ninodes, 1, __ATOMIC_RELAXED);

    if ((!super->inodes_max || count + reserve <= super->inodes_max) &&
        page_cache_memory_allows(privileged))
        return 0;
    ramfs_uncharge(super);
    return -ENOSPC;
}

void ramfs_uncharge(struct super_block *super)
{
    uint64_t before = __atomic_fetch_sub(&super->ninodes, 1, __ATOMIC_RELAXED);

    ASSERT(before > 0);
}

uint64_t ramfs_limit_default(const struct super_block *super)
{
    return strcmp(super->type, "ramfs") ? pmm_total_count() / 2 : 0;
}

/* The reserves are shares of the limits. They go first and come last: what is compared without a
 * lock is never a limit that is smaller than its reserve. */
void ramfs_set_limits(struct super_block *super, uint64_t pages, uint64_t inodes)
{
    __atomic_store_n(&super->quota.reserve, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&super->inodes_reserve, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&super->quota.max, pages, __ATOMIC_RELEASE);
    __atomic_store_n(&super->inodes_max, inodes, __ATOMIC_RELEASE);
    if (!super->has_reserve)
        return;
    __atomic_store_n(&super->quota.reserve, pages >> RESERVE_SHIFT, __ATOMIC_RELEASE);
    __atomic_store_n(&super->inodes_reserve, inodes >> RESERVE_SHIFT, __ATOMIC_RELEASE);
}

void ramfs_set_default_limits(struct super_block *super, bool with_reserve)
{
    uint64_t max = ramfs_limit_default(super);

    super->has_reserve = with_reserve;
    ramfs_set_limits(super, max ? super->quota.used + max : 0, max ? super->ninodes + max : 0);
}
