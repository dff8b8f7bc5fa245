/* SPDX-License-Identifier: MIT */
/*
 * File descriptor tables: 64 numbers in the table itself, then powers of two.
 *
 * A number is free (bit in `used` clear), reserved (bit set, slot NULL) or open (both). It is
 * reserved by a call that is still to make its file, so that the call cannot fail after the file
 * exists; close and dup2 leave a reserved number alone.
 *
 * All of it changes under the table's lock, in which nothing sleeps: arrays are allocated before
 * it, and the file that comes out of a slot is put after it. As long as a table has one user, that
 * task reads its slots without the lock and borrows files without counting them (fd_find): no other
 * task can change them. Others, such as readers of /proc, only look, under the lock, and under
 * process_tree_lock, which keeps the pointer to the table as it is.
 *
 * Tables of tasks that share one are counted by `users`; a task that gets another table drops the
 * old one after its pointer has changed (process_replace_files).
 *
 * Long because the states of a number change in this file alone.
 */
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/flock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "kernel/sched/sched.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"

#define WORD_BITS 64u

static bool bit_test(const uint64_t *bits, unsigned n)
{
    return bits[n / WORD_BITS] >> (n % WORD_BITS) & 1;
}

static inline void bit_set(uint64_t *bits, unsigned n, bool value)
{
    uint64_t mask = 1ull << (n % WORD_BITS);

    if (value)
        bits[n / WORD_BITS] |= mask;
    else
        bits[n / WORD_BITS] &= ~mask;
}

/* A word at a time: tables have up to a million numbers. First number at or above n, below limit,
 * whose bit is `value`; limit when there is none. */
static unsigned bit_find(const uint64_t *bits, unsigned n, unsigned limit, bool value)
{
    while (n < limit) {
        uint64_t word = value ? bits[n / WORD_BITS] : ~bits[n / WORD_BITS];

        /* What is below n goes out at the bottom; the zeroes that come in are no hits. */
        word >>= n % WORD_BITS;
        if (word)
            return MIN(n + (unsigned)__builtin_ctzll(word), limit);
        n = (n / WORD_BITS + 1) * WORD_BITS;
    }
    return limit;
}

/* Most processes have fewer than FD_INLINE descriptors, and fork copies them with the table. */
static void fd_table_use_inline(struct fd_table *table)
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
    fd_table_use_inline(table);
    *out_table = table;
    return 0;
}

/* --- growing --- */

/* What grows: apart from the table, so that it is made without the lock. */
struct fd_arrays {
    unsigned capacity;
    struct file **slots; /* one block: slots, then used, then cloexec */
    uint64_t *used, *cloexec;
};

static COLD int arrays_alloc(unsigned capacity, struct fd_arrays *out)
{
    /* Capacities are powers of two from 64 up: there is no remainder. */
    size_t nwords = capacity / WORD_BITS;

    out->slots = kzalloc(capacity * sizeof(struct file *) + 2 * nwords * sizeof(uint64_t));
    if (!out->slots)
        return -ENOMEM;
    out->capacity = capacity;
    out->used = (uint64_t *)(out->slots + capacity);
    out->cloexec = out->used + nwords;
    return 0;
}

static COLD void arrays_fill_locked(struct fd_arrays *to, const struct fd_table *from)
{
    unsigned capacity = MIN(to->capacity, from->capacity);

    ASSERT(spin_is_held(&from->lock));
    memcpy(to->slots, from->slots, capacity * sizeof(struct file *));
    memcpy(to->used, from->used, capacity / 8);
    memcpy(to->cloexec, from->cloexec, capacity / 8);
}

/* Readers without the lock are the owner alone (fd_find), which is here itself. */
static void arrays_use_locked(struct fd_table *table, const struct fd_arrays *arrays)
{
    ASSERT(spin_is_held(&table->lock));
    table->capacity = arrays->capacity;
    table->slots = arrays->slots;
    table->used = arrays->used;
    table->cloexec = arrays->cloexec;
}

