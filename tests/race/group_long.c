/* SPDX-License-Identifier: MIT */
/*
 * Calls whose length a program chooses: each walks over as much as it may be given. Too long for a
 * pair; for the latency probe alone.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
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

#define HOOKS   60000
#define POLLERS 4
#define TIMERS  16384
#define SIGNALS 16000
#define ENDS    50
#define CROWD   800
#define CHAIN   800

static void end_all(const long *pids, int n)
{
    for (int i = 0; i < n; i++)
        if (pids[i] > 0)
            raw2(SYS_kill, pids[i], SIGKILL);
    for (int i = 0; i < n; i++)
        if (pids[i] > 0)
            race_wait(pids[i]);
}

/* Polls that name one pipe again and again, and a byte that is written to it. */
static void do_hooks(struct race_worker *worker)
{
    static struct pollfd places[HOOKS];
    struct rlimit limit = {HOOKS + 16, HOOKS + 16};
    long pids[POLLERS];
    int ends[2];
    char byte = 0;

    (void)worker;
    raw2(SYS_setrlimit, RLIMIT_NOFILE, &limit);
    CHECK_EQ(raw2(SYS_pipe2, ends, 0), 0);
    for (int i = 0; i < HOOKS; i++)
        places[i] = (struct pollfd){ends[1], 0, 0};
    for (int i = 0; i < POLLERS; i++) {
        pids[i] = race_fork(0);
        if (pids[i] == 0) {
            raw3(SYS_poll, places, HOOKS, 100000);
            race_exit(1);
        }
    }
    race_sleep_us(300000);
    for (int i = 0; i < 8; i++) {
        raw3(SYS_write, ends[1], &byte, 1);
        race_sleep_us(20000);
    }
    end_all(pids, POLLERS);
    raw1(SYS_close, ends[0]);
    raw1(SYS_close, ends[1]);
}

/* The end of a process with many timers that run. Their numbers go round: half of them share a
 * place of the table with another one. */
static void do_timers(struct race_worker *worker)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec at = {{0, 0}, {1000, 0}};
    long pid = race_fork(0);
    int id;

    (void)worker;
    if (pid == 0) {
        for (int i = 0; i < 3 * TIMERS / 2; i++) {
            if (i >= TIMERS)
                raw1(SYS_timer_delete, i - TIMERS / 2);
            raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);
            raw4(SYS_timer_settime, id, 0, &at, NULL);
        }
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

/* That of a process with many signals. */
static void do_signals(struct race_worker *worker)
{
    long pid = race_fork(0);

    (void)worker;
    if (pid == 0) {
        uint64_t all = ~0ull;
        int info[32] = {SIGRTMIN + 3, 0, -1};

        raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8);
        for (int i = 0; i < SIGNALS; i++)
            raw3(SYS_rt_sigqueueinfo, raw0(SYS_getpid), SIGRTMIN + 3, info);
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

/* Those of a child whose making is given up: its parent, which copies slowly, is killed. */
static void do_abandon(struct race_worker *worker)
{
    int info[32] = {SIGRTMIN + 3, 0, -1};
    uint64_t all = ~0ull;
    long pid = race_fork(0), child;

    (void)worker;
    if (pid == 0) {
        raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 8);
        raw6(SYS_mmap, 0, 64 * MIB, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        setpriority(PRIO_PROCESS, 0, 19);
        race_fork(0);
        race_exit(0);
    }
    if (pid < 0)
        return;
    /* The next numbers are as good as any. */
    for (int tries = 0; tries < 20000; tries++) {
        for (child = pid + 1; child < pid + 4 && raw2(SYS_kill, child, 0) < 0; child++)
            ;
        if (child < pid + 4)
            break;
        raw0(SYS_sched_yield);
    }
    for (int i = 0; child < pid + 4 && i < SIGNALS; i++)
        raw3(SYS_rt_sigqueueinfo, child, SIGRTMIN + 3, info);
    raw2(SYS_kill, pid, SIGKILL);
    race_wait(pid);
}

/* Many readers of one pipe, all of which the end of its writers wakes. */
static void do_crowd(struct race_worker *worker)
{
    static long pids[CROWD];
    int ends[2];
    char byte;

    (void)worker;
    CHECK_EQ(raw2(SYS_pipe2, ends, 0), 0);
    for (int i = 0; i < CROWD; i++) {
        pids[i] = race_fork(0);
        if (pids[i] == 0) {
            raw1(SYS_close, ends[1]);
            raw3(SYS_read, ends[0], &byte, 1);
            race_exit(0);
        }
    }
    race_sleep_us(100000);
    raw1(SYS_close, ends[1]);
    for (int i = 0; i < CROWD; i++)
        if (pids[i] > 0)
            race_wait(pids[i]);
    raw1(SYS_close, ends[0]);
}

/* The same with a futex. */
static void do_futexes(struct race_worker *worker)
{
    static long pids[CROWD];
    int *word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)worker;
    for (int i = 0; i < CROWD; i++) {
        pids[i] = race_fork(0);
        if (pids[i] == 0) {
            raw4(SYS_futex, word, 0, 0, NULL);
            race_exit(0);
        }
    }
    race_sleep_us(100000);
    *word = 1;
    raw3(SYS_futex, word, 1, 100000);
    for (int i = 0; i < CROWD; i++)
        if (pids[i] > 0)
            race_wait(pids[i]);
    raw2(SYS_munmap, word, 4096);
}

/* Each the child of the one before; then the last ones end, whose heir is far away. */
static void do_chain(struct race_worker *worker)
{
    long pid = race_fork(0);

    (void)worker;
    if (pid == 0) {
        for (int depth = 0; depth < CHAIN; depth++) {
            pid = race_fork(0);
            if (pid < 0)
                break;
            if (pid > 0) {
                race_wait(pid);
                race_exit(0);
            }
        }
        for (int i = 0; i < ENDS; i++) {
            pid = race_fork(0);
            if (pid == 0) {
                if (race_fork(0) == 0)
                    race_sleep_us(20000);
                race_exit(0);
            }
            if (pid > 0)
                race_wait(pid);
        }
        race_exit(0);
    }
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {{"urandom", do_urandom},
                                     {"zero", do_zero},
                                     {"sparse", do_sparse},
                                     {"vectors", do_vectors},
                                     {"sendfile", do_sendfile},
                                     {"mincore", do_mincore},
                                     {"populate", do_populate},
                                     {"areas", do_areas},
                                     {"children", do_children},
                                     {"hooks", do_hooks},
                                     {"timers", do_timers},
                                     {"signals", do_signals},
                                     {"crowd", do_crowd},
                                     {"futexes", do_futexes},
                                     {"chain", do_chain},
                                     {"abandon", do_abandon},
                                     {NULL, NULL}};

const struct race_group race_long = {"long", 0, begin, end, ops};
