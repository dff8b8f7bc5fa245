/* SPDX-License-Identifier: MIT */
/*
 * race MS SEED [SELECTOR...] - run each pair of operations on a shared object against each other
 * race probe MS SEED [SELECTOR...] - run each operation beside a latency probe (probe.c)
 * race list [SELECTOR...] - the pairs
 *
 * A pair runs on a stage, a process of its own: the stage makes the object, starts four workers by
 * clone with what the group shares (two for each operation), lets them run for MS milliseconds,
 * sets `stop`, reaps them within a bound, and checks the object. A SELECTOR is GROUP, GROUP/OP or
 * GROUP/OP+OP. The line "race: GROUP/A+B" stands on the output before the pair starts, so that a
 * panic is known by its pair: on Firstlight it goes to the log at once. SEED:N begins with the
 * pair number N of the seed's order. The seed decides the order of the pairs and every choice that
 * an operation makes; when things happen is the machine's own.
 *
 * On Linux the program runs in name spaces of its own (processes, mounts): signals go to numbers
 * that may have been reused, and must not reach a process of the host.
 */
#define _GNU_SOURCE
#include "tests/race/race.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STACK_NBYTES (64 * 1024)
#define END_SECONDS  60 /* until workers that were told to stop have ended */
#define MAX_PAIRS    1000

struct race_shared *race_shared;
const struct race_group *const race_groups[] = {
    &race_table, &race_space, &race_directory, &race_terminal, &race_process, &race_pipe,
    &race_timer, &race_futex, &race_mounts,    &race_lock,     NULL};

static const struct race_op *running[2];
static int log_fd = -1; /* lines that a panic must not swallow */

bool race_runs(const char *name)
{
    return strcmp(running[0]->name, name) == 0 || strcmp(running[1]->name, name) == 0;
}

void race_wrong(const char *what, long value)
{
    if (__atomic_exchange_n(&race_shared->wrong, 1, __ATOMIC_SEQ_CST) == 0) {
        say(2, "race: wrong: ");
        say(2, what);
        say(2, ": ");
        say_number(2, value);
        say(2, "\n");
    }
    race_shared->stop = 1;
}

uint32_t race_random(struct race_worker *worker, uint32_t below)
{
    worker->random = worker->random * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)((worker->random >> 33) % below);
}

long race_fork(unsigned long flags)
{
    return raw_call(SYS_clone, (long)(flags | SIGCHLD), 0, 0, 0, 0, 0);
}

_Noreturn void race_exit(int code)
{
    for (;;)
        raw1(SYS_exit_group, code);
}

int race_wait(long pid)
{
    int status = 0;

    while (raw4(SYS_wait4, pid, &status, __WALL, 0) == -EINTR)
        ;
    return status;
}

void race_sleep_us(long us)
{
    struct timespec time = {us / 1000000, us % 1000000 * 1000};

    raw2(SYS_nanosleep, &time, 0);
}

uint64_t race_now_ns(void)
{
    struct timespec now = {0, 0};

    raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void race_read_all(const char *path)
{
    char buffer[2048];
    long fd = raw3(SYS_open, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0), n = 1;

    if (fd < 0)
        return;
    for (int i = 0; i < 64 && n > 0; i++)
        n = raw3(SYS_read, fd, buffer, sizeof(buffer));
    if (n == -EISDIR)
        for (n = 1; n > 0;)
            n = raw3(SYS_getdents64, fd, buffer, sizeof(buffer));
    raw1(SYS_close, fd);
}

void race_proc_path(char path[64], long pid, const char *name)
{
    char digits[24], *p = digits + sizeof(digits) - 1;

    *p = '\0';
    do
        *--p = (char)('0' + pid % 10);
    while ((pid /= 10) > 0);
    strcpy(path, "/proc/");
    strcat(path, p);
    strcat(path, "/");
    strcat(path, name);
}

/* ---- one pair -------------------------------------------------------------------------------- */

struct start {
    struct race_worker worker;
    const struct race_op *op;
};
static struct start starts[RACE_WORKERS];

static int worker_main(void *argument)
{
    struct start *start = argument;

    while (!race_shared->stop) {
        start->op->act(&start->worker);
        race_shared->done[start->worker.index]++;
    }
    race_exit(0);
}

/* The caller, to processor n of those that it could run on at first. */
static void pin(const cpu_set_t *all, unsigned n)
{
    cpu_set_t one;

    n %= (unsigned)CPU_COUNT(all);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, all) && n-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
            return;
        }
    }
}

