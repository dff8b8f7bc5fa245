/* SPDX-License-Identifier: MIT */
/* Memory mappings. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/fs/fs_context.h"
#include "kernel/proc/process.h"
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

/* What may be mapped how, in the order in which Linux finds fault. */
static int file_mapping_check(const struct file *file, uint64_t prot, struct vm_request *request)
{
    if (!(file->access & FILE_READ))
        return -EACCES;
    if ((prot & LX_PROT_EXEC) && (file->inode->super->flags & LX_MS_NOEXEC))
        return -EPERM;
    if (request->shared && (prot & LX_PROT_WRITE) && !(file->access & FILE_WRITE))
        return -EACCES;
    request->may_write = !request->shared || (file->access & FILE_WRITE);
    return 0;
}

static int64_t map_file(struct task *self, int fd, uint64_t prot, struct vm_request *request)
{
    struct fd_ref ref = fd_find(self->files, fd);
    uint64_t address;
    int err;

    if (!ref.file)
        return -EBADF;
    err = file_mapping_check(ref.file, prot, request);
    request->pager = file_pager(ref.file);
    request->name = ref.file->dentry;
    if (!err && !request->pager)
        err = -ENODEV;
    if (!err)
        err = vm_map(self->thread.space, request, &address);
    fd_ref_put(ref);
    return err ? err : (int64_t)address;
}

/* Honoured: SHARED, SHARED_VALIDATE, PRIVATE, ANONYMOUS, FIXED, FIXED_NOREPLACE, 32BIT, NORESERVE,
 * GROWSDOWN, POPULATE and LOCKED (pages come in at once).
 * No effect, as allowed: STACK, DENYWRITE, EXECUTABLE, NONBLOCK. */
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
        .populate = (flags & LX_MAP_LOCKED) ||
                    (flags & (LX_MAP_POPULATE | LX_MAP_NONBLOCK)) == LX_MAP_POPULATE,
        .page_index = offset >> PAGE_SHIFT,
    };
    uint64_t type = flags & LX_MAP_TYPE;
    uint64_t result;
    int err;

    if (offset & PAGE_MASK)
        return -EINVAL;
    if (!(flags & LX_MAP_ANONYMOUS) && fd_get_cloexec(self->files, (int)fd) < 0)
        return -EBADF;
    if (type != LX_MAP_SHARED && type != LX_MAP_PRIVATE && type != LX_MAP_SHARED_VALIDATE)
        return -EINVAL;
    if (flags & LX_MAP_HUGETLB)
        return -ENOMEM; /* none are set aside */
    if (request.grows_down && (request.shared || !(flags & LX_MAP_ANONYMOUS)))
        return -EINVAL; /* only a stack grows */
    if (!nbytes)
        return -EINVAL;
    if (offset + nbytes < offset)
        return -EOVERFLOW;
    if (!(flags & LX_MAP_ANONYMOUS) && (int64_t)(offset + nbytes) < 0)
        return -EOVERFLOW; /* no file has bytes there */
    if (!(flags & LX_MAP_ANONYMOUS))
        return map_file(self, (int)fd, prot, &request);
    request.page_index = 0;
    err = vm_map(self->thread.space, &request, &result);
    return err ? err : (int64_t)result;
}

int64_t sys_munmap(struct task *self, uint64_t address, uint64_t nbytes)
{
    return vm_unmap(self->thread.space, address, nbytes);
}

int64_t sys_mprotect(struct task *self, uint64_t address, uint64_t nbytes, uint64_t prot)
{
    if (prot & ~(uint64_t)(PROT_ALL | LX_PROT_GROWSDOWN | LX_PROT_GROWSUP))
        return -EINVAL;
    if ((prot & LX_PROT_GROWSUP) && ((prot & LX_PROT_GROWSDOWN) || !(address & PAGE_MASK)))
        return -EINVAL; /* no area grows up */
    if (prot & LX_PROT_GROWSDOWN)
        return vm_protect_down(self->thread.space, address, nbytes, (uint32_t)prot & PROT_ALL);
    return vm_protect(self->thread.space, address, nbytes, (uint32_t)prot & PROT_ALL);
}

#define MREMAP_ALL (LX_MREMAP_MAYMOVE | LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP)

int64_t sys_mremap(struct task *self, uint64_t address, uint64_t old_nbytes, uint64_t new_nbytes,
                   uint64_t flags, uint64_t new_address)
{
    struct vm_remap request = {
        .old_start = address,
        .old_nbytes = old_nbytes,
        .new_nbytes = new_nbytes,
        .new_start = flags & LX_MREMAP_FIXED ? new_address : 0,
        .may_move = (flags & LX_MREMAP_MAYMOVE) != 0,
        .fixed = (flags & LX_MREMAP_FIXED) != 0,
        .keep_old = (flags & LX_MREMAP_DONTUNMAP) != 0,
    };
    uint64_t result = 0;
    int err;

    if (flags & ~(uint64_t)MREMAP_ALL)
        return -EINVAL;
    if ((request.fixed || request.keep_old) && !request.may_move)
        return -EINVAL;
    if (request.keep_old && old_nbytes != new_nbytes)
        return -EINVAL;
    err = vm_remap(self->thread.space, &request, &result);
    return err ? err : (int64_t)result;
}

