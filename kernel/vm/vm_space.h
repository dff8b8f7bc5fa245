/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_space.h - the address space of a process: areas, and the tables that realise them
 *
 * Owns:    the set of areas, the lower half of a top-level table, brk, limits on memory.
 * Used by: proc (create, exec, destroy, out of memory), syscall/mem/sys_mem.c, futexes.
 *          Never by drivers.
 * Locks:   vm_space.lock, a mutex, rank VM; before INODE and every spinlock. Every function here
 *          takes it unless its name ends in _locked.
 * Context: threads only, except vm_space_enter and vm_space_leave (interrupts off). Long calls
 *          have preemption points: no spinlock may be held.
 * Fails:   -ENOMEM; -EINVAL for ranges outside user space.
 * Tests:   tests/user/mem/mem_*.c, cow_fork.c
 */
#pragma once

#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/mutex.h"

struct dentry;
struct frame;
struct vm_pager;

#define VM_AREAS_MAX     65530          /* as Linux's vm.max_map_count */
#define VM_STACK_GAP     (256ULL << 12) /* free below a growing area, as Linux's stack_guard_gap */
#define VM_STACK_DEFAULT (8ULL << 20)   /* RLIMIT_STACK of the first program */

/* All fields: [vm_space.lock], but rmap_link. Areas of one space do not overlap. */
struct vm_area {
    struct rb_node node;
    uint64_t gap, longest;  /* free bytes below it; the most below any area of its subtree */
    uint64_t start, end;    /* page-aligned, end exclusive */
    uint32_t prot;          /* LX_PROT_READ | WRITE | EXEC */
    bool shared;            /* stores go to the file; else to copies of our own */
    bool may_write;         /* mprotect may add PROT_WRITE (shared: file open for writing) */
    bool grows_down;        /* an access below it makes it larger */
    bool dont_fork;         /* a child does not get it */
    bool wipe_on_fork;      /* a child gets it empty */
    bool locked;            /* mlock: advice does not drop its pages */
    bool no_reserve;        /* MAP_NORESERVE: may be larger than all memory */
    struct vm_pager *pager; /* one reference; NULL: anonymous */
    struct dentry *name;    /* under which it was mapped: the pager's business; may be NULL */
    uint64_t page_index;    /* of the file, at start */
    struct vm_space *space; /* I */
    struct list rmap_link;  /* [rmap_lock] among the areas of the pager */
};

/* I constant after creation   l lock   a atomic */
struct vm_space {
    uint32_t refs;       /* [a] tasks that run in it */
    struct cpumask cpus; /* [a] processors whose TLB may know it */
    struct mutex lock;
    struct rb_tree areas;    /* [l] by start */
    unsigned areas_count;    /* [l] */
    uint64_t root;           /* [I] physical address of the top-level table */
    uint64_t table_frames;   /* [l] tables below the root */
    uint64_t mapped_pages;   /* [l] pages that areas cover */
    uint64_t data_pages;     /* [l] those of private writable areas but stacks */
    uint64_t locked_pages;   /* [l] those of areas that mlock has marked; read without as a hint */
    uint64_t resident_pages; /* [l] read without it as a hint */
    uint64_t peak_pages;     /* [l] resident_pages before they were last fewer, at most */
    uint64_t brk_start, brk; /* [l] bytes */
    uint64_t map_top;        /* [I] mappings without an address lie below */
    uint64_t limit_pages;    /* [a] RLIMIT_AS, pages */
    uint64_t brk_limit;      /* [a] RLIMIT_DATA, bytes: the break itself */
    uint64_t data_limit;     /* [a] RLIMIT_DATA, pages: all private writable memory */
    uint64_t stack_limit;    /* [a] RLIMIT_STACK, bytes */
    uint32_t membarrier;     /* [a] commands of membarrier(2) that it has registered for */
    uint8_t lock_future;     /* [a] enum vm_lock_future: mlockall(2), until exec */
    bool undumpable;         /* [a] only root looks into it: PR_SET_DUMPABLE, set-ID programs */
    struct list all;         /* [vm_space_list] */
    uint64_t visited;        /* [rmap_lock] by the walk of that number */
    /* Written by the one that had the last reference. */
    struct deferred ending;
    uint64_t ending_pages; /* its weight then */
};

/* What happens to mappings that are made. */
enum vm_lock_future { VM_LOCK_NONE, VM_LOCK_ONFAULT, VM_LOCK_POPULATE };

/* What is to be mapped. */
struct vm_request {
    uint64_t address; /* page-aligned if fixed, else a hint; 0: anywhere */
    uint64_t nbytes;
    uint32_t prot;
    bool shared, may_write;
    bool fixed;             /* exactly there; what was there goes */
    bool no_replace;        /* with fixed: -EEXIST if something is there */
    bool no_reserve;        /* do not refuse what can never fit in memory */
    bool low_2g;            /* below 2 GiB */
    bool low_allowed;       /* with fixed: below USER_BASE, too (CAP_SYS_RAWIO) */
    bool grows_down;        /* a stack */
    bool locked;            /* as mlock would, at most lock_limit pages in all */
    bool lock_unasked;      /* by mlockall, not for this mapping itself */
    bool populate;          /* bring the pages in at once, as far as that goes */
    struct vm_pager *pager; /* borrowed; NULL: anonymous */
    struct dentry *name;    /* borrowed; what the file is called */
    uint64_t page_index;
    uint64_t lock_limit;
    int refusal; /* 0, or what the kind of mapping fails with where size and place are good */
};

