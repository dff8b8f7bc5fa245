/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory: segments, and the areas that have them attached.
 *
 * A segment is a pager of its own in front of the shared memory that holds its pages: so each area
 * that comes or goes, by whatever call, passes through segment_hold and segment_release, which
 * count it. That is Linux's nattch: an area that is split counts twice.
 *
 * IPC_RMID takes the key away and marks the segment; it leaves the table with its last area, at
 * once if there is none. Its id is good until then, as on Linux, so an attach and the last detach
 * meet under the locks of table and segment: whichever is first decides.
 *
 * Its pages belong to no process, so killing one does not bring them back: those of all segments
 * together stay below a part of memory. A store that passes it is a SIGBUS, as in a full tmpfs.
 */
#include "kernel/proc/ipc/shm.h"

#include "kernel/fs/procfs/procfs.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/identity.h"
#include "kernel/proc/ipc/ipc.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/vm/vm_attach.h"
#include "kernel/vm/vm_shared.h"
#include "kernel/vm/vm_space.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

#define PAGES_SHARE 2 /* of the machine's memory one part may be pages of segments */

/* I constant after creation   l object.lock   t table lock */
struct shm_segment {
    struct ipc_object object;
    struct vm_pager pager;    /* [I] what areas map */
    struct vm_pager *memory;  /* [I] behind it; one reference */
    int cpid, lpid;           /* [l] of the creator, of the last to attach or detach */
    int made_with_key;        /* [I] */
    int64_t atime_s, dtime_s; /* [l] */
    uint64_t attached;        /* [l] areas, and attaches under way */
};

static struct ipc_table *shm_table(const struct task *self)
{
    return ipc_table_of(self, IPC_SHM);
}

static struct vm_shared_budget shm_budget;

static struct shm_segment *segment_of(struct ipc_object *object)
{
    return container_of(object, struct shm_segment, object);
}

static struct shm_segment *segment_of_pager(struct vm_pager *pager)
{
    return container_of(pager, struct shm_segment, pager);
}

static uint64_t segment_npages(const struct shm_segment *segment)
{
    return ALIGN_UP(segment->object.size, PAGE_SIZE) >> PAGE_SHIFT;
}

/* --- as areas see it --- */

static int segment_map_range(struct vm_pager *pager, struct vm_page_range *range)
{
    struct vm_pager *memory = segment_of_pager(pager)->memory;

    return memory->ops->map_range(memory, range);
}

static void segment_residency(struct vm_pager *pager, uint64_t index, size_t count, uint8_t *out)
{
    struct vm_pager *memory = segment_of_pager(pager)->memory;

    memory->ops->residency(memory, index, count, out);
}

static int segment_punch(struct vm_pager *pager, uint64_t index, uint64_t npages)
{
    struct vm_pager *memory = segment_of_pager(pager)->memory;

    return memory->ops->punch(memory, index, npages);
}

static void segment_hold(struct vm_pager *pager, struct dentry *name)
{
    struct shm_segment *segment = segment_of_pager(pager);

    (void)name;
    __atomic_fetch_add(&segment->object.refs, 1, __ATOMIC_RELAXED);
    /* lpid and times as Linux has them: a copy by fork attaches, too. */
    mutex_lock(&segment->object.lock);
    segment->attached++;
    segment->atime_s = ipc_now_s();
    segment->lpid = task_current()->process->pid;
    mutex_unlock(&segment->object.lock);
}

/* Of a segment that IPC_RMID has marked. Both locked. */
static void segment_unlink_locked(struct shm_segment *segment)
{
    ASSERT(mutex_is_held(&segment->object.lock));
    ipc_unlink_locked(&segment->object);
}

/* Looked at again under both locks: it may have been attached once more. */
static void segment_end_if_unused(struct shm_segment *segment)
{
    struct ipc_object *object = &segment->object;
    struct ipc_table *table = object->table;
    bool ends;

    mutex_lock(&table->lock);
    mutex_lock(&object->lock);
    ends = !object->removed && (object->mode & LX_SHM_DEST) && !segment->attached;
    if (ends)
        segment_unlink_locked(segment);
    mutex_unlock(&object->lock);
    mutex_unlock(&table->lock);
    if (ends)
        ipc_put(object);
}

/* An area may be dropped by a kernel thread, for a program that has ended: that has no number. */
static COLD void segment_release(struct vm_pager *pager, struct dentry *name)
{
    struct shm_segment *segment = segment_of_pager(pager);
    const struct thread *thread = thread_current();
    bool ends;

    (void)name;
    mutex_lock(&segment->object.lock);
    segment->attached--;
    segment->dtime_s = ipc_now_s();
    if (thread->task)
        segment->lpid = thread->task->process->pid;
    ends = (segment->object.mode & LX_SHM_DEST) && !segment->attached;
    mutex_unlock(&segment->object.lock);
    if (ends)
        segment_end_if_unused(segment);
    ipc_put(&segment->object);
}

