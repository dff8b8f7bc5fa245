/* SPDX-License-Identifier: MIT */
/* Long because the rooms below fs are made up in one place. */
#include "tests/host/fs_fake.h"

#include <asm/prctl.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/arch/x86_64/regs.h"
#include "kernel/core/clock.h"
#include "kernel/core/random.h"
#include "kernel/core/spinlock.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/lib/restart.h"
#include "kernel/net/socket.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal/file_owner.h"
#include "kernel/proc/signal/signal.h"
#include "kernel/sched/deferred.h"
#include "kernel/sched/mutex.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/fs/owner_command.h"
#include "kernel/vm/vm_rmap.h"

/* --- allocation, with failures --- */

static int fail_countdown = -1;
static bool failed;

void fake_fail_allocation(int n)
{
    fail_countdown = n;
    failed = false;
}

bool fake_allocation_failed(void)
{
    return failed;
}

static bool fails_now(void)
{
    if (fail_countdown < 0 || fail_countdown-- > 0)
        return false;
    failed = true;
    return true;
}

/* --- frames --- */

char *fake_arena;
struct frame *pmm_frames;
uint64_t pmm_in_blocks; /* the free ones */
static uint32_t next_frame = FAKE_ARCHIVE_FRAMES;

static void arena_init(void)
{
    fake_arena = mmap(NULL, FAKE_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pmm_frames = calloc(FAKE_FRAMES, sizeof(*pmm_frames));
    if (fake_arena == MAP_FAILED || !pmm_frames)
        abort();
    for (uint32_t i = 0; i < FAKE_FRAMES; i++) {
        bool pinned = i < FAKE_ARCHIVE_FRAMES;
        pmm_frames[i].state = pinned ? FRAME_PINNED : FRAME_FREE;
        pmm_frames[i].refs = pinned;
        if (!pinned)
            ASAN_POISON_MEMORY_REGION(fake_arena + i * PAGE_SIZE, PAGE_SIZE);
    }
    pmm_in_blocks = FAKE_FRAMES - FAKE_ARCHIVE_FRAMES;
}

/* Round robin: a frame that was freed stays poisoned for long. */
struct frame *pmm_alloc(unsigned order, enum pmm_flags flags)
{
    assert_int_equal(order, 0);
    if (fails_now() || pmm_in_blocks == 0)
        return NULL;
    while (pmm_frames[next_frame].state != FRAME_FREE)
        next_frame = next_frame + 1 < FAKE_FRAMES ? next_frame + 1 : FAKE_ARCHIVE_FRAMES;
    struct frame *frame = &pmm_frames[next_frame];
    frame->state = FRAME_USED;
    frame->refs = 1;
    pmm_in_blocks--;
    ASAN_UNPOISON_MEMORY_REGION(frame_address(frame), PAGE_SIZE);
    memset(frame_address(frame), flags == PMM_ZERO ? 0 : 0xa5, PAGE_SIZE);
    next_frame = next_frame + 1 < FAKE_FRAMES ? next_frame + 1 : FAKE_ARCHIVE_FRAMES;
    return frame;
}

void frame_put(struct frame *frame)
{
    assert_true(frame->refs > 0);
    if (--frame->refs > 0)
        return;
    assert_int_equal(frame->state, FRAME_USED); /* a pinned frame keeps its own reference */
    frame->state = FRAME_FREE;
    pmm_in_blocks++;
    ASAN_POISON_MEMORY_REGION(frame_address(frame), PAGE_SIZE);
}

uint64_t pmm_free_count(void)
{
    return pmm_in_blocks;
}

uint64_t pmm_total_count(void)
{
    return FAKE_FRAMES - FAKE_ARCHIVE_FRAMES;
}

uint64_t fake_frames_in_use(void)
{
    return pmm_total_count() - pmm_in_blocks;
}

/* --- objects --- */

struct slab_cache {
    size_t size;
    uint64_t objects;
};

static struct slab_cache caches[16];
static size_t ncaches;
static uint64_t nobjects;

struct slab_cache *slab_cache_create(const char *name, size_t size)
{
    (void)name;
    if (ncaches == sizeof(caches) / sizeof(caches[0]))
        abort();
    caches[ncaches].size = size;
    return &caches[ncaches++];
}

void *slab_alloc(struct slab_cache *cache)
{
    void *object = fails_now() ? NULL : malloc(cache->size);

    if (object) {
        memset(object, 0xa5, cache->size);
        cache->objects++;
        nobjects++;
    }
    return object;
}

void *slab_zalloc(struct slab_cache *cache)
{
    void *object = slab_alloc(cache);

    return object ? memset(object, 0, cache->size) : NULL;
}

void slab_free(struct slab_cache *cache, void *object)
{
    assert_true(cache->objects > 0);
    cache->objects--;
    nobjects--;
    free(object);
}

uint64_t slab_objects(const struct slab_cache *cache)
{
    return cache->objects;
}

uint64_t slab_objects_bound(const struct slab_cache *cache)
{
    return slab_objects(cache);
}

uint64_t slab_frames(const struct slab_cache *cache)
{
    (void)cache; /* objects here are malloc's */
    return 0;
}

void *kmalloc(size_t nbytes)
{
    void *object = fails_now() ? NULL : malloc(nbytes);

    nobjects += object != NULL;
    return object;
}

void *kzalloc(size_t nbytes)
{
    void *object = kmalloc(nbytes);

    return object ? memset(object, 0, nbytes) : NULL;
}

void kfree(void *object)
{
    nobjects -= object != NULL;
    free(object);
}

/* --- locks --- */

/* Where locks are taken inline, and for the running task, the kernel finds its processor by GS. */
static struct task running;
__attribute__((constructor)) static void processor_init(void)
{
    static struct cpu cpu = {.lock_id = 1, .thread = &running.thread.arch};

    if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu))
        abort();
}