void vm_init(void);

/* One reference. The limits are those of the caller's space, or none. */
MUST_CHECK int vm_space_create(struct vm_space **out_space);
/* A copy for fork: private pages are shared until one side writes. */
MUST_CHECK int vm_space_dup(struct vm_space *parent, struct vm_space **out_space);
void vm_space_get(struct vm_space *space);
static inline bool vm_space_is_shared(const struct vm_space *space)
{
    return __atomic_load_n(&space->refs, __ATOMIC_ACQUIRE) > 1;
}
/* For a space found in a list: false if the last reference is gone already. */
MUST_CHECK bool vm_space_get_unless_dead(struct vm_space *space);
/* The last one frees areas, pages and tables: no processor may be on them. `later`, for those that
 * only look into the space of others: then the thread of deferred work does it. */
void vm_space_put(struct vm_space *space);
void vm_space_put_later(struct vm_space *space);
/* A task leaves its space for good: vm_space_end_begin before others find the task without it,
 * vm_space_end, which is vm_space_put, with the former's result. In between the pages count. */
uint64_t vm_space_end_begin(const struct vm_space *space);
void vm_space_end(struct vm_space *space, uint64_t npages);
/* Pages of spaces that are being destroyed, about: they come back soon. What is no longer counted
 * is free, if free frames are counted after this. Any context. */
uint64_t vm_pages_ending(void);

/* The processor is about to run on these tables, or has left them. Interrupts off. */
void vm_space_enter(struct vm_space *space);
void vm_space_leave(struct vm_space *space);

/* 0 and the address, or -ENOMEM, -EINVAL, -EEXIST, -EACCES (writable and executable). */
MUST_CHECK int vm_map(struct vm_space *space, const struct vm_request *request, uint64_t *out);
MUST_CHECK int vm_unmap(struct vm_space *space, uint64_t start, uint64_t nbytes);
/* Whole pages, which may reach beyond user space: what is mapped before the first hole is done.
 * -ENOMEM: a hole; -EACCES; -EINVAL: DOWN, from the lowest page of the area at `start`, where that
 * does not grow; UP, since no area does. */
enum vm_protect_how { VM_PROTECT_RANGE, VM_PROTECT_DOWN, VM_PROTECT_UP };
MUST_CHECK int vm_protect(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot,
                          enum vm_protect_how how);

/* mremap(2), arguments in pages' bytes. new_start: with fixed, or -1: anywhere. */
struct vm_remap {
    uint64_t old_start, old_nbytes, new_nbytes, new_start;
    bool may_move, fixed, keep_old;
    bool low_allowed;    /* as of vm_request */
    uint64_t lock_limit; /* pages that may be locked in all */
};
MUST_CHECK int vm_remap(struct vm_space *space, const struct vm_remap *request, uint64_t *out);

/* remap_file_pages(2): shared areas of one object come to show other pages of it. -EINVAL. */
MUST_CHECK int vm_remap_pages(struct vm_space *space, uint64_t start, uint64_t nbytes,
                              uint64_t page_index, uint64_t lock_limit);

/* ---- advice (vm_advise.c). All: -ENOMEM for holes, after what is mapped has been done. ---- */

/* Drops the pages: the next access finds fresh ones, or the file's. advice: LX_MADV_DONTNEED,
 * DONTNEED_LOCKED or FREE. -EINVAL for areas that it is not for. */
MUST_CHECK int vm_discard(struct vm_space *space, uint64_t start, uint64_t nbytes, int advice);
/* Makes holes of the pages in the files behind shared areas. -EINVAL, -EACCES, -EOPNOTSUPP: another
 * kind of area. */
MUST_CHECK int vm_punch(struct vm_space *space, uint64_t start, uint64_t nbytes);
/* Whether areas cover all of it: 0 or -ENOMEM. */
MUST_CHECK int vm_sync(struct vm_space *space, uint64_t start, uint64_t nbytes); /* msync */
MUST_CHECK int vm_check_mapped(struct vm_space *space, uint64_t start, uint64_t nbytes);

/* mlock(2): areas up to the first hole; at most limit_pages are then locked in all, else -ENOMEM.
 * munlock(2): VM_UNLOCK in place of the limit. Nothing is brought in. */
#define VM_UNLOCK UINT64_MAX
MUST_CHECK int vm_lock(struct vm_space *space, uint64_t start, uint64_t nbytes,
                       uint64_t limit_pages);
