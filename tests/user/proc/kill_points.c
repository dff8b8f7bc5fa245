/* SPDX-License-Identifier: MIT */
/*
 * kill_points [ROUNDS] - processes killed at every point of fork, vfork, exec and exit
 * kill_points ROUNDS large - of fork alone, with so much memory that it is mostly copying that
 *
 * A victim does one of these again and again; after a random time it is killed, with all that it
 * has started. Whatever it was doing, it must be gone soon, by that signal or by its own end, and
 * leave nothing: the harness counts frames, files and processes afterwards.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DELAY_MAX_NS 1500000 /* a fork or an exec takes less */
#define GONE_MS      10000
#define LARGE        (16UL << 20)

static const char *self_path;
static uint64_t state = 1;

static uint64_t draw(void)
{
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return state >> 33;
}

static long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Each of them goes on until it is killed, or ends by itself with 0. */

static void forks(void)
{
    for (;;) {
        int pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid > 0)
            waitpid(pid, NULL, 0);
    }
}

/* Nobody waits for the children, which fork as well: they are left over when the victim is gone.
 * There are at most 32 of them, so that they do not keep a slow machine from the other processes.
 */
static void forks_and_leaves(void)
{
    for (int i = 0; i < 5; i++)
        if (fork() == 0 && draw() % 2)
            _exit(0);
    for (;;)
        raw0(SYS_sched_yield);
}

static void vforks(void)
{
    for (;;) {
        int pid = vfork();
        if (pid == 0) {
            execl(self_path, self_path, "nothing", NULL);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
    }
}

/* The program begins again, with descriptors to close and signals to reset. */
static void execs(void)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) == 0)
        signal(SIGUSR1, SIG_IGN);
    execl(self_path, self_path, "execs", "some", "words", "that", "are", "copied", NULL);
    _exit(1);
}

/* Ends with memory, shared and private, files and locks. */
static void exits(void)
{
    struct flock l = {.l_type = F_WRLCK};
    int flags = draw() % 2 ? MAP_PRIVATE : MAP_SHARED;
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    if (p != MAP_FAILED)
        memset(p, 1, draw() % (1 << 20));
    fcntl(open("/tmp/kill_points", O_RDWR | O_CREAT, 0600), F_SETLKW, &l);
    for (int i = 0; i < 20; i++)
        dup(0);
    _exit(0);
}

/* Waits in a call. */
static void waits(void)
{
    struct timespec time = {100, 0};
    int ends[2];
    char c;

    if (pipe(ends) == 0 && draw() % 2)
        read(ends[0], &c, 1);
    nanosleep(&time, NULL);
    _exit(0);
}

static void (*const victims[])(void) = {forks, forks_and_leaves, vforks, execs, exits, waits};
#define NVICTIMS (sizeof(victims) / sizeof(victims[0]))

static void kill_one(unsigned which)
{
    int pid, status;
    long until;

    draw();
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        setpgid(0, 0);
        victims[which]();
    }
    until = now_ns() + (long)(draw() % DELAY_MAX_NS);
    if (draw() % 2) {
        const struct timespec time = {0, (long)(draw() % DELAY_MAX_NS)};
        nanosleep(&time, NULL);
    }
    while (now_ns() < until)
        ;
    kill(pid, SIGKILL);
    until = now_ns() + GONE_MS * 1000000l;
    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (now_ns() > until)
            check_fail(__FILE__, __LINE__, "the victim is gone");
        raw0(SYS_sched_yield);
    }
    CHECK(status == SIGKILL || (status == 0 && which >= 4));
    kill(-pid, SIGKILL); /* its children, if it came so far as to have a group */
}

/* The victim has the memory from this process: it forks at once. */
static void kill_large(long rounds)
{
    char *memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(memory != MAP_FAILED);
    memset(memory, 1, LARGE);
    for (long i = 0; i < rounds; i++)
        kill_one(0);
    CHECK(bytes_are(memory, 1, LARGE));
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 100;
    bool large = argc > 2 && strcmp(argv[2], "large") == 0;

    self_path = argv[0];
    if (argc > 1 && strcmp(argv[1], "nothing") == 0)
        return 0;
    if (argc > 1 && strcmp(argv[1], "execs") == 0)
        execs();
    if (large)
        kill_large(rounds);
    for (long i = 0; i < rounds && !large; i++)
        for (unsigned which = 0; which < NVICTIMS; which++)
            kill_one(which);
    unlink("/tmp/kill_points");
    CHECK_ERR(waitpid(-1, NULL, 0), ECHILD);
    return 0;
}
