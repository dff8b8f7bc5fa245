/* SPDX-License-Identifier: MIT */
/*
 * Arrays of buffers as programs give them: copied, and checked once for all.
 */
#include "kernel/syscall/fs/user_vector.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"

/* The sum is cut at what one call moves at most; what lies behind is checked all the same. A length
 * that is none comes before any address, as on Linux. */
static int vector_check(struct user_vector *vector, size_t count, bool own)
{
    int err = 0;

    vector->nbytes = 0;
    for (size_t i = 0; i < count; i++) {
        struct user_iter_segment *segment = &vector->segments[i];

        if ((int64_t)segment->nbytes < 0)
            return -EINVAL;
        if (own && !user_range_is_user(segment->base, segment->nbytes))
            err = -EFAULT;
        /* Not an error: the result shows how much has moved. */
        segment->nbytes = MIN(segment->nbytes, LX_MAX_RW_COUNT - vector->nbytes);
        vector->nbytes += segment->nbytes;
    }
    return err;
}

/* Segments of short vectors lie in the structure itself, on the caller's stack. */
void user_vector_put(struct user_vector *vector)
{
    if (vector->segments != vector->few)
        kfree(vector->segments);
}

static int vector_get(struct user_vector *vector, struct uptr from, uint32_t count, bool own)
{
    int err;

    if (count > LX_UIO_MAXIOV)
        return -EINVAL;
    vector->segments = vector->few;
    if (count > LX_UIO_FASTIOV)
        vector->segments = kmalloc(count * sizeof(struct user_iter_segment));
    if (!vector->segments)
        return -ENOMEM;
    err = vm_user_read(vector->segments, from, count * sizeof(struct user_iter_segment));
    if (!err)
        err = vector_check(vector, count, own);
    if (err)
        user_vector_put(vector);
    return err;
}

/* Linux looks at the lower half of the count only. */
int user_vector_get(struct user_vector *vector, struct uptr from, uint32_t count)
{
    return vector_get(vector, from, count, true);
}

int user_vector_get_remote(struct user_vector *vector, struct uptr from, uint32_t count)
{
    return vector_get(vector, from, count, false);
}
