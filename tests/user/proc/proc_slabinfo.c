/* SPDX-License-Identifier: MIT */
/* proc_slabinfo: /proc/slabinfo has the columns that slabtop parses, and is for root alone. */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

static char text[1 << 18];

static const char head[] =
    "slabinfo - version: 2.1\n"
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
    "<limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n";

static void refused(void)
{
    CHECK_OK(setuid(1000));
    CHECK_ERR(access("/proc/slabinfo", R_OK), EACCES);
    CHECK(fopen("/proc/slabinfo", "r") == NULL);
}

int main(void)
{
    unsigned long used, all, size, per_slab, pages, tunables[3], slabs[3], lines = 0, objects = 0;
    struct stat stat_buffer;
    char name[64];

    CHECK_OK(stat("/proc/slabinfo", &stat_buffer));
    CHECK_EQ(stat_buffer.st_mode, S_IFREG | 0400);
    text_of("/proc/slabinfo", text, sizeof(text));
    CHECK(!strncmp(text, head, strlen(head)));
    for (char *at = text + strlen(head); *at; at = strchr(at, '\n') + 1) {
        CHECK_EQ(sscanf(at,
                        "%63s %lu %lu %lu %lu %lu : tunables %lu %lu %lu : slabdata %lu %lu %lu",
                        name, &used, &all, &size, &per_slab, &pages, &tunables[0], &tunables[1],
                        &tunables[2], &slabs[0], &slabs[1], &slabs[2]),
                 12);
        CHECK(used <= all && slabs[0] <= slabs[1]);
        CHECK_EQ(all, slabs[1] * per_slab);
        CHECK(size * per_slab <= pages * 4096);
        objects += used;
        lines++;
    }
    CHECK(lines > 10);
    CHECK(objects > 100);
    CHECK_EQ(child_status(refused), 0);
    return 0;
}
