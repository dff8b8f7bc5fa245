/* SPDX-License-Identifier: MIT */
/*
 * The vDSO: kernel data and code that every program has mapped.
 *
 * Two pages, the same frames for all: the clock's data ([vvar], read-only) and the code ([vdso]),
 * in this order, since the code finds its data one page below itself. clock_publish writes the
 * data; the code reads it without a system call (kernel/vdso/vdso.c).
 */
#include "kernel/proc/exec/vdso.h"

#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/exec/vdso_image.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

enum vdso_page { VDSO_DATA, VDSO_CODE, VDSO_PAGES };

/* This reference to each is never given back. */
static struct frame *frames[VDSO_PAGES];

/* Each area has one page: neighbours are not looked at. */
static int vdso_map_range(struct vm_pager *pager, struct vm_page_range *range)
{
    uint64_t index = range->index + range->needed;

    (void)pager;
    /* Shared writing would change the clock of all programs; private copies come from vm_fault. */
    if (range->write || index >= VDSO_PAGES) /* mremap can make an area longer */
        return -ENXIO;
    memset(range->frames, 0, range->count * sizeof(range->frames[0]));
    frame_get(frames[index]);
    range->frames[range->needed] = frames[index];
    return 0;
}

static void vdso_stays(struct vm_pager *pager, struct dentry *name)
{
    (void)pager, (void)name;
}

static const struct vm_pager_ops code_ops = {
    .map_range = vdso_map_range,
    .get = vdso_stays,
    .put = vdso_stays,
};

/* The data are the clock's: MADV_DONTNEED that reaches them ends there, as on Linux. */
static const struct vm_pager_ops data_ops = {
    .map_range = vdso_map_range,
    .get = vdso_stays,
    .put = vdso_stays,
    .is_kernel = true,
};

static struct vm_pager code_pager = {.ops = &code_ops}, data_pager = {.ops = &data_ops};

COLD void vdso_init(void)
{
    for (unsigned i = 0; i < VDSO_PAGES; i++) {
        frames[i] = pmm_alloc(0, PMM_ZERO);
        ASSERT(frames[i]);
    }
    memcpy(frame_address(frames[VDSO_CODE]), vdso_image_begin,
           (size_t)(vdso_image_end - vdso_image_begin));
    /* From here on the clock writes each change to this page as well. */
    clock_publish(frame_address(frames[VDSO_DATA]));
}

int vdso_map(struct vm_space *space, uint64_t *out)
{
    struct vm_request code = {
        .nbytes = VDSO_PAGES * PAGE_SIZE,
        .prot = LX_PROT_READ | LX_PROT_EXEC,
        .may_write = true, /* for breakpoints: a copy */
        .pager = &code_pager,
    };
    struct vm_request data = {
        .nbytes = PAGE_SIZE,
        .prot = LX_PROT_READ,
        .fixed = true,
        .pager = &data_pager,
    };
    /* Both pages in one area find a free place; then the first becomes the data's area. */
    int err = vm_map(space, &code, &data.address);

    if (!err)
        err = vm_map(space, &data, &data.address);
    *out = data.address + PAGE_SIZE;
    return err;
}

const char *vdso_area_name(const struct vm_area *area)
{
    if (area->pager == &data_pager)
        return "[vvar]";
    return area->pager == &code_pager ? "[vdso]" : NULL;
}
