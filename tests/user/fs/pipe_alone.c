/* SPDX-License-Identifier: MIT */
/* Pipes within one process: capacity, end of file, EPIPE, non-blocking ends, order of bytes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static char buf[8192];

static void check_basics(void)
{
    int p[2];
    struct stat st;

    CHECK_OK(pipe(p));
    CHECK_EQ(p[0], 3);
    CHECK_EQ(p[1], 4);
    CHECK_EQ(write(p[1], "hello", 5), 5);
    CHECK_EQ(write(p[1], "world", 5), 5);
    CHECK_EQ(read(p[0], buf, 7), 7); /* no borders between writes */
    CHECK(memcmp(buf, "hellowo", 7) == 0);
    CHECK_EQ(read(p[0], buf, 100), 3);
    CHECK_ERR(write(p[0], "x", 1), EBADF);
    CHECK_ERR(read(p[1], buf, 1), EBADF);
    CHECK_ERR(lseek(p[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERR(pread(p[0], buf, 1, 0), ESPIPE);
    CHECK_OK(fstat(p[0], &st));
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_EQ(write(p[1], "rest", 4), 4);
    CHECK_OK(close(p[1]));
    CHECK_EQ(read(p[0], buf, 100), 4); /* what is left, then the end */
    CHECK_EQ(read(p[0], buf, 100), 0);
    CHECK_OK(close(p[0]));
}

static void check_broken(void)
{
    int p[2];

    CHECK_OK(pipe(p));
    CHECK_OK(close(p[0]));
    CHECK(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
    CHECK_ERR(write(p[1], "x", 1), EPIPE);
    CHECK_OK(close(p[1]));
}

static void check_capacity(void)
{
    int p[2];
    long total = 0, n;

    CHECK_OK(pipe2(p, O_NONBLOCK | O_CLOEXEC));
    CHECK_EQ(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(fcntl(p[0], F_GETFL), O_RDONLY | O_NONBLOCK);
    CHECK_EQ(fcntl(p[1], F_GETFL), O_WRONLY | O_NONBLOCK);
    CHECK_ERR(read(p[0], buf, 1), EAGAIN);
    for (size_t i = 0; i < sizeof(buf); i++)
        buf[i] = (char)(i % 127);
    while ((n = write(p[1], buf, 4096)) == 4096)
        total += n;
    CHECK_EQ(n, -1);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(total, 65536);
    CHECK_EQ(fcntl(p[0], F_GETPIPE_SZ), 65536);
    CHECK_EQ(read(p[0], buf, 4096), 4096);
    CHECK_EQ(write(p[1], buf, 4096), 4096); /* room again */
    for (total = 0; (n = read(p[0], buf, 1000)) > 0; total += n) {
        for (long i = 0; i < n; i++)
            CHECK_EQ(buf[i], (total + i) % 4096 % 127);
    }
    CHECK_EQ(total, 65536);
    CHECK_ERR(pipe2(p, 0x1), EINVAL);
}

int main(void)
{
    check_basics();
    check_broken();
    check_capacity();
    return 0;
}
