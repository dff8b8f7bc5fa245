/* SPDX-License-Identifier: MIT */
/*
 * Memory mappings: mmap and its relatives, brk, advice, locking.
 *
 * The handlers decode flags and check what the call itself forbids, in the order of Linux, since
 * programs see which error wins. Everything about areas and pages is in the room vm, under the lock
 * of the address space, which is taken there and never here.
 */
#include "kernel/fs/ramfs/memfd.h"
#include "kernel/fs/vfs/fdtable.h"
#include "kernel/fs/vfs/file.h"
#include "kernel/fs/vfs/fs_context.h"
#include "kernel/proc/process.h"
#include "kernel/sched/sched.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_space.h"
#include "kernel/vm/vm_user.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mman.h"
#include "shared/linux/mount.h"
#include "shared/linux/stat.h"

#define PROT_ALL (LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC)

/* What MAP_SHARED_VALIDATE knows: the flags from before its time. */
#define MAP_VALIDATED                                                                              \
    (LX_MAP_SHARED_VALIDATE | LX_MAP_FIXED | LX_MAP_ANONYMOUS | LX_MAP_32BIT | LX_MAP_ABOVE4G |    \
     LX_MAP_GROWSDOWN | LX_MAP_DENYWRITE | LX_MAP_EXECUTABLE | LX_MAP_LOCKED | LX_MAP_NORESERVE |  \
     LX_MAP_POPULATE | LX_MAP_NONBLOCK | LX_MAP_STACK | LX_MAP_HUGETLB | LX_MAP_UNINITIALIZED |    \
     LX_MAP_HUGE_2MB | LX_MAP_HUGE_1GB)

/* No byte of a file has a number above 2^63 - 1; those of a device may. */
static bool file_has_room(const struct file *file, const struct vm_request *request)
{
    uint32_t type = file_mode(file) & LX_S_IFMT;
    uint64_t most = type == LX_S_IFREG || type == LX_S_IFBLK ? INT64_MAX : UINT64_MAX;
    uint64_t nbytes = ALIGN_UP(request->nbytes, PAGE_SIZE);

    return nbytes <= most && request->page_index <= (most - nbytes) >> PAGE_SHIFT;
}

