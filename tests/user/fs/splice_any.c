/* SPDX-License-Identifier: MIT */
/*
 * splice, tee and vmsplice between pipes, files, sockets and memory: what arrives is what was sent,
 * what does not fit stays, and the errors come in Linux's order.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define SOURCE "/tmp/splice_any.in"
#define TARGET "/tmp/splice_any.out"
#define NBYTES 150000

static char bytes[NBYTES], got[NBYTES];

static int held(int fd)
{
    int nbytes;

    CHECK_OK(ioctl(fd, FIONREAD, &nbytes));
    return nbytes;
}

static void check_read(int fd, const char *expected, long nbytes)
{
    for (long at = 0; at < nbytes;) {
        long moved = CHECK_OK(read(fd, got + at, (size_t)(nbytes - at)));

        CHECK(moved > 0);
        at += moved;
    }
    CHECK_EQ(memcmp(got, expected, (size_t)nbytes), 0);
}

static void test_file_to_pipe(int file, const int *ends)
{
    off_t at = 5000;

    CHECK_EQ(splice(file, NULL, ends[1], NULL, 100, 0), 100);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 100);
    CHECK_EQ(splice(file, &at, ends[1], NULL, 4000, SPLICE_F_MORE), 4000);
    CHECK_EQ(at, 9000);
    CHECK_EQ(lseek(file, 0, SEEK_CUR), 100);
    check_read(ends[0], bytes, 100);
    check_read(ends[0], bytes + 5000, 4000);
    at = NBYTES - 10;
    CHECK_EQ(splice(file, &at, ends[1], NULL, 1000, 0), 10);
    CHECK_EQ(splice(file, &at, ends[1], NULL, 1000, 0), 0);
    check_read(ends[0], bytes + NBYTES - 10, 10);
    /* As much as the pipe holds, and then no more. */
    at = 0;
    CHECK_EQ(splice(file, &at, ends[1], NULL, NBYTES, 0), 65536);
    CHECK_ERR(splice(file, &at, ends[1], NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(held(ends[0]), 65536);
    check_read(ends[0], bytes, 65536);
    at = 4096;
    CHECK_EQ(sendfile(ends[1], file, &at, NBYTES), 65536);
    CHECK_EQ(at, 4096 + 65536);
    check_read(ends[0], bytes + 4096, 65536);
    at = -1;
    CHECK_ERR(splice(file, &at, ends[1], NULL, 10, 0), EINVAL);
    CHECK_ERR(splice(file, (off_t *)8, ends[1], NULL, 10, 0), EFAULT);
}

static void test_pipe_to_file(int target, const int *ends)
{
    struct rlimit old, limit;
    off_t at = 1000;

    CHECK_EQ(write(ends[1], bytes, 3000), 3000);
    CHECK_EQ(splice(ends[0], NULL, target, NULL, 1000, 0), 1000);
    CHECK_EQ(splice(ends[0], NULL, target, &at, 9000, 0), 2000);
    CHECK_EQ(at, 3000);
    CHECK_EQ(lseek(target, 0, SEEK_CUR), 1000);
    CHECK_EQ(pread(target, got, 4000, 0), 3000);
    CHECK_EQ(memcmp(got, bytes, 3000), 0);
    CHECK_ERR(splice(ends[0], NULL, target, &at, 1, SPLICE_F_NONBLOCK), EAGAIN);
    /* What the file does not take stays in the pipe, in its order. */
    CHECK_EQ(write(ends[1], bytes, 6000), 6000);
    CHECK_OK(getrlimit(RLIMIT_FSIZE, &old));
    limit = (struct rlimit){3100, old.rlim_max};
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
    CHECK_EQ(splice(ends[0], NULL, target, &at, 6000, 0), 100);
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &old));
    CHECK_EQ(held(ends[0]), 5900);
    check_read(ends[0], bytes + 100, 5900);
    CHECK_OK(fcntl(target, F_SETFL, O_APPEND));
    CHECK_ERR(splice(ends[0], NULL, target, NULL, 10, 0), EINVAL);
    CHECK_OK(fcntl(target, F_SETFL, 0));
    at = -1;
    CHECK_ERR(splice(ends[0], NULL, target, &at, 10, 0), EINVAL);
    at = INT64_MAX - 5;
    CHECK_ERR(splice(ends[0], NULL, target, &at, 10, 0), EINVAL);
}

