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
    bool privileged = !cred || credentials_is_privileged(cred);
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

void ramfs_set_default_limits(struct super_block *super, bool with_reserve)
{
    uint64_t max = ramfs_limit_default(super);

    super->quota.max = max ? super->quota.used + max : 0;
    super->inodes_max = max ? super->ninodes + max : 0;
    if (with_reserve) {
        super->quota.reserve = max >> RESERVE_SHIFT;
        super->inodes_reserve = max >> RESERVE_SHIFT;
    }
}
