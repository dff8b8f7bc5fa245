/* SPDX-License-Identifier: MIT */
#include "kernel/proc/vdso.h"

#include "kernel/core/clock.h"
#include "kernel/lib/assert.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"
#include "kernel/proc/vdso_image.h"
#include "kernel/vm/vm_pager.h"
#include "kernel/vm/vm_space.h"
#include "shared/addrmap.h"
#include "shared/linux/errno.h"
#include "shared/linux/mman.h"

enum vdso_page { VDSO_DATA, VDSO_CODE, VDSO_PAGES };

/* This reference to each is never given back. */
static struct frame *frames[VDSO_PAGES];

static int vdso_page_get(struct vm_pager *pager, uint64_t index, bool write,
                         struct frame **out_frame)
{
    (void)pager;
    if (write || index >= VDSO_PAGES) /* mremap can make an area longer */
        return -ENXIO;
    frame_get(frames[index]);
    *out_frame = frames[index];
    return 0;
}

/* A page of its own for each area, the neighbours are not worth a look. */
static void vdso_pages_find(struct vm_pager *pager, uint64_t index, unsigned count,
                            struct frame **found)
{
    (void)pager;
    (void)index;
    memset(found, 0, count * sizeof(*found));
}

static void vdso_stays(struct vm_pager *pager, struct dentry *name)
{
    (void)pager, (void)name;
}

static const struct vm_pager_ops pager_ops = {
    .page_get = vdso_page_get,
    .pages_find = vdso_pages_find,
    .get = vdso_stays,
    .put = vdso_stays,
};

static struct vm_pager vdso_pager = {.ops = &pager_ops};

void vdso_init(void)
{
    for (unsigned i = 0; i < VDSO_PAGES; i++) {
        frames[i] = pmm_alloc(0, PMM_ZERO);
        ASSERT(frames[i]);
    }
    memcpy(frame_address(frames[VDSO_CODE]), vdso_image_begin,
           (size_t)(vdso_image_end - vdso_image_begin));
    clock_publish(frame_address(frames[VDSO_DATA]));
}

int vdso_map(struct vm_space *space, uint64_t *out)
{
    struct vm_request code = {
        .nbytes = VDSO_PAGES * PAGE_SIZE,
        .prot = LX_PROT_READ | LX_PROT_EXEC,
        .may_write = true, /* for breakpoints: a copy */
        .pager = &vdso_pager,
    };
    struct vm_request data = {
        .nbytes = PAGE_SIZE,
        .prot = LX_PROT_READ,
        .fixed = true,
        .pager = &vdso_pager,
    };
    int err = vm_map(space, &code, &data.address);

    if (!err)
        err = vm_map(space, &data, &data.address);
    *out = data.address + PAGE_SIZE;
    return err;
}

const char *vdso_area_name(const struct vm_area *area)
{
    if (area->pager != &vdso_pager)
        return NULL;
    return area->page_index == VDSO_DATA ? "[vvar]" : "[vdso]";
}
