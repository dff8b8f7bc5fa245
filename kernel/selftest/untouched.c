/* SPDX-License-Identifier: MIT */
/*
 * A sample of free memory, filled with one byte and looked at again.
 *
 * Firmware's drivers are told to stop when the kernel takes over, and some devices go on: a network
 * card receives into the buffers that it was given, a USB controller writes its frame number. They
 * write to memory that is free by the map. The places are spread, since it is not known where.
 */
#include "kernel/selftest/untouched.h"

#include "kernel/lib/string.h"
#include "kernel/mm/pmm.h"

#define SITES_MAX  64
#define SITE_ORDER 4 /* 16 frames */
#define SITE_WORDS ((PAGE_SIZE << SITE_ORDER) / sizeof(uint64_t))
#define SHARE      4096 /* frames of memory for each site */

#define FILL_BYTE 0x96
#define FILL_WORD 0x9696969696969696ULL

static struct frame *sites[SITES_MAX];
static unsigned nsites;

COLD void untouched_fill(void)
{
    nsites = pmm_alloc_spread(
        sites, (unsigned)MIN(pmm_total_count() / SHARE + 1, (uint64_t)SITES_MAX), SITE_ORDER);
    for (unsigned i = 0; i < nsites; i++)
        memset(frame_address(sites[i]), FILL_BYTE, PAGE_SIZE << SITE_ORDER);
}

COLD void *untouched_middle(void)
{
    return nsites ? (char *)frame_address(sites[nsites / 2]) + PAGE_SIZE : NULL;
}

COLD uint64_t untouched_check(struct untouched_change *change)
{
    uint64_t nbytes = (uint64_t)nsites * (PAGE_SIZE << SITE_ORDER);

    *change = (struct untouched_change){0};
    for (unsigned i = 0; i < nsites; i++) {
        /* The compiler would be right that nothing has changed it. */
        const volatile uint64_t *words = frame_address(sites[i]);

        for (uint64_t n = 0; n < SITE_WORDS; n++) {
            uint64_t value = words[n];

            if (likely(value == FILL_WORD) || change->words++)
                continue;
            change->physical = frame_physical(sites[i]) + n * sizeof(uint64_t);
            change->value = value;
        }
        pmm_free(sites[i], SITE_ORDER);
    }
    nsites = 0;
    return nbytes;
}
