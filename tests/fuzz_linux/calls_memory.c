/* SPDX-License-Identifier: MIT */
/*
 * Calls on memory: all of them inside an arena of a few pages. What the kernel places elsewhere is
 * removed at once: where it lands is the kernel's own choice.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/fuzz_linux/sequence.h"

static unsigned long page_of(struct sequence *s)
{
    unsigned page = draw(s, PAGES);

    tell(s, " page %u", page);
    return ARENA + page * PAGE;
}

static unsigned long size_of(struct sequence *s)
{
    static const unsigned long odd[] = {0, 1, 4095, 4097, 1ul << 47, ~0ul};
    unsigned long n = draw(s, 8) ? (1 + draw(s, 6)) * PAGE : odd[draw(s, 6)];

    tell(s, " %#lx", n);
    return n;
}

/* An address: within the arena as its page, otherwise one word; that memory is removed. */
static void answer_place(struct sequence *s, long got, unsigned long nbytes)
{
    unsigned long at = (unsigned long)got;

    if (got < 0 && got > -4096)
        answer(s, got);
    else if (at >= ARENA && at < ARENA + PAGES * PAGE)
        tell(s, " = page %lu", (at - ARENA) / PAGE);
    else {
        tell(s, " = elsewhere");
        raw2(SYS_munmap, at, nbytes);
    }
}

static void do_mmap(struct sequence *s)
{
    static const int places[] = {MAP_FIXED, MAP_FIXED, MAP_FIXED, 0x100000, 0}; /* _NOREPLACE */
    static const int kinds[] = {MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, 3, 0};
    unsigned long at = page_of(s), nbytes = size_of(s);
    int prot = (int)draw(s, 4), flags = places[draw(s, 5)] | kinds[draw(s, 5)], fd = -1;
    long offset = 0;

    if (draw(s, 3)) {
        flags |= MAP_ANONYMOUS;
    } else {
        fd = (int)draw(s, 14);
        offset = (long)(draw(s, 4) * PAGE + (draw(s, 10) == 0));
    }
    if (at + nbytes > ARENA + PAGES * PAGE && nbytes < 1ul << 40)
        nbytes = ARENA + PAGES * PAGE - at;
    tell(s, " prot %d flags %#x fd %d offset %ld", prot, flags, fd, offset);
    answer_place(s, raw_call(SYS_mmap, (long)at, (long)nbytes, prot, flags, fd, offset), nbytes);
}

static void do_munmap(struct sequence *s)
{
    unsigned long at = page_of(s) + (draw(s, 10) == 0), nbytes = size_of(s);

    if (nbytes > PAGES * PAGE && nbytes < 1ul << 40)
        nbytes = PAGE;
    answer(s, raw2(SYS_munmap, at, nbytes));
}

static void do_mprotect(struct sequence *s)
{
    unsigned long at = page_of(s) + (draw(s, 10) == 0), nbytes = size_of(s);
    long prot = draw(s, 10) ? draw(s, 4) : 0x1000000 + draw(s, 4);

    tell(s, " prot %#lx", prot);
    answer(s, raw3(SYS_mprotect, at, nbytes, prot));
}

/* Several areas that are to move to a fixed place: Linux before 6.17 refuses that, and removes what
 * is too much first. Later ones move them all, or leave them as they were. So that the answer does
 * not depend on the host, what moves becomes one area, unless it is a single page. */
