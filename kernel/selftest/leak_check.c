/* SPDX-License-Identifier: MIT */
/*
 * What a test left behind, by counting before and after.
 *
 * Frames are compared with caches drained and with those added back that are in lawful use: page
 * tables of the vmalloc area, pages of files that live on in the root file system. So a file that a
 * test wrote is not a leak, and a page that nothing accounts for is.
 */
#include "kernel/selftest/leak_check.h"

#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/vmalloc.h"
#include "kernel/net/unix/unix.h"
#include "kernel/proc/process.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/rcu.h"

void leak_check_take(struct leak_counts *counts)
{
    unix_gc();
    deferred_flush(); /* its frees may be RCU's */
    rcu_barrier();
    /* Empty slabs count as free. */
    slab_drain();
    /* Each test begins with blocks as large as can be. */
    pmm_drain();
    counts->frames = pmm_free_count() + vmalloc_frames_held() + fs_frames_held();
    counts->files = file_live_count();
    counts->orphans = fs_orphans() + mount_detached();
    counts->processes = process_live_count();
    counts->stacks = kstacks_live();
}

bool leak_check_compare(const struct leak_counts *before, const struct leak_counts *after,
                        char *text, size_t size)
{
    if (before->frames == after->frames && before->files == after->files &&
        before->orphans == after->orphans && before->processes == after->processes &&
        before->stacks == after->stacks)
        return true;
    fmt_print(
        text, size, "leak: frames %lld, files %lld, orphans %lld, processes %lld, stacks %lld",
        (long long)(after->frames - before->frames), (long long)(after->files - before->files),
        (long long)(after->orphans - before->orphans),
        (long long)(after->processes - before->processes),
        (long long)(after->stacks - before->stacks));
    return false;
}
