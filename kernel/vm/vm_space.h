/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_space.h - the address space of a process: areas, and the tables that realise them
 *
 * Owns:    the set of areas, the lower half of a top-level table, brk.
 * Used by: proc (create, exec, destroy), syscall/sys_mem.c. Never by drivers.
 * Locks:   vm_space.lock, a mutex, rank VM; before INODE and every spinlock. Every function here
 *          takes it unless its name ends in _locked.
 * Context: threads only, except vm_space_switch (interrupts off).
 * Fails:   -ENOMEM; -EINVAL for ranges outside user space.
 * Tests:   tests/user/mmap*.c, mprotect*.c, brk*.c
 */
#pragma once

#include "kernel/lib/rbtree.h"
#include "kernel/lib/util.h"
#include "kernel/sched/mutex.h"

struct frame;
struct vm_pager;

#define VM_AREAS_MAX 65530 /* as Linux's vm.max_map_count */

/* All fields: [vm_space.lock]. Areas of one space do not overlap. */
struct vm_area {
    struct rb_node node;
    uint64_t start, end;    /* page-aligned, end exclusive */
    uint32_t prot;          /* LX_PROT_READ | WRITE | EXEC */
    bool shared;            /* stores go to the file; else to copies of our own */
    bool may_write;         /* mprotect may add PROT_WRITE (shared: file open for writing) */
    struct vm_pager *pager; /* one reference; NULL: anonymous */
    uint64_t page_index;    /* of the file, at start */
};

/* I constant after creation   l lock   a atomic */
struct vm_space {
    uint32_t     refs; /* [a] tasks that run in it */
    uint64_t     cpus; /* [a] bit a processor whose TLB may know it */
    struct mutex lock;
    struct rb_tree areas;    /* [l] by start */
    unsigned areas_count;    /* [l] */
    uint64_t root;           /* [I] physical address of the top-level table */
    uint64_t table_frames;   /* [l] tables below the root */
    uint64_t mapped_pages;   /* [l] pages that areas cover */
    uint64_t resident_pages; /* [l] */
    uint64_t limit_pages;    /* [l] RLIMIT_AS */
    uint64_t brk_start, brk; /* [l] bytes */
    uint64_t brk_limit;      /* [l] RLIMIT_DATA, bytes */
    uint64_t map_top;        /* [I] mappings without an address lie below */
};

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
    struct vm_pager *pager; /* borrowed; NULL: anonymous */
    uint64_t page_index;
};

void vm_init(void);

MUST_CHECK int vm_space_create(struct vm_space **out_space); /* one reference */
/* A copy for fork: private pages are shared until one side writes. */
MUST_CHECK int vm_space_dup(struct vm_space *parent, struct vm_space **out_space);
void vm_space_get(struct vm_space *space);
/* The last one frees areas, pages and tables: no processor may be on them. */
void vm_space_put(struct vm_space *space);

/* The processor is about to run on these tables, or has left them. Interrupts off. */
void vm_space_enter(struct vm_space *space);
void vm_space_leave(struct vm_space *space);

/* 0 and the address, or -ENOMEM, -EINVAL, -EEXIST, -EACCES (writable and executable). */
MUST_CHECK int vm_map(struct vm_space *space, const struct vm_request *request, uint64_t *out);
MUST_CHECK int vm_unmap(struct vm_space *space, uint64_t start, uint64_t nbytes);
MUST_CHECK int vm_protect(struct vm_space *space, uint64_t start, uint64_t nbytes, uint32_t prot);
/* Drops the pages of private mappings: the next access finds fresh ones. -ENOMEM for holes. */
MUST_CHECK int vm_discard(struct vm_space *space, uint64_t start, uint64_t nbytes);
/* Whether areas cover all of it: 0 or -ENOMEM. */
MUST_CHECK int vm_check_mapped(struct vm_space *space, uint64_t start, uint64_t nbytes);

/* Sets the break if that is possible; returns the break then in force. */
uint64_t vm_brk(struct vm_space *space, uint64_t address);
void vm_brk_init(struct vm_space *space, uint64_t start);

enum vm_access { VM_READ, VM_WRITE, VM_EXEC };

/* Makes the page at va present for that access. -EFAULT: no area; -EACCES: the area forbids it;
 * -ENXIO: behind the end of the file; -ENOMEM. */
MUST_CHECK int vm_fault(struct vm_space *space, uint64_t va, enum vm_access access);

/* Writes to a space that need not be the current one, over whatever protection private areas have:
 * for building programs. src NULL: zeroes. -EFAULT where nothing is mapped. */
MUST_CHECK int vm_poke(struct vm_space *space, uint64_t va, const void *src, size_t nbytes);

/* Allows mappings that are writable and executable at once, as Linux does (boot option wx=allow;
 * the default is -EACCES). */
void vm_allow_wx(bool allow);
