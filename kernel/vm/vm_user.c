/* SPDX-License-Identifier: MIT */
/*
 * User memory access: the only functions that copy from and to programs. Addresses are checked
 * against USER_END here; whether the page is there, and may be accessed so, only the access itself
 * finds out: a page fault brings the page in, and where it cannot the fix-up of the copy gives the
 * number of bytes that are left.
 *
 * A fault takes vm_space.lock (rank VM). So copies under INODE or PIPE run with faults disabled:
 * they end at the first page that is not there, the caller gives its lock up, brings the page in,
 * and begins anew. Another thread may unmap the page in between: each such loop ends because
 * bringing it in then fails.
 *
 * Programs choose how long a copy is: it is done in pieces, with a preemption point between them,
 * but with faults disabled, where callers give copies of a page at most.
 */
#include "kernel/vm/vm_user.h"

#include "kernel/arch/x86_64/uaccess.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_map.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

static bool user_range_valid(uint64_t va, size_t nbytes)
{
    return va < USER_END && nbytes <= USER_END - va;
}

/* The range keeps the kernel's own memory out of reach. Nothing else is checked before the access:
 * it could have changed until then. */
int vm_user_read(void *dst, struct uptr src, size_t nbytes)
{
    ASSERT(!spin_any_held());
    if (!user_range_valid(src.va, nbytes) || arch_user_copy(dst, (const void *)src.va, nbytes))
        return -EFAULT;
    return 0;
}

/* For words that are looked at under a lock: the caller brings the page in and tries again. */
int vm_user_read_nofault(void *dst, struct uptr src, size_t nbytes)
{
    struct arch_thread *self = &thread_current()->arch;
    size_t failed;

    if (!user_range_valid(src.va, nbytes))
        return -EFAULT;
    self->faults_disabled++;
    failed = arch_user_copy(dst, (const void *)src.va, nbytes);
    self->faults_disabled--;
    return failed ? -EFAULT : 0;
}

int vm_user_exchange_nofault(uint64_t va, uint32_t *old, uint32_t new)
{
    struct arch_thread *self = &thread_current()->arch;
    bool done;

    if (!user_range_valid(va, sizeof(*old)))
        return -EFAULT;
    self->faults_disabled++;
    done = arch_user_exchange((uint32_t *)va, old, new);
    self->faults_disabled--;
    return done ? 0 : -EFAULT;
}

/* By two instructions: this is what a wait for events writes for each of them. */
int vm_user_write_pair_nofault(struct uptr dst, uint32_t first, uint64_t second)
{
    struct arch_thread *self = &thread_current()->arch;
    bool done;

    if (dst.va > USER_END - (sizeof(first) + sizeof(second)))
        return -EFAULT;
    self->faults_disabled++;
    done = arch_user_store_pair((uint32_t *)dst.va, first, second);
    self->faults_disabled--;
    return done ? 0 : -EFAULT;
}

int vm_user_write(struct uptr dst, const void *src, size_t nbytes)
{
    ASSERT(!spin_any_held());
    if (!user_range_valid(dst.va, nbytes) || arch_user_copy((void *)dst.va, src, nbytes))
        return -EFAULT;
    return 0;
}

int vm_user_zero(struct uptr dst, size_t nbytes)
{
    ASSERT(!spin_any_held());
    if (!user_range_valid(dst.va, nbytes) || arch_user_zero((void *)dst.va, nbytes))
        return -EFAULT;
    return 0;
}

/* The copy stops at the NUL, at the end of the buffer, or of user space: a string that reaches the
 * last of these has no end, which is a bad address and not a name too long. */
int64_t vm_user_read_string(char *dst, struct uptr src, size_t size)
{
    uint64_t room = src.va < USER_END ? USER_END - src.va : 0;
    size_t limit = MIN(size, room);
    int64_t copied;

    ASSERT(!spin_any_held());
    copied = limit ? arch_user_copy_string(dst, (const char *)src.va, limit) : -1;
    if (copied < 0)
        return -EFAULT;
    if ((uint64_t)copied > limit)
        return limit < size ? -EFAULT : -ENAMETOOLONG;
    return copied - 1;
}