static int unite(struct sequence *s, unsigned long at, unsigned long nbytes)
{
    unsigned long most = ARENA + PAGES * PAGE - at;

    if (at % PAGE || nbytes <= PAGE || nbytes > most)
        return 1;
    tell(s, " united");
    return answer(s, raw_call(SYS_mmap, (long)at, (long)nbytes, PROT_READ | PROT_WRITE,
                              MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == (long)at) == 1;
}

static void do_mremap(struct sequence *s)
{
    static const int kinds[] = {0, 1, 3, 3, 2, 5, 7, 8};
    unsigned long at = page_of(s) + (draw(s, 16) == 0), old = size_of(s), nbytes = size_of(s);
    int flags = kinds[draw(s, 8)];
    unsigned long to = page_of(s);
    struct rlimit data;

    if (nbytes > PAGES * PAGE && nbytes < 1ul << 40)
        nbytes = PAGE;
    tell(s, " flags %d", flags);
    if (flags & 6) { /* MREMAP_FIXED, MREMAP_DONTUNMAP */
        if (old > ARENA + PAGES * PAGE - at && old != ~0ul)
            old = PAGE;
        if (!unite(s, at, old))
            return; /* RLIMIT_DATA */
        /* Whether the new place is cleared before RLIMIT_DATA refuses it depends on the version. */
        if (nbytes > old && getrlimit(RLIMIT_DATA, &data) == 0 && data.rlim_cur != RLIM_INFINITY)
            nbytes = old;
    }
    answer_place(s, raw_call(SYS_mremap, (long)at, (long)old, (long)nbytes, flags, (long)to, 0),
                 nbytes);
}

static void do_madvise(struct sequence *s)
{
    static const int kinds[] = {0, 1, 2, 3, 4, 4, 8, 9, 22, 23, 77, -1};
    unsigned long at = page_of(s) + (draw(s, 16) == 0), nbytes = size_of(s);
    int advice = kinds[draw(s, 12)];

    tell(s, " advice %d", advice);
    answer(s, raw3(SYS_madvise, at, nbytes, advice));
    if (advice == 8) /* MADV_FREE: when the pages go is the kernel's own choice */
        raw3(SYS_madvise, at, nbytes, 4);
}

static void do_msync(struct sequence *s)
{
    unsigned long at = page_of(s) + (draw(s, 16) == 0), nbytes = size_of(s);
    long flags = draw(s, 9);

    tell(s, " flags %ld", flags);
    answer(s, raw3(SYS_msync, at, nbytes, flags));
}

/* Which pages are resident is the kernel's own choice; whether they exist is not. */
static void do_mincore(struct sequence *s)
{
    static unsigned char result[64];
    unsigned long at = page_of(s) + (draw(s, 16) == 0), nbytes = (1 + draw(s, 20)) * PAGE;

    tell(s, " %#lx", nbytes);
    answer(s, raw3(SYS_mincore, at, nbytes, result));
}

static void do_mlock(struct sequence *s)
{
    unsigned long at = page_of(s), nbytes = size_of(s);

    answer(s, raw2(draw(s, 2) ? SYS_mlock : SYS_munlock, at, nbytes));
}

static void do_look(struct sequence *s)
{
    unsigned long at = page_of(s) + draw(s, 2) * 4000;
    size_t n = 1 + draw(s, 3000);
    uint64_t hash = 0;
    long err = look_at(s, at, n, &hash);

    tell(s, " %zu", n);
    answer(s, err);
    tell(s, " #%lx", hash);
}

/* Bytes are put there by the kernel, from the pipe. */
static void do_fill(struct sequence *s)
{
    static char text[3000];
    unsigned long at = page_of(s) + draw(s, 2) * 3000;
    size_t n = 1 + draw(s, sizeof(text) - 1);
    long got;

    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + (i + at / PAGE) % 26);
    tell(s, " %zu", n);
    raw3(SYS_write, s->pipe_out, text, n);
    got = raw3(SYS_read, s->pipe_in, at, n);
    answer(s, got);
    while (raw3(SYS_read, s->pipe_in, text, sizeof(text)) > 0)
        ;
}

/* From a file and back, with the memory as buffer. */
static void do_transfer(struct sequence *s)
{
    unsigned long at = page_of(s) + draw(s, 2) * 4000;
    long fd = draw(s, 14), n = 1 + draw(s, 6000), offset, got;
    int writes = (int)draw(s, 2), broken;
    uint64_t hash;

    tell(s, " %s %ld fd %ld", writes ? "to" : "from", n, fd);
    if (fd == s->pipe_in || fd == s->pipe_out)
        return;
    broken = writes && look_at(s, at, (size_t)n, &hash) != (int)n;
    offset = draw(s, 3) * 2000l;
    if (broken && !begin_broken_write(s, fd, offset))
        return;
    got = raw4(writes ? SYS_pwrite64 : SYS_pread64, fd, at, n, offset);
    answer(s, got);
    if (broken)
        end_broken_write(fd, got);
}

static void do_brk(struct sequence *s)
{
    static long start;
    long to, got;

    if (start == 0)
        start = (raw1(SYS_brk, 0) + 4095) & ~4095l;
    to = (long)draw(s, 10) * 2048 - (draw(s, 20) == 0 ? 1l << 30 : 0);
    got = raw1(SYS_brk, start + to);
    tell(s, " %+ld", to);
    tell(s, " = %s", got == start + to ? "done" : "refused");
}

const struct call memory_calls[] = {{"mmap", do_mmap},     {"mmap", do_mmap},
                                    {"munmap", do_munmap}, {"mprotect", do_mprotect},
                                    {"mremap", do_mremap}, {"madvise", do_madvise},
                                    {"msync", do_msync},   {"mincore", do_mincore},
                                    {"mlock", do_mlock},   {"look", do_look},
                                    {"look", do_look},     {"fill", do_fill},
                                    {"fill", do_fill},     {"transfer", do_transfer},
                                    {"brk", do_brk},       {NULL, NULL}};
