/* SPDX-License-Identifier: MIT */
/*
 * vm/vm_user.h - the only door to a program's memory
 *
 * Rule:    a user address is checked against USER_END and accessed with fix-ups; a page that is
 *          not there yet is faulted in on the way. Read a user word once, into kernel memory.
 * Context: the thread whose memory it is; no spinlock held; under a mutex of rank INODE or PIPE
 *          only through a struct user_iter with faults disabled.
 * Fails:   -EFAULT where any byte cannot be accessed; bytes before it may have been copied.
 * Tests:   tests/user/mem/badptr_*.c
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
/* Likewise: puts `new` where *old is, atomically towards all that write there; *old becomes what
 * was there. va is a multiple of 4. */
MUST_CHECK int vm_user_exchange_nofault(uint64_t va, uint32_t *old, uint32_t new);
/* Two words without a gap; the first may be written where it fails. The caller unlocks, brings in
 * the pages for that many bytes, a page's length at most, and tries again if that was 0. */
MUST_CHECK int vm_user_write_pair_nofault(struct uptr dst, uint32_t first, uint64_t second);
MUST_CHECK int vm_user_fault_in(struct uptr dst, size_t nbytes);
MUST_CHECK int vm_user_zero(struct uptr dst, size_t nbytes);

/* Copies a string with its NUL into dst of size bytes and returns its length without the NUL;
 * -EFAULT, or -ENAMETOOLONG when no NUL is among the first size bytes. */
MUST_CHECK int64_t vm_user_read_string(char *dst, struct uptr src, size_t size);

/* For structures that grow with the versions of an interface: the part that this kernel does not
 * know must be zero. -E2BIG: it is not; -EFAULT. */
MUST_CHECK int vm_user_check_zero(struct uptr from, size_t nbytes);

/* Where the bytes of a read or write come from or go to: user segments, or one kernel buffer. */
struct user_iter_segment {
    struct uptr base; /* layout of Linux's struct iovec */
    uint64_t nbytes;
};

struct user_iter {
    char *kernel; /* next byte of the kernel buffer; NULL: user memory */
    uint64_t va;  /* next byte of user memory, and how many follow it before the next segment */
    size_t here;
    const struct user_iter_segment *next; /* segment */
    size_t left;                          /* bytes still to go over all segments */
    uint64_t beyond_limit; /* the last bytes of a file of the largest size, not to be written */
    bool drops_set_id; /* the writer has no right to leave set-user-ID bits on what it changes */
    bool appends;      /* at the end of the file, whatever the offset says */
};

void user_iter_init_kernel(struct user_iter *io, void *buffer, size_t nbytes);
/* The segments stay the caller's and must outlive io; their sum is at most SSIZE_MAX. */
void user_iter_init_user(struct user_iter *io, const struct user_iter_segment *segments,
                         size_t nbytes);
/* One buffer of a program. */
static inline void user_iter_init_buffer(struct user_iter *io, struct uptr base, size_t nbytes)
{
    /* Field by field: fewer instructions than to clear all of it. */
    io->kernel = NULL;
    io->va = base.va;
    io->here = nbytes;
    io->next = NULL;
    io->left = nbytes;
    io->beyond_limit = 0;
    io->drops_set_id = false;
    io->appends = false;
}

/* Where an iterator over user memory is, to go back to. */
struct user_iter_place {
    uint64_t va;
    size_t here;
    const struct user_iter_segment *next;
    size_t left;
};

static inline struct user_iter_place user_iter_place(const struct user_iter *io)
{
    return (struct user_iter_place){io->va, io->here, io->next, io->left};
}

static inline void user_iter_go_back(struct user_iter *io, const struct user_iter_place *place)
{
    io->va = place->va;
    io->here = place->here;
    io->next = place->next;
    io->left = place->left;
}

/* Move up to nbytes (never more than io->left) and advance. They return the number of bytes moved:
 * fewer only at a fault. user_iter_put: to the caller of read(2); user_iter_get: from the caller of
 * write(2). They may fault pages in, so: no lock of rank VM or above may be held. */
MUST_CHECK size_t user_iter_put(struct user_iter *io, const void *src, size_t nbytes);
MUST_CHECK size_t user_iter_put_zero(struct user_iter *io, size_t nbytes);
MUST_CHECK size_t user_iter_get(struct user_iter *io, void *dst, size_t nbytes);

/* The same, for use under INODE or PIPE mutexes: a page that is not there is a short copy. The
 * caller then unlocks, calls user_iter_fault_in, and tries again if that returned 0. */
MUST_CHECK size_t user_iter_put_nofault(struct user_iter *io, const void *src, size_t nbytes);
MUST_CHECK size_t user_iter_put_zero_nofault(struct user_iter *io, size_t nbytes);
MUST_CHECK size_t user_iter_get_nofault(struct user_iter *io, void *dst, size_t nbytes);
/* Makes the page at the current position accessible; write: the kernel is going to write to it
 * (user_iter_put). 0 or -EFAULT. */
MUST_CHECK int user_iter_fault_in(const struct user_iter *io, bool write);
/* The same for all that is left, to be read; ends at the first page that cannot be there. */
void user_iter_fault_in_all(const struct user_iter *io);