void user_iter_init_kernel(struct user_iter *io, void *buffer, size_t nbytes)
{
    *io = (struct user_iter){.kernel = buffer, .left = nbytes};
}

/* Segments are looked at when they are reached; bad addresses among them count no earlier, as on
 * Linux. */
void user_iter_init_user(struct user_iter *io, const struct user_iter_segment *segments,
                         size_t nbytes)
{
    *io = (struct user_iter){.next = segments, .left = nbytes};
}

#define PIECE_NBYTES 65536 /* moved without a preemption point */

enum direction { TO_USER, TO_USER_ZERO, FROM_USER };

/* Goes to the next segment where the current one is used up. Segments may be empty; there is one
 * that is not, because bytes are left. */
static void piece_find(struct user_iter *io)
{
    for (; io->here == 0; io->next++) {
        io->va = io->next->base.va;
        io->here = io->next->nbytes;
    }
}

/* Bytes that could not be moved. The direction is a constant wherever this is inlined. */
static inline size_t bytes_move(uint64_t va, void *bytes, size_t nbytes, enum direction direction)
{
    if (direction == TO_USER)
        return arch_user_copy((void *)va, bytes, nbytes);
    if (direction == TO_USER_ZERO)
        return arch_user_zero((void *)va, nbytes);
    return arch_user_copy(bytes, (const void *)va, nbytes);
}

/* Bytes that could not be moved. */
static size_t piece_move(uint64_t va, void *bytes, size_t nbytes, enum direction direction)
{
    if (!user_range_valid(va, nbytes)) {
        size_t inside = va < USER_END ? USER_END - va : 0;

        /* What lies below the end of user space is still tried, as it is on Linux when a copy
         * runs into the hole. */
        return inside ? nbytes - inside + bytes_move(va, bytes, inside, direction) : nbytes;
    }
    return bytes_move(va, bytes, nbytes, direction);
}

static inline void user_iter_advance(struct user_iter *io, size_t moved)
{
    io->va += moved;
    io->here -= moved;
    io->left -= moved;
}

/* A kernel buffer cannot fault: all bytes are moved. */
static size_t kernel_move(struct user_iter *io, void *bytes, size_t nbytes,
                          enum direction direction)
{
    if (direction == TO_USER)
        memcpy(io->kernel, bytes, nbytes);
    else if (direction == TO_USER_ZERO)
        memset(io->kernel, 0, nbytes);
    else
        memcpy(bytes, io->kernel, nbytes);
    io->kernel += nbytes;
    io->left -= nbytes;
    return nbytes;
}

/* Bytes moved: fewer than nbytes only at a fault, with the iterator behind the last one moved. */
static NOINLINE size_t pieces_move(struct user_iter *io, void *bytes, size_t nbytes,
                                   enum direction direction)
{
    size_t done = 0;

    while (done < nbytes) {
        size_t piece, moved;

        piece_find(io);
        piece = MIN(MIN(nbytes - done, io->here), PIECE_NBYTES);
        moved = piece - piece_move(io->va, (char *)bytes + done, piece, direction);
        user_iter_advance(io, moved);
        done += moved;
        if (moved < piece)
            break;
        /* Where faults are disabled the copy is short, and the caller may be one that must not give
         * way: a reader of the page cache with its hazard pointer (sched/hazard.h). */
        if (!thread_current()->arch.faults_disabled)
            sched_preempt_point_inline();
    }
    return done;
}

