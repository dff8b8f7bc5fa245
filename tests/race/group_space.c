/* SPDX-License-Identifier: MIT */
/*
 * The address space: workers that share it map, unmap, protect, move, touch and copy the same pages
 * and push the same break to and fro.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/race/race.h"

#define ARENA  0x200000000000ul
#define PAGES  64u
#define ADVICE 6

static unsigned long break_start;
static int zero_fd, file_fd;

static const char *begin(void)
{
    break_start = (unsigned long)raw1(SYS_brk, 0);
    zero_fd = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    file_fd = (int)CHECK_OK(open("mapped", O_RDWR | O_CREAT, 0600));
    CHECK_OK(ftruncate(file_fd, (off_t)(PAGES / 2 * RACE_PAGE)));
    return NULL;
}

/* With the break where it was nothing is mapped above it, and it can grow again. */
static void end(void)
{
    unsigned char resident;
    unsigned long start = (break_start + RACE_PAGE - 1) & ~(RACE_PAGE - 1);

    raw1(SYS_brk, break_start);
    for (unsigned long i = 0; i < PAGES; i++)
        if (raw3(SYS_mincore, start + i * RACE_PAGE, RACE_PAGE, &resident) != -ENOMEM)
            race_wrong("mapped above the break, page", (long)i);
    if ((unsigned long)raw1(SYS_brk, start + PAGES * RACE_PAGE) != start + PAGES * RACE_PAGE)
        race_wrong("the break cannot grow; it is at", raw1(SYS_brk, 0));
    raw1(SYS_brk, break_start);
    raw2(SYS_munmap, ARENA, 2 * PAGES * RACE_PAGE);
    unlink("mapped");
}

/* Some pages of the arena. */
static unsigned long range(struct race_worker *worker, unsigned long *nbytes)
{
    unsigned first = race_random(worker, PAGES), n = 1 + race_random(worker, 8);

    *nbytes = (first + n > PAGES ? PAGES - first : n) * RACE_PAGE;
    return ARENA + first * RACE_PAGE;
}

static void do_brk(struct race_worker *worker)
{
    raw1(SYS_brk, break_start + race_random(worker, PAGES) * RACE_PAGE);
}

static void do_map(struct race_worker *worker)
{
    unsigned long nbytes, start = range(worker, &nbytes);
    int file = race_random(worker, 3) == 0, shared = race_random(worker, 3) == 0;

    raw_call(SYS_mmap, (long)start, (long)nbytes, (long)race_random(worker, 4),
             MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS),
             file ? file_fd : -1, 0);
}

static void do_unmap(struct race_worker *worker)
{
    unsigned long nbytes, start = range(worker, &nbytes);

    raw2(SYS_munmap, start, nbytes);
    raw_call(SYS_mmap, (long)start, (long)nbytes, PROT_READ | PROT_WRITE,
             MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void do_protect(struct race_worker *worker)
{
    unsigned long nbytes, start = range(worker, &nbytes);

    raw3(SYS_mprotect, start, nbytes, race_random(worker, 4));
}

static void do_advise(struct race_worker *worker)
{
    static const int advice[ADVICE] = {MADV_DONTNEED, MADV_WILLNEED, MADV_FREE, 22, 23,
                                       MADV_REMOVE}; /* 22, 23: MADV_POPULATE_READ, _WRITE */
    unsigned long nbytes, start = range(worker, &nbytes);

    raw3(SYS_madvise, start, nbytes, advice[race_random(worker, ADVICE)]);
}

/* The kernel's copies meet what is mapped now: EFAULT is an answer. */
static void do_touch(struct race_worker *worker)
{
    unsigned long nbytes, start = range(worker, &nbytes);

    raw3(SYS_read, zero_fd, start, nbytes);
    raw4(SYS_pwrite64, file_fd, start, nbytes, race_random(worker, 16) * RACE_PAGE);
    raw4(SYS_pread64, file_fd, start, nbytes, race_random(worker, 16) * RACE_PAGE);
}

static void do_move(struct race_worker *worker)
{
    unsigned long nbytes, other, start = range(worker, &nbytes);
    unsigned long target = range(worker, &other);

    raw_call(SYS_mremap, (long)start, (long)nbytes, (long)other, MREMAP_MAYMOVE | MREMAP_FIXED,
             (long)(target + PAGES * RACE_PAGE), 0);
    raw_call(SYS_mremap, (long)(target + PAGES * RACE_PAGE), (long)other, (long)nbytes,
             MREMAP_MAYMOVE | MREMAP_FIXED, (long)start, 0);
}

/* A copy of all of it; the child writes to a page, which may end it. */
static void do_fork(struct race_worker *worker)
{
    unsigned long nbytes, start = range(worker, &nbytes);
    long pid = race_fork(0);

    if (pid == 0) {
        for (unsigned long at = 0; at < nbytes; at += RACE_PAGE)
            *(volatile char *)(start + at) = 1;
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static void do_maps(struct race_worker *worker)
{
    static const char *const names[] = {"maps", "statm", "environ", "cmdline", "status", "stat"};
    char path[64];

    race_proc_path(path, race_shared->pids[race_random(worker, RACE_WORKERS)],
                   names[race_random(worker, 6)]);
    race_read_all(path);
}

static void do_truncate(struct race_worker *worker)
{
    raw2(SYS_ftruncate, file_fd, race_random(worker, PAGES / 2) * RACE_PAGE);
    raw2(SYS_ftruncate, file_fd, PAGES / 2 * RACE_PAGE);
}

static const struct race_op ops[] = {
    {"brk", do_brk},       {"map", do_map},           {"unmap", do_unmap}, {"protect", do_protect},
    {"advise", do_advise}, {"touch", do_touch},       {"move", do_move},   {"fork", do_fork},
    {"maps", do_maps},     {"truncate", do_truncate}, {NULL, NULL}};

const struct race_group race_space = {"space", CLONE_VM, begin, end, ops};
