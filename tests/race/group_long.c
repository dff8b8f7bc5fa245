/* SPDX-License-Identifier: MIT */
/*
 * Calls whose length a program chooses: each walks over as much as it may be given. Too long for a
 * pair; for the latency probe alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/race/race.h"

#define MIB      (1ul << 20)
#define AREAS    4000
#define CHILDREN 300

static int random_fd, zero_fd, sparse_fd, null_fd, out_fd;
static char *buffer;

static const char *begin(void)
{
    random_fd = (int)CHECK_OK(open("/dev/urandom", O_RDONLY));
    zero_fd = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    null_fd = (int)CHECK_OK(open("/dev/null", O_WRONLY));
    sparse_fd = (int)CHECK_OK(open("sparse", O_RDWR | O_CREAT, 0600));
    out_fd = (int)CHECK_OK(open("out", O_RDWR | O_CREAT, 0600));
    CHECK_OK(ftruncate(sparse_fd, 64 * (off_t)MIB));
    buffer = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(buffer != MAP_FAILED);
    return NULL;
}

static void end(void)
{
    unlink("sparse");
    unlink("out");
}

static void fill(struct iovec *parts, int n)
{
    for (int i = 0; i < n; i++)
        parts[i] = (struct iovec){buffer, 2 * MIB};
}

static void do_urandom(struct race_worker *worker)
{
    struct iovec parts[16];

    (void)worker;
    fill(parts, 16);
    raw3(SYS_readv, random_fd, parts, 16);
}

static void do_zero(struct race_worker *worker)
{
    struct iovec parts[512];

    (void)worker;
    fill(parts, 512);
    raw3(SYS_readv, zero_fd, parts, 512);
}

static void do_sparse(struct race_worker *worker)
{
    struct iovec parts[32];

    (void)worker;
    fill(parts, 32);
    raw_call(SYS_preadv, sparse_fd, (long)parts, 32, 0, 0, 0);
}

static void do_vectors(struct race_worker *worker)
{
    struct iovec parts[32];

    (void)worker;
    fill(parts, 32);
    raw_call(SYS_pwritev, out_fd, (long)parts, 32, 0, 0, 0);
    raw2(SYS_ftruncate, out_fd, 0);
}

static void do_sendfile(struct race_worker *worker)
{
    long offset = 0;

    (void)worker;
    raw4(SYS_sendfile, null_fd, sparse_fd, &offset, 64 * MIB);
}

static void do_mincore(struct race_worker *worker)
{
    static unsigned char result[8192];

    (void)worker;
    raw3(SYS_mincore, 0x10000, 1ul << 45, result);
    raw3(SYS_mincore, buffer, 2 * MIB, result);
}

static void do_populate(struct race_worker *worker)
{
    char *place = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)worker;
    raw3(SYS_madvise, place, 64 * MIB, 22); /* MADV_POPULATE_READ */
    raw3(SYS_madvise, place, 64 * MIB, 23); /* and _WRITE */
    raw2(SYS_munmap, place, 64 * MIB);
    place = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                 -1, 0);
    raw2(SYS_munmap, place, 64 * MIB);
}

/* A space of many areas is copied and goes. */
static void do_areas(struct race_worker *worker)
{
    char *place = mmap(NULL, 2 * AREAS * RACE_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long pid;

    (void)worker;
    for (unsigned long i = 0; i < AREAS; i++)
        raw3(SYS_mprotect, place + 2 * i * RACE_PAGE, RACE_PAGE, PROT_READ | PROT_WRITE);
    pid = race_fork(0);
    if (pid == 0)
        race_exit(0);
    if (pid > 0)
        race_wait(pid);
    raw2(SYS_munmap, place, 2 * AREAS * RACE_PAGE);
}

/* Many children, each in a group of its own, whose parent ends. */
static void do_children(struct race_worker *worker)
{
    long pid = race_fork(0);

    (void)worker;
    if (pid == 0) {
        for (int i = 0; i < CHILDREN; i++) {
            if (race_fork(0) == 0) {
                raw2(SYS_setpgid, 0, 0);
                for (int k = 0; k < 100 && raw0(SYS_getppid) != 1; k++)
                    race_sleep_us(10000);
                race_exit(0);
            }
        }
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {{"urandom", do_urandom},   {"zero", do_zero},
                                     {"sparse", do_sparse},     {"vectors", do_vectors},
                                     {"sendfile", do_sendfile}, {"mincore", do_mincore},
                                     {"populate", do_populate}, {"areas", do_areas},
                                     {"children", do_children}, {NULL, NULL}};

const struct race_group race_long = {"long", 0, begin, end, ops};
