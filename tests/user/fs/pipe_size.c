/* SPDX-License-Identifier: MIT */
/* F_SETPIPE_SZ: what sizes there are, who may have them, and what is in the pipe stays in it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096
#define MAX  1048576 /* for everybody */

static int ends[2];
static char block[MAX];

static void fill(size_t nbytes, unsigned first)
{
    for (size_t i = 0; i < nbytes; i++)
        block[i] = (char)((first + i) * 2654435761u >> 13);
}

static void put(size_t nbytes, unsigned first)
{
    fill(nbytes, first);
    CHECK_EQ(write(ends[1], block, nbytes), nbytes);
}

static void take(size_t nbytes, unsigned first)
{
    static char got[MAX];
    size_t done = 0;

    while (done < nbytes)
        done += (size_t)CHECK_OK(read(ends[0], got + done, nbytes - done));
    fill(nbytes, first);
    CHECK_EQ(memcmp(got, block, nbytes), 0);
}

static void check_sizes(void)
{
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), 65536);
    CHECK_EQ(fcntl(ends[1], F_SETPIPE_SZ, 1), PAGE);
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), PAGE); /* both ends are one pipe */
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 0), PAGE);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, PAGE + 1), 2 * PAGE);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 100000), 131072);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, MAX), MAX);
    CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, 0x80000001), EINVAL);
    CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, -1), EINVAL);
    CHECK_EQ(fcntl(ends[0], F_GETPIPE_SZ), MAX);
    int file = (int)CHECK_OK(open("/dev/null", O_RDWR));
    CHECK_ERR(fcntl(file, F_SETPIPE_SZ, PAGE), EBADF);
    CHECK_ERR(fcntl(file, F_GETPIPE_SZ), EBADF);
    CHECK_OK(close(file));
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 65536), 65536);
}

/* A pipe holds as much as it says, to the byte when it is written in pages. */
static void check_room(int size)
{
    struct pollfd p = {.fd = ends[1], .events = POLLOUT};

    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, size), size);
    CHECK_OK(fcntl(ends[1], F_SETFL, O_NONBLOCK));
    put((size_t)size, 1);
    CHECK_ERR(write(ends[1], "x", 1), EAGAIN);
    CHECK_EQ(poll(&p, 1, 0), 0);
    if (size > PAGE)
        CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, size / 2), EBUSY);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 2 * size <= MAX ? 2 * size : size),
             2 * size <= MAX ? 2 * size : size);
    CHECK_EQ(poll(&p, 1, 0), 2 * size <= MAX ? 1 : 0);
    take((size_t)size, 1);
    CHECK_OK(fcntl(ends[1], F_SETFL, 0));
}

/* Resized with the oldest byte somewhere inside, so that the bytes go round the end. */
static void check_kept(void)
{
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 4 * PAGE), 4 * PAGE);
    put(4 * PAGE, 0);
    take(3 * PAGE + 100, 0);
    put(2 * PAGE, 4 * PAGE);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 16 * PAGE), 16 * PAGE);
    put(2 * PAGE, 6 * PAGE);
    take(5 * PAGE - 100, 3 * PAGE + 100);
    put(2 * PAGE, 8 * PAGE);
    take(2 * PAGE, 8 * PAGE);
    put(100, 7);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, PAGE), PAGE);
    take(100, 7);
}

/* A writer that waits for room gets it by the pipe's becoming larger. */
static void check_woken(void)
{
    int pid, status;

    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, PAGE), PAGE);
    put(PAGE, 0);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        put(PAGE, PAGE);
        _exit(0);
    }
    usleep(30000);
    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, 2 * PAGE), 2 * PAGE);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    take(2 * PAGE, 0);
}

static void check_owner(void)
{
    int pid = getpid();

    CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
    CHECK_OK(fcntl(ends[0], F_SETOWN, pid));
    CHECK_EQ(fcntl(ends[0], F_GETOWN), pid);
    CHECK_EQ(fcntl(ends[1], F_GETOWN), 0);
    CHECK_OK(fcntl(ends[0], F_SETOWN, 0));
    CHECK_EQ(fcntl(ends[0], F_GETOWN), 0);
    CHECK_ERR(fcntl(ends[0], F_SETOWN, 0x7fffff00), ESRCH);
    CHECK_EQ(fcntl(ends[0], F_GETSIG), 0);
    CHECK_OK(fcntl(ends[0], F_SETSIG, 34));
    CHECK_EQ(fcntl(ends[0], F_GETSIG), 34);
    CHECK_ERR(fcntl(ends[0], F_SETSIG, 65), EINVAL);
    CHECK_ERR(fcntl(ends[0], F_SETSIG, -1), EINVAL);
    CHECK_OK(fcntl(ends[0], F_SETSIG, 0));
    CHECK_ERR(fcntl(ends[0], F_GET_SEALS), EINVAL);
    CHECK_ERR(fcntl(ends[0], 12345), EINVAL);
}

static void check_nobody(void)
{
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, MAX), MAX);
    /* Root may go further, where it has all rights of root. */
    int got = fcntl(ends[0], F_SETPIPE_SZ, 2 * MAX), privileged = got == 2 * MAX;
    CHECK(privileged || (got == -1 && errno == EPERM));
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setresuid(65534, 65534, 65534));
    CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, 4 * MAX), EPERM);
    CHECK_EQ(fcntl(ends[0], F_SETPIPE_SZ, MAX), MAX); /* smaller it may become */
    CHECK_ERR(fcntl(ends[0], F_SETPIPE_SZ, 2 * MAX), EPERM);
}

int main(void)
{
    CHECK_OK(pipe(ends));
    check_sizes();
    for (int size = PAGE; size <= MAX; size *= 4)
        check_room(size);
    check_kept();
    check_woken();
    check_owner();
    check_nobody();
    return 0;
}
