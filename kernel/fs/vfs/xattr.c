/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes in memory: one store for each file that has some.
 *
 * A store is a row of records without gaps, in the order of setting. Every change makes a new one
 * and then replaces the old, so a change that finds no room leaves everything as it was, and there
 * is nothing to be compacted. That copies up to STORE_MAX bytes, for what is seldom changed.
 *
 * A store lives as long as its file, beyond the process that made it: its pages count against the
 * quota of the file system like those of contents. The smallest kind, which most files get by with,
 * is a part of a page, and counts as a whole one.
 *
 * The names of one file are bounded by what listxattr can return, so that they can always be seen.
 */
#include "kernel/fs/vfs/xattr.h"
#include "kernel/fs/vfs/inode.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/slab.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/xattr.h"

#define STORE_SMALL 256
#define STORE_MAX   131072 /* the largest value, and as many bytes of others */

struct xattr_record {
    uint32_t value_nbytes;
    uint32_t name_nbytes; /* with the NUL */
    char bytes[];         /* name, then value; the next record begins right behind them */
};

struct xattr_store {
    uint32_t capacity; /* of all of it */
    uint32_t nbytes;   /* of records */
    char records[];
};

static struct slab_cache *small_cache;
static uint64_t large_frames; /* atomic */

void xattr_init_cache(void)
{
    small_cache = slab_cache_create("xattr", STORE_SMALL);
}

uint64_t xattr_frames_held(void)
{
    return slab_frames(small_cache) + __atomic_load_n(&large_frames, __ATOMIC_RELAXED);
}

/* --- stores --- */

static uint64_t store_npages(const struct xattr_store *store)
{
    return (store->capacity + PAGE_MASK) >> PAGE_SHIFT;
}

static void store_free(struct inode *inode, struct xattr_store *store)
{
    if (!store)
        return;
    __atomic_fetch_sub(&inode->super->quota.used, store_npages(store), __ATOMIC_RELAXED);
    if (store->capacity == STORE_SMALL) {
        slab_free(small_cache, store);
        return;
    }
    __atomic_fetch_sub(&large_frames, store_npages(store), __ATOMIC_RELAXED);
    kfree(store);
}

/* Charged before it is there: a file system that is full allocates nothing. */
COLD static int store_alloc(struct inode *inode, size_t nbytes, bool privileged,
                            struct xattr_store **out_store)
{
    struct page_cache_quota *quota = &inode->super->quota;
    uint32_t capacity = STORE_SMALL;
    struct xattr_store *store;
    uint64_t npages;

    nbytes += sizeof(*store);
    if (nbytes > STORE_MAX)
        return -ENOSPC;
    if (nbytes > STORE_SMALL)
        for (capacity = PAGE_SIZE; capacity < nbytes;)
            capacity *= 2;
    npages = (capacity + PAGE_MASK) >> PAGE_SHIFT;
    __atomic_fetch_add(&quota->used, npages - 1, __ATOMIC_RELAXED);
    if (!page_cache_quota_allows(quota, privileged) || !page_cache_memory_allows(privileged)) {
        __atomic_fetch_sub(&quota->used, npages - 1, __ATOMIC_RELAXED);
        return -ENOSPC;
    }
    __atomic_fetch_add(&quota->used, 1, __ATOMIC_RELAXED);
    store = capacity == STORE_SMALL ? slab_alloc(small_cache) : kmalloc(capacity);
    if (!store) {
        __atomic_fetch_sub(&quota->used, npages, __ATOMIC_RELAXED);
        return -ENOMEM;
    }
    if (capacity != STORE_SMALL)
        __atomic_fetch_add(&large_frames, npages, __ATOMIC_RELAXED);
    store->capacity = capacity;
    store->nbytes = 0;
    *out_store = store;
    return 0;
}

/* --- records --- */