/* What may be mapped how, in the order in which Linux finds fault. */
static int file_mapping_check(struct file *file, uint64_t prot, uint64_t flags,
                              const struct vm_request *request)
{
    uint64_t type = flags & LX_MAP_TYPE;

    if (!file_has_room(file, request))
        return -EOVERFLOW;
    if (type == LX_MAP_SHARED_VALIDATE && (flags & ~(uint64_t)MAP_VALIDATED))
        return -EOPNOTSUPP;
    if (type < LX_MAP_SHARED || type > LX_MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (request->shared && (prot & LX_PROT_WRITE) && !(file->access & FILE_WRITE))
        return -EACCES;
    if (!(file->access & FILE_READ))
        return -EACCES;
    if ((prot & LX_PROT_EXEC) && (file_mount_flags(file) & LX_MS_NOEXEC))
        return -EPERM;
    if (!request->pager)
        return -ENODEV;
    return request->grows_down ? -EINVAL : 0; /* only a stack grows */
}

/* The descriptor is held for the length of the call; the area takes its own reference to the
 * pager's object and to the name. */
static int map_file(struct task *self, int fd, uint64_t prot, uint64_t flags,
                    struct vm_request *request, uint64_t *address)
{
    struct fd_ref ref = fd_find(self->files, fd);
    bool counted;
    int err;

    if (!ref.file)
        return -EBADF;
    request->pager = file_pager(ref.file);
    request->name = ref.file->dentry;
    request->may_write = !request->shared || (ref.file->access & FILE_WRITE);
    request->refusal = file_mapping_check(ref.file, prot, flags, request);
    counted = request->shared && request->may_write && !request->refusal;
    /* Such a mapping may be read, where writing has been sealed off. */
    if (counted && !memfd_map_begin(ref.file->inode)) {
        request->may_write = counted = false;
        if (prot & LX_PROT_WRITE)
            request->refusal = -EPERM;
    }
    /* No file is made of huge pages. */
    err = flags & LX_MAP_HUGETLB ? -EINVAL : vm_map(self->thread.space, request, address);
    if (!err && !(ref.file->flags & (LX_O_NOATIME | FILE_FLAG_NOATIME)))
        inode_touch_atime(ref.file->inode); /* once, not with each page */
    if (counted)
        memfd_map_end(ref.file->inode);
    fd_ref_put(ref);
    return err;
}

static int map_anonymous(struct task *self, uint64_t flags, struct vm_request *request,
                         uint64_t *address)
{
    uint64_t type = flags & LX_MAP_TYPE, huge_shift = flags >> 26 & 0x3f;

    if (flags & LX_MAP_HUGETLB) {
        /* A size that no page has is refused before the place is looked for. */
        if (huge_shift != 0 && huge_shift != 21 && huge_shift != 30)
            return -EINVAL;
        request->refusal = -ENOMEM; /* none are set aside */
    }
    if ((type != LX_MAP_SHARED && type != LX_MAP_PRIVATE) ||
        (request->grows_down && request->shared))
        request->refusal = -EINVAL; /* nothing to validate; only a stack grows */
    request->page_index = 0;
    return vm_map(self->thread.space, request, address);
}

/* RLIMIT_MEMLOCK in pages; not with CAP_IPC_LOCK. */
static uint64_t lock_limit(const struct task *self)
{
    if (credentials_capable(&self->fs->cred, LX_CAP_IPC_LOCK))
        return VM_UNLOCK - 1;
    return self->process->limits[LX_RLIMIT_MEMLOCK].current >> PAGE_SHIFT;
}

/* MCL_FUTURE: the new mapping is locked, too. */
static void lock_request(const struct task *self, struct vm_request *request)
{
    uint8_t future = __atomic_load_n(&self->thread.space->lock_future, __ATOMIC_RELAXED);

    if (!request->locked && !future)
        return;
    request->lock_unasked = !request->locked;
    request->locked = true;
    request->populate = request->populate || future == VM_LOCK_POPULATE;
    request->lock_limit = lock_limit(self);
}

static bool low_is_allowed(const struct task *self)
{
    return credentials_capable(&self->fs->cred, LX_CAP_SYS_RAWIO);
}

/* Below all places that programs may have: for the privileged, or, as a hint, the lowest of these.
 */
static void low_request(const struct task *self, struct vm_request *request)
{
    if (request->fixed)
        request->low_allowed = low_is_allowed(self);
    else if (request->address >= PAGE_SIZE)
        request->address = USER_BASE;
}

/* Honoured: SHARED, SHARED_VALIDATE, PRIVATE, ANONYMOUS, FIXED, FIXED_NOREPLACE, 32BIT, NORESERVE,
 * GROWSDOWN, POPULATE and LOCKED (pages come in at once).
 * No effect, as allowed: STACK, DENYWRITE, EXECUTABLE, NONBLOCK. The order of refusals is Linux's:
 * the descriptor, size and place (vm_map), then the kind of mapping (vm_request.refusal). */
int64_t sys_mmap(struct task *self, uint64_t address, uint64_t nbytes, uint64_t prot,
                 uint64_t flags, uint64_t fd, uint64_t offset)
{
    struct vm_request request = {
        .address = address,
        .nbytes = nbytes,
        .prot = (uint32_t)prot & PROT_ALL,
        .shared = (flags & LX_MAP_TYPE) != LX_MAP_PRIVATE,
        .may_write = true,
        .fixed = (flags & (LX_MAP_FIXED | LX_MAP_FIXED_NOREPLACE)) != 0,
        .no_replace = (flags & LX_MAP_FIXED_NOREPLACE) != 0,
        .no_reserve = (flags & LX_MAP_NORESERVE) != 0,
        .low_2g = (flags & LX_MAP_32BIT) != 0,
        .grows_down = (flags & LX_MAP_GROWSDOWN) != 0,
        .locked = (flags & LX_MAP_LOCKED) != 0,
        .populate = (flags & LX_MAP_LOCKED) ||
                    (flags & (LX_MAP_POPULATE | LX_MAP_NONBLOCK)) == LX_MAP_POPULATE,
        .page_index = offset >> PAGE_SHIFT,
    };
    uint64_t result = 0;
    int err;

    if (offset & PAGE_MASK)
        return -EINVAL;
    if (address < USER_BASE)
        low_request(self, &request);
    lock_request(self, &request);
    if (flags & LX_MAP_ANONYMOUS)
        err = map_anonymous(self, flags, &request, &result);
    else
        err = map_file(self, (int)fd, prot, flags, &request, &result);
    return err ? err : (int64_t)result;
}

/* Alignment and range are checked by vm_unmap, which splits areas at both ends: it may need memory.
 */
int64_t sys_munmap(struct task *self, uint64_t address, uint64_t nbytes)
{
    return vm_unmap(self->thread.space, address, nbytes);
}

/* PROT_GROWSDOWN extends the change to the start of a stack's area; no area grows up. The order of
 * refusals is Linux's: a range that is none, no length, protections that do not exist, the areas.
 */
int64_t sys_mprotect(struct task *self, uint64_t address, uint64_t nbytes, uint64_t prot)
{
    const uint64_t grows = prot & (LX_PROT_GROWSDOWN | LX_PROT_GROWSUP);
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);

    if (grows == (LX_PROT_GROWSDOWN | LX_PROT_GROWSUP) || (address & PAGE_MASK))
        return -EINVAL;
    if (!nbytes)
        return 0;
    if (address + length <= address)
        return -ENOMEM;
    prot &= ~grows;
    if (prot & ~(uint64_t)(PROT_ALL | LX_PROT_SEM))
        return -EINVAL;
    return vm_protect(self->thread.space, address, length, (uint32_t)prot & PROT_ALL,
                      grows & LX_PROT_GROWSDOWN ? VM_PROTECT_DOWN
                      : grows                   ? VM_PROTECT_UP
                                                : VM_PROTECT_RANGE);
}