/* Makes room for fd, without the lock: memory is not allocated under it. */
static COLD int fd_table_grow(struct fd_table *table, unsigned fd)
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
        old = arrays.slots; /* another task was faster */
    }
    spin_unlock(&table->lock);
    /* Old arrays have no reader left: only the owner reads without the lock, and it is here. */
    if (old != table->inline_slots)
        kfree(old);
    return 0;
}

/* --- life --- */

/* A descriptor is gone, and with it the process's record locks on that file, whatever other
 * descriptors of the same file it has: POSIX requires that. One of O_PATH never opened the file. */
void fd_release(struct fd_table *table, struct file *file)
{
    if (lock_may_be_held(file->inode) && !(file->flags & LX_O_PATH))
        lock_clear_owner(file->inode, table);
    file_put(file);
}

void fd_table_get(struct fd_table *table)
{
    __atomic_fetch_add(&table->users, 1, __ATOMIC_RELAXED);
}

/* No lock for the slots: the last user is gone, and /proc has lost the pointer before that. */
void fd_table_put(struct fd_table *table)
{
    if (__atomic_sub_fetch(&table->users, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (unsigned base = 0; base < table->capacity; base += WORD_BITS) {
        for (uint64_t word = table->used[base / WORD_BITS]; word; word &= word - 1) {
            unsigned fd = base + (unsigned)__builtin_ctzll(word);
            if (table->slots[fd])
                fd_release(table, table->slots[fd]);
        }
        /* There may be a million, and each may be the last reference to its file. */
        sched_preempt_point();
    }
    if (table->slots != table->inline_slots)
        kfree(table->slots);
    kfree(table);
}

/* Counts the files that have been copied; a number that is only reserved is free in the copy. A
 * table may have a million: pause. */
static void fd_table_count(struct fd_table *copy, bool pause)
{
    for (unsigned base = 0; base < copy->capacity; base += WORD_BITS) {
        if (pause && base)
            sched_preempt_point();
        for (uint64_t word = copy->used[base / WORD_BITS]; word; word &= word - 1) {
            unsigned fd = base + (unsigned)__builtin_ctzll(word);

            if (copy->slots[fd])
                file_get(copy->slots[fd]);
            else
                bit_set(copy->used, fd, false);
        }
    }
    copy->first_free = bit_find(copy->used, 0, copy->first_free, false);
}

/* Comes back without the lock. Where other tasks could close the files, it stays until these have
 * been counted; a task that has its table alone need not keep the processor for so long. */
static void fd_table_copy_unlock(struct fd_table *copy, struct fd_table *table)
{
    struct fd_arrays to = {copy->capacity, copy->slots, copy->used, copy->cloexec};
    bool shared = fd_table_is_shared(table);

    ASSERT(spin_is_held(&table->lock));
    arrays_fill_locked(&to, table);
    copy->limit = table->limit;
    copy->first_free = table->first_free;
    if (shared)
        fd_table_count(copy, false);
    spin_unlock(&table->lock);
    if (!shared)
        fd_table_count(copy, true);
}

/* Numbers that a copy needs room for: a table that was large once stays so, its copies do not. */
static unsigned fd_span_locked(const struct fd_table *table)
{
    unsigned words = table->capacity / WORD_BITS;

    ASSERT(spin_is_held(&table->lock));
    while (words > 1 && !table->used[words - 1])
        words--;
    return words * WORD_BITS;
}

/* More may be opened while the lock is dropped to make room in the copy: asked until it fits. There
 * is an end to that, the limit. */
int fd_table_dup(struct fd_table *table, struct fd_table **out_copy)
{
    struct fd_table *copy;
    int err = fd_table_create(&copy);

    if (err)
        return err;
    spin_lock(&table->lock);
    for (unsigned span; copy->capacity < (span = fd_span_locked(table));) {
        spin_unlock(&table->lock);
        err = fd_table_grow(copy, span - 1);
        if (err) {
            fd_table_put(copy);
            return err;
        }
        spin_lock(&table->lock);
    }
    fd_table_copy_unlock(copy, table);
    *out_copy = copy;
    return 0;
}

/* --- looking up --- */

/* Counted under the lock: between finding a file and counting it, no other task can close it. */
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

struct fd_ref fd_find_any(struct fd_table *table, int fd)
{
    return fd_find_any_inline(table, fd);
}

struct fd_ref fd_find(struct fd_table *table, int fd)
{
    return fd_find_inline(table, fd);
}

uint64_t fd_used_word(struct fd_table *table, size_t i)
{
    uint64_t word;

    spin_lock(&table->lock);
    word = table->used[i];
    spin_unlock(&table->lock);
    return word;
}

/* Reserved numbers are skipped: there is no file to show yet. */
COLD int fd_next_used(struct fd_table *table, int fd)
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

/* Takes the lowest free number at or above min. -EMFILE; -EAGAIN: the table must grow first. */
static int number_take_locked(struct fd_table *table, unsigned min, bool cloexec)
{
    /* RLIMIT_NOFILE: prlimit(2) of another process stores it without the lock. */
    unsigned limit = __atomic_load_n(&table->limit, __ATOMIC_RELAXED);
    unsigned fd;

    ASSERT(spin_is_held_inline(&table->lock));
    if (min >= limit)
        return -EMFILE;
    fd = bit_find(table->used, MAX(min, table->first_free), table->capacity, false);
    fd = MAX(fd, min);
    if (fd >= limit)
        return -EMFILE;
    if (unlikely(fd >= table->capacity))
        return -EAGAIN;
    bit_set(table->used, fd, true);
    /* Together with the number, so that an exec by another task does not inherit the file. */
    bit_set(table->cloexec, fd, cloexec);
    /* All numbers from first_free to this one are in use if the search began there. */
    if (min <= table->first_free)
        table->first_free = fd + 1;
    return (int)fd;
}

/* After -EAGAIN: room for at least one number more, at or above min. */
static int number_make_room(struct fd_table *table, unsigned min)
{
    return fd_table_grow(table, MAX(min, __atomic_load_n(&table->capacity, __ATOMIC_RELAXED)));
}

/* Other tasks may take the room that was made: each round has a larger table, up to the limit. */
int fd_reserve(struct fd_table *table, int min, bool cloexec)
{
    for (;;) {
        int fd, err;

        spin_lock_inline(&table->lock);
        fd = number_take_locked(table, (unsigned)min, cloexec);
        spin_unlock_inline(&table->lock);
        if (likely(fd != -EAGAIN))
            return fd;
        err = number_make_room(table, (unsigned)min);
        if (err)
            return err;
    }
}

int fd_dup(struct fd_table *table, int fd, int min, bool cloexec)
{
    for (;;) {
        int copy = -EBADF, err;
        struct file *file;

        spin_lock_inline(&table->lock);
        /* Found, counted and stored in one locking: a close in between cannot free it. */
        file = (unsigned)fd < table->capacity ? table->slots[fd] : NULL;
        if (file)
            copy = number_take_locked(table, (unsigned)min, cloexec);
        if (copy >= 0) {
            file_get(file);
            table->slots[copy] = file;
        }
        spin_unlock_inline(&table->lock);
        if (likely(copy != -EAGAIN))
            return copy;
        err = number_make_room(table, (unsigned)min);
        if (err)
            return err;
    }
}

/* The caller's reference becomes the table's. Only the call that reserved a number fills it. */
void fd_fill(struct fd_table *table, int fd, struct file *file)
{
    spin_lock_inline(&table->lock);
    ASSERT(bit_test(table->used, (unsigned)fd) && !table->slots[fd]);
    table->slots[fd] = file;
    spin_unlock_inline(&table->lock);
}

/* Frees the number; the file that was there is the caller's to put. */
static struct file *fd_take_locked(struct fd_table *table, unsigned fd)
{
    struct file *file = table->slots[fd];

    ASSERT(spin_is_held_inline(&table->lock));
    table->slots[fd] = NULL;
    bit_set(table->used, fd, false);
    bit_set(table->cloexec, fd, false);
    table->first_free = MIN(table->first_free, fd);
    return file;
}

COLD void fd_unreserve(struct fd_table *table, int fd)
{
    spin_lock(&table->lock);
    ASSERT(!table->slots[fd]);
    fd_take_locked(table, (unsigned)fd);
    spin_unlock(&table->lock);
}

/* For a file that is there already: on an error it stays the caller's. */
int fd_install(struct fd_table *table, struct file *file, int min, bool cloexec)
{
    int fd = fd_reserve(table, min, cloexec);

    if (fd >= 0)
        fd_fill(table, fd, file);
    return fd;
}

/* One step: no moment at which the number is free for another task to take. What was there is
 * released after the lock, since its last reference may sleep. */
COLD int fd_exchange(struct fd_table *table, int fd, struct file *file, bool cloexec,
                     struct file **out_old)
{
    struct file *old;
    int err = 0;

    if ((unsigned)fd >= __atomic_load_n(&table->limit, __ATOMIC_RELAXED))
        return -EBADF;
    /* Without the lock: the capacity only grows, and growing looks again. */
    if ((unsigned)fd >= table->capacity)
        err = fd_table_grow(table, (unsigned)fd);
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
    if (!err)
        *out_old = old;
    return err;
}

int fd_replace(struct fd_table *table, int fd, struct file *file, bool cloexec)
{
    struct file *old = NULL;
    int err = fd_exchange(table, fd, file, cloexec, &old);

    if (old)
        fd_release(table, old);
    return err;
}

/* --- giving them back --- */

/* The slot is empty before the file is put: of two closes at once one gets EBADF. */
int fd_close(struct fd_table *table, int fd)
{
    struct file *file = NULL;

    spin_lock_inline(&table->lock);
    if ((unsigned)fd < table->capacity && table->slots[fd])
        file = fd_take_locked(table, (unsigned)fd);
    spin_unlock_inline(&table->lock);
    if (!file)
        return -EBADF;
    fd_release(table, file);
    return 0;
}

/* Closes the next descriptor in [fd, last] that is open, and of those only close-on-exec ones if
 * asked so. Returns the number after it, or one above last. */
static unsigned fd_close_next(struct fd_table *table, unsigned fd, unsigned last, bool only_cloexec)
{
    struct file *file = NULL;

    spin_lock(&table->lock);
    last = MIN(last, table->capacity - 1);
    fd = bit_find(only_cloexec ? table->cloexec : table->used, fd, last + 1, true);
    if (fd <= last && table->slots[fd])
        file = fd_take_locked(table, fd);
    spin_unlock(&table->lock);
    if (file)
        fd_release(table, file);
    sched_preempt_point();
    return fd <= last ? fd + 1 : UINT32_MAX;
}

/* After exec's commit, when the table is this task's alone. */
void fd_table_close_on_exec(struct fd_table *table)
{
    for (unsigned fd = 0; fd != UINT32_MAX;)
        fd = fd_close_next(table, fd, UINT32_MAX - 1, true);
}

/* One at a time, since releasing may sleep: what is opened there meanwhile is closed or not. */
void fd_close_range(struct fd_table *table, unsigned first, unsigned last, bool mark_only)
{
    if (!mark_only) {
        for (unsigned fd = first; fd <= last && fd != UINT32_MAX;)
            fd = fd_close_next(table, fd, MIN(last, UINT32_MAX - 1), false);
        return;
    }
    /* By words, for there may be a million. */
    spin_lock(&table->lock);
    last = MIN(last, table->capacity - 1);
    for (unsigned fd = first; fd <= last; fd = (fd | 63) + 1)
        table->cloexec[fd / 64] |= table->used[fd / 64] & ~0ULL << fd % 64 &
                                   ~0ULL >> (63 - MIN(last - ALIGN_DOWN(fd, 64u), 63u));
    spin_unlock(&table->lock);
}

/* A number that is only reserved is not open yet. */
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
