/* SPDX-License-Identifier: MIT */
#include "kernel/fs/text.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/limits.h"

#define SHORT_TEXT 256

static struct slab_cache *short_cache;
static struct slab_cache *path_cache;

void text_init_cache(void)
{
    short_cache = slab_cache_create("text", SHORT_TEXT);
    path_cache = slab_cache_create("path", LX_PATH_MAX);
}

uint64_t text_frames_held(void)
{
    return slab_frames(short_cache) + slab_frames(path_cache);
}

char *text_alloc(size_t nbytes)
{
    ASSERT(nbytes <= LX_PATH_MAX);
    return slab_alloc(nbytes <= SHORT_TEXT ? short_cache : path_cache);
}

void text_free(char *text, size_t nbytes)
{
    if (text)
        slab_free(nbytes <= SHORT_TEXT ? short_cache : path_cache, text);
}