#define MREMAP_ALL (LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP)

/* FIXED and DONTUNMAP only together with MAYMOVE; DONTUNMAP cannot change the length (mremap(2)).
 */
int64_t sys_mremap(struct task *self, uint64_t address, uint64_t old_nbytes, uint64_t new_nbytes,
                   uint64_t flags, uint64_t new_address)
{
    struct vm_remap request = {
        .old_start = address,
        .old_nbytes = old_nbytes,
        .new_nbytes = new_nbytes,
        .new_start = flags & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP) ? new_address : 0,
        .may_move = (flags & LX_MREMAP_MAYMOVE) != 0,
        .fixed = (flags & LX_MREMAP_FIXED) != 0,
        .keep_old = (flags & LX_MREMAP_DONTUNMAP) != 0,
        .low_allowed = low_is_allowed(self),
        .lock_limit = lock_limit(self),
    };
    uint64_t result = 0;
    int err;

    if (flags & ~(uint64_t)MREMAP_ALL)
        return -EINVAL;
    if ((request.fixed || request.keep_old) && !request.may_move)
        return -EINVAL;
    err = vm_remap(self->thread.space, &request, &result);
    return err ? err : (int64_t)result;
}

/* The protection has to be 0, and stays what it is. Honoured of the flags: none, as NONBLOCK means
 * nothing here. */
int64_t sys_remap_file_pages(struct task *self, uint64_t address, uint64_t nbytes, uint64_t prot,
                             uint64_t page, uint64_t flags)
{
    uint64_t start = ALIGN_DOWN(address, PAGE_SIZE), length = ALIGN_DOWN(nbytes, PAGE_SIZE);

    (void)flags;
    if (prot || start + length <= start || page + (length >> PAGE_SHIFT) < page)
        return -EINVAL;
    return vm_remap_pages(self->thread.space, start, length, page, lock_limit(self));
}

/* Never fails: the result is the new break, or the old one when it could not be moved. */
int64_t sys_brk(struct task *self, uint64_t address)
{
    return (int64_t)vm_brk(self->thread.space, address, lock_limit(self));
}