static void start_workers(const struct race_group *group, uint64_t seed)
{
    cpu_set_t all;
    char *stacks = mmap(NULL, RACE_WORKERS * STACK_NBYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(stacks != MAP_FAILED);
    CHECK_OK(sched_getaffinity(0, sizeof(all), &all));
    for (unsigned i = 0; i < RACE_WORKERS; i++) {
        starts[i] = (struct start){{seed * RACE_WORKERS + i, i}, running[i / 2]};
        pin(&all, i * 2 % RACE_WORKERS + i / 2); /* inherited: each operation on two processors */
        race_shared->pids[i] = (int)CHECK_OK(clone(worker_main, stacks + (i + 1) * STACK_NBYTES,
                                                   (int)group->clone_flags | SIGCHLD, &starts[i]));
    }
    CHECK_OK(sched_setaffinity(0, sizeof(all), &all));
}

static void reap_workers(void)
{
    uint64_t limit = race_now_ns() + END_SECONDS * 1000000000ul;
    unsigned left = RACE_WORKERS;

    while (left > 0) {
        int status, pid = waitpid(-1, &status, WNOHANG | __WALL);
        for (unsigned i = 0; i < RACE_WORKERS && pid > 0; i++) {
            if (race_shared->pids[i] != pid)
                continue;
            left--;
            if (status != 0)
                race_wrong("a worker ended with status", status);
            if (race_shared->done[i] == 0)
                race_wrong("a worker never finished an operation, number", (long)i);
        }
        if (pid <= 0) {
            race_sleep_us(1000);
            if (race_now_ns() > limit)
                break;
        }
    }
    if (left > 0) {
        race_wrong("workers did not stop", left);
        race_exit(1); /* the object is in use: it cannot be checked */
    }
}

static _Noreturn void run_stage(const struct race_group *group, unsigned ms, uint64_t seed)
{
    const char *missing = group->begin();
    uint64_t sum = 0;

    if (missing) {
        say(1, "  skipped: ");
        say(1, missing);
        say(1, "\n");
        race_exit(0);
    }
    start_workers(group, seed);
    for (uint64_t end = race_now_ns() + ms * 1000000ul; race_now_ns() < end && !race_shared->stop;)
        race_sleep_us(5000);
    for (int i = 0; i < 2000 && !race_shared->stop; i++) { /* each at least once, on any host */
        bool all = true;
        for (unsigned k = 0; k < RACE_WORKERS; k++)
            all &= race_shared->done[k] > 0;
        if (all)
            break;
        race_sleep_us(5000);
    }
    race_shared->stop = 1;
    reap_workers();
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
        ;
    group->end();
    for (unsigned i = 0; i < RACE_WORKERS; i++)
        sum += race_shared->done[i];
    say(1, "  ");
    say_number(1, (long)sum);
    say(1, " operations\n");
    race_exit(race_shared->wrong);
}

/* The pair's line, in one write. */
static void say_pair(int fd, const struct race_group *group, const char *a, const char *b)
{
    char line[128] = "race: ";

    strcat(line, group->name);
    strcat(line, "/");
    strcat(line, a);
    strcat(line, "+");
    strcat(line, b);
    strcat(line, "\n");
    say(fd, line);
}

/* In a directory of its own. Whether everything held. */
static bool run_pair(const struct race_group *group, unsigned ms, uint64_t seed)
{
    static char directory[64];
    int status = 0;
    pid_t pid;

    memset(race_shared, 0, sizeof(*race_shared));
    if (log_fd >= 0)
        say_pair(log_fd, group, running[0]->name, running[1]->name);
    say_pair(1, group, running[0]->name, running[1]->name);
    strcpy(directory, "/tmp/race-XXXXXX");
    CHECK(mkdtemp(directory) != NULL);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(chdir(directory));
        setsid(); /* signals to its group stay on the stage */
        run_stage(group, ms, seed);
    }
    while (waitpid(pid, &status, 0) != pid)
        ;
    if (status == 0 && rmdir(directory) != 0) {
        say(2, "race: wrong: the pair's directory cannot be removed\n");
        status = 1;
    }
    return status == 0;
}