static unsigned mutexes_held[MUTEX_RANKS];
static unsigned spins_held[SPIN_RANKS];

static bool any_spin(void)
{
    for (unsigned rank = 0; rank < SPIN_RANKS; rank++)
        if (spins_held[rank])
            return true;
    return false;
}

/* No program maps anything here; the caller may hold no mutex. */
void vm_rmap_unmap_range(struct vm_pager *pager, uint64_t first, uint64_t end, bool ends)
{
    (void)pager, (void)ends;
    assert_true(first <= end);
    for (unsigned rank = 0; rank < MUTEX_RANKS; rank++)
        assert_int_equal(mutexes_held[rank], 0);
}

static bool mutex_from(unsigned rank)
{
    for (; rank < MUTEX_RANKS; rank++)
        if (mutexes_held[rank])
            return true;
    return false;
}

void assert_may_fault(void)
{
    assert_false(any_spin());
    assert_false(mutex_from(MUTEX_VM));
}

static unsigned rank_of(const struct mutex *mutex)
{
    assert_true(mutex->unit != 0);
    return (unsigned)__builtin_ctzll(mutex->unit) / 4;
}

void mutex_init(struct mutex *mutex, enum mutex_rank rank)
{
    mutex->unit = MUTEX_UNIT(rank);
    mutex->owner = 0;
}

static void mutex_take(struct mutex *mutex)
{
    assert_true(mutex->owner == 0);
    assert_false(any_spin());
    assert_false(mutex_from(rank_of(mutex) + 1u));
    mutex->owner = (uint64_t)CPU_OWN->thread;
    mutexes_held[rank_of(mutex)]++;
}

/* Two of one rank only as a pair. */
void mutex_lock(struct mutex *mutex)
{
    assert_int_equal(mutexes_held[rank_of(mutex)], 0);
    mutex_take(mutex);
}

void mutex_unlock(struct mutex *mutex)
{
    assert_true(mutex->owner != 0);
    mutex->owner = 0;
    mutexes_held[rank_of(mutex)]--;
}

void mutex_lock_pair(struct mutex *one, struct mutex *other)
{
    mutex_lock(one);
    if (one != other)
        mutex_take(other);
}

void mutex_unlock_pair(struct mutex *one, struct mutex *other)
{
    mutex_unlock(one);
    if (one != other)
        mutex_unlock(other);
}

void spin_lock_contended(struct spinlock *lock)
{
    (void)lock;
    fail_msg("there is one processor");
}

void spin_lock(struct spinlock *lock)
{
    assert_false(lock->holder);
    for (unsigned rank = (unsigned)__builtin_ctz(lock->bit); rank < SPIN_RANKS; rank++)
        assert_int_equal(spins_held[rank], 0);
    lock->holder = 1;
    spins_held[__builtin_ctz(lock->bit)]++;
}

bool spin_is_held(const struct spinlock *lock)
{
    return lock->holder != 0;
}

void spin_unlock(struct spinlock *lock)
{
    assert_true(lock->holder);
    lock->holder = 0;
    spins_held[__builtin_ctz(lock->bit)]--;
}

uint64_t spin_lock_irqsave(struct spinlock *lock)
{
    spin_lock(lock);
    return 0;
}

void spin_unlock_irqrestore(struct spinlock *lock, uint64_t flags)
{
    (void)flags;
    spin_unlock(lock);
}

/* --- waiting, time, randomness, signals --- */

int (*fake_on_wait)(struct waitq *queue);
int fake_last_signal;
uint64_t fake_now_ns = 1700000000ull * 1000000000ull;

void waitq_init(struct waitq *queue)
{
    list_init(&queue->waiters);
}

/* What a call came in with: none of the tests' goes on with an earlier one. */
struct trap_frame *arch_thread_frame(const struct arch_thread *thread)
{
    static struct trap_frame frame;

    (void)thread;
    return &frame;
}

int64_t signal_restart_until(struct task *self, uint64_t deadline_ns)
{
    self->restart_deadline_ns = deadline_ns;
    return -ERESTART_RESTARTBLOCK;
}

void signal_restore_mask_later(struct task *self, uint64_t mask)
{
    self->sig_mask = mask;
}

void sched_preempt(void)
{
}

void sched_preempt_if_allowed(void)
{
}

void sched_preempt_point(void)
{
}

bool waitq_interrupted(void)
{
    return false;
}

void waitq_wake_all(struct waitq *queue)
{
    (void)queue;
}

