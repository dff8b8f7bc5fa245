/* SPDX-License-Identifier: MIT */
/*
 * Futexes: sleeping until another task reports a change of a word in memory.
 *
 * A word is known by its key: address and space when it is private, object and offset when it is
 * shared, so that tasks which have it at different addresses meet. Keys hash to a bucket; its mutex
 * guards the waiters. The waiters of one key are a ring in the order in which they came, and the
 * first of each ring is in a tree by key: the waiters of other words cost no search.
 *
 * No wake-up is lost, since a waiter reads the word and enters the ring in one hold of the mutex,
 * and a waker changes the word before it takes the mutex: either the waiter reads the new value, or
 * the waker finds it. A mutex and not a spinlock, as the word is user memory; it is
 * read with faults disabled, and a missing page is brought in without the mutex.
 *
 * A waiter lies in memory of its task, mostly its stack, and in one ring. A waker that takes it out
 * sets .woken under the mutex; a task that goes on by itself takes the mutex to leave, so no waker
 * still looks at it.
 */
#include "kernel/proc/futex/futex.h"

#include "kernel/lib/restart.h"
#include "kernel/proc/futex/futex_internal.h"
#include "kernel/proc/task.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_user.h"
#include "shared/linux/errno.h"
#include "shared/linux/futex.h"

#define BUCKETS_LOG2 9
#define BUCKETS      (1U << BUCKETS_LOG2)

struct futex_bucket {
    struct mutex lock;
    struct rb_tree waiters; /* [lock] struct futex_waiter: the first of each key */
};

static struct futex_bucket buckets[BUCKETS];

/* Not by an initializer, which would take 3 KiB of the image. */
void futex_init(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        mutex_init(&buckets[i].lock, MUTEX_PIPE);
    futex_pi_init();
}

static struct futex_bucket *bucket_of(const struct vm_key *key)
{
    /* Objects are aligned by the slab and words by 4: the low bits say nothing. Fibonacci
     * hashing. */
    uint64_t mixed = ((uint64_t)key->object >> 4) + (key->offset >> 2);

    return &buckets[mixed * 0x9e3779b97f4a7c15ULL >> (64 - BUCKETS_LOG2)];
}

bool futex_keys_equal(const struct vm_key *one, const struct vm_key *other)
{
    return one->object == other->object && one->offset == other->offset;
}

static struct futex_waiter *waiter_of_node(struct rb_node *node)
{
    return rb_entry(node, struct futex_waiter, node);
}

static struct futex_waiter *waiter_of_ring(struct list *link)
{
    return list_entry(link, struct futex_waiter, ring);
}

static bool key_before(const struct vm_key *one, const struct vm_key *other)
{
    return one->object != other->object ? (uintptr_t)one->object < (uintptr_t)other->object
                                        : one->offset < other->offset;
}

/* The first waiter of the key, or NULL and the place for one. */
static struct futex_waiter *futex_find_locked(struct futex_bucket *bucket, const struct vm_key *key,
                                              struct rb_node **parent, struct rb_node ***link)
{
    ASSERT(mutex_is_held(&bucket->lock));
    *parent = NULL;
    for (*link = &bucket->waiters.root; **link;) {
        struct futex_waiter *waiter = waiter_of_node(**link);

        if (futex_keys_equal(&waiter->key, key))
            return waiter;
        *parent = **link;
        *link = key_before(key, &waiter->key) ? &(*parent)->left : &(*parent)->right;
    }
    return NULL;
}

static struct futex_waiter *futex_first_locked(struct futex_bucket *bucket,
                                               const struct vm_key *key)
{
    struct rb_node *parent, **link;

    ASSERT(mutex_is_held(&bucket->lock));
    return futex_find_locked(bucket, key, &parent, &link);
}

/* NULL behind the last: the ring leads back to the first. */
static struct futex_waiter *futex_next(const struct futex_waiter *waiter)
{
    struct futex_waiter *next = waiter_of_ring(waiter->ring.next);