int64_t sys_brk(struct task *self, uint64_t address)
{
    return (int64_t)vm_brk(self->thread.space, address);
}

/* All files are memory: there is nowhere to write them to. */
int64_t sys_msync(struct task *self, uint64_t address, uint64_t nbytes, int flags)
{
    if (flags & ~(LX_MS_ASYNC | LX_MS_INVALIDATE | LX_MS_SYNC))
        return -EINVAL;
    if ((address & PAGE_MASK) || (flags & (LX_MS_ASYNC | LX_MS_SYNC)) == (LX_MS_ASYNC | LX_MS_SYNC))
        return -EINVAL;
    /* A length that wraps around when it is made whole pages is none, as on Linux; below, too. */
    return vm_check_mapped(self->thread.space, address, ALIGN_UP(nbytes, PAGE_SIZE));
}

/* Honoured: DONTNEED, DONTNEED_LOCKED, FREE (at once), DONTFORK, DOFORK, WIPEONFORK, KEEPONFORK,
 * POPULATE_READ, POPULATE_WRITE. Hints without effect: NORMAL, RANDOM, SEQUENTIAL, WILLNEED,
 * MERGEABLE, UNMERGEABLE, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, COLD, PAGEOUT. Refused: REMOVE.
 */
int64_t sys_madvise(struct task *self, uint64_t address, uint64_t nbytes, int advice)
{
    struct vm_space *space = self->thread.space;

    if (advice < LX_MADV_NORMAL || advice > LX_MADV_DONTNEED_LOCKED || advice == LX_MADV_REMOVE ||
        (advice > LX_MADV_DONTNEED && advice < LX_MADV_FREE))
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
        return vm_discard(space, address, nbytes, advice == LX_MADV_FREE);
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
    default:
        return vm_check_mapped(space, address, nbytes);
    }
}

#define RESIDENCY_PIECE 256 /* pages told at once */

int64_t sys_mincore(struct task *self, uint64_t address, uint64_t nbytes, struct uptr result)
{
    uint64_t npages = (nbytes >> PAGE_SHIFT) + ((nbytes & PAGE_MASK) != 0);
    uint8_t told[RESIDENCY_PIECE];

    if (address & PAGE_MASK)
        return -EINVAL;
    if (address > USER_END || nbytes > USER_END - address)
        return -ENOMEM;
    while (npages) {
        size_t piece = MIN(npages, RESIDENCY_PIECE);
        int err = vm_residency(self->thread.space, address, piece, told);

        if (!err)
            err = vm_user_write(result, told, piece);
        if (err)
            return err;
        if (self->thread.arch.work & ARCH_WORK_KILL)
            return -EINTR;
        address += piece * PAGE_SIZE;
        result.va += piece;
        npages -= piece;
    }
    return 0;
}

/* Nothing is ever written out to make room: locking a range only brings its pages in. */
static int64_t lock_range(struct task *self, uint64_t address, uint64_t nbytes, bool populate)
{
    uint64_t start = ALIGN_DOWN(address, PAGE_SIZE);
    uint64_t length = ALIGN_UP(nbytes + (address & PAGE_MASK), PAGE_SIZE);
    int64_t err;

    if (start + length < start)
        return -EINVAL;
    err = vm_check_mapped(self->thread.space, start, length);
    if (!err && populate)
        err = vm_populate(self->thread.space, start, length, VM_POPULATE_ANY);
    return err == -EINVAL || err == -EFAULT ? -ENOMEM : err;
}

/* RLIMIT_MEMLOCK for those who are not root. What was locked before is not added up. */
static int lock_check(const struct task *self, uint64_t nbytes)
{
    uint64_t limit = self->process->limits[LX_RLIMIT_MEMLOCK].current;

    if (credentials_is_privileged(&self->fs->cred))
        return 0;
    if (!limit)
        return -EPERM;
    return nbytes > limit ? -ENOMEM : 0;
}

int64_t sys_mlock(struct task *self, uint64_t address, uint64_t nbytes)
{
    return sys_mlock2(self, address, nbytes, 0);
}

int64_t sys_mlock2(struct task *self, uint64_t address, uint64_t nbytes, int flags)
{
    int err = lock_check(self, nbytes);

    if (flags & ~LX_MLOCK_ONFAULT)
        return -EINVAL;
    return err ? err : lock_range(self, address, nbytes, !flags);
}

int64_t sys_munlock(struct task *self, uint64_t address, uint64_t nbytes)
{
    return lock_range(self, address, nbytes, false);
}

int64_t sys_mlockall(struct task *self, int flags)
{
    if (!flags || flags & ~(LX_MCL_CURRENT | LX_MCL_FUTURE | LX_MCL_ONFAULT) ||
        flags == LX_MCL_ONFAULT)
        return -EINVAL;
    return lock_check(self,
                      flags & LX_MCL_CURRENT ? self->thread.space->mapped_pages * PAGE_SIZE : 1);
}

int64_t sys_munlockall(struct task *self)
{
    (void)self;
    return 0;
}
