/* SPDX-License-Identifier: MIT */
#include "kernel/selftest/account.h"

#include "kernel/fs/file.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/mount.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/mm/window.h"
#include "kernel/proc/process.h"

void account_take(struct account *account)
{
    slab_drain();
    account->frames = pmm_free_count() + window_frames_held() + fs_frames_held();
    account->files = file_live_count();
    account->orphans = fs_orphans() + mount_detached();
    account->processes = process_live_count();
    account->stacks = window_stacks_live();
}

bool account_compare(const struct account *before, const struct account *after, char *text,
                     size_t size)
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