/* As Linux names it: the key that it was made with, even when that has gone. */
static void segment_label(struct vm_pager *pager, char *text, size_t size)
{
    fmt_print(text, size, "/SYSV%08x (deleted)", (unsigned)segment_of_pager(pager)->made_with_key);
}

static const struct vm_pager_ops segment_ops = {
    .map_range = segment_map_range,
    .residency = segment_residency,
    .punch = segment_punch,
    .get = segment_hold,
    .put = segment_release,
    .label_of = segment_label,
};

/* --- making --- */

static void segment_free(struct ipc_object *object)
{
    struct shm_segment *segment = segment_of(object);

    segment->memory->ops->put(segment->memory, NULL);
    ipc_free(segment, sizeof(*segment));
}

/* The bounds, and what can never fit in memory: Linux's heuristic, which SHM_NORESERVE passes by.
 */
static int size_check_locked(const struct ipc_table *table, uint64_t nbytes, int flags)
{
    uint64_t npages = ALIGN_UP(nbytes, PAGE_SIZE) >> PAGE_SHIFT;

    ASSERT(mutex_is_held(&table->lock));
    if (!nbytes || nbytes > ipc_limits.shm_bytes)
        return -EINVAL;
    if (table->total + npages > ipc_limits.shm_pages)
        return -ENOSPC;
    return !(flags & LX_SHM_NORESERVE) && npages > pmm_total_count() ? -ENOMEM : 0;
}

static COLD int segment_create(const struct task *self, struct ipc_table *table, uint64_t size,
                               int key, int flags, struct ipc_object **out_object)
{
    struct shm_segment *segment;
    int err;

    if (flags & LX_SHM_HUGETLB) /* no huge pages are set aside, and not everyone may ask */
        return credentials_capable(&self->fs->cred, LX_CAP_IPC_LOCK) ? -ENOMEM : -EPERM;
    err = size_check_locked(table, size, flags);
    if (err)
        return err;
    segment = ipc_alloc(sizeof(*segment));
    if (!segment)
        return -ENOMEM;
    segment->pager.ops = &segment_ops;
    segment->object.size = size;
    segment->object.units = segment_npages(segment);
    segment->made_with_key = key;
    segment->cpid = self->process->pid;
    /* Once, before there are pages: the amount of memory never changes. */
    shm_budget.most = pmm_total_count() / PAGES_SHARE;
    err = vm_shared_create_bounded(segment_npages(segment), &shm_budget, &segment->memory);
    if (err)
        ipc_free(segment, sizeof(*segment));
    *out_object = &segment->object;
    return err;
}

/* --- attaching --- */

/* Where: shmat(2)'s rules for the address, which is fixed unless it is 0. */
static int place_check(uint64_t address, int flags, struct vm_request *request)
{
    if (!address)
        return flags & LX_SHM_REMAP ? -EINVAL : 0;
    if (flags & LX_SHM_RND)
        address = ALIGN_DOWN(address, PAGE_SIZE);
    if (!IS_ALIGNED(address, PAGE_SIZE) || (!address && (flags & LX_SHM_REMAP)))
        return -EINVAL;
    request->address = address;
    request->fixed = true;
    request->no_replace = !(flags & LX_SHM_REMAP);
    return 0;
}

/* Counted as attached before it is, so that it cannot go meanwhile. */
static int segment_attach_begin(const struct task *self, struct shm_segment *segment, int flags)
{
    uint32_t wanted = flags & LX_SHM_RDONLY ? 0444 : 0666;
    int err = ipc_lock(&segment->object);

    if (err)
        return err;
    if (flags & LX_SHM_EXEC)
        wanted |= 0111;
    err = ipc_access(&segment->object, &self->fs->cred, wanted);
    if (!err)
        segment->attached++;
    mutex_unlock(&segment->object.lock);
    return err;
}

static void segment_attach_end(struct shm_segment *segment)
{
    bool ends;

    mutex_lock(&segment->object.lock);
    segment->attached--;
    ends = (segment->object.mode & LX_SHM_DEST) && !segment->attached;
    mutex_unlock(&segment->object.lock);
    if (ends)
        segment_end_if_unused(segment);
}

COLD int shm_attach(struct task *self, int id, uint64_t address, int flags, uint64_t *out)
{
    bool read_only = (flags & LX_SHM_RDONLY) != 0;
    struct vm_request request = {
        .prot = LX_PROT_READ | (read_only ? 0 : LX_PROT_WRITE) |
                (flags & LX_SHM_EXEC ? LX_PROT_EXEC : 0),
        .shared = true,
        .may_write = !read_only,
        .low_allowed = credentials_capable(&self->fs->cred, LX_CAP_SYS_RAWIO),
    };
    struct ipc_object *object;
    struct shm_segment *segment;
    int err = id < 0 ? -EINVAL : place_check(address, flags, &request);

    if (err)
        return err;
    err = ipc_get(shm_table(self), id, &object);
    if (err)
        return err;
    segment = segment_of(object);
    request.nbytes = segment->object.size;
    request.pager = &segment->pager;
    err = segment_attach_begin(self, segment, flags);
    if (!err) {
        err = vm_map(self->thread.space, &request, out);
        segment_attach_end(segment);
    }
    ipc_put(object);
    return err == -EEXIST ? -EINVAL : err; /* something is there already */
}

