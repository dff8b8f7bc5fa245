/* SPDX-License-Identifier: MIT */
/* RLIMIT_FSIZE: up to the limit is written, then SIGXFSZ and EFBIG; the same for a new size. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define LIMIT 10000

static volatile int calls;
static char data[3 * LIMIT];

static void note(int sig)
{
    (void)sig;
    calls++;
}

/* It fails for the limit, and says so by a signal. */
#define CHECK_LIMIT(call)                                                                          \
    do {                                                                                           \
        calls = 0;                                                                                 \
        CHECK_ERR(call, EFBIG);                                                                    \
        CHECK_EQ(calls, 1);                                                                        \
    } while (0)

static long size_of(int fd)
{
    struct stat st;

    CHECK_OK(fstat(fd, &st));
    return st.st_size;
}

static void limit_set(rlim_t soft)
{
    struct rlimit limit = {soft, RLIM_INFINITY};

    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
}

static void check_write(int fd)
{
    struct iovec two[2] = {{data, 6000}, {data, 6000}};

    CHECK_EQ(write(fd, data, sizeof(data)), LIMIT);
    CHECK_LIMIT(write(fd, data, 1));
    CHECK_EQ(write(fd, data, 0), 0);
    CHECK_EQ(size_of(fd), LIMIT);
    CHECK_EQ(pwrite(fd, data, 100, LIMIT - 10), 10);
    CHECK_EQ(pwrite(fd, data, 100, 0), 100); /* within */
    CHECK_LIMIT(pwrite(fd, data, 1, LIMIT));
    CHECK_LIMIT(pwrite(fd, data, 1, 5L << 40));
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(writev(fd, two, 2), LIMIT);
    CHECK_LIMIT(writev(fd, two, 2));
    CHECK_LIMIT(pwritev(fd, two, 2, LIMIT + 1));
    calls = 0;
    CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
    CHECK_OK(ftruncate(fd, LIMIT - 5));
    CHECK_EQ(write(fd, data, 100), 5);
    CHECK_EQ(calls, 0);
    CHECK_LIMIT(write(fd, data, 100));
    CHECK_OK(fcntl(fd, F_SETFL, 0));
}

static void check_size(int fd, const char *name)
{
    CHECK_OK(ftruncate(fd, 0));
    CHECK_OK(ftruncate(fd, LIMIT));
    CHECK_LIMIT(ftruncate(fd, LIMIT + 1));
    CHECK_LIMIT(truncate(name, LIMIT + 1));
    CHECK_EQ(size_of(fd), LIMIT);
    CHECK_OK(fallocate(fd, 0, 0, LIMIT));
    CHECK_LIMIT(fallocate(fd, 0, 1, LIMIT));
    limit_set(LIMIT / 2); /* a file that is longer already may stay so, and become shorter */
    CHECK_OK(ftruncate(fd, LIMIT));
    CHECK_OK(ftruncate(fd, LIMIT - 1));
    CHECK_LIMIT(ftruncate(fd, LIMIT));
    CHECK_LIMIT(pwrite(fd, data, 1, LIMIT / 2));
    limit_set(LIMIT);
}

static void check_copies(int fd)
{
    int in = CHECK_OK(open("/tmp/file_limit.in", O_CREAT | O_TRUNC | O_RDWR, 0600));
    off_t from = 0, to = 0;

    limit_set(RLIM_INFINITY);
    CHECK_EQ(write(in, data, sizeof(data)), sizeof(data));
    limit_set(LIMIT);
    CHECK_OK(ftruncate(fd, 0));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_EQ(sendfile(fd, in, &from, sizeof(data)), LIMIT);
    CHECK_LIMIT(sendfile(fd, in, &from, 100));
    from = 0;
    CHECK_EQ(raw6(SYS_copy_file_range, in, &from, fd, &to, sizeof(data), 0), LIMIT);
    calls = 0;
    CHECK_EQ(raw6(SYS_copy_file_range, in, &from, fd, &to, 100, 0), -EFBIG);
    CHECK_EQ(calls, 1);
    /* The limit comes before everything that could be said about the bytes: that there are none,
     * or that they would overwrite themselves. */
    from = sizeof(data);
    calls = 0;
    CHECK_EQ(raw6(SYS_copy_file_range, in, &from, fd, &to, 100, 0), -EFBIG);
    CHECK_EQ(raw6(SYS_copy_file_range, in, &from, fd, &to, 0, 0), -EFBIG);
    from = to = LIMIT;
    CHECK_EQ(raw6(SYS_copy_file_range, in, &from, in, &to, 100, 0), -EFBIG);
    CHECK_EQ(calls, 3);
    CHECK_OK(close(in));
    CHECK_OK(unlink("/tmp/file_limit.in"));
}

/* What is no regular file knows no size. */
static void check_others(void)
{
    int fds[2], null = CHECK_OK(open("/dev/null", O_WRONLY));

    limit_set(1);
    CHECK_OK(pipe(fds));
    CHECK_EQ(write(fds[1], data, 100), 100);
    CHECK_EQ(write(null, data, 100), 100);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(null));
}

int main(void)
{
    static const char name[] = "/tmp/file_limit";
    int fd = CHECK_OK(open(name, O_CREAT | O_TRUNC | O_RDWR, 0600)), status;
    pid_t pid;

    signal(SIGXFSZ, note);
    limit_set(LIMIT);
    check_write(fd);
    check_size(fd, name);
    check_copies(fd);
    check_others();
    CHECK_OK(ftruncate(fd, 1));
    pid = CHECK_OK(fork());
    if (pid == 0) { /* without a handler it is the end */
        signal(SIGXFSZ, SIG_DFL);
        pwrite(fd, data, 1, 1);
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
    signal(SIGXFSZ, SIG_IGN);
    CHECK_ERR(pwrite(fd, data, 1, 1), EFBIG);
    CHECK_OK(close(fd));
    limit_set(RLIM_INFINITY);
    CHECK_OK(unlink(name));
    return 0;
}