/* All areas that there are; with populate they are brought in as well, as far as that goes. */
void vm_lock_all(struct vm_space *space, bool locked, bool populate);
/* Whether there is a locked area in the range. */
bool vm_range_has_mlock(struct vm_space *space, uint64_t start, uint64_t nbytes);

enum vm_fork_rule { VM_FORK_DONT, VM_FORK_DO, VM_FORK_WIPE, VM_FORK_KEEP };
MUST_CHECK int vm_set_fork_rule(struct vm_space *space, uint64_t start, uint64_t nbytes,
                                enum vm_fork_rule rule);

/* Brings pages in as an access would. write: as a store would, else as a load; `any`: whichever
 * the area allows. -EINVAL where the area forbids it, -EFAULT behind the end of a file, -ENOMEM,
 * -EINTR when the task is to die. */
enum vm_populate { VM_POPULATE_READ, VM_POPULATE_WRITE, VM_POPULATE_ANY };
MUST_CHECK int vm_populate(struct vm_space *space, uint64_t start, uint64_t nbytes,
                           enum vm_populate how);

/* mincore(2): a byte a page, 1 for those in memory. -ENOMEM for holes. */
MUST_CHECK int vm_residency(struct vm_space *space, uint64_t start, size_t npages, uint8_t *out);
/* The entries of the page tables, 0 for pages that are not in memory, holes among them. */
void vm_entries_copy(struct vm_space *space, uint64_t start, size_t npages, uint64_t *out);
/* The first page from va on that the tables have, `end`: none below it. own: none of a file's. */
uint64_t vm_next_resident(struct vm_space *space, uint64_t va, uint64_t end, bool own);

/* Sets the break if that is possible; returns the break then in force. lock_limit: as in vm_remap.
 */
uint64_t vm_brk(struct vm_space *space, uint64_t address, uint64_t lock_limit);
void vm_brk_init(struct vm_space *space, uint64_t start);

enum vm_access { VM_READ, VM_WRITE, VM_EXEC };

/* Makes the page at va present for that access. -EFAULT: no area; -EACCES: the area forbids it;
 * -ENXIO: behind the end of the file, or its bytes cannot be had; -ENOMEM: nothing could be freed,
 * or the task is to die; -EINTR: it is to die. It may wait, for memory or for a page of a file, so
 * no lock may be held. */
MUST_CHECK int vm_fault(struct vm_space *space, uint64_t va, enum vm_access access);

/* Where a word of memory really is, for futexes: the same for all processes that share it. */
struct vm_key {
    const void *object;     /* pager of a shared area, else the space */
    uint64_t offset;        /* bytes within the object, or the address */
    struct vm_pager *pager; /* to be put by the caller; NULL: object is the space */
};
/* shared false: the address alone counts, and need not be mapped. -EFAULT. */
MUST_CHECK int vm_key_get(struct vm_space *space, uint64_t va, bool shared, struct vm_key *out);
void vm_key_put(struct vm_key *key);

/* Atomically puts `new` where `old` is, whatever else writes to the page: 0, *seen is what was
 * there (the exchange happened if it equals old); -EFAULT, -ENOMEM. va is a multiple of 4. */
MUST_CHECK int vm_exchange(struct vm_space *space, uint64_t va, uint32_t old, uint32_t new,
                           uint32_t *seen);

/* ---- out of memory ---- */

/* Operations that proc gives: called by a fault that found no memory, without locks.
 * True: try again; false: the caller ends. */
struct vm_oom_ops {
    bool (*wait)(void);
};
void vm_set_oom_ops(const struct vm_oom_ops *ops);
/* What its end would give back, in pages, about. A hint, read without the lock. */
uint64_t vm_space_weight(const struct vm_space *space);

/* Writes to a space that need not be the current one, over whatever protection private areas have:
 * for building programs. src NULL: zeroes. -EFAULT where nothing is mapped, -EACCES for shared
 * areas that may not be written. */
MUST_CHECK int vm_write_remote(struct vm_space *space, uint64_t va, const void *src, size_t nbytes);

/* Reads from a referenced space that need not be the current one: private memory without a file
 * that the program may read itself. The number of bytes that could be read. */
/* For ptrace: whatever is mapped can be read, a private mapping written whatever its protection.
 * Waits for pages of files. -EFAULT, -EACCES, -ENOMEM, -ENXIO, -EINTR: some may have been done. */
MUST_CHECK int vm_debug_read(struct vm_space *space, uint64_t va, void *dst, size_t nbytes);
MUST_CHECK int vm_debug_write(struct vm_space *space, uint64_t va, void *src, size_t nbytes);
/* The same with the rights of the area: process_vm_readv(2). Towards the space if `write`. */
MUST_CHECK int vm_peer_copy(struct vm_space *space, uint64_t va, void *bytes, size_t nbytes,
                            bool write);
MUST_CHECK size_t vm_read_remote(struct vm_space *space, uint64_t va, void *dst, size_t nbytes);

/* From now on mappings that are writable and executable at once are -EACCES (boot option wx=deny);
 * Linux allows them. */
void vm_deny_wx(void);