    return next->in_tree ? NULL : next;
}

/* Of real time: in front of all of lower priority. `first` waits for the same word. */
static void futex_insert_rt(struct futex_bucket *bucket, struct futex_waiter *first,
                            struct futex_waiter *waiter)
{
    struct futex_waiter *at = first;

    while (at && at->prio >= waiter->prio)
        at = futex_next(at);
    /* In a ring, in front of one is behind the one before it. */
    list_push_back(at ? &at->ring : &first->ring, &waiter->ring);
    if (at == first) {
        rb_replace(&bucket->waiters, &first->node, &waiter->node);
        first->in_tree = false;
        waiter->in_tree = true;
    }
}

/* Behind those that wait for the same word. */
static void futex_insert_locked(struct futex_bucket *bucket, struct futex_waiter *waiter)
{
    struct rb_node *parent, **link;
    struct futex_waiter *first = futex_find_locked(bucket, &waiter->key, &parent, &link);

    ASSERT(mutex_is_held(&bucket->lock));
    list_init(&waiter->ring);
    waiter->in_tree = !first;
    if (!first)
        rb_insert(&bucket->waiters, &waiter->node, parent, link);
    else if (unlikely(waiter->prio))
        futex_insert_rt(bucket, first, waiter);
    else
        list_push_back(&first->ring, &waiter->ring);
    __atomic_store_n(&waiter->bucket, bucket, __ATOMIC_RELEASE);
}

/* The next one takes the place of the first. */
static void futex_remove_locked(struct futex_waiter *waiter)
{
    struct futex_waiter *next = waiter_of_ring(waiter->ring.next);
    struct rb_tree *tree = &waiter->bucket->waiters;

    ASSERT(mutex_is_held(&waiter->bucket->lock));
    list_remove(&waiter->ring);
    if (!waiter->in_tree)
        return;
    waiter->in_tree = false;
    if (next == waiter) {
        rb_erase(tree, &waiter->node);
    } else {
        rb_replace(tree, &waiter->node, &next->node);
        next->in_tree = true;
    }
}

/* futex(2): the word is aligned to four bytes, else EINVAL. */
int futex_key_get(struct task *self, uint64_t va, bool shared, struct vm_key *key)
{
    uint32_t word;

    if (!IS_ALIGNED(va, sizeof(uint32_t)))
        return -EINVAL;
    /* A futex between processes is named by its page, which must be there: one behind the end of a
     * file has none. */
    if (shared && vm_user_read(&word, (struct uptr){va}, sizeof(word)))
        return -EFAULT;
    return vm_key_get(self->thread.space, va, shared, key);
}

/* The word under the bucket's lock. -EAGAIN: it was not there; it is now, try again. Unlocks on
 * failure. `other` is the second bucket of requeue. */
static int word_read(struct task *self, struct futex_bucket *bucket, struct futex_bucket *other,
                     uint64_t va, uint32_t *word)
{
    if (vm_user_read_nofault(word, (struct uptr){va}, sizeof(*word)) == 0)
        return 0;
    /* vm_fault sleeps and takes vm_space.lock, whose rank comes before the bucket's. */
    mutex_unlock_pair(&bucket->lock, &other->lock);
    return vm_fault(self->thread.space, va, VM_READ) ? -EFAULT : -EAGAIN;
}

