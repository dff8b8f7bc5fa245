/* SPDX-License-Identifier: MIT */
/*
 * Ends at the worst moment: parents and children at once, killed while they are made or while they
 * execute another program, stopped when nobody is left to continue them, with pipes, memory and
 * terminals shared. Every end is told exactly once, and nothing stays.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define STACK (64UL << 10)

static const char *self_path;

/* The end of the last writer is the end of the pipe. */
static void check_all_gone(int end)
{
    char byte;

    CHECK_EQ(read(end, &byte, 1), 0);
    CHECK_OK(close(end));
}

/* A family tree of three generations that ends from all sides. */
static void check_family(uint64_t *random)
{
    int ends[2], status;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        for (unsigned i = 0; i < 3; i++) {
            if (fork() == 0) {
                pid_t parent = getpid(); /* getppid() may be somebody else by then */

                for (unsigned k = 0; k < 2; k++)
                    if (fork() == 0) {
                        if (random_next(random) & 1)
                            kill(parent, SIGTERM);
                        _exit(0);
                    }
                if (random_next(random) & 1)
                    raw0(SYS_sched_yield);
                _exit(0);
            }
        }
        _exit(7);
    }
    CHECK_OK(close(ends[1]));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(status == 7 << 8 || status == SIGTERM);
    check_all_gone(ends[0]);
}

/* Killed a random while after it was made: at any point of fork, exec and exit. */
static void check_killed(uint64_t *random, int sig)
{
    int ends[2], status = -1;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        char *const argv[] = {(char *)self_path, (char *)"again", NULL};

        if (fork() == 0)
            _exit(0);
        execv(self_path, argv);
        _exit(9);
    }
    CHECK_OK(close(ends[1]));
    for (unsigned n = random_next(random) % 3000; n; n--)
        __asm__ volatile("pause");
    CHECK_OK(kill(pid, sig));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(status == sig || status == 5 << 8);
    check_all_gone(ends[0]);
}

/* A child of vfork executes, ends or is killed; its parent is killed meanwhile, or goes on. */
static void check_vfork(uint64_t *random)
{
    unsigned how = random_next(random) % 3;
    int ends[2], status = -1;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        char *const argv[] = {(char *)self_path, (char *)"again", NULL};
        volatile pid_t child = vfork();

        if (!child) {
            if (how == 0)
                execv(self_path, argv);
            if (how == 1)
                kill(getpid(), SIGKILL);
            _exit(3);
        }
        CHECK(child > 0);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK_EQ(status, how == 0 ? 5 << 8 : how == 1 ? SIGKILL : 3 << 8);
        _exit(4);
    }
    CHECK_OK(close(ends[1]));
    if (random_next(random) & 1) {
        for (unsigned n = random_next(random) % 3000; n; n--)
            __asm__ volatile("pause");
        CHECK_OK(kill(pid, SIGKILL));
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(status == SIGKILL || status == 4 << 8);
    check_all_gone(ends[0]);
}

/* Stopped members of a group whose keeper ends are told with SIGHUP, and go on. */
static void check_orphaned_group(void)
{
    int ends[2], status;
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        pid_t stopped = fork();

        if (!stopped) {
            CHECK_OK(setpgid(0, 0));
            CHECK_OK(raise(SIGSTOP));
            for (;;) /* SIGHUP ends it */
                pause();
        }
        CHECK_EQ(waitpid(stopped, &status, WUNTRACED), stopped);
        CHECK(WIFSTOPPED(status));
        _exit(0);
    }
    CHECK_OK(close(ends[1]));
    child_await(pid, 0);
    check_all_gone(ends[0]);
}

static int share_and_end(void *argument)
{
    volatile unsigned *count = argument;

    __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
    raw1(SYS_exit_group, 0);
    return 0;
}

/* Processes that share memory and descriptors end in all orders. */
static void check_sharers(void)
{
    static unsigned count;
    int ends[2];
    pid_t pid;

    CHECK_OK(pipe(ends));
    pid = (pid_t)CHECK_OK(fork());
    if (!pid) {
        count = 0;
        for (unsigned i = 0; i < 6; i++) {
            char *stack =
                mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

            CHECK(stack != MAP_FAILED);
            CHECK_OK(clone(share_and_end, stack + STACK,
                           CLONE_VM | CLONE_FS | (i & 1 ? CLONE_FILES : 0) | SIGCHLD, &count));
        }
        _exit(0);
    }
    CHECK_OK(close(ends[1]));
    child_await(pid, 0);
    check_all_gone(ends[0]);
}

/* The parent begins to wait at about the moment when the child ends: whichever comes first. */
static void check_meeting(uint64_t *random)
{
    for (unsigned i = 0; i < 50; i++) {
        pid_t pid = (pid_t)CHECK_OK(fork());

        if (!pid)
            _exit(0);
        for (unsigned n = random_next(random) % 20000; n; n--)
            __asm__ volatile("pause");
        child_await(pid, 0);
    }
}

/* Many children, several of which end at each moment, waited for by number, group and any. */
static void check_waits(void)
{
    pid_t pids[12];

    for (unsigned i = 0; i < 12; i++) {
        pids[i] = (pid_t)CHECK_OK(fork());
        if (!pids[i]) {
            if (i % 3 == 1)
                setpgid(0, 0);
            _exit((int)i);
        }
    }
    for (unsigned i = 0; i < 12; i += 3)
        child_await(pids[i], (int)i << 8);
    for (unsigned i = 1; i < 12; i += 3) {
        siginfo_t info;

        CHECK_OK(waitid(P_PID, (id_t)pids[i], &info, WEXITED | WNOWAIT));
        CHECK_EQ(info.si_status, i);
        child_await(pids[i], (int)i << 8);
    }
    for (unsigned i = 2; i < 12; i += 3)
        CHECK_OK(waitpid(0, NULL, 0));
    CHECK_ERR(wait(NULL), ECHILD);
}

int main(int argc, char **argv)
{
    uint64_t random;

    self_path = argv[0];
    if (argc > 1 && !strcmp(argv[1], "again"))
        return 5;
    stress_begin(argc, argv);
    random = (uint64_t)getpid();
    do {
        check_family(&random);
        for (unsigned i = 0; i < 4; i++)
            check_killed(&random, i & 1 ? SIGKILL : SIGTERM);
        check_vfork(&random);
        check_orphaned_group();
        check_sharers();
        check_waits();
        check_meeting(&random);
    } while (stress_goes_on());
    return 0;
}
