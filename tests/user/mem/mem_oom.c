/* SPDX-License-Identifier: MIT */
/*
 * mem_oom - a machine without memory: the process that has most of it is killed, the others go on
 *
 * Only on machines with at most 1 GiB, which this can fill; on others it says so and ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE   4096UL
#define MIB    (1UL << 20)
#define MODEST (4 * MIB)
#define LEFT   (8 * MIB) /* by a large process */

/* Takes memory until it is killed. */
static void be_hungry(void)
{
    for (;;) {
        char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if ((void *)p == MAP_FAILED)
            continue;
        for (size_t at = 0; at < MIB; at += PAGE)
            p[at] = 1;
    }
}

/* The same, but it is the kernel that touches the pages. */
static void be_hungry_by_calls(void)
{
    int ends[2];

    CHECK_OK(pipe(ends));
    for (;;) {
        char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if ((void *)p == MAP_FAILED)
            continue;
        for (size_t at = 0; at < MIB; at += PAGE) {
            CHECK_EQ(write(ends[1], "x", 1), 1);
            CHECK_EQ(read(ends[0], p + at, 1), 1);
        }
    }
}

static void check_killed(void (*function)(void), unsigned hungry)
{
    pid_t pids[4];
    unsigned killed = 0;

    for (unsigned i = 0; i < hungry; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (pids[i] == 0) {
            function();
            _exit(1);
        }
    }
    for (unsigned i = 0; i < hungry; i++) {
        int status = -1;
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    CHECK_EQ(killed, hungry);
}

/* A small process that has asked to go before all others (oom_score_adj). */
static pid_t volunteer_start(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        int fd = (int)CHECK_OK(open("/proc/self/oom_score_adj", O_WRONLY));

        CHECK_EQ(write(fd, "1000", 4), 4);
        CHECK_EQ(write(ends[1], "x", 1), 1);
        for (;;)
            pause();
    }
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
    return pid;
}

/* The caller needs more than a large process has left: that one is killed, and the caller waits for
 * its memory and goes on. */
static void check_modest(void)
{
    struct sysinfo info;
    int ends[2], status;
    pid_t large, small = volunteer_start();
    char byte;

    CHECK_OK(pipe(ends));
    CHECK_OK(sysinfo(&info));
    large = (pid_t)CHECK_OK(fork());
    if (large == 0) {
        size_t nbytes = info.freeram * info.mem_unit - LEFT;
        char *p = mmap(NULL, nbytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        CHECK((void *)p != MAP_FAILED);
        for (size_t at = 0; at < nbytes; at += PAGE)
            p[at] = 1;
        CHECK_OK(write(ends[1], "x", 1));
        for (;;)
            pause();
    }
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    for (size_t used = 0; used < 2 * LEFT; used += MODEST) {
        char *p = mmap(NULL, MODEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        CHECK((void *)p != MAP_FAILED);
        memset(p, 7, MODEST);
    }
    CHECK_EQ(waitpid(large, &status, 0), large);
    CHECK_EQ(status, SIGKILL);
    kill(small, SIGUSR1); /* nothing to one that is dead */
    CHECK_EQ(waitpid(small, &status, 0), small);
    CHECK_EQ(status, SIGKILL);
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

int main(void)
{
    struct sysinfo info;
    char *mine;

    CHECK_OK(sysinfo(&info));
    if (info.totalram * info.mem_unit > (1UL << 30)) {
        say(1, "too much memory here to run out of it\n");
        return 0;
    }
    check_modest();
    mine = mmap(NULL, MODEST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)mine != MAP_FAILED);
    memset(mine, 5, MODEST);
    check_killed(be_hungry, 1);
    check_killed(be_hungry_by_calls, 1);
    check_killed(be_hungry, 3);
    CHECK(bytes_are(mine, 5, MODEST));
    return 0;
}
