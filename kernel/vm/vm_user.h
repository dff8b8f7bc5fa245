/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_user.h - the only door to a program's memory
 *
 * Rule:    a user address is checked against USER_END and accessed with fix-ups; a page that is
 *          not there yet is faulted in on the way. Read a user word once, into kernel memory.
 * Context: the thread whose memory it is; no spinlock held; under a mutex of rank INODE or PIPE
 *          only through a struct vm_io with faults disabled.
 * Fails:   -EFAULT where any byte cannot be accessed; bytes before it may have been copied.
 * Tests:   tests/user/badptr_*.c
 */
#pragma once

#include "kernel/arch/x86_64/uaccess.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/util.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

MUST_CHECK int vm_user_read(void *dst, struct uptr src, size_t nbytes);
MUST_CHECK int vm_user_write(struct uptr dst, const void *src, size_t nbytes);
/* The same as vm_user_read for a few words, 1 to 4, a constant: no call, and the words need not go
 * through memory. */
MUST_CHECK static inline int vm_user_read_words(uint64_t *dst, struct uptr src, unsigned nwords)
{
    ASSERT(!spin_any_held());
    if (src.va > USER_END - nwords * sizeof(*dst) ||
        !arch_user_load(dst, (const uint64_t *)src.va, nwords))
        return -EFAULT;
    return 0;
}
/* Under a mutex of rank PIPE: -EFAULT also for a page that is only not there yet. */
MUST_CHECK int vm_user_read_nofault(void *dst, struct uptr src, size_t nbytes);
MUST_CHECK int vm_user_zero(struct uptr dst, size_t nbytes);

/* Copies a string with its NUL into dst of size bytes and returns its length without the NUL;
 * -EFAULT, or -ENAMETOOLONG when no NUL is among the first size bytes. */
MUST_CHECK int64_t vm_user_read_string(char *dst, struct uptr src, size_t size);

/* Where the bytes of a read or write come from or go to: user segments, or one kernel buffer. */
struct vm_io_segment {
    struct uptr base; /* layout of Linux's struct iovec */
    uint64_t nbytes;
};

struct vm_io {
    char *kernel; /* next byte of the kernel buffer; NULL: user memory */
    uint64_t va;  /* next byte of user memory, and how many follow it before the next segment */
    size_t here;
    const struct vm_io_segment *next; /* segment */
    size_t left;                      /* bytes still to go over all segments */
    uint64_t forbidden; /* the last bytes of a file of the largest size, not to be written */
};

void vm_io_init_kernel(struct vm_io *io, void *buffer, size_t nbytes);
/* The segments stay the caller's and must outlive io; their sum is at most SSIZE_MAX. */
void vm_io_init_user(struct vm_io *io, const struct vm_io_segment *segments, size_t nbytes);
/* One buffer of a program. */
static inline void vm_io_init_buffer(struct vm_io *io, struct uptr base, size_t nbytes)
{
    *io = (struct vm_io){.va = base.va, .here = nbytes, .left = nbytes};
}

/* Move up to nbytes (never more than io->left) and advance. They return the number of bytes moved:
 * fewer only at a fault. vm_io_put: to the caller of read(2); vm_io_get: from the caller of
 * write(2). They may fault pages in, so: no lock of rank VM or above may be held. */
MUST_CHECK size_t vm_io_put(struct vm_io *io, const void *src, size_t nbytes);
MUST_CHECK size_t vm_io_put_zero(struct vm_io *io, size_t nbytes);
MUST_CHECK size_t vm_io_get(struct vm_io *io, void *dst, size_t nbytes);

/* The same, for use under INODE or PIPE mutexes: a page that is not there is a short copy. The
 * caller then unlocks, calls vm_io_fault_in, and tries again if that returned 0. */
MUST_CHECK size_t vm_io_put_nofault(struct vm_io *io, const void *src, size_t nbytes);
MUST_CHECK size_t vm_io_get_nofault(struct vm_io *io, void *dst, size_t nbytes);
/* Makes the page at the current position accessible; write: the kernel is going to write to it
 * (vm_io_put). 0 or -EFAULT. */
MUST_CHECK int vm_io_fault_in(const struct vm_io *io, bool write);
/* The same for all that is left, to be read; ends at the first page that cannot be there. */
void vm_io_fault_in_all(const struct vm_io *io);
