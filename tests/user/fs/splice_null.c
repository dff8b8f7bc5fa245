/* SPDX-License-Identifier: MIT */
/*
 * splice from a pipe to /dev/null: how grep lets its writer go on when its output is not wanted.
 * Anything but a pipe on one side is refused, and so are offsets of pipes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define FIFO     "/tmp/splice_null"
#define ROUNDS   3000
#define TEST_NS  300000000L /* on one processor a round takes a turn of each of the three */
#define LIMIT_NS 20000000000L

static char bytes[3000];

static void test_refused(const char *path, int in, int out, int null)
{
    off_t at = 0;
    int file = (int)CHECK_OK(open(path, O_RDONLY));

    CHECK_ERR(splice(file, NULL, null, NULL, 10, 0), EINVAL);
    CHECK_EQ(raw6(SYS_splice, file, 8, null, 0, 10, 0), -EFAULT);
    CHECK_ERR(splice(in, NULL, null, NULL, 10, 16), EINVAL);
    CHECK_ERR(splice(in, &at, null, NULL, 10, 0), ESPIPE);
    CHECK_ERR(splice(in, (off_t *)8, null, NULL, 10, 0), ESPIPE);
    CHECK_ERR(splice(file, &at, out, &at, 10, 0), ESPIPE);
    CHECK_ERR(splice(out, NULL, null, NULL, 10, 0), EBADF);
    CHECK_ERR(splice(in, NULL, in, NULL, 10, 0), EBADF);
    CHECK_ERR(splice(in, NULL, file, NULL, 10, 0), EBADF);
    CHECK_ERR(splice(99, NULL, null, NULL, 10, 0), EBADF);
    CHECK_ERR(splice(in, NULL, 99, NULL, 10, 0), EBADF);
    CHECK_EQ(splice(99, NULL, null, NULL, 0, 16), 0);
    CHECK_OK(close(file));
}

static long now_ns(void)
{
    struct timespec ts;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &ts));
    return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

/* A call that is not to wait does not, although another reader takes the byte that it has seen.
 * Each byte is gone before the next one comes: it would end a wait. */
static void test_two_readers(int null)
{
    long end = now_ns() + TEST_NS;
    volatile long *shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ends[2], left, pids[2];

    CHECK(shared != MAP_FAILED);
    CHECK_OK(pipe(ends));
    for (int i = 0; i < 2; i++) {
        pids[i] = (int)CHECK_OK(fork());
        while (pids[i] == 0) {
            if (i == 0)
                read(ends[0], bytes, 1);
            else
                splice(ends[0], NULL, null, NULL, 1, SPLICE_F_NONBLOCK);
            shared[i]++;
        }
    }
    for (int round = 0; round < ROUNDS && now_ns() < end; round++) {
        long limit = now_ns() + LIMIT_NS, before;

        CHECK_EQ(write(ends[1], "x", 1), 1);
        do
            CHECK_OK(ioctl(ends[0], FIONREAD, &left));
        while (left > 0);
        before = shared[1];
        while (shared[1] < before + 2)
            CHECK(now_ns() < limit);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kill(pids[i], SIGKILL));
        CHECK_EQ(waitpid(pids[i], NULL, 0), pids[i]);
    }
    CHECK_OK(close(ends[0]));
    CHECK_OK(close(ends[1]));
}

/* Without a writer there is nothing to come, also where there never was one. */
static void test_fifo(int null)
{
    int fd;

    CHECK_OK(mkfifo(FIFO, 0600));
    fd = (int)CHECK_OK(open(FIFO, O_RDONLY | O_NONBLOCK));
    CHECK_EQ(splice(fd, NULL, null, NULL, 10, SPLICE_F_NONBLOCK), 0);
    CHECK_OK(close(fd));
    CHECK_OK(unlink(FIFO));
}

int main(int argc, char **argv)
{
    int ends[2], null = (int)CHECK_OK(open("/dev/null", O_WRONLY)), pid;
    long total = 0, got;

    CHECK_EQ(argc, 1);
    CHECK_OK(pipe(ends));
    test_refused(argv[0], ends[0], ends[1], null);
    test_fifo(null);
    test_two_readers(null);
    CHECK_ERR(splice(ends[0], NULL, null, NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(write(ends[1], "abcdef", 6), 6);
    CHECK_EQ(splice(ends[0], NULL, null, NULL, 2, SPLICE_F_MOVE), 2);
    CHECK_EQ(read(ends[0], bytes, 1), 1);
    CHECK_EQ(bytes[0], 'c');
    CHECK_EQ(splice(ends[0], NULL, null, NULL, 1 << 20, SPLICE_F_NONBLOCK), 3);

    pid = (int)CHECK_OK(fork()); /* one that writes more than a pipe holds, while this waits */
    if (pid == 0) {
        for (int i = 0; i < 100; i++)
            CHECK_EQ(write(ends[1], bytes, sizeof(bytes)), sizeof(bytes));
        _exit(0);
    }
    CHECK_OK(close(ends[1]));
    while ((got = CHECK_OK(splice(ends[0], NULL, null, NULL, 1 << 20, 0))) > 0)
        total += got;
    CHECK_EQ(total, 100 * sizeof(bytes));
    CHECK_EQ(splice(ends[0], NULL, null, NULL, 10, SPLICE_F_NONBLOCK), 0);
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    return 0;
}
