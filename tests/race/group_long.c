/* SPDX-License-Identifier: MIT */
/*
 * Calls whose length a program chooses: each walks over as much as it may be given. Too long for a
 * pair; for the latency probe alone.
 *
 * Long because each operation is a small program of its own.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
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
#define LIST    (1 << 19) /* what a call may name here */
#define TIMERS  16384
#define SIGNALS 16000
#define ENDS    50
#define CROWD   6000 /* three milliseconds of waking; for 512 MiB */
#define FEW     300  /* of a crowd whose time is compared with that of a larger one */
#define MANY    1800
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

/* As many descriptors as a call can name, by a process of its own table and of a shared one.
 * Nothing comes. */
static void do_list(struct race_worker *worker)
{
    struct rlimit limit = {LIST, LIST};
    struct pollfd *places = mmap(NULL, LIST * sizeof(*places), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    long pid;

    (void)worker;
    raw2(SYS_setrlimit, RLIMIT_NOFILE, &limit);
    CHECK_EQ(raw2(SYS_pipe2, ends, 0), 0);
    for (int i = 0; i < LIST; i++)
        places[i] = (struct pollfd){ends[0], POLLIN, 0};
    CHECK_EQ(raw3(SYS_poll, places, LIST, 1), 0);
    pid = race_fork(CLONE_FILES);
    if (pid == 0)
        for (;;)
            raw0(SYS_pause);
    CHECK_EQ(raw3(SYS_poll, places, LIST, 1), 0);
    end_all(&pid, 1);
    raw1(SYS_close, ends[0]);
    raw1(SYS_close, ends[1]);
    raw2(SYS_munmap, places, LIST * sizeof(*places));
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

/* --- crowds --- */

static long pids[CROWD];

/* So many children, each of which does that and ends. At the lowest priority: what has slept may
 * run before the probe for a while, and here is always another one that has. */
static void crowd_begin(int n, void (*act)(void))
{
    for (int i = 0; i < n; i++) {
        pids[i] = race_fork(0);
        if (pids[i] == 0) {
            raw3(SYS_setpriority, PRIO_PROCESS, 0, 19);
            act();
            race_exit(0);
        }
    }
    race_sleep_us(100000);
}

static void crowd_end(int n)
{
    for (int i = 0; i < n; i++)
        if (pids[i] > 0)
            race_wait(pids[i]);
}

/* A crowd's time grows with it, and not with its square: the large one takes six times as long as
 * the small one if each of its members costs the same, and up to 36 times if each wakes the
 * others. */
static void check_linear(const char *what, uint64_t (*time_of)(int n))
{
    uint64_t few = time_of(FEW), many = time_of(MANY);

    if (many > 3 * (MANY / FEW) * few)
        race_wrong(what, (long)(many / few));
}

static void fifo_read(void)
{
    char byte;
    long fd = raw3(SYS_open, "fifo", O_RDONLY, 0);

    raw3(SYS_read, fd, &byte, 1);
}

/* Many wait for the other end of a FIFO, then for bytes; then each of them closes it. */
static uint64_t fifo_time(int n)
{
    uint64_t begin = race_now_ns();
    long fd;

    crowd_begin(n, fifo_read);
    fd = raw3(SYS_open, "fifo", O_WRONLY, 0);
    race_sleep_us(100000);
    end_all(pids, n);
    raw1(SYS_close, fd);
    return race_now_ns() - begin - 200000000;
}

static void do_fifos(struct race_worker *worker)
{
    (void)worker;
    raw3(SYS_mknod, "fifo", S_IFIFO | 0600, 0);
    check_linear("a FIFO's crowd took so many times as long as a sixth of it", fifo_time);
    raw1(SYS_unlink, "fifo");
}

/* Each sleeps with its lock, so that those which were woken for it look in vain. */
static void whole_lock(void)
{
    raw2(SYS_flock, raw3(SYS_open, "out", O_RDWR, 0), LOCK_EX);
    race_sleep_us(50);
}

static void record_lock(void)
{
    struct flock all = {.l_type = F_WRLCK};

    raw3(SYS_fcntl, raw3(SYS_open, "out", O_RDWR, 0), F_SETLKW, &all);
    race_sleep_us(50);
}

/* Many wait for one lock; each has it in turn. */
static uint64_t lock_time(int n, void (*lock)(void))
{
    uint64_t begin = race_now_ns();
    struct flock all = {.l_type = F_WRLCK};

    raw2(SYS_flock, out_fd, LOCK_EX);
    raw3(SYS_fcntl, out_fd, F_SETLK, &all);
    crowd_begin(n, lock);
    all.l_type = F_UNLCK;
    raw2(SYS_flock, out_fd, LOCK_UN);
    raw3(SYS_fcntl, out_fd, F_SETLK, &all);
    crowd_end(n);
    return race_now_ns() - begin - 100000000;
}

static uint64_t whole_lock_time(int n)
{
    return lock_time(n, whole_lock);
}

static uint64_t record_lock_time(int n)
{
    return lock_time(n, record_lock);
}

static void do_flocks(struct race_worker *worker)
{
    (void)worker;
    check_linear("a crowd at a file's lock took so many times as long as a sixth of it",
                 whole_lock_time);
}

static void do_locks(struct race_worker *worker)
{
    (void)worker;
    check_linear("a crowd at a record's lock took so many times as long as a sixth of it",
                 record_lock_time);
}

static int crowd_ends[2], *crowd_word;

/* What was woken sleeps on at once: thousands that end would keep the probe waiting as well. */
static void crowd_woken(void)
{
    race_sleep_us(100000);
    end_all(pids, CROWD);
}

static void pipe_end_read(void)
{
    char byte;

    raw1(SYS_close, crowd_ends[1]);
    raw3(SYS_read, crowd_ends[0], &byte, 1);
    raw0(SYS_pause);
}

static void pipe_end_poll(void)
{
    struct pollfd end = {crowd_ends[0], POLLIN, 0};

    raw1(SYS_close, crowd_ends[1]);
    raw3(SYS_poll, &end, 1, 1000000);
    raw0(SYS_pause);
}

/* Many at one pipe, all of which the end of its writers wakes. */
static void pipe_crowd(void (*act)(void))
{
    CHECK_EQ(raw2(SYS_pipe2, crowd_ends, 0), 0);
    crowd_begin(CROWD, act);
    raw1(SYS_close, crowd_ends[1]);
    crowd_woken();
    raw1(SYS_close, crowd_ends[0]);
}

static void do_crowd(struct race_worker *worker)
{
    (void)worker;
    pipe_crowd(pipe_end_read);
}

static void do_pollers(struct race_worker *worker)
{
    (void)worker;
    pipe_crowd(pipe_end_poll);
}

static void word_wait(void)
{
    raw4(SYS_futex, crowd_word, 0, 0, NULL);
    raw0(SYS_pause);
}

/* The same with a futex. */
static void do_futexes(struct race_worker *worker)
{
    (void)worker;
    crowd_word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    crowd_begin(CROWD, word_wait);
    *crowd_word = 1;
    raw3(SYS_futex, crowd_word, 1, 100000);
    crowd_woken();
    raw2(SYS_munmap, crowd_word, 4096);
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

static const struct race_op ops[] = {{"urandom", do_urandom},   {"zero", do_zero},
                                     {"sparse", do_sparse},     {"vectors", do_vectors},
                                     {"sendfile", do_sendfile}, {"mincore", do_mincore},
                                     {"populate", do_populate}, {"areas", do_areas},
                                     {"children", do_children}, {"hooks", do_hooks},
                                     {"timers", do_timers},     {"signals", do_signals},
                                     {"crowd", do_crowd},       {"futexes", do_futexes},
                                     {"fifos", do_fifos},       {"flocks", do_flocks},
                                     {"locks", do_locks},       {"chain", do_chain},
                                     {"abandon", do_abandon},   {"pollers", do_pollers},
                                     {"list", do_list},         {NULL, NULL}};

const struct race_group race_long = {"long", 0, begin, end, ops};
