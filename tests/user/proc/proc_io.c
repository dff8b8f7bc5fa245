/* SPDX-License-Identifier: MIT */
/* proc_io: /proc/PID/io counts bytes and calls of reading and writing, of threads that are gone and
 * children that were waited for, too, and is shown to those who may look into the process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

struct io {
    unsigned long rchar, wchar, syscr, syscw;
};

static char text[4096];
static int fds[2], zero;

static struct io io_of(const char *path)
{
    struct io io;

    text_of(path, text, sizeof(text));
    CHECK(!strncmp(text, "rchar: ", 7));
    io.rchar = line_number(text, "rchar: ");
    io.wchar = line_number(text, "wchar: ");
    io.syscr = line_number(text, "syscr: ");
    io.syscw = line_number(text, "syscw: ");
    CHECK_EQ(line_number(text, "read_bytes: "), 0);
    line_number(text, "write_bytes: ");
    line_number(text, "cancelled_write_bytes: ");
    return io;
}

/* By 5 and 5 calls, 140 and 132 bytes; those that fail before the file is asked are none. */
static void move_some(void)
{
    static char a[64], b[36];
    struct iovec both[] = {{a, sizeof(a)}, {b, sizeof(b)}};

    CHECK_EQ(write(fds[1], a, 32), 32);
    CHECK_EQ(read(fds[0], a, 64), 32);
    CHECK_EQ(writev(fds[1], both, 2), 100);
    CHECK_EQ(readv(fds[0], both, 2), 100);
    CHECK_EQ(pread(zero, a, 8, 100), 8);
    CHECK_EQ(raw3(SYS_write, fds[1], 1, 4), -EFAULT);
    CHECK_EQ(raw3(SYS_read, fds[0], 1, 0), 0);
    CHECK_EQ(raw3(SYS_read, 999, 1, 4), -EBADF);
    CHECK_EQ(raw3(SYS_read, fds[1], 1, 4), -EBADF);
    CHECK_EQ(raw3(SYS_write, fds[1], -1, 4), -EFAULT);
}

static void *thread_moves(void *argument)
{
    struct io before = io_of("/proc/thread-self/io"), after;

    move_some();
    after = io_of("/proc/thread-self/io");
    CHECK(after.rchar - before.rchar >= 140);
    CHECK_EQ(after.wchar - before.wchar, 132);
    CHECK(after.syscr - before.syscr >= 4);
    CHECK_EQ(after.syscw - before.syscw, 3);
    return argument;
}

/* The reads of the file itself are counted, too: of them the first has the size of what was there.
 */
static void expect(struct io before, unsigned long times)
{
    struct io after = io_of("/proc/self/io");

    CHECK_EQ(after.wchar - before.wchar, 132 * times);
    CHECK_EQ(after.syscw - before.syscw, 3 * times);
    CHECK(after.rchar - before.rchar >= 140 * times);
    CHECK(after.rchar - before.rchar < 140 * times + 2000);
    CHECK(after.syscr - before.syscr >= 4 * times);
    CHECK(after.syscr - before.syscr < 4 * times + 16);
}

static void refused(void)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d/io", getppid());
    CHECK_OK(setuid(1000));
    CHECK(open(path, O_RDONLY) < 0 && errno == EACCES);
}

int main(void)
{
    struct stat stat_buffer;
    pthread_t thread;
    struct io before;

    CHECK_OK(pipe(fds));
    zero = (int)CHECK_OK(open("/dev/zero", O_RDONLY));
    CHECK_OK(stat("/proc/self/io", &stat_buffer));
    CHECK_EQ(stat_buffer.st_mode, S_IFREG | 0400);
    before = io_of("/proc/self/io");
    move_some();
    expect(before, 1);

    before = io_of("/proc/self/io");
    CHECK_EQ(child_status(move_some), 0);
    expect(before, 1);

    before = io_of("/proc/self/io");
    CHECK_EQ(pthread_create(&thread, NULL, thread_moves, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    expect(before, 1);
    CHECK_EQ(child_status(refused), 0);
    return 0;
}