/* All files are memory: there is nowhere to write them to. But here a program that has stored
 * through a mapping says that it has changed the file. */
int64_t sys_msync(struct task *self, uint64_t address, uint64_t nbytes, int flags)
{
    uint64_t length = ALIGN_UP(nbytes, PAGE_SIZE);

    if (flags & ~(LX_MS_ASYNC | LX_MS_INVALIDATE | LX_MS_SYNC))
        return -EINVAL;
    if ((address & PAGE_MASK) || (flags & (LX_MS_ASYNC | LX_MS_SYNC)) == (LX_MS_ASYNC | LX_MS_SYNC))
        return -EINVAL;
    /* A length that wraps around when it is made whole pages is none, as on Linux; below, too. An
     * end that does so is memory that is not mapped: for this call alone that is no bad argument.
     */
    if (address + length < address)
        return -ENOMEM;
    if ((flags & LX_MS_INVALIDATE) && vm_range_has_mlock(self->thread.space, address, length))
        return -EBUSY;
    return vm_sync(self->thread.space, address, length);
}

/* Honoured: DONTNEED, DONTNEED_LOCKED, FREE (at once), REMOVE, DONTFORK, DOFORK, WIPEONFORK,
 * KEEPONFORK, POPULATE_READ, POPULATE_WRITE. Hints without effect: NORMAL, RANDOM, SEQUENTIAL,
 * WILLNEED, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, COLD, PAGEOUT. MERGEABLE and UNMERGEABLE are
 * EINVAL, as on a Linux without CONFIG_KSM. */
int64_t sys_madvise(struct task *self, uint64_t address, uint64_t nbytes, int advice)
{
    struct vm_space *space = self->thread.space;

    if (advice < LX_MADV_NORMAL || advice > LX_MADV_DONTNEED_LOCKED ||
        (advice > LX_MADV_DONTNEED && advice < LX_MADV_FREE) || advice == LX_MADV_MERGEABLE ||
        advice == LX_MADV_UNMERGEABLE)
        return -EINVAL;
    if ((address & PAGE_MASK) || ALIGN_UP(nbytes, PAGE_SIZE) < nbytes ||
        address + ALIGN_UP(nbytes, PAGE_SIZE) < address)
        return -EINVAL;
    if (!nbytes)
        return 0;
    switch (advice) {
    case LX_MADV_DONTNEED:
    case LX_MADV_DONTNEED_LOCKED:
    case LX_MADV_FREE:
        return vm_discard(space, address, nbytes, advice);
    case LX_MADV_REMOVE:
        return vm_punch(space, address, nbytes);
    case LX_MADV_DONTFORK:
        return vm_set_fork_rule(space, address, nbytes, VM_FORK_DONT);
    case LX_MADV_DOFORK:
        return vm_set_fork_rule(space, address, nbytes, VM_FORK_DO);
    case LX_MADV_WIPEONFORK:
        return vm_set_fork_rule(space, address, nbytes, VM_FORK_WIPE);
    case LX_MADV_KEEPONFORK:
        return vm_set_fork_rule(space, address, nbytes, VM_FORK_KEEP);
    case LX_MADV_POPULATE_READ:
        return vm_populate(space, address, nbytes, VM_POPULATE_READ);
    case LX_MADV_POPULATE_WRITE:
        return vm_populate(space, address, nbytes, VM_POPULATE_WRITE);
    case LX_MADV_COLD:
    case LX_MADV_PAGEOUT:
        if (vm_range_has_mlock(space, address, nbytes))
            return -EINVAL;
        /* fall through */
    default:
        return vm_check_mapped(space, address, nbytes);
    }
}

#define RESIDENCY_PIECE 1024 /* pages reported under one locking, on the stack */

/* A byte for each page. The states are copied after the lock of the address space is free, in
 * pieces: they may be out of date by then, which mincore(2) allows. */