void waitq_wake_one(struct waitq *queue)
{
    (void)queue;
}

/* Nothing is done before the flush, whatever locks are held by the one that queues. */
static struct deferred *fake_deferred;

bool deferred_queue(struct deferred *item)
{
    if (item->queued)
        return false;
    item->queued = true;
    item->next = fake_deferred;
    fake_deferred = item;
    return true;
}

void deferred_flush(void)
{
    assert_false(mutex_from(0) || any_spin());
    while (fake_deferred) {
        struct deferred *item = fake_deferred;

        fake_deferred = item->next;
        item->queued = false;
        item->function(item);
    }
}

static struct waitq *entered;

void waitq_enter(struct waitq *queue, struct waiter *waiter)
{
    (void)waiter;
    assert_null(entered);
    entered = queue;
}

void waitq_leave(struct waitq *queue, struct waiter *waiter)
{
    (void)waiter;
    assert_ptr_equal(entered, queue);
    entered = NULL;
}

void fake_wait_ends(void)
{
    entered = NULL;
}

int waitq_sleep(const struct waiter *waiters, unsigned count, uint64_t deadline_ns)
{
    (void)waiters;
    assert_int_equal(count, 1);
    assert_non_null(entered);
    return waitq_wait(entered, NULL, deadline_ns);
}

int waitq_sleep_killable(const struct waiter *waiter)
{
    return waitq_sleep(waiter, 1, 0);
}

int waitq_wait(struct waitq *queue, struct mutex *held, uint64_t deadline_ns)
{
    int result;

    if (!fake_on_wait) {
        if (!deadline_ns)
            fail_msg("would sleep for ever");
        fake_now_ns = deadline_ns;
        return -ETIMEDOUT;
    }
    if (held)
        mutex_unlock(held);
    assert_false(mutex_from(0) || any_spin());
    result = fake_on_wait(queue);
    if (held)
        mutex_lock(held);
    return result;
}

uint64_t clock_realtime_ns(void)
{
    return fake_now_ns += 1000;
}

uint64_t clock_monotonic_ns(void)
{
    return fake_now_ns;
}

void random_fill(void *dst, size_t nbytes)
{
    static uint64_t state = 1;

    for (size_t i = 0; i < nbytes; i++)
        ((uint8_t *)dst)[i] = (uint8_t)next_random(&state);
}

void random_mix(const void *bytes, size_t nbytes)
{
    (void)bytes, (void)nbytes;
}

void signal_send_task(struct task *task, int number)
{
    (void)task;
    fake_last_signal = number;
}

int signal_send_self(struct task *self, bool to_task, const struct lx_siginfo *info,
                     bool must_queue)
{
    (void)to_task, (void)must_queue;
    signal_send_task(self, info->signo);
    return 0;
}

void signal_set_wait(struct task *self, uint64_t set)
{
    self->sig_wait = set;
}

void signal_set_mask(struct task *self, uint64_t mask)
{
    self->sig_mask = mask;
}

/* --- the whole --- */

int fake_start(void **state)
{
    (void)state;
    if (!fake_arena) {
        arena_init();
        fs_init();
    }
    return 0;
}

struct fake_balance fake_balance(void)
{
    return (struct fake_balance){.objects = nobjects,
                                 .frames = fake_frames_in_use(),
                                 .orphans = fs_orphans(),
                                 .files = file_live_count()};
}

void fake_assert_balance(struct fake_balance before)
{
    struct fake_balance now = fake_balance();

    assert_int_equal(now.files, before.files);
    assert_int_equal(now.orphans, before.orphans);
    assert_int_equal(now.objects, before.objects);
    assert_int_equal(now.frames, before.frames);
}

struct task *fake_task_create(void)
{
    /* One for all: it has no limits. */
    static struct process process;
    struct task *task = calloc(1, sizeof(*task));

    process.limits[LX_RLIMIT_FSIZE].current = LX_RLIM_INFINITY;
    task->process = &process;

    if (!task || fd_table_create(&task->files) || fs_context_create(&task->fs))
        abort();
    return task;
}

void fake_task_destroy(struct task *task)
{
    fd_table_put(task->files);
    fs_context_destroy(task->fs);
    free(task);
}

void process_replace_files(struct task *self, struct fd_table *files)
{
    struct fd_table *old = self->files;

    self->files = files;
    fd_table_put(old);
}

/* Nothing is ever sent. */
int file_owner_async(struct file *file, int fd, bool on)
{
    (void)fd;
    if (!file->ops->async)
        return 0;
    file->flags = on ? file->flags | LX_O_ASYNC : file->flags & ~LX_O_ASYNC;
    return 0;
}

int64_t owner_command(struct task *self, struct file *file, int fd, int command, uint64_t argument)
{
    (void)self;
    (void)file;
    (void)fd;
    (void)command;
    (void)argument;
    return -EINVAL;
}

int64_t owner_request(struct file *file, uint32_t request, struct uptr argument)
{
    (void)file;
    (void)request;
    (void)argument;
    return -ENOTTY;
}

struct socket *socket_of(const struct file *file)
{
    (void)file;
    return NULL;
}
