/* SPDX-License-Identifier: MIT */
/*
 * What the pipes of one user may hold: beyond 16,384 pages no pipe becomes larger, and new ones get
 * two pages; root may go on. Where that would be most of the memory, the limit may be lower.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE  4096
#define SOFT  16384 /* pages: pipe-user-pages-soft */
#define LARGE 1048576
#define USER  1234          /* has no pipes from elsewhere */
#define SMALL (128UL << 20) /* bytes of a small machine */

/* Pipes of a MiB until they are refused; how many there are. */
static int make_large(int ends[2])
{
    int n = 0;

    while (n < 300) {
        CHECK_OK(pipe(ends));
        if (fcntl(ends[0], F_SETPIPE_SZ, LARGE) != LARGE)
            break;
        n++;
    }
    CHECK_EQ(errno, EPERM);
    return n;
}

static void check_user(void)
{
    struct sysinfo machine;
    int ends[2], n;

    CHECK_OK(sysinfo(&machine));
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresgid(USER, USER, USER));
    CHECK_OK(setresuid(USER, USER, USER));
    n = make_large(ends);
    /* As many as fit, the last one with its first sixteen pages. */
    if (machine.totalram * machine.mem_unit <= SMALL) {
        CHECK(n > 4 && n <= SOFT / (LARGE / PAGE));
        _exit(0);
    }
    CHECK_EQ(n, SOFT / (LARGE / PAGE));
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 2 * PAGE);
    CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, 4 * PAGE), EPERM);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, PAGE), PAGE); /* smaller it may become */
    CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, 2 * PAGE), EPERM);
    /* Two pages are a pipe all the same. */
    CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
    CHECK_EQ(write(ends[1], (char[PAGE]){1}, PAGE), PAGE);
    CHECK_ERR(write(ends[1], "x", 1), EAGAIN);
    CHECK_OK(close(ends[0] - 2)); /* the last large one goes: there is room again */
    CHECK_OK(close(ends[0] - 1));
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 16 * PAGE), 16 * PAGE);
    CHECK_OK(pipe(ends));
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 16 * PAGE);
    _exit(0);
}

/* The charge goes with the pipe, not with the process that made it. */
static void run(void (*function)(void))
{
    int pid = (int)CHECK_OK(fork()), status;

    if (!pid)
        function();
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static void check_root(void)
{
    int ends[2];

    for (int i = 0; i < SOFT / (LARGE / PAGE) + 4; i++) {
        CHECK_OK(pipe(ends));
        CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, LARGE), LARGE);
    }
    _exit(0);
}

int main(void)
{
    run(check_user);
    run(check_user); /* nothing was left behind */
    run(check_root);
    return 0;
}
