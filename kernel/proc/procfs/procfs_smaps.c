/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/smaps and smaps_rollup: what of the memory of a process is there, and what is its own.
 *
 * Counted from the page tables under vm_space.lock, an area at a time. A frame's references tell
 * how many map it: all of them for memory of programs' own, all but the file's for pages of files.
 * References that last for the length of a call count as well; so a share may be a little off.
 * There is no swap and there are no huge pages: these lines are 0.
 */
#include "kernel/arch/x86_64/paging.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/procfs/procfs_internal.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_area.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_table.h"
#include "shared/addrmap.h"
#include "shared/linux/mman.h"

#define SHARE_SHIFT 12 /* proportional shares: fractions of a byte, as Linux has them */

/* Pages, but for shares. */
struct sums {
    uint64_t mapped, resident, referenced, anonymous, locked;
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t share, share_dirty, share_anonymous, share_file; /* bytes << SHARE_SHIFT */
};

/* Private memory that was never written has no frame, so each frame of it is dirty; a file's frame
 * is where this program has stored to it. */
static COLD void page_count(struct sums *sums, const struct vm_area *area, uint64_t entry)
{
    const struct frame *frame = frame_from_physical(entry & PTE_ADDRESS);
    bool file = area->shared || (entry & PTE_FILE), dirty = !file || (entry & PTE_DIRTY);
    uint32_t refs = __atomic_load_n(&frame->refs, __ATOMIC_RELAXED), users = file ? refs - 1 : refs;
    uint64_t share = (PAGE_SIZE << SHARE_SHIFT) / MAX(users, 1U);

    sums->resident++;
    sums->referenced += (entry & PTE_ACCESSED) != 0;
    sums->anonymous += !file;
    sums->locked += area->locked;
    if (users > 1)
        *(dirty ? &sums->shared_dirty : &sums->shared_clean) += 1;
    else
        *(dirty ? &sums->private_dirty : &sums->private_clean) += 1;
    sums->share += share;
    sums->share_dirty += dirty ? share : 0;
    *(file ? &sums->share_file : &sums->share_anonymous) += share;
}

/* Goes from table to table: an area may be as large as the address space. */
static COLD void area_count(struct sums *sums, const struct vm_area *area)
{
    uint64_t va = area->start;
    const uint64_t *entry;

    sums->mapped += (area->end - area->start) >> PAGE_SHIFT;
    while ((entry = vm_entry_next(area->space, &va, area->end)) != NULL) {
        for (uint64_t next = vm_table_end(va, area->end); va < next; va += PAGE_SIZE, entry++)
            if (vm_entry_has_frame(*entry))
                page_count(sums, area, *entry);
        sched_preempt_point();
    }
}

static COLD void line_put(struct procfs_text *text, const char *name, uint64_t kib)
{
    procfs_print(text, "%-15s %8lu kB\n", name, kib);
}

static COLD void pages_put(struct procfs_text *text, const char *name, uint64_t npages)
{
    line_put(text, name, npages << (PAGE_SHIFT - 10));
}

static COLD void share_put(struct procfs_text *text, const char *name, uint64_t share)
{
    line_put(text, name, share >> (SHARE_SHIFT + 10));
}

/* The order of lines is Linux's, 6.1; programs look for names. */
static COLD void sums_put(struct procfs_text *text, const struct sums *sums, bool rollup)
{
    static const char *const none[] = {
        "LazyFree:",       "AnonHugePages:",   "ShmemPmdMapped:", "FilePmdMapped:",
        "Shared_Hugetlb:", "Private_Hugetlb:", "Swap:",           "SwapPss:",
    };

    pages_put(text, "Rss:", sums->resident);
    share_put(text, "Pss:", sums->share);
    share_put(text, "Pss_Dirty:", sums->share_dirty);
    if (rollup) {
        share_put(text, "Pss_Anon:", sums->share_anonymous);
        share_put(text, "Pss_File:", sums->share_file);
        share_put(text, "Pss_Shmem:", 0); /* among the files, which are memory, too */
    }
    pages_put(text, "Shared_Clean:", sums->shared_clean);
    pages_put(text, "Shared_Dirty:", sums->shared_dirty);
    pages_put(text, "Private_Clean:", sums->private_clean);
    pages_put(text, "Private_Dirty:", sums->private_dirty);
    pages_put(text, "Referenced:", sums->referenced);
    pages_put(text, "Anonymous:", sums->anonymous);
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
        line_put(text, none[i], 0);
    pages_put(text, "Locked:", sums->locked);
}

/* Letters of proc_pid_smaps(5). */
static COLD void flags_put(struct procfs_text *text, const struct vm_area *area)
{
    const struct {
        bool set;
        const char *letters;
    } flags[] = {
        {area->prot & LX_PROT_READ, "rd"},
        {area->prot & LX_PROT_WRITE, "wr"},
        {area->prot & LX_PROT_EXEC, "ex"},
        {area->shared, "sh"},
        {true, "mr"},
        {area->may_write, "mw"},
        {true, "me"},
        {area->shared, "ms"},
        {area->grows_down, "gd"},
        {area->locked, "lo"},
        {area->dont_fork, "dc"},
        {area->wipe_on_fork, "wf"},
    };

    procfs_print(text, "VmFlags: ");
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
        if (flags[i].set)
            procfs_print(text, "%s ", flags[i].letters);
    procfs_put(text, "\n", 1);
}

static COLD void area_put(struct procfs_text *text, const struct vm_area *area)
{
    struct sums sums = {0};

    area_count(&sums, area);
    pages_put(text, "Size:", sums.mapped);
    pages_put(text, "KernelPageSize:", 1);
    pages_put(text, "MMUPageSize:", 1);
    sums_put(text, &sums, false);
    procfs_print(text, "THPeligible:    0\n");
    flags_put(text, area);
}

COLD int procfs_show_smaps(const struct procfs_node *node, struct procfs_text *text)
{
    return procfs_show_areas(node, text, area_put);
}

COLD int procfs_show_smaps_rollup(const struct procfs_node *node, struct procfs_text *text)
{
    struct exec_layout layout;
    struct vm_space *space;
    struct sums sums = {0};
    uint64_t start = 0, end = 0;
    int err = procfs_get_memory(node, &space, &layout);

    if (err || !space)
        return err;
    mutex_lock(&space->lock);
    for (const struct vm_area *area = vm_area_find(space, 0); area; area = vm_area_next(area)) {
        start = start ? start : area->start;
        end = area->end;
        area_count(&sums, area);
        sched_preempt_point();
    }
    mutex_unlock(&space->lock);
    vm_space_put_later(space);
    procfs_print(text, "%08lx-%08lx ---p 00000000 00:00 0                          [rollup]\n",
                 start, end);
    sums_put(text, &sums, true);
    return 0;
}