static size_t record_nbytes(const struct xattr_record *record)
{
    size_t nbytes = sizeof(*record) + record->name_nbytes + record->value_nbytes;

    return (nbytes + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
}

/* The first record for NULL, the one behind it else; NULL at the end. */
static struct xattr_record *record_next(struct xattr_store *store,
                                        const struct xattr_record *record)
{
    size_t at = 0;

    if (!store)
        return NULL;
    if (record)
        at = (size_t)((const char *)record - store->records) + record_nbytes(record);
    return at < store->nbytes ? (struct xattr_record *)(void *)(store->records + at) : NULL;
}

static struct xattr_record *record_find_locked(struct inode *inode, const char *name)
{
    struct xattr_record *record = record_next(inode->xattrs, NULL);

    ASSERT(mutex_is_held(&inode->lock));
    while (record && strcmp(record->bytes, name))
        record = record_next(inode->xattrs, record);
    return record;
}

static void record_append(struct xattr_store *store, const char *name, const void *value,
                          size_t nbytes)
{
    struct xattr_record *record = (struct xattr_record *)(void *)(store->records + store->nbytes);

    record->value_nbytes = (uint32_t)nbytes;
    record->name_nbytes = (uint32_t)strlen(name) + 1;
    memcpy(record->bytes, name, record->name_nbytes);
    memcpy(record->bytes + record->name_nbytes, value, nbytes);
    store->nbytes += (uint32_t)record_nbytes(record);
    ASSERT(store->nbytes <= store->capacity - sizeof(*store));
}

/* All records but one. */
static void records_copy(struct xattr_store *to, struct xattr_store *from,
                         const struct xattr_record *but)
{
    struct xattr_record *record = NULL;

    while ((record = record_next(from, record)))
        if (record != but)
            record_append(to, record->bytes, record->bytes + record->name_nbytes,
                          record->value_nbytes);
}

static size_t names_nbytes_locked(struct inode *inode)
{
    struct xattr_record *record = NULL;
    size_t nbytes = 0;

    ASSERT(mutex_is_held(&inode->lock));
    while ((record = record_next(inode->xattrs, record)))
        nbytes += record->name_nbytes;
    return nbytes;
}

/* --- changes --- */

/* A store of what there is but `old`, with room for `more` bytes; NULL: it would be empty. */
COLD static int store_remake_locked(struct inode *inode, const struct xattr_record *old,
                                    size_t more, bool privileged, struct xattr_store **out_store)
{
    struct xattr_store *store = inode->xattrs;
    size_t nbytes = (store ? store->nbytes : 0) - (old ? record_nbytes(old) : 0) + more;
    int err;

    ASSERT(mutex_is_held(&inode->lock));
    *out_store = NULL;
    if (nbytes == 0)
        return 0;
    err = store_alloc(inode, nbytes, privileged, out_store);
    if (!err)
        records_copy(*out_store, store, old);
    return err;
}

static void store_replace_locked(struct inode *inode, struct xattr_store *store)
{
    ASSERT(mutex_is_held(&inode->lock));
    store_free(inode, inode->xattrs);
    inode->xattrs = store;
    inode->ctime = fs_time_now();
}

COLD static int xattr_set_locked(struct inode *inode, const char *name, const void *value,
                                 size_t nbytes, int flags, bool privileged)
{
    struct xattr_record *old = record_find_locked(inode, name);
    const struct xattr_record shape = {(uint32_t)nbytes, (uint32_t)strlen(name) + 1};
    struct xattr_store *store;
    int err;

    ASSERT(mutex_is_held(&inode->lock));
    if (old && flags & LX_XATTR_CREATE)
        return -EEXIST;
    if (!old && flags & LX_XATTR_REPLACE)
        return -ENODATA;
    if (!old && names_nbytes_locked(inode) + shape.name_nbytes > LX_XATTR_LIST_MAX)
        return -ENOSPC;
    err = store_remake_locked(inode, old, record_nbytes(&shape), privileged, &store);
    if (err)
        return err;
    record_append(store, name, value, nbytes);
    store_replace_locked(inode, store);
    return 0;
}

int xattr_set(struct inode *inode, const char *name, const void *value, size_t nbytes, int flags,
              bool privileged)
{
    int err;

    mutex_lock(&inode->lock);
    err = xattr_set_locked(inode, name, value, nbytes, flags, privileged);
    mutex_unlock(&inode->lock);
    return err;
}

/* Removing needs memory for what stays, only for a moment, so that is root's reserve, too. Where
 * there is none, the records move up in the store that they are in. */
COLD static void xattr_remove_locked(struct inode *inode, struct xattr_record *old)
{
    size_t nbytes = record_nbytes(old);
    struct xattr_store *store;

    ASSERT(mutex_is_held(&inode->lock));
    if (!store_remake_locked(inode, old, 0, true, &store)) {
        store_replace_locked(inode, store);
        return;
    }
    store = inode->xattrs;
    memmove(old, (char *)old + nbytes,
            store->nbytes - (size_t)((char *)old - store->records) - nbytes);
    store->nbytes -= (uint32_t)nbytes;
    inode->ctime = fs_time_now();
}

int xattr_remove(struct inode *inode, const char *name)
{
    struct xattr_record *old;

    mutex_lock(&inode->lock);
    old = record_find_locked(inode, name);
    if (old)
        xattr_remove_locked(inode, old);
    mutex_unlock(&inode->lock);
    return old ? 0 : -ENODATA;
}

void xattr_drop_privileges_locked(struct inode *inode)
{
    struct xattr_record *old;

    ASSERT(mutex_is_held(&inode->lock));
    old = record_find_locked(inode, XATTR_CAPABILITIES);
    if (old)
        xattr_remove_locked(inode, old);
}

/* --- looking --- */

int64_t xattr_get_locked(struct inode *inode, const char *name, void *value, size_t size)
{
    const struct xattr_record *record = record_find_locked(inode, name);
    int64_t result = -ENODATA;

    ASSERT(mutex_is_held(&inode->lock));
    if (record)
        result = size && record->value_nbytes > size ? -ERANGE : (int64_t)record->value_nbytes;
    if (result > 0 && size)
        memcpy(value, record->bytes + record->name_nbytes, (size_t)result);
    return result;
}

int64_t xattr_get(struct inode *inode, const char *name, void *value, size_t size)
{
    int64_t result;

    mutex_lock(&inode->lock);
    result = xattr_get_locked(inode, name, value, size);
    mutex_unlock(&inode->lock);
    return result;
}

int64_t xattr_list(struct inode *inode, bool with_trusted, char *names, size_t size)
{
    struct xattr_record *record = NULL;
    size_t used = 0;

    mutex_lock(&inode->lock);
    while ((record = record_next(inode->xattrs, record))) {
        if (!with_trusted && !strncmp(record->bytes, XATTR_TRUSTED, strlen(XATTR_TRUSTED)))
            continue;
        if (size && used + record->name_nbytes <= size)
            memcpy(names + used, record->bytes, record->name_nbytes);
        used += record->name_nbytes;
    }
    mutex_unlock(&inode->lock);
    return size && used > size ? -ERANGE : (int64_t)used;
}

void xattr_release(struct inode *inode)
{
    store_free(inode, inode->xattrs);
    inode->xattrs = NULL;
}
