/* SPDX-License-Identifier: MIT */
/* Descriptors. The first 64 need no memory but the table's own; more come in powers of two. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/flock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/linux/errno.h"

#define WORD_BITS 64u

static bool bit_test(const uint64_t *bits, unsigned n)
{
    return bits[n / WORD_BITS] >> (n % WORD_BITS) & 1;
}

static void bit_set(uint64_t *bits, unsigned n, bool value)
{
    uint64_t mask = 1ull << (n % WORD_BITS);

    if (value)
        bits[n / WORD_BITS] |= mask;
    else
        bits[n / WORD_BITS] &= ~mask;
}

/* First number at or above n, below limit, whose bit is `value`; limit when there is none. */
static unsigned bit_find(const uint64_t *bits, unsigned n, unsigned limit, bool value)
{
    while (n < limit) {
        uint64_t word = value ? bits[n / WORD_BITS] : ~bits[n / WORD_BITS];

        word >>= n % WORD_BITS;
        if (word)
            return MIN(n + (unsigned)__builtin_ctzll(word), limit);
        n = (n / WORD_BITS + 1) * WORD_BITS;
    }
    return limit;
}

static void use_inline(struct fd_table *table)
{
    table->capacity = FD_INLINE;
    table->slots = table->inline_slots;
    table->used = table->inline_used;
    table->cloexec = table->inline_cloexec;
}

int fd_table_create(struct fd_table **out_table)
{
    struct fd_table *table = kzalloc(sizeof(*table));

    if (!table)
        return -ENOMEM;
    spin_init(&table->lock, SPIN_FDTABLE);
    table->users = 1;
    table->limit = FD_LIMIT_DEFAULT;
    use_inline(table);
    *out_table = table;
    return 0;
}

/* --- growing --- */

struct fd_arrays {
    unsigned capacity;
    struct file **slots; /* one block: slots, then used, then cloexec */
    uint64_t *used, *cloexec;
};

static int arrays_alloc(unsigned capacity, struct fd_arrays *out)
{
    size_t nwords = capacity / WORD_BITS;

    out->slots = kzalloc(capacity * sizeof(struct file *) + 2 * nwords * sizeof(uint64_t));
    if (!out->slots)
        return -ENOMEM;
    out->capacity = capacity;
    out->used = (uint64_t *)(out->slots + capacity);
    out->cloexec = out->used + nwords;
    return 0;
}

static void arrays_fill_locked(struct fd_arrays *to, const struct fd_table *from)
{
    unsigned capacity = MIN(to->capacity, from->capacity);

    memcpy(to->slots, from->slots, capacity * sizeof(struct file *));
    memcpy(to->used, from->used, capacity / 8);
    memcpy(to->cloexec, from->cloexec, capacity / 8);
}

static void arrays_use_locked(struct fd_table *table, const struct fd_arrays *arrays)
{
    table->capacity = arrays->capacity;
    table->slots = arrays->slots;
    table->used = arrays->used;
    table->cloexec = arrays->cloexec;
}

/* Makes room for fd, without the lock: memory is not allocated under it. */
static int grow(struct fd_table *table, unsigned fd)
{
    struct fd_arrays arrays;
    struct file **old = NULL;
    unsigned capacity = FD_INLINE;
    int err;

    while (capacity <= fd)
        capacity *= 2;
    err = arrays_alloc(capacity, &arrays);
    if (err)
        return err;
    spin_lock(&table->lock);
    if (table->capacity < capacity) {
        arrays_fill_locked(&arrays, table);
        old = table->slots;
        arrays_use_locked(table, &arrays);
    } else {
        old = arrays.slots; /* somebody was faster */
    }
    spin_unlock(&table->lock);
    if (old != table->inline_slots)
        kfree(old);
    return 0;
}

/* --- life --- */

/* A descriptor is gone, and with it the process's record locks on that file, whatever other
 * descriptors of the same file it has: POSIX wants that. */
static void let_go(struct fd_table *table, struct file *file)
{
    lock_release(file->inode, table);
    file_put(file);
}

void fd_table_get(struct fd_table *table)
{
    __atomic_fetch_add(&table->users, 1, __ATOMIC_RELAXED);
}