static void test_pipe_to_pipe(const int *ends)
{
    int other[2];

    CHECK_OK(pipe(other));
    CHECK_ERR(splice(ends[0], NULL, ends[1], NULL, 10, 0), EINVAL);
    CHECK_ERR(splice(ends[0], NULL, other[1], NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_EQ(write(ends[1], bytes, 10000), 10000);
    CHECK_EQ(splice(ends[0], NULL, other[1], NULL, 100, 0), 100);
    CHECK_EQ(splice(ends[0], NULL, other[1], NULL, NBYTES, 0), 9900);
    CHECK_EQ(held(ends[0]), 0);
    check_read(other[0], bytes, 10000);
    CHECK_OK(fcntl(ends[0], F_SETFL, O_NONBLOCK));
    CHECK_ERR(splice(ends[0], NULL, other[1], NULL, 10, 0), EAGAIN);
    CHECK_ERR(tee(ends[0], other[1], 10, 0), EAGAIN);
    CHECK_OK(fcntl(ends[0], F_SETFL, 0));
    CHECK_EQ(write(ends[1], "a", 1), 1);
    CHECK_OK(close(other[0]));
    CHECK_ERR(splice(ends[0], NULL, other[1], NULL, 10, 0), EPIPE);
    CHECK_ERR(tee(ends[0], other[1], 10, 0), EPIPE);
    CHECK_EQ(read(ends[0], got, 10), 1);
    CHECK_OK(close(other[1]));
    CHECK_OK(pipe(other));
    CHECK_OK(close(other[1]));
    CHECK_EQ(splice(other[0], NULL, ends[1], NULL, 10, 0), 0); /* no writer is left */
    CHECK_EQ(tee(other[0], ends[1], 10, 0), 0);
    CHECK_OK(close(other[0]));
}

static void test_tee(int file, const int *ends)
{
    int other[2];

    CHECK_OK(pipe(other));
    CHECK_EQ(write(ends[1], bytes, 5000), 5000);
    CHECK_EQ(tee(ends[0], other[1], 10000, 0), 5000);
    CHECK_EQ(tee(ends[0], other[1], 300, 0), 300);
    check_read(ends[0], bytes, 5000);
    check_read(other[0], bytes, 5000);
    check_read(other[0], bytes, 300);
    CHECK_EQ(tee(ends[0], ends[1], 0, 0), 0);
    CHECK_ERR(tee(ends[0], ends[1], 0, 16), EINVAL);
    CHECK_ERR(tee(ends[0], ends[1], 10, 0), EINVAL);
    CHECK_ERR(tee(file, ends[1], 10, 0), EINVAL);
    CHECK_ERR(tee(ends[1], other[1], 10, 0), EBADF);
    CHECK_ERR(tee(99, other[1], 10, 0), EBADF);
    CHECK_ERR(tee(ends[0], other[1], 10, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_OK(close(other[0]));
    CHECK_OK(close(other[1]));
}

static void test_vmsplice(int file, const int *ends)
{
    struct iovec vector[3] = {{bytes, 10}, {bytes + 10, 0}, {bytes + 10, 5000}},
                 bad = {(void *)8, 10};
    long total = 0, moved;

    CHECK_EQ(vmsplice(ends[1], vector, 3, 0), 5010);
    check_read(ends[0], bytes, 5010);
    CHECK_EQ(write(ends[1], bytes, 700), 700);
    vector[0] = (struct iovec){got, 300};
    vector[2] = (struct iovec){got + 300, 10000};
    memset(got, 0, 1000);
    CHECK_EQ(vmsplice(ends[0], vector, 3, 0), 700);
    CHECK_EQ(memcmp(got, bytes, 700), 0);
    CHECK_ERR(vmsplice(ends[0], vector, 3, SPLICE_F_NONBLOCK), EAGAIN);
    vector[0] = (struct iovec){bytes, NBYTES};
    while ((moved = vmsplice(ends[1], vector, 1, SPLICE_F_NONBLOCK)) > 0)
        total += moved;
    CHECK_EQ(moved, -1);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(held(ends[0]), total);
    while (held(ends[0]))
        CHECK(read(ends[0], got, sizeof(got)) > 0);
    CHECK_ERR(vmsplice(ends[1], &bad, 1, 0), EFAULT);
    CHECK_ERR(vmsplice(ends[1], vector, 1, 16), EINVAL);
    CHECK_ERR(vmsplice(99, vector, 1, 0), EBADF);
    CHECK_ERR(vmsplice(file, vector, 1, 0), EBADF);
    CHECK_ERR(vmsplice(ends[1], vector, 1025, 0), EINVAL);
    CHECK_EQ(vmsplice(ends[1], vector, 0, 0), 0);
}

static void test_sockets(int file, const int *ends)
{
    int pair[2];
    off_t at = 0;

    CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    CHECK_EQ(write(pair[0], bytes, 1000), 1000);
    CHECK_EQ(splice(pair[1], NULL, ends[1], NULL, 5000, 0), 1000);
    CHECK_EQ(splice(ends[0], NULL, pair[1], NULL, 5000, 0), 1000);
    check_read(pair[0], bytes, 1000);
    CHECK_ERR(splice(pair[1], NULL, ends[1], NULL, 10, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_ERR(splice(pair[1], &at, ends[1], NULL, 10, 0), EINVAL);
    CHECK_ERR(splice(ends[0], NULL, pair[1], &at, 10, 0), EINVAL);
    CHECK_ERR(splice(file, NULL, pair[1], NULL, 10, 0), EINVAL);
    CHECK_OK(close(pair[0]));
    CHECK_EQ(splice(pair[1], NULL, ends[1], NULL, 10, 0), 0);
    CHECK_OK(close(pair[1]));
}

/* From a writer through two pipes and a file to a reader, each step in a process of its own, with
 * pieces that fit nowhere. */
static void test_chain(int target)
{
    int first[2], second[2], pids[2], status;
    off_t at = 0;
    long moved;

    CHECK_OK(pipe(first));
    CHECK_OK(pipe(second));
    CHECK_OK(fcntl(second[1], F_SETPIPE_SZ, 4096));
    for (int i = 0; i < 2; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (pids[i])
            continue;
        if (i == 0) {
            for (long sent = 0; sent < NBYTES; sent += moved)
                moved = CHECK_OK(write(first[1], bytes + sent,
                                       NBYTES - sent > 7001 ? 7001 : (size_t)(NBYTES - sent)));
            _exit(0);
        }
        CHECK_OK(close(first[1]));
        while ((moved = CHECK_OK(splice(first[0], NULL, second[1], NULL, 1237, 0))) > 0)
            ;
        _exit(0);
    }
    CHECK_OK(close(first[0]));
    CHECK_OK(close(first[1]));
    CHECK_OK(close(second[1]));
    while ((moved = CHECK_OK(splice(second[0], NULL, target, &at, 3011, 0))) > 0)
        ;
    CHECK_OK(close(second[0]));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, 0);
    }
    CHECK_EQ(at, NBYTES);
    CHECK_EQ(pread(target, got, NBYTES, 0), NBYTES);
    CHECK_EQ(memcmp(got, bytes, NBYTES), 0);
}

/* What can be read, and yet goes into no pipe. */
static void test_refused_sources(const int *ends)
{
    static const char *const paths[] = {"/dev/null", "/proc/self/maps", "/proc/self/mem",
                                        "/proc/self/pagemap"};
    char byte;

    for (unsigned i = 0; i < 4; i++) {
        int fd = (int)CHECK_OK(open(paths[i], O_RDONLY));

        CHECK_ERR(splice(fd, NULL, ends[1], NULL, 8, 0), EINVAL);
        if (i < 2) /* what the others have depends on where */
            CHECK_OK(read(fd, &byte, 1));
        CHECK_OK(close(fd));
    }
}

int main(void)
{
    int file = (int)CHECK_OK(open(SOURCE, O_CREAT | O_TRUNC | O_RDWR, 0600));
    int target = (int)CHECK_OK(open(TARGET, O_CREAT | O_TRUNC | O_RDWR, 0600));
    int ends[2];

    CHECK_OK(unlink(SOURCE));
    CHECK_OK(unlink(TARGET));
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    for (unsigned i = 0; i < NBYTES; i++)
        bytes[i] = (char)(i * 7 + i / 253);
    CHECK_EQ(write(file, bytes, NBYTES), NBYTES);
    CHECK_OK(lseek(file, 0, SEEK_SET));
    CHECK_OK(pipe(ends));
    test_file_to_pipe(file, ends);
    test_pipe_to_file(target, ends);
    test_pipe_to_pipe(ends);
    test_tee(file, ends);
    test_vmsplice(file, ends);
    test_sockets(file, ends);
    test_chain(target);
    test_refused_sources(ends);
    return 0;
}