/* Mostly there is one segment, and all that is asked for lies in it and is short. */
static inline size_t io_move(struct user_iter *io, void *bytes, size_t nbytes,
                             enum direction direction)
{
    ASSERT(!spin_any_held());
    nbytes = MIN(nbytes, io->left);
    if (unlikely(io->kernel))
        return kernel_move(io, bytes, nbytes, direction);
    if (unlikely(nbytes > MIN(io->here, PIECE_NBYTES) || !user_range_valid(io->va, nbytes)))
        return pieces_move(io, bytes, nbytes, direction);
    nbytes -= bytes_move(io->va, bytes, nbytes, direction);
    user_iter_advance(io, nbytes);
    return nbytes;
}

/* The bytes are only read in this direction. */
size_t user_iter_put(struct user_iter *io, const void *src, size_t nbytes)
{
    return io_move(io, (void *)(uintptr_t)src, nbytes, TO_USER);
}

size_t user_iter_put_zero(struct user_iter *io, size_t nbytes)
{
    return io_move(io, NULL, nbytes, TO_USER_ZERO);
}

size_t user_iter_get(struct user_iter *io, void *dst, size_t nbytes)
{
    return io_move(io, dst, nbytes, FROM_USER);
}

/* With faults disabled the page fault handler goes to the fix-up at once, and takes no lock. */
static inline size_t io_move_nofault(struct user_iter *io, void *bytes, size_t nbytes,
                                     enum direction direction)
{
    struct arch_thread *self = &thread_current()->arch;
    size_t done;

    self->faults_disabled++;
    done = io_move(io, bytes, nbytes, direction);
    self->faults_disabled--;
    return done;
}

size_t user_iter_put_nofault(struct user_iter *io, const void *src, size_t nbytes)
{
    return io_move_nofault(io, (void *)(uintptr_t)src, nbytes, TO_USER);
}

size_t user_iter_put_zero_nofault(struct user_iter *io, size_t nbytes)
{
    return io_move_nofault(io, NULL, nbytes, TO_USER_ZERO);
}

size_t user_iter_get_nofault(struct user_iter *io, void *dst, size_t nbytes)
{
    return io_move_nofault(io, dst, nbytes, FROM_USER);
}

/* On a copy of the iterator: nothing is moved. A page that is there for reading may still have to
 * be copied before the kernel can write to it. */
int user_iter_fault_in(const struct user_iter *io, bool write)
{
    struct user_iter at = *io;

    if (io->kernel || !io->left)
        return 0;
    piece_find(&at);
    if (vm_fault(thread_current()->space, at.va, write ? VM_WRITE : VM_READ))
        return -EFAULT;
    return 0;
}

int vm_user_fault_in(struct uptr dst, size_t nbytes)
{
    struct vm_space *space = thread_current()->space;
    uint64_t last = dst.va + nbytes - 1;

    ASSERT(nbytes && nbytes <= PAGE_SIZE);
    if (!user_range_valid(dst.va, nbytes) || vm_fault(space, dst.va, VM_WRITE))
        return -EFAULT;
    return dst.va >> PAGE_SHIFT != last >> PAGE_SHIFT && vm_fault(space, last, VM_WRITE) ? -EFAULT
                                                                                         : 0;
}

/* Only a help before a long copy under a lock: a page may be gone again when it is used, and then
 * the caller's own loop brings it in. */
void user_iter_fault_in_all(const struct user_iter *io)
{
    struct user_iter at = *io;

    if (io->kernel) /* a copy of it ends early for other reasons than a page that is not there */
        return;
    while (at.left && !vm_kill_pending() && user_iter_fault_in(&at, false) == 0) {
        sched_preempt_point_inline();
        piece_find(&at);
        user_iter_advance(&at, MIN(at.here, PAGE_SIZE - (at.va & PAGE_MASK)));
    }
}

int vm_user_check_zero(struct uptr from, size_t nbytes)
{
    char piece[64];

    for (size_t at = 0; at < nbytes; at += sizeof(piece)) {
        size_t size = MIN(nbytes - at, sizeof(piece));

        if (vm_user_read(piece, (struct uptr){from.va + at}, size))
            return -EFAULT;
        for (size_t i = 0; i < size; i++)
            if (piece[i])
                return -E2BIG;
    }
    return 0;
}