/* Looks at the word and enters the queue as one step. */
int futex_enqueue(struct task *self, uint64_t va, uint32_t value, struct futex_waiter *waiter)
{
    struct futex_bucket *bucket = bucket_of(&waiter->key);
    uint32_t word;
    int err = -EAGAIN;

    for (unsigned tries = 0; err == -EAGAIN; tries++) {
        /* A page that another task unmaps as fast as it comes is a bug of the program, and no
         * endless loop. */
        if (tries == FUTEX_FAULT_TRIES)
            return -EFAULT;
        mutex_lock(&bucket->lock);
        err = word_read(self, bucket, bucket, va, &word);
    }
    if (err)
        return err;
    if (word == value) {
        waiter->wake->thread = &self->thread;
        waiter->prio = (uint8_t)sched_priority(&self->thread);
        futex_insert_locked(bucket, waiter);
    } else {
        /* The word is not what the caller saw: it has changed already, so there is nothing to wait
         * for. */
        err = -EAGAIN;
    }
    mutex_unlock(&bucket->lock);
    return err;
}

/* The lock of the bucket where the waiter is: requeue may move it meanwhile. */
static struct futex_bucket *bucket_lock(struct futex_waiter *waiter)
{
    for (;;) {
        struct futex_bucket *bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_ACQUIRE);

        mutex_lock(&bucket->lock);
        if (waiter->bucket == bucket)
            return bucket;
        mutex_unlock(&bucket->lock);
    }
}

/* A waker that is still looking at the waiter has the lock. */
bool futex_dequeue(struct futex_waiter *waiter)
{
    struct futex_bucket *bucket = bucket_lock(waiter);
    bool woken = waiter->wake->woken;

    if (!woken)
        futex_remove_locked(waiter);
    mutex_unlock(&bucket->lock);
    return woken;
}

bool futex_peek(const struct vm_key *key, struct futex_waiter **first)
{
    struct futex_bucket *bucket = bucket_of(key);
    struct futex_waiter *found;

    mutex_lock(&bucket->lock);
    found = futex_first_locked(bucket, key);
    *first = found && found->pi ? found : NULL;
    mutex_unlock(&bucket->lock);
    return found != NULL;
}

int futex_wait(struct task *self, uint64_t va, bool shared, uint32_t value, uint64_t deadline_ns,
               bool realtime, uint32_t bitset)
{
    struct waiter wake = {.woken = false};
    struct futex_waiter waiter = {.bitset = bitset, .wake = &wake};
    int err;

    if (!bitset)
        return -EINVAL;
    err = futex_key_get(self, va, shared, &waiter.key);
    if (err)
        return err;
    err = futex_enqueue(self, va, value, &waiter);
    if (!err) {
        /* waitq_sleep may return without a reason: only .woken counts. */
        do
            err = (realtime ? waitq_sleep_realtime : waitq_sleep)(&wake, 1, deadline_ns);
        while (!err && !__atomic_load_n(&wake.woken, __ATOMIC_ACQUIRE));
        /* Woken and interrupted or late at once counts as woken, or the wake-up would be lost. */
        if (futex_dequeue(&waiter))
            err = 0;
    }
    vm_key_put(&waiter.key);
    /* With a timeout it is a sleep. */
    return deadline_ns ? (int)restart_instead(err, ERESTARTNOHAND) : err;
}

static void futex_wake_locked(struct futex_waiter *waiter)
{
    ASSERT(mutex_is_held(&waiter->bucket->lock));
    futex_remove_locked(waiter);
    __atomic_store_n(&waiter->wake->woken, true, __ATOMIC_SEQ_CST);
    sched_wake(waiter->wake->thread);
}

/* As on Linux, a count of 0 wakes one. Those that wait for a lock are not to be woken so. */
static int wake_some_locked(struct futex_bucket *bucket, const struct vm_key *key, int count,
                            uint32_t bitset)
{
    struct futex_waiter *next;
    int woken = 0;

    ASSERT(mutex_is_held(&bucket->lock));
    for (struct futex_waiter *waiter = futex_first_locked(bucket, key); waiter; waiter = next) {
        next = futex_next(waiter);
        if (unlikely(waiter->pi != NULL))
            return -EINVAL;
        if (waiter->bitset & bitset) {
            futex_wake_locked(waiter);
            /* First come, first woken, among threads of the same priority. */
            if (++woken >= count)
                break;
        }
        sched_preempt_point(); /* there may be thousands */
    }
    return woken;
}

