/* SPDX-License-Identifier: MIT */
/*
 * Faults of memory for the tests of the memory test.
 *
 * Memory is read only block by block, to be compared; what is changed right before that is what
 * faulty memory would have returned.
 */
#include <stdio.h>
#include <string.h>

#include "rootfs/usr/src/check/check.h"
#include "rootfs/usr/src/check/memory.h"

static enum { NONE, STUCK, ALIAS, ONCE } kind;
static unsigned long long offset, length, bit, value, other;
static bool done;

bool fault_set(const char *text)
{
    int end = 0;

    length = 8;
    if (sscanf(text, "stuck:%lli:%lli:%lli:%lli%n", &offset, &length, &bit, &value, &end) == 4)
        kind = STUCK;
    else if (sscanf(text, "alias:%lli:%lli:%lli%n", &offset, &length, &other, &end) == 3)
        kind = ALIAS;
    else if (sscanf(text, "once:%lli:%lli%n", &offset, &bit, &end) == 2)
        kind = ONCE;
    return end && !text[end] && bit < 64;
}

/* The part of the block that the fault is about: false, none. */
static bool fault_part(void *base, void *block, size_t nbytes, uint64_t **out, size_t *out_nwords)
{
    size_t begin = (size_t)((char *)block - (char *)base), end = begin + nbytes;
    size_t first = offset > begin ? offset : begin;
    size_t last = MIN(offset + length, end);

    if (kind == NONE || first >= last)
        return false;
    *out = (uint64_t *)((char *)base + (first & ~7ull));
    *out_nwords = (last - first + 7) / 8;
    return true;
}

void fault_before(void *base, void *block, size_t nbytes)
{
    uint64_t *words;
    size_t nwords;

    if (!fault_part(base, block, nbytes, &words, &nwords))
        return;
    if (kind == ALIAS)
        memcpy(words, (char *)base + other + ((char *)words - (char *)base) - offset, nwords * 8);
    if (kind == ONCE && !done)
        *words ^= 1ull << bit;
    for (size_t i = 0; kind == STUCK && i < nwords; i++)
        words[i] = (words[i] & ~(1ull << bit)) | (uint64_t)value << bit;
}

void fault_after(void *base, void *block, size_t nbytes)
{
    uint64_t *words;
    size_t nwords;

    if (kind != ONCE || done || !fault_part(base, block, nbytes, &words, &nwords))
        return;
    *words ^= 1ull << bit;
    done = true;
}
