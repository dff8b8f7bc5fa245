/* SPDX-License-Identifier: MIT */
/*
 * Buffers for names, link texts and paths, in two sizes: most of them are short.
 *
 * What does not fit into a short one takes LX_PATH_MAX bytes. The owner keeps the length, and gives
 * it back on freeing, which finds the cache by it: so no header lies in front of the bytes.
 */
#include "kernel/fs/vfs/namebuf.h"
#include "kernel/lib/assert.h"
#include "kernel/mm/slab.h"
#include "shared/linux/limits.h"

static struct slab_cache *short_cache;
static struct slab_cache *path_cache;

void namebuf_init_cache(void)
{
    short_cache = slab_cache_create("text", NAMEBUF_SHORT);
    path_cache = slab_cache_create("path", LX_PATH_MAX);
}

uint64_t namebuf_frames_held(void)
{
    return slab_frames(short_cache) + slab_frames(path_cache);
}

char *namebuf_alloc(size_t nbytes)
{
    ASSERT(nbytes <= LX_PATH_MAX);
    return slab_alloc(nbytes <= NAMEBUF_SHORT ? short_cache : path_cache);
}

void namebuf_free(char *text, size_t nbytes)
{
    if (text)
        slab_free(nbytes <= NAMEBUF_SHORT ? short_cache : path_cache, text);
}
