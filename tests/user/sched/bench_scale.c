/* SPDX-License-Identifier: MIT */
/*
 * bench_scale [TENTHS [NAME...]] - what a second processor adds
 *
 * Each row is an operation, done in a loop by one worker on processor 0, then by two workers on
 * processors 0 and 1 at the same time. Prints a line a row:
 *
 *     scale NAME one=OPS two=OPS factor=HUNDREDTHS wall=HUNDREDTHS windows=N
 *
 * `wall` compares what was done in the same wall-clock time. A busy host takes its processors away
 * from the machine for milliseconds at a time, which says nothing about the kernel. So each worker
 * times windows of some 50 microseconds; those count in which the other worker finished at least
 * one operation, so that both processors ran; the median of them gives `one`, `two` and `factor`.
 * `windows` is the number of those that counted in the run with two workers, of the worker with
 * fewer: below a hundred or so the row should be repeated.
 *
 * The same binary is the first program of a Linux machine: as process 1 it makes /tmp, runs all
 * rows, says `scale end` and sleeps.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE        4096
#define FAULT_PAGES 64
#define WORKERS     2
#define WINDOWS     16384
#define WINDOW_NS   50000
#define TRIES       5
#define STOLEN      20 /* a window so many times as long was interrupted by the host */
#define SHARED_PATH "/tmp/scale.shared"
#define READ_NBYTES 1024

struct worker {
    volatile uint64_t done;  /* operations so far */
    volatile uint32_t ready; /* waits for `go` */
    volatile uint32_t nwindows;
    uint32_t window_ops;
    uint32_t window_ns[WINDOWS]; /* of those in which the other worker ran, too */
} __attribute__((aligned(256)));

struct shared {
    volatile uint32_t go, stop;
    struct worker workers[WORKERS];
};

static struct shared *shared;
static int self;    /* index of this worker */
static int file_fd; /* SHARED_PATH */
static int pipe_fds[2];
static char own_path[64], own_dir[64], block[PAGE] __attribute__((aligned(64)));
static const char *own_program;
static char *pages;

/* ---- operations ---- */

static void nothing(void)
{
}

/* No call at all: what the host's processors give. */
static void no_call(void)
{
    volatile uint32_t *words = (uint32_t *)(void *)block;

    for (unsigned i = 0; i < PAGE / sizeof(*words); i++)
        words[i] = words[i] * 5 + 1;
}

static void null_call(void)
{
    raw0(SYS_getppid);
}

static void open_close(const char *path)
{
    int fd = (int)CHECK_OK(open(path, O_RDONLY));

    CHECK_OK(close(fd));
}

static void open_shared(void)
{
    open_close(SHARED_PATH);
}

static void make_own(void)
{
    CHECK_OK(close((int)CHECK_OK(open(own_path, O_RDWR | O_CREAT, 0644))));
}

static void open_own(void)
{
    open_close(own_path);
}

static void remove_own(void)
{
    CHECK_OK(unlink(own_path));
}

static void create_unlink(void)
{
    make_own();
    remove_own();
}

static void create_unlink_dir(void)
{
    char path[80];

    strcpy(path, own_dir);
    strcat(path, "/f");
    CHECK_OK(close((int)CHECK_OK(open(path, O_RDWR | O_CREAT, 0644))));
    CHECK_OK(unlink(path));
}

static void make_dir(void)
{
    CHECK_OK(mkdir(own_dir, 0755));
}

static void remove_dir(void)
{
    CHECK_OK(rmdir(own_dir));
}

static void stat_shared(void)
{
    struct stat st;

    CHECK_OK(stat(SHARED_PATH, &st));
}

static void open_file(void)
{
    file_fd = (int)CHECK_OK(open(SHARED_PATH, O_RDONLY));
}

static void close_file(void)
{
    CHECK_OK(close(file_fd));
}

static void pread_shared(void)
{
    CHECK_EQ(pread(file_fd, block, READ_NBYTES, 0), READ_NBYTES);
}