int futex_wake(struct task *self, uint64_t va, bool shared, int count, uint32_t bitset)
{
    struct vm_key key;
    struct futex_bucket *bucket;
    int err;

    if (!bitset)
        return -EINVAL;
    err = futex_key_get(self, va, shared, &key);
    if (err)
        return err;
    bucket = bucket_of(&key);
    mutex_lock(&bucket->lock);
    err = wake_some_locked(bucket, &key, count, bitset);
    mutex_unlock(&bucket->lock);
    if (unlikely(!err && futex_pi_is_waited_for(&key)))
        err = -EINVAL;
    vm_key_put(&key);
    return err;
}

/* The waiter's reference to its object changes with the key. The old one is not the last: the
 * caller has one as well. */
static void futex_move_locked(struct futex_waiter *waiter, struct futex_bucket *to,
                              const struct vm_key *key)
{
    ASSERT(mutex_is_held(&to->lock));
    if (key->pager)
        key->pager->ops->get(key->pager, NULL);
    futex_remove_locked(waiter);
    vm_key_put(&waiter->key);
    waiter->key = *key;
    futex_insert_locked(to, waiter);
}

static int requeue_locked(struct futex_bucket *from, const struct vm_key *key,
                          struct futex_bucket *to, const struct vm_key *key2, int wake, int move)
{
    struct futex_waiter *next;
    int done = 0;

    ASSERT(mutex_is_held(&from->lock) && mutex_is_held(&to->lock));
    for (struct futex_waiter *waiter = futex_first_locked(from, key); waiter; waiter = next) {
        if (done - wake >= move)
            break;
        if (done)
            sched_preempt_point();
        next = futex_next(waiter);
        if (unlikely(waiter->pi != NULL))
            return -EINVAL;
        if (++done <= wake)
            futex_wake_locked(waiter);
        else if (!futex_keys_equal(key, key2))
            futex_move_locked(waiter, to, key2);
    }
    return done;
}

static int requeue_keys(struct task *self, uint64_t va, const struct vm_key *key,
                        const struct vm_key *key2, int wake, int move, const uint32_t *expected)
{
    struct futex_bucket *from = bucket_of(key), *to = bucket_of(key2);
    uint32_t word = 0;
    int result = -EAGAIN;

    for (unsigned tries = 0; result == -EAGAIN; tries++) {
        if (tries == FUTEX_FAULT_TRIES)
            return -EFAULT;
        /* By address, as both have one rank; they may be the same bucket. */
        mutex_lock_pair(&from->lock, &to->lock);
        result = expected ? word_read(self, from, to, va, &word) : 0;
    }
    if (result)
        return result;
    /* FUTEX_CMP_REQUEUE: a condition variable that was signalled meanwhile is not requeued. */
    if (expected && word != *expected)
        result = -EAGAIN;
    else
        result = requeue_locked(from, key, to, key2, wake, move);
    mutex_unlock_pair(&from->lock, &to->lock);
    return result;
}

int futex_requeue(struct task *self, uint64_t va, uint64_t va2, bool shared, int wake, int move,
                  const uint32_t *expected)
{
    struct vm_key key, key2;
    int result;

    /* futex(2), EINVAL for negative numbers since Linux 4.14. */
    if (wake < 0 || move < 0)
        return -EINVAL;
    result = futex_key_get(self, va, shared, &key);
    if (result)
        return result;
    result = futex_key_get(self, va2, shared, &key2);
    if (!result) {
        result = requeue_keys(self, va, &key, &key2, wake, move, expected);
        vm_key_put(&key2);
    }
    vm_key_put(&key);
    return result;
}

void futex_wake_user(struct task *self, struct uptr word)
{
    if (futex_wake(self, word.va, true, 1, LX_FUTEX_BITSET_MATCH_ANY) < 0)
        return; /* no task can wait where nothing is mapped */
}