bool race_selected(int count, char **selectors, const char *group, const char *a, const char *b)
{
    size_t length = strlen(group);

    for (int i = 0; i < count; i++) {
        char *rest = selectors[i] + length, *plus;
        if (strncmp(selectors[i], group, length) != 0)
            continue;
        if (*rest == '\0')
            return true;
        if (*rest++ != '/')
            continue;
        plus = strchr(rest, '+');
        if (!plus && (strcmp(rest, a) == 0 || strcmp(rest, b) == 0))
            return true;
        if (plus && strncmp(rest, a, (size_t)(plus - rest)) == 0 && a[plus - rest] == '\0' &&
            strcmp(plus + 1, b) == 0)
            return true;
    }
    return count == 0;
}

struct pair {
    const struct race_group *group;
    const struct race_op *a, *b;
};
static struct pair pairs[MAX_PAIRS];

static unsigned collect_pairs(int count, char **selectors)
{
    unsigned n = 0;

    for (const struct race_group *const *group = race_groups; *group; group++)
        for (const struct race_op *a = (*group)->ops; a->name; a++)
            for (const struct race_op *b = a; b->name; b++)
                if (race_selected(count, selectors, (*group)->name, a->name, b->name) &&
                    n < MAX_PAIRS)
                    pairs[n++] = (struct pair){*group, a, b};
    return n;
}

static void shuffle(unsigned n, uint64_t seed)
{
    struct race_worker chance = {seed, 0};

    for (unsigned i = n; i > 1; i--) {
        unsigned k = race_random(&chance, i);
        struct pair swap = pairs[i - 1];
        pairs[i - 1] = pairs[k];
        pairs[k] = swap;
    }
}

/* A name space for processes and mounts, on Linux; in it this process is number 1. */
static void leave_host(void)
{
    struct utsname name;
    int status;
    pid_t pid;

    CHECK_OK(uname(&name));
    if (strstr(name.release, "firstlight")) {
        log_fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
        return;
    }
    if (unshare(CLONE_NEWPID | CLONE_NEWNS) != 0 &&
        unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0) {
        say(1, "race: no name space of its own can be had here\n");
        _exit(2);
    }
    pid = (pid_t)CHECK_OK(fork());
    if (pid > 0) {
        while (waitpid(pid, &status, 0) != pid)
            ;
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620");
}

int main(int argc, char **argv)
{
    bool probe = argc > 1 && strcmp(argv[1], "probe") == 0;
    unsigned ms, n, failed = 0, first = 0;
    uint64_t seed;
    char *rest;

    race_shared =
        mmap(NULL, 2 * RACE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(race_shared != MAP_FAILED);
    if (argc == 2 && strcmp(argv[1], "nothing") == 0) /* what an operation executes */
        return 0;
    if (argc > 1 && strcmp(argv[1], "list") == 0) {
        n = collect_pairs(argc - 2, argv + 2);
        for (unsigned i = 0; i < n; i++)
            say_pair(1, pairs[i].group, pairs[i].a->name, pairs[i].b->name);
        return 0;
    }
    CHECK(argc >= 3 + probe);
    ms = (unsigned)strtoul(argv[1 + probe], NULL, 10);
    seed = strtoul(argv[2 + probe], &rest, 10);
    if (*rest == ':')
        first = (unsigned)strtoul(rest + 1, NULL, 10);
    leave_host();
    if (probe)
        return race_probe(ms, seed, argc - 4, argv + 4);
    n = collect_pairs(argc - 3, argv + 3);
    shuffle(n, seed);
    for (unsigned i = first; i < n; i++) {
        running[0] = pairs[i].a;
        running[1] = pairs[i].b;
        if (!run_pair(pairs[i].group, ms, seed)) {
            say_pair(1, pairs[i].group, pairs[i].a->name, pairs[i].b->name);
            say(1, "  FAILED, seed ");
            say_number(1, (long)seed);
            say(1, "\n");
            failed++;
        }
    }
    say(1, "race: ");
    say_number(1, (long)n - (long)first);
    say(1, " pairs, ");
    say_number(1, (long)failed);
    say(1, " failed\n");
    return failed || n == 0;
}