void fd_table_put(struct fd_table *table)
{
    if (__atomic_sub_fetch(&table->users, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (unsigned fd = 0; fd < table->capacity; fd++) {
        fd = bit_find(table->used, fd, table->capacity, true);
        if (fd < table->capacity && table->slots[fd])
            let_go(table, table->slots[fd]);
    }
    if (table->slots != table->inline_slots)
        kfree(table->slots);
    kfree(table);
}

/* Copies what is there; a number that is only reserved is free in the copy. */
static void copy_locked(struct fd_table *copy, struct fd_table *table)
{
    struct fd_arrays to = {copy->capacity, copy->slots, copy->used, copy->cloexec};

    arrays_fill_locked(&to, table);
    copy->first_free = table->first_free;
    copy->limit = table->limit;
    for (unsigned fd = 0; fd < table->capacity; fd++) {
        fd = bit_find(copy->used, fd, table->capacity, true);
        if (fd >= table->capacity)
            break;
        if (copy->slots[fd]) {
            file_get(copy->slots[fd]);
        } else {
            bit_set(copy->used, fd, false);
            copy->first_free = MIN(copy->first_free, fd);
        }
    }
}

int fd_table_dup(struct fd_table *table, struct fd_table **out_copy)
{
    struct fd_table *copy;
    int err = fd_table_create(&copy);

    if (err)
        return err;
    spin_lock(&table->lock);
    while (copy->capacity < table->capacity) {
        unsigned capacity = table->capacity;

        spin_unlock(&table->lock);
        err = grow(copy, capacity - 1);
        if (err) {
            fd_table_put(copy);
            return err;
        }
        spin_lock(&table->lock);
    }
    copy_locked(copy, table);
    spin_unlock(&table->lock);
    *out_copy = copy;
    return 0;
}

/* --- looking up --- */

struct file *fd_get(struct fd_table *table, int fd)
{
    struct file *file = NULL;

    spin_lock(&table->lock);
    if ((unsigned)fd < table->capacity)
        file = table->slots[fd];
    if (file)
        file_get(file);
    spin_unlock(&table->lock);
    return file;
}

uint64_t fd_used_word(struct fd_table *table, size_t i)
{
    uint64_t word;

    spin_lock(&table->lock);
    word = table->used[i];
    spin_unlock(&table->lock);
    return word;
}

int fd_next_used(struct fd_table *table, int fd)
{
    unsigned next;

    spin_lock(&table->lock);
    do
        next = bit_find(table->used, (unsigned)fd, table->capacity, true);
    while (next < table->capacity && !table->slots[next] && (fd = (int)next + 1));
    if (next >= table->capacity)
        next = (unsigned)-1;
    spin_unlock(&table->lock);
    return (int)next;
}

/* --- taking numbers --- */

int fd_reserve(struct fd_table *table, int min, bool cloexec)
{
    for (;;) {
        unsigned limit = __atomic_load_n(&table->limit, __ATOMIC_RELAXED);
        unsigned fd;
        int err;

        if ((unsigned)min >= limit)
            return -EMFILE;
        spin_lock(&table->lock);
        fd = bit_find(table->used, MAX((unsigned)min, table->first_free), table->capacity, false);
        fd = MAX(fd, (unsigned)min);
        if (fd < table->capacity && fd < limit) {
            bit_set(table->used, fd, true);
            bit_set(table->cloexec, fd, cloexec);
            if ((unsigned)min <= table->first_free)
                table->first_free = fd + 1;
            spin_unlock(&table->lock);
            return (int)fd;
        }
        spin_unlock(&table->lock);
        if (fd >= limit)
            return -EMFILE;
        err = grow(table, fd);
        if (err)
            return err;
    }
}

void fd_fill(struct fd_table *table, int fd, struct file *file)
{
    spin_lock(&table->lock);
    ASSERT(bit_test(table->used, (unsigned)fd) && !table->slots[fd]);
    table->slots[fd] = file;
    spin_unlock(&table->lock);
}

/* Frees the number; the file that was there is the caller's to put. */
static struct file *take_locked(struct fd_table *table, unsigned fd)
{
    struct file *file = table->slots[fd];

    table->slots[fd] = NULL;
    bit_set(table->used, fd, false);
    bit_set(table->cloexec, fd, false);
    table->first_free = MIN(table->first_free, fd);
    return file;
}

void fd_unreserve(struct fd_table *table, int fd)
{
    spin_lock(&table->lock);
    ASSERT(!table->slots[fd]);
    take_locked(table, (unsigned)fd);
    spin_unlock(&table->lock);
}

int fd_install(struct fd_table *table, struct file *file, int min, bool cloexec)
{
    int fd = fd_reserve(table, min, cloexec);

    if (fd >= 0)
        fd_fill(table, fd, file);
    return fd;
}

int fd_replace(struct fd_table *table, int fd, struct file *file, bool cloexec)
{
    struct file *old;
    int err = 0;

    if ((unsigned)fd >= __atomic_load_n(&table->limit, __ATOMIC_RELAXED))
        return -EBADF;
    if ((unsigned)fd >= table->capacity)
        err = grow(table, (unsigned)fd);
    if (err)
        return err;
    spin_lock(&table->lock);
    old = table->slots[fd];
    if (!old && bit_test(table->used, (unsigned)fd)) {
        err = -EBUSY; /* another thread is about to fill it */
    } else {
        table->slots[fd] = file;
        bit_set(table->used, (unsigned)fd, true);
        bit_set(table->cloexec, (unsigned)fd, cloexec);
    }
    spin_unlock(&table->lock);
    if (!err && old)
        let_go(table, old);
    return err;
}

/* --- giving them back --- */

int fd_close(struct fd_table *table, int fd)
{
    struct file *file = NULL;

    spin_lock(&table->lock);
    if ((unsigned)fd < table->capacity && table->slots[fd])
        file = take_locked(table, (unsigned)fd);
    spin_unlock(&table->lock);
    if (!file)
        return -EBADF;
    let_go(table, file);
    return 0;
}

/* Closes the next descriptor in [fd, last] that is open, and of those only close-on-exec ones if
 * asked so. Returns the number after it, or one above last. */
static unsigned close_next(struct fd_table *table, unsigned fd, unsigned last, bool only_cloexec)
{
    struct file *file = NULL;

    spin_lock(&table->lock);
    last = MIN(last, table->capacity - 1);
    fd = bit_find(only_cloexec ? table->cloexec : table->used, fd, last + 1, true);
    if (fd <= last && table->slots[fd])
        file = take_locked(table, fd);
    spin_unlock(&table->lock);
    if (file)
        let_go(table, file);
    return fd <= last ? fd + 1 : UINT32_MAX;
}

void fd_table_close_on_exec(struct fd_table *table)
{
    for (unsigned fd = 0; fd != UINT32_MAX;)
        fd = close_next(table, fd, UINT32_MAX - 1, true);
}

void fd_close_range(struct fd_table *table, unsigned first, unsigned last, bool mark_only)
{
    if (!mark_only) {
        for (unsigned fd = first; fd <= last && fd != UINT32_MAX;)
            fd = close_next(table, fd, MIN(last, UINT32_MAX - 1), false);
        return;
    }
    spin_lock(&table->lock);
    for (unsigned fd = first; fd <= last && fd < table->capacity; fd++)
        if (bit_test(table->used, fd))
            bit_set(table->cloexec, fd, true);
    spin_unlock(&table->lock);
}

int fd_get_cloexec(struct fd_table *table, int fd)
{
    int result = -EBADF;

    spin_lock(&table->lock);
    if ((unsigned)fd < table->capacity && table->slots[fd])
        result = bit_test(table->cloexec, (unsigned)fd);
    spin_unlock(&table->lock);
    return result;
}

int fd_set_cloexec(struct fd_table *table, int fd, bool cloexec)
{
    int result = -EBADF;

    spin_lock(&table->lock);
    if ((unsigned)fd < table->capacity && table->slots[fd]) {
        bit_set(table->cloexec, (unsigned)fd, cloexec);
        result = 0;
    }
    spin_unlock(&table->lock);
    return result;
}
