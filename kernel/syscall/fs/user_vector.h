/* SPDX-License-Identifier: MIT */
/*
 * syscall/fs/user_vector.h - buffers of programs, one or an array of them
 *
 * Owns:    struct user_vector, a checked copy of a struct iovec array.
 * Used by: sys_rw.c, syscall/net, sys_process_vm.c.
 * Context: a system call; no lock held.
 * Fails:   -EINVAL, -EFAULT, -ENOMEM; then there is nothing to put.
 * Tests:   tests/user/fs/, tests/user/mem/badptr_*.c
 */
#pragma once

#include "kernel/vm/vm_user.h"
#include "shared/linux/uio.h"

static inline bool user_range_is_user(struct uptr base, uint64_t nbytes)
{
    return nbytes <= USER_END && base.va <= USER_END - nbytes;
}

/* A copy of the program's array: checked once, and used as checked. */
struct user_vector {
    struct user_iter_segment *segments;
    size_t nbytes;
    struct user_iter_segment few[LX_UIO_FASTIOV];
};

MUST_CHECK int user_vector_get(struct user_vector *vector, struct uptr from, uint32_t count);
/* The same for addresses of another process, which are checked when they are used. */
MUST_CHECK int user_vector_get_remote(struct user_vector *vector, struct uptr from, uint32_t count);
void user_vector_put(struct user_vector *vector);
