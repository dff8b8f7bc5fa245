/* SPDX-License-Identifier: MIT */
/*
 * tests/host/fs_fake.h - the rooms below fs, made up: memory, locks, waiting, user memory, time
 *
 * Functions are made up, and what the calls on files use of proc; headers are the kernel's own but
 * for shared/addrmap.h. So a task here is a whole one, most of it zero.
 * Frames lie in an arena and are poisoned while free; slab objects are malloc's, so that
 * AddressSanitizer watches both. Locks check ranks as the kernel's do. Any allocation can be made
 * to fail, any copy under a mutex to meet a page that is not there.
 */
#pragma once

#include "tests/host/check.h"

#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/fs/vfs/mount.h"
#include "kernel/fs/vfs/open.h"
#include "kernel/fs/vfs/path.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"
#include "kernel/proc/task.h"
#include "kernel/sched/waitq.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/stat.h"

#define FAKE_FRAMES         16384
#define FAKE_ARCHIVE_FRAMES 1024 /* the first frames of the arena: pinned */

/* Once a program, from its group setup. Starts fs with an empty root. */
int fake_start(void **state);

/* The n-th allocation from now on fails (0: the next); negative: none. */
void fake_fail_allocation(int n);
bool fake_allocation_failed(void); /* since fake_fail_allocation */

/* Every copy under a mutex stops with this chance in 256 at a page it has not been told of. */
void fake_set_absent_pages(unsigned chance);
/* User memory in [base, base + nbytes) cannot be accessed; read-only with readable. */
void fake_set_bad_range(const void *base, size_t nbytes, bool readable);

/* Called after each copy from a program that may not fault: what others do meanwhile. */
extern void (*fake_on_copy)(void);

/* Copies that may fault: no spinlock, no mutex of rank VM or above. */
void assert_may_fault(void);

/* Called instead of sleeping; returns what waitq_wait is to return. NULL: sleeping fails a test. */
extern int (*fake_on_wait)(struct waitq *queue);
void fake_wait_ends(void); /* after fake_on_wait has left it with longjmp */
/* Called where the kernel waits for a reader without a lock, who is the test: it has to leave.
 * NULL: such a wait, which would never end, fails a test. */
extern void (*fake_on_drain)(void);
extern int fake_last_signal;
extern uint64_t fake_now_ns;

/* What must be the same before and after, whatever a test did (but for what it left linked). */
struct fake_balance {
    uint64_t objects, frames, orphans, files;
};
struct fake_balance fake_balance(void);
void fake_assert_balance(struct fake_balance before);
uint64_t fake_frames_in_use(void);

/* A task at the root, with an empty table. */
struct task *fake_task_create(void);
void fake_task_destroy(struct task *task);

static inline struct uptr user(const void *address)
{
    return (struct uptr){(uint64_t)address};
}