COLD int64_t sys_mincore(struct task *self, uint64_t address, uint64_t nbytes, struct uptr result)
{
    uint64_t npages = (nbytes >> PAGE_SHIFT) + ((nbytes & PAGE_MASK) != 0);
    uint8_t states[RESIDENCY_PIECE];

    if (address & PAGE_MASK)
        return -EINVAL;
    if (address > USER_END || nbytes > USER_END - address)
        return -ENOMEM;
    if (npages > USER_END || result.va > USER_END - npages)
        return -EFAULT;
    while (npages) {
        size_t piece = MIN(npages, RESIDENCY_PIECE);
        int err = vm_residency(self->thread.space, address, piece, states);

        if (!err)
            err = vm_user_write(result, states, piece);
        if (err)
            return err;
        if (__atomic_load_n(&self->thread.arch.work, __ATOMIC_RELAXED) & TIF_KILL)
            return -EINTR;
        sched_preempt_point();
        address += piece * PAGE_SIZE;
        result.va += piece;
        npages -= piece;
    }
    return 0;
}

/* In whole pages. A length that wraps around is none, as on Linux. */
static uint64_t lock_length(uint64_t address, uint64_t nbytes)
{
    return ALIGN_UP(nbytes + (address & PAGE_MASK), PAGE_SIZE);
}

/* Nothing is ever written out to make room: locking a range marks it and brings its pages in.
 * limit: as vm_lock has it. */
static int64_t lock_range(struct task *self, uint64_t address, uint64_t nbytes, uint64_t limit,
                          bool populate)
{
    uint64_t start = ALIGN_DOWN(address, PAGE_SIZE);
    uint64_t length = lock_length(address, nbytes);
    int64_t err;

    /* With a limit of nothing the answer is the same whatever the range. */
    if (!limit)
        return -EPERM;
    /* Nor does the range matter when it is longer than the limit. */
    if (length >> PAGE_SHIFT > limit)
        return -ENOMEM;
    if (start + length < start)
        return -EINVAL;
    err = vm_lock(self->thread.space, start, length, limit);
    if (!err && populate)
        err = vm_populate(self->thread.space, start, length, VM_POPULATE_ANY);
    return err == -EINVAL || err == -EFAULT ? -ENOMEM : err;
}

int64_t sys_mlock(struct task *self, uint64_t address, uint64_t nbytes)
{
    return sys_mlock2(self, address, nbytes, 0);
}

int64_t sys_mlock2(struct task *self, uint64_t address, uint64_t nbytes, int flags)
{
    if (flags & ~LX_MLOCK_ONFAULT)
        return -EINVAL;
    return lock_range(self, address, nbytes, lock_limit(self), !flags);
}

int64_t sys_munlock(struct task *self, uint64_t address, uint64_t nbytes)
{
    return lock_range(self, address, nbytes, VM_UNLOCK, false);
}

/* Without MCL_FUTURE that of an earlier call ends. */
int64_t sys_mlockall(struct task *self, int flags)
{
    struct vm_space *space = self->thread.space;
    bool populate = !(flags & LX_MCL_ONFAULT);
    uint64_t limit = lock_limit(self);
    uint8_t future = !(flags & LX_MCL_FUTURE) ? VM_LOCK_NONE
                     : populate               ? VM_LOCK_POPULATE
                                              : VM_LOCK_ONFAULT;

    if (!flags || flags & ~(LX_MCL_CURRENT | LX_MCL_FUTURE | LX_MCL_ONFAULT) ||
        flags == LX_MCL_ONFAULT)
        return -EINVAL;
    if (!limit)
        return -EPERM;
    if ((flags & LX_MCL_CURRENT) && space->mapped_pages > limit)
        return -ENOMEM;
    __atomic_store_n(&space->lock_future, future, __ATOMIC_RELAXED);
    if (flags & LX_MCL_CURRENT)
        vm_lock_all(space, true, populate);
    return 0;
}

int64_t sys_munlockall(struct task *self)
{
    struct vm_space *space = self->thread.space;

    __atomic_store_n(&space->lock_future, VM_LOCK_NONE, __ATOMIC_RELAXED);
    vm_lock_all(space, false, false);
    return 0;
}
