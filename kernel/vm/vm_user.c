/* SPDX-License-Identifier: MIT */
#include "kernel/vm/vm_user.h"

#include "kernel/arch/x86_64/uaccess.h"
#include "kernel/core/spinlock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/sched/thread.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"

static bool range_is_user(uint64_t va, size_t nbytes)
{
    return va < USER_END && nbytes <= USER_END - va;
}

int vm_user_read(void *dst, struct uptr src, size_t nbytes)
{
    ASSERT(!spin_any_held());
    if (!range_is_user(src.va, nbytes) || arch_user_copy(dst, (const void *)src.va, nbytes))
        return -EFAULT;
    return 0;
}

int vm_user_read_nofault(void *dst, struct uptr src, size_t nbytes)
{
    struct arch_thread *self = &thread_current()->arch;
    size_t failed;

    if (!range_is_user(src.va, nbytes))
        return -EFAULT;
    self->faults_disabled++;
    failed = arch_user_copy(dst, (const void *)src.va, nbytes);
    self->faults_disabled--;
    return failed ? -EFAULT : 0;
}

int vm_user_write(struct uptr dst, const void *src, size_t nbytes)
{
    ASSERT(!spin_any_held());
    if (!range_is_user(dst.va, nbytes) || arch_user_copy((void *)dst.va, src, nbytes))
        return -EFAULT;
    return 0;
}

int vm_user_zero(struct uptr dst, size_t nbytes)
{
    ASSERT(!spin_any_held());
    if (!range_is_user(dst.va, nbytes) || arch_user_zero((void *)dst.va, nbytes))
        return -EFAULT;
    return 0;
}

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

void vm_io_init_kernel(struct vm_io *io, void *buffer, size_t nbytes)
{
    *io = (struct vm_io){.kernel = buffer, .left = nbytes};
}

void vm_io_init_user(struct vm_io *io, const struct vm_io_segment *segments, size_t nbytes)
{
    *io = (struct vm_io){.next = segments, .left = nbytes};
}

enum direction { TO_USER, TO_USER_ZERO, FROM_USER };

/* Goes to the next segment where the current one is used up. */
static void piece_find(struct vm_io *io)
{
    for (; io->here == 0; io->next++) {
        io->va = io->next->base.va;
        io->here = io->next->nbytes;
    }
}

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
    if (!range_is_user(va, nbytes)) {
        size_t inside = va < USER_END ? USER_END - va : 0;

        /* What lies below the end of user space is still tried, as it is on Linux when a copy
         * runs into the hole. */
        return inside ? nbytes - inside + bytes_move(va, bytes, inside, direction) : nbytes;
    }
    return bytes_move(va, bytes, nbytes, direction);
}

static inline void advance(struct vm_io *io, size_t moved)
{
    io->va += moved;
    io->here -= moved;
    io->left -= moved;
}

static size_t kernel_move(struct vm_io *io, void *bytes, size_t nbytes, enum direction direction)
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

static NOINLINE size_t pieces_move(struct vm_io *io, void *bytes, size_t nbytes,
                                   enum direction direction)
{
    size_t done = 0;

    while (done < nbytes) {
        size_t piece, moved;

        piece_find(io);
        piece = MIN(nbytes - done, io->here);
        moved = piece - piece_move(io->va, (char *)bytes + done, piece, direction);
        advance(io, moved);
        done += moved;
        if (moved < piece)
            break;
    }
    return done;
}

/* Mostly there is one segment, and all that is asked for lies in it. */
static inline size_t io_move(struct vm_io *io, void *bytes, size_t nbytes, enum direction direction)
{
    ASSERT(!spin_any_held());
    nbytes = MIN(nbytes, io->left);
    if (unlikely(io->kernel))
        return kernel_move(io, bytes, nbytes, direction);
    if (unlikely(nbytes > io->here || !range_is_user(io->va, nbytes)))
        return pieces_move(io, bytes, nbytes, direction);
    nbytes -= bytes_move(io->va, bytes, nbytes, direction);
    advance(io, nbytes);
    return nbytes;
}

size_t vm_io_put(struct vm_io *io, const void *src, size_t nbytes)
{
    return io_move(io, (void *)(uintptr_t)src, nbytes, TO_USER);
}

size_t vm_io_put_zero(struct vm_io *io, size_t nbytes)
{
    return io_move(io, NULL, nbytes, TO_USER_ZERO);
}

size_t vm_io_get(struct vm_io *io, void *dst, size_t nbytes)
{
    return io_move(io, dst, nbytes, FROM_USER);
}

static inline size_t io_move_nofault(struct vm_io *io, void *bytes, size_t nbytes,
                                     enum direction direction)
{
    struct arch_thread *self = &thread_current()->arch;
    size_t done;

    self->faults_disabled++;
    done = io_move(io, bytes, nbytes, direction);
    self->faults_disabled--;
    return done;
}

size_t vm_io_put_nofault(struct vm_io *io, const void *src, size_t nbytes)
{
    return io_move_nofault(io, (void *)(uintptr_t)src, nbytes, TO_USER);
}

size_t vm_io_get_nofault(struct vm_io *io, void *dst, size_t nbytes)
{
    return io_move_nofault(io, dst, nbytes, FROM_USER);
}

int vm_io_fault_in(const struct vm_io *io, bool write)
{
    struct vm_io at = *io;

    if (io->kernel || !io->left)
        return 0;
    piece_find(&at);
    if (vm_fault(thread_current()->space, at.va, write ? VM_WRITE : VM_READ))
        return -EFAULT;
    return 0;
}

void vm_io_fault_in_all(const struct vm_io *io)
{
    struct vm_io at = *io;

    while (at.left && vm_io_fault_in(&at, false) == 0) {
        piece_find(&at);
        advance(&at, MIN(at.here, PAGE_SIZE - (at.va & PAGE_MASK)));
    }
}
