/* SPDX-License-Identifier: MIT */
/*
 * check bandwidth - how fast caches and memory are, by size of what is touched
 *
 * Shown, not judged: what is right depends on the machine. What was copied is compared, though
 * (--fault changes a bit of the copy).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "rootfs/usr/src/check/check.h"
#include "rootfs/usr/src/check/patterns.h"

#define MEASURE_NS 60000000ull /* for each number */
#define CHAIN_STEP 4160        /* bytes from one link to the next: another page and another line */

static const size_t sizes[] = {16 << 10, 256 << 10, 4 << 20, 32 << 20};
static volatile uint64_t sink; /* so that what is read counts as used */

enum action { READ, WRITE, COPY };

static uint64_t rate(enum action action, char *memory, char *other, size_t nbytes)
{
    uint64_t began = now_ns(), ns, moved = 0;

    do {
        if (action == READ)
            sink = words_differ(memory, nbytes, (pair){0});
        else if (action == WRITE)
            words_fill(memory, nbytes, (pair){moved, ~moved});
        else
            memcpy(other, memory, nbytes);
        moved += nbytes;
        ns = now_ns() - began;
    } while (ns < MEASURE_NS);
    return rate_mib(moved, ns);
}

/* A chain in which each address is known only when the one before has been read. */
static uint64_t latency_ps(char *memory, size_t nbytes)
{
    size_t nlinks = nbytes / CHAIN_STEP, at = 0, count = 0;
    uint64_t began, ns;
    void **link;

    if (nlinks < 2)
        return 0;
    for (size_t i = 0; i < nlinks; i++) {
        /* By a stride that is no divisor: the order is no order that a prefetcher knows. */
        size_t next = (at + nlinks * 5 / 8 + 1) % nlinks;

        *(void **)(memory + at * CHAIN_STEP) = memory + next * CHAIN_STEP;
        at = next;
    }
    began = now_ns();
    link = (void **)memory;
    do {
        for (unsigned i = 0; i < 1000; i++)
            link = *(void *volatile *)link;
        count += 1000;
        ns = now_ns() - began;
    } while (ns < MEASURE_NS);
    sink = (uint64_t)link;
    return ns * 1000 / count;
}

int check_bandwidth(const struct options *options)
{
    size_t room = memory_available() / 4; /* two areas, and as much again is left */
    size_t most = option_number(options, "size", MIN(sizes[COUNT(sizes) - 1], room));
    size_t nbytes = (most + 65535) & ~(size_t)65535;
    char *memory =
        mmap(NULL, 2 * nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *other = memory + nbytes;

    if (memory == MAP_FAILED) {
        say("no memory for %zu MiB", 2 * nbytes / MIB);
        return CHECK_FAILED;
    }
    if (most < sizes[0]) {
        say("%zu bytes are too few to measure", most);
        return CHECK_FAILED;
    }
    for (unsigned i = 0; i < COUNT(sizes) && sizes[i] <= most; i++) {
        size_t n = sizes[i];
        uint64_t reads = rate(READ, memory, other, n), writes = rate(WRITE, memory, other, n);
        uint64_t copies = rate(COPY, memory, other, n), ps;

        if (option_find(options, "fault"))
            other[n / 2] ^= 16;
        if (memcmp(memory, other, n) != 0) {
            say("%zu KiB: the copy differs", n >> 10);
            return CHECK_FAILED;
        }
        ps = latency_ps(memory, n);
        say("%6zu KiB: read %llu, write %llu, copy %llu MiB/s, %llu.%llu ns for the next", n >> 10,
            (unsigned long long)reads, (unsigned long long)writes, (unsigned long long)copies,
            (unsigned long long)ps / 1000, (unsigned long long)ps / 100 % 10);
    }
    return CHECK_PASSED;
}
