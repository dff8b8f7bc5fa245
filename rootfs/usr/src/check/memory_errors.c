/* SPDX-License-Identifier: MIT */
/*
 * What the memory test has found: each wrong word, and in the end the pages not to be used.
 *
 * Physical addresses come from /proc/self/pagemap, of the worker that owns the memory, while it
 * still does: nothing moves pages meanwhile. Where there is none the address is the program's own,
 * and there are no lines for boot loaders.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "rootfs/usr/src/check/check.h"
#include "rootfs/usr/src/check/memory.h"
#include "rootfs/usr/src/check/smbios.h"

#define SHOWN_MAX   16                 /* errors that get a line */
#define PAGES_MAX   4096               /* wrong pages that are remembered */
#define RANGES_MAX  32                 /* lines for boot loaders */
#define PFN_MASK    ((1ull << 55) - 1) /* Linux: Documentation/admin-guide/mm/pagemap.rst */
#define PFN_PRESENT (1ull << 63)

static struct shared {
    uint64_t count, vanished; /* words */
    uint64_t bits;            /* that were ever wrong */
    uint32_t npages;
    uint64_t pages[PAGES_MAX]; /* physical, some more than once */
} * shared;
static bool has_modules;

void errors_init(const char *dmi_path)
{
    shared = shared_alloc(sizeof(*shared));
    has_modules = smbios_load(dmi_path);
}

static uint64_t physical_of(const void *address)
{
    uint64_t entry = 0, page = (uint64_t)address / PAGE;
    int fd = open("/proc/self/pagemap", O_RDONLY);
    bool good;

    if (fd < 0)
        return ADDRESS_UNKNOWN;
    good = pread(fd, &entry, sizeof(entry), (off_t)(page * sizeof(entry))) == sizeof(entry);
    close(fd);
    /* Number 0: not for us (Linux without the right to know). */
    if (!good || !(entry & PFN_PRESENT) || !(entry & PFN_MASK))
        return ADDRESS_UNKNOWN;
    return (entry & PFN_MASK) * PAGE + (uint64_t)address % PAGE;
}

static void address_text(const void *address, char *text, size_t size)
{
    uint64_t physical = physical_of(address);
    char module[300] = "not known here";

    if (physical == ADDRESS_UNKNOWN) {
        snprintf(text, size, "at %p of the program (physical address not known here)", address);
        return;
    }
    if (has_modules)
        smbios_module_text(physical, module, sizeof(module));
    snprintf(text, size, "at physical 0x%llx, module %s", (unsigned long long)physical, module);
}

/* Whether this one gets a line; all are counted. */
static bool error_count(const void *address, uint64_t bits)
{
    uint64_t physical = physical_of(address);
    uint32_t place;

    __atomic_fetch_or(&shared->bits, bits, __ATOMIC_RELAXED);
    if (physical != ADDRESS_UNKNOWN) {
        place = __atomic_load_n(&shared->npages, __ATOMIC_RELAXED);
        /* Neighbours come one after the other: the last one is enough of a look. */
        if (!place || place > PAGES_MAX || shared->pages[place - 1] != physical / PAGE) {
            place = __atomic_fetch_add(&shared->npages, 1, __ATOMIC_RELAXED);
            if (place < PAGES_MAX)
                shared->pages[place] = physical / PAGE;
        }
    }
    return __atomic_fetch_add(&shared->count, 1, __ATOMIC_RELAXED) < SHOWN_MAX;
}

void errors_add(unsigned cpu, const struct memory_error *error)
{
    char where[400];

    if (!error_count(error->address, error->first ^ error->expected))
        return;
    address_text(error->address, where, sizeof(where));
    say("%s: wrote %016llx, read %016llx, wrong bits %016llx, read again %016llx, %s, by %s",
        error->pattern, (unsigned long long)error->expected, (unsigned long long)error->first,
        (unsigned long long)(error->first ^ error->expected), (unsigned long long)error->again,
        where, cpu_text(cpu));
}

void errors_add_vanished(unsigned cpu, const char *pattern, const void *block, uint64_t bits)
{
    char where[400];

    __atomic_fetch_add(&shared->vanished, 1, __ATOMIC_RELAXED);
    if (!error_count(block, bits))
        return;
    address_text(block, where, sizeof(where));
    say("%s: wrong once and right when read again, wrong bits %016llx, in the 16 KiB %s, by %s",
        pattern, (unsigned long long)bits, where, cpu_text(cpu));
}

static int by_number(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* The largest power of two of pages that begins at this one and ends by the last: what one BADRAM
 * mask can say. */
static uint64_t badram_pages(uint64_t first, uint64_t last)
{
    uint64_t n = 1;

    while (!(first & (2 * n - 1)) && first + 2 * n - 1 <= last)
        n *= 2;
    return n;
}

/* memmap=SIZE$START for Linux's command line; ADDRESS,MASK for GRUB_BADRAM and the badram command.
 */
static void range_show(uint64_t first, uint64_t last)
{
    say("memmap=%lluK$0x%llx", (unsigned long long)(last - first + 1) * (PAGE >> 10),
        (unsigned long long)first * PAGE);
    for (uint64_t n; first <= last; first += n) {
        n = badram_pages(first, last);
        say("badram 0x%016llx,0x%016llx", (unsigned long long)first * PAGE,
            (unsigned long long)-(n * PAGE));
    }
}

static void ranges_show(void)
{
    uint32_t npages = MIN(shared->npages, PAGES_MAX), nranges = 0;

    qsort(shared->pages, npages, sizeof(shared->pages[0]), by_number);
    for (uint32_t i = 0, k; i < npages && nranges < RANGES_MAX; i = k, nranges++) {
        for (k = i + 1; k < npages && shared->pages[k] <= shared->pages[k - 1] + 1;)
            k++;
        range_show(shared->pages[i], shared->pages[k - 1]);
    }
    if (shared->npages > PAGES_MAX || nranges == RANGES_MAX)
        say("and more than these");
}

bool errors_seen(void)
{
    return __atomic_load_n(&shared->count, __ATOMIC_RELAXED) != 0;
}

bool errors_summarise(void)
{
    if (!errors_seen())
        return true;
    say("%llu wrong words, %llu of them right when read again; bits that were wrong: %016llx",
        (unsigned long long)shared->count, (unsigned long long)shared->vanished,
        (unsigned long long)shared->bits);
    ranges_show();
    return false;
}
