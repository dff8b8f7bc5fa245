/* SPDX-License-Identifier: MIT */
/* Memory mappings. */
#include "kernel/fs/fdtable.h"
#include "kernel/fs/file.h"
#include "kernel/proc/process.h"
#include "kernel/syscall/handlers.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/fcntl.h"
#include "shared/linux/mman.h"
#include "shared/linux/stat.h"

/* All that existed when MAP_SHARED_VALIDATE came, but SYNC, which memory files cannot honour. */
#define MAP_KNOWN                                                                                  \
    (LX_MAP_TYPE | LX_MAP_FIXED | LX_MAP_ANONYMOUS | LX_MAP_32BIT | LX_MAP_GROWSDOWN |             \
     LX_MAP_DENYWRITE | LX_MAP_EXECUTABLE | LX_MAP_LOCKED | LX_MAP_NORESERVE | LX_MAP_POPULATE |   \
     LX_MAP_NONBLOCK | LX_MAP_STACK | LX_MAP_HUGETLB)

#define PROT_ALL (LX_PROT_READ | LX_PROT_WRITE | LX_PROT_EXEC)

/* What may be mapped how, in the order in which Linux finds fault. */
static int file_mapping_check(const struct file *file, uint64_t prot, struct vm_request *request)
{
    if (!(file->access & FILE_READ))
        return -EACCES;
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
    if (!err && !request->pager)
        err = -ENODEV;
    if (!err)
        err = vm_map(self->thread.space, request, &address);
    fd_ref_put(ref);
    return err ? err : (int64_t)address;
}

/* Honoured: SHARED, SHARED_VALIDATE, PRIVATE, ANONYMOUS, FIXED, FIXED_NOREPLACE, 32BIT, NORESERVE.
 * No effect, as allowed: POPULATE, LOCKED, STACK, DENYWRITE, EXECUTABLE, NONBLOCK, GROWSDOWN. */
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
    if (type == LX_MAP_SHARED_VALIDATE) {
        if (flags & LX_MAP_ANONYMOUS)
            return -EINVAL;
        if (flags & ~(uint64_t)MAP_KNOWN)
            return -EOPNOTSUPP;
    }
    if (flags & LX_MAP_HUGETLB)
        return -ENOMEM; /* none are set aside */
    if (!nbytes)
        return -EINVAL;
    if (offset + nbytes < offset)
        return -EOVERFLOW;
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
    if (prot & ~(uint64_t)(PROT_ALL | LX_PROT_SEM | LX_PROT_GROWSDOWN | LX_PROT_GROWSUP))
        return -EINVAL;
    if (prot & (LX_PROT_GROWSDOWN | LX_PROT_GROWSUP))
        return -EINVAL; /* no area grows by itself */
    return vm_protect(self->thread.space, address, nbytes, (uint32_t)prot & PROT_ALL);
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
    return vm_check_mapped(self->thread.space, address, nbytes);
}

/* Honoured: DONTNEED, FREE (like DONTNEED). Hints without effect: NORMAL, RANDOM, SEQUENTIAL,
 * WILLNEED. */
int64_t sys_madvise(struct task *self, uint64_t address, uint64_t nbytes, int advice)
{
    if (advice < LX_MADV_NORMAL || (advice > LX_MADV_DONTNEED && advice != LX_MADV_FREE))
        return -EINVAL;
    if ((address & PAGE_MASK) || ALIGN_UP(nbytes, PAGE_SIZE) < nbytes)
        return -EINVAL;
    if (!nbytes)
        return 0;
    if (advice == LX_MADV_DONTNEED || advice == LX_MADV_FREE)
        return vm_discard(self->thread.space, address, nbytes);
    return vm_check_mapped(self->thread.space, address, nbytes);
}