static void make_pipe(void)
{
    CHECK_OK(pipe(pipe_fds));
}

static void drop_pipe(void)
{
    CHECK_OK(close(pipe_fds[0]));
    CHECK_OK(close(pipe_fds[1]));
}

static void use_pipe(void)
{
    char byte = 'x';

    CHECK_EQ(write(pipe_fds[1], &byte, 1), 1);
    CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
}

static void handler(int number)
{
    (void)number;
}

static void catch_signal(void)
{
    CHECK(signal(SIGUSR1, handler) != SIG_ERR);
}

static void kill_self(void)
{
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void wait_for(pid_t pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void fork_wait(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        _exit(0);
    wait_for(pid);
}

static void exec_wait(void)
{
    char *argv[] = {(char *)"bench_scale", (char *)"exit", NULL}, *envp[] = {NULL};
    pid_t pid = (pid_t)CHECK_OK(vfork());

    if (pid == 0) {
        execve(own_program, argv, envp);
        _exit(1);
    }
    wait_for(pid);
}

static void map_pages(void)
{
    pages =
        mmap(NULL, FAULT_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
}

static void unmap_pages(void)
{
    CHECK_OK(munmap(pages, FAULT_PAGES * PAGE));
}

static void touch_pages(void)
{
    for (int i = 0; i < FAULT_PAGES; i++)
        pages[i * PAGE] = 1;
    CHECK_OK(madvise(pages, FAULT_PAGES * PAGE, MADV_DONTNEED));
}

static const struct row {
    const char *name;
    void (*operation)(void);
    void (*before)(void);
    void (*after)(void);
} rows[] = {
    {"no_call", no_call, nothing, nothing},
    {"null_call", null_call, nothing, nothing},
    {"open_close_one", open_shared, nothing, nothing},
    {"open_close_own", open_own, make_own, remove_own},
    {"create_unlink", create_unlink, nothing, nothing},
    {"create_unlink_dir", create_unlink_dir, make_dir, remove_dir},
    {"stat_one", stat_shared, nothing, nothing},
    {"pread_one", pread_shared, open_file, close_file},
    {"vfork_exec_wait", exec_wait, nothing, nothing},
    {"fork_wait", fork_wait, nothing, nothing},
    {"faults_64", touch_pages, map_pages, unmap_pages},
    {"pipe", use_pipe, make_pipe, drop_pipe},
    {"kill_self", kill_self, catch_signal, nothing},
};

#define NROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- measuring ---- */

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t run_window(const struct row *row, struct worker *worker)
{
    uint64_t start = now_ns();

    for (uint32_t i = 0; i < worker->window_ops; i++) {
        row->operation();
        worker->done++;
    }
    return now_ns() - start;
}

/* Operations that take about WINDOW_NS, if the host does not interfere in all of the tries. */
static uint64_t window_size(const struct row *row, struct worker *worker)
{
    uint64_t best;

    worker->window_ops = 1;
    do {
        best = UINT64_MAX;
        for (int i = 0; i < TRIES; i++) {
            uint64_t ns = run_window(row, worker);

            best = ns < best ? ns : best;
        }
        if (best < WINDOW_NS / 2)
            worker->window_ops *= 2;
    } while (best < WINDOW_NS / 2);
    return best;
}

static void work(const struct row *row, int index, int count)
{
    struct worker *worker = &shared->workers[index], *other = &shared->workers[count - 1 - index];
    uint64_t longest;
    cpu_set_t set;

    self = index;
    CPU_ZERO(&set);
    CPU_SET(index, &set);
    CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
    own_path[strlen(own_path) - 1] = own_dir[strlen(own_dir) - 1] = (char)('0' + index);
    row->before();
    longest = STOLEN * window_size(row, worker);
    worker->done = 0;
    worker->ready = 1;
    while (!shared->go)
        sched_yield();
    while (!shared->stop) {
        uint64_t seen = other->done, ns = run_window(row, worker);

        if ((count == 1 || other->done != seen) && worker->nwindows < WINDOWS && ns < longest)
            worker->window_ns[worker->nwindows++] = (uint32_t)ns;
    }
    row->after();
    _exit(0);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

/* Operations a second by the median window; 0: none counted. */
static uint64_t rate_of(struct worker *worker)
{
    uint32_t n = worker->nwindows;

    if (!n)
        return 0;
    qsort(worker->window_ns, n, sizeof(uint32_t), compare);
    return (uint64_t)worker->window_ops * 1000000000u / (worker->window_ns[n / 2] + 1);
}

struct result {
    uint64_t ops, rate; /* a second, of all workers: by the clock, by windows */
    uint32_t nwindows;
};

static struct result measure(const struct row *row, int count, uint64_t duration_ns)
{
    struct timespec pause = {.tv_sec = (time_t)(duration_ns / 1000000000u),
                             .tv_nsec = (long)(duration_ns % 1000000000u)};
    struct result result = {0, 0, UINT32_MAX};
    pid_t pids[WORKERS];
    uint64_t start, before = 0, ns;

    memset(shared, 0, sizeof(*shared));
    for (int i = 0; i < count; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0)
            work(row, i, count);
    }
    for (int i = 0; i < count; i++)
        while (!shared->workers[i].ready)
            CHECK_OK(usleep(1000));
    start = now_ns();
    shared->go = 1;
    CHECK_OK(nanosleep(&pause, NULL));
    ns = now_ns() - start;
    for (int i = 0; i < count; i++)
        before += shared->workers[i].done;
    shared->stop = 1;
    for (int i = 0; i < count; i++) {
        wait_for(pids[i]);
        result.rate += rate_of(&shared->workers[i]);
        if (shared->workers[i].nwindows < result.nwindows)
            result.nwindows = shared->workers[i].nwindows;
    }
    result.ops = before * 1000000000u / ns;
    return result;
}

static void say_field(const char *name, uint64_t value)
{
    say(1, name);
    say_number(1, (long)value);
}

static void report(const struct row *row, uint64_t duration_ns)
{
    struct result one = measure(row, 1, duration_ns);
    struct result two = measure(row, WORKERS, duration_ns);

    say(1, "scale ");
    say(1, row->name);
    say_field(" one=", one.rate);
    say_field(" two=", two.rate);
    say_field(" factor=", one.rate ? two.rate * 100 / one.rate : 0);
    say_field(" wall=", one.ops ? two.ops * 100 / one.ops : 0);
    say_field(" windows=", two.nwindows);
    say(1, "\n");
    tcdrain(1);
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    if (argc <= 2)
        return true;
    for (int i = 2; i < argc; i++)
        if (!strcmp(argv[i], name))
            return true;
    return false;
}

int main(int argc, char **argv)
{
    uint64_t duration_ns = 1000000000u;
    int fd;

    if (argc > 1 && !strcmp(argv[1], "exit"))
        return 0;
    if (argc > 1)
        duration_ns = strtoul(argv[1], NULL, 10) * 100000000u;
    own_program = argv[0];
    strcpy(own_path, "/tmp/scale.own.N");
    strcpy(own_dir, "/tmp/scale.dir.N");
    if (getpid() == 1) {
        mkdir("/tmp", 0777);
        own_program = "/init";
    }
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    fd = (int)CHECK_OK(open(SHARED_PATH, O_RDWR | O_CREAT | O_TRUNC, 0644));
    CHECK_EQ(write(fd, block, PAGE), PAGE);
    CHECK_OK(close(fd));
    for (unsigned i = 0; i < NROWS; i++)
        if (is_wanted(rows[i].name, argc, argv))
            report(&rows[i], duration_ns);
    CHECK_OK(unlink(SHARED_PATH));
    if (getpid() == 1) {
        say(1, "scale end\n");
        for (;;)
            pause();
    }
    return 0;
}