static uint64_t pager_npages(const struct vm_pager *pager)
{
    return segment_npages(container_of(pager, struct shm_segment, pager));
}

int shm_detach(struct task *self, uint64_t address)
{
    if (!IS_ALIGNED(address, PAGE_SIZE))
        return -EINVAL;
    return vm_detach(self->thread.space, address, &segment_ops, pager_npages);
}

/* --- control --- */

/* The mark first; what is marked and unused goes, here as with the last detach. */
static bool segment_remove_locked(struct ipc_object *object)
{
    struct shm_segment *segment = segment_of(object);

    ASSERT(mutex_is_held(&object->lock));
    object->mode |= LX_SHM_DEST;
    ipc_unlink_key_locked(object);
    if (segment->attached)
        return false;
    segment_unlink_locked(segment);
    return true;
}

/* Nothing is ever written out, so a lock is a bit that others can see. Without the right to lock
 * any amount, a segment may be as large as RLIMIT_MEMLOCK. */
static int lock_check(const struct task *self, const struct shm_segment *segment, bool lock)
{
    uint64_t most = self->process->limits[LX_RLIMIT_MEMLOCK].current;

    if (credentials_capable(&self->fs->cred, LX_CAP_IPC_LOCK))
        return 0;
    if (ipc_own(&segment->object, &self->fs->cred) || (lock && !most))
        return -EPERM;
    return lock && segment->object.size > most ? -ENOMEM : 0;
}

COLD int shm_lock(struct task *self, int id, bool lock)
{
    struct ipc_object *object;
    int err = ipc_lock_number(shm_table(self), id, IPC_BY_ID, &self->fs->cred, 0, &object);

    if (err)
        return err;
    err = lock_check(self, segment_of(object), lock);
    if (!err)
        object->mode =
            lock ? object->mode | LX_SHM_LOCKED : object->mode & ~(uint32_t)LX_SHM_LOCKED;
    ipc_unlock_put(object);
    return err;
}

/* One after the other: what is there may be a little out of date, the sum of sizes is not. */
COLD int shm_info(const struct task *self, struct lx_shm_info *info)
{
    struct ipc_table *table = shm_table(self);
    struct ipc_object *object;
    unsigned used, from = 0;
    int highest = ipc_highest(table, &used);

    *info = (struct lx_shm_info){.used_ids = (int32_t)used,
                                 .tot = __atomic_load_n(&table->total, __ATOMIC_RELAXED)};
    while ((object = ipc_get_next(table, from)) != NULL) {
        info->rss += vm_shared_resident(segment_of(object)->memory);
        from = object->index + 1;
        ipc_put(object);
        sched_preempt_point();
    }
    return highest;
}

static COLD void segment_stat(const struct ipc_object *object, union ipc_stat *stat)
{
    const struct shm_segment *segment = container_of(object, struct shm_segment, object);

    stat->shm = (struct lx_shmid_ds){
        .segsz = object->size,
        .atime = segment->atime_s,
        .dtime = segment->dtime_s,
        .ctime = object->ctime_s,
        .cpid = segment->cpid,
        .lpid = segment->lpid,
        .nattch = segment->attached,
    };
}

static COLD void segment_show(const struct ipc_object *object, struct procfs_text *text)
{
    const struct shm_segment *segment = container_of(object, struct shm_segment, object);

    procfs_print(text, "%21llu %5u %5u  %5llu %5u %5u %5u %5u %10lld %10lld %10lld %21llu %21llu\n",
                 (unsigned long long)object->size, (unsigned)segment->cpid, (unsigned)segment->lpid,
                 (unsigned long long)segment->attached, object->uid, object->gid, object->cuid,
                 object->cgid, (long long)segment->atime_s, (long long)segment->dtime_s,
                 (long long)object->ctime_s,
                 (unsigned long long)vm_shared_resident(segment->memory) << PAGE_SHIFT, 0ULL);
}

const struct ipc_kind shm_kind = {
    .most = &ipc_limits.shm_segments,
    .next = &ipc_limits.shm_next,
    .heading = "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
               "  cuid  cgid      atime      dtime      ctime                   rss"
               "                  swap\n",
    .stat_nbytes = sizeof(struct lx_shmid_ds),
    .create = segment_create,
    .free = segment_free,
    .remove_locked = segment_remove_locked,
    .stat = segment_stat,
    .show = segment_show,
};
