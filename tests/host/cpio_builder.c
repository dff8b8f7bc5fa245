/* SPDX-License-Identifier: MIT */
/*
 * tests/host/cpio_builder.c - newc archives made to order
 */
#include "tests/host/cpio_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append(struct cpio_build *build, const void *bytes, size_t nbytes)
{
    if (nbytes > sizeof(build->bytes) - build->size)
        abort();
    if (nbytes)
        memcpy(build->bytes + build->size, bytes, nbytes);
    build->size += nbytes;
}

static void pad(struct cpio_build *build, size_t nbytes)
{
    for (; nbytes > 0; nbytes--)
        append(build, "", 1);
}

size_t cpio_build_add(struct cpio_build *build, const struct cpio_build_entry *entry)
{
    size_t at = build->size;
    size_t name_size = strlen(entry->name) + 1;
    char header[111];

    snprintf(header, sizeof(header), "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
             ++build->next_ino, entry->mode, entry->uid, entry->gid,
             entry->nlink ? entry->nlink : 1, entry->mtime, entry->size, 8, 1, entry->rdev_major,
             entry->rdev_minor, name_size + entry->name_padding, 0);
    append(build, header, 110);
    append(build, entry->name, name_size);
    pad(build, entry->name_padding);
    pad(build, -build->size % 4);
    append(build, entry->data, entry->size);
    pad(build, -build->size % 4);
    return at;
}

void cpio_build_trailer(struct cpio_build *build)
{
    cpio_build_add(build, &(struct cpio_build_entry){.name = "TRAILER!!!"});
}
