/* SPDX-License-Identifier: MIT */
/*
 * Two processes read one page of a file, in very many small pieces each time, on one processor:
 * they take turns in the middle of their calls. Both get what is in the file.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PATH   "/tmp/read_turns"
#define PIECES 1024
#define NBYTES 4096
#define RUN_MS 300

static char content[NBYTES], got[NBYTES];
static struct iovec pieces[PIECES];

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void read_on(int fd)
{
    long end = now_ms() + RUN_MS;

    do {
        memset(got, 0, NBYTES);
        CHECK_EQ(preadv(fd, pieces, PIECES, 0), NBYTES);
        CHECK(!memcmp(got, content, NBYTES));
    } while (now_ms() < end);
}

int main(void)
{
    int fd = (int)CHECK_OK(open(PATH, O_RDWR | O_CREAT | O_TRUNC, 0600)), child, status;
    cpu_set_t here;

    CHECK_OK(unlink(PATH));
    for (int i = 0; i < NBYTES; i++)
        content[i] = (char)(i % 251);
    for (int i = 0; i < PIECES; i++)
        pieces[i] =
            (struct iovec){.iov_base = got + i * (NBYTES / PIECES), .iov_len = NBYTES / PIECES};
    CHECK_EQ(write(fd, content, NBYTES), NBYTES);
    CPU_ZERO(&here);
    CPU_SET((size_t)CHECK_OK(sched_getcpu()), &here);
    CHECK_OK(sched_setaffinity(0, sizeof(here), &here));
    child = (int)CHECK_OK(fork());
    read_on(fd);
    if (!child)
        _exit(0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return 0;
}
