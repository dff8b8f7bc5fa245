/* SPDX-License-Identifier: MIT */
/* F_NOTIFY: signals about what happens in a directory, once or again and again, until none is asked
 * for any more or the file is closed. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h> /* renameat */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#ifndef F_SETSIG
#define F_SETSIG 10
#endif

#define SIG (SIGRTMIN + 3)

static sigset_t set;
static char name[] = "/tmp/dnotify-XXXXXX";
static int fd, within, file; /* the directory, one in it, a file in it */

/* The next signal of the set: waited for. Its number. */
static int next(siginfo_t *info)
{
    struct timespec limit = {.tv_sec = 10};
    int number;

    do
        number = sigtimedwait(&set, info, &limit);
    while (number < 0 && errno == EINTR);
    return number;
}

/* There is none now. */
static void none(void)
{
    struct timespec now = {0};

    CHECK_ERR(sigtimedwait(&set, NULL, &now), EAGAIN);
}

static void is_told(int of)
{
    siginfo_t info;

    CHECK_EQ(next(&info), SIG);
    CHECK_EQ(info.si_code, POLL_MSG);
    CHECK_EQ(info.si_fd, of);
    CHECK_EQ(info.si_band, POLLIN | POLLRDNORM | POLLMSG);
}

static void watch_directory(int of, unsigned events)
{
    CHECK_OK(fcntl(of, F_SETSIG, SIG));
    CHECK_OK(raw3(SYS_fcntl, of, F_NOTIFY, events));
    CHECK_EQ(fcntl(of, F_GETOWN), getpid());
}

static void test_events(void)
{
    char byte = 0;

    CHECK_EQ(raw3(SYS_fcntl, file, F_NOTIFY, DN_CREATE), -ENOTDIR);
    CHECK_OK(raw3(SYS_fcntl, file, F_NOTIFY, 0));

    watch_directory(fd, DN_CREATE); /* once */
    CHECK_OK(close((int)CHECK_OK(openat(fd, "a", O_RDWR | O_CREAT, 0600))));
    is_told(fd);
    CHECK_OK(close((int)CHECK_OK(openat(fd, "b", O_RDWR | O_CREAT, 0600))));
    CHECK_OK(unlinkat(fd, "a", 0));
    none();
    watch_directory(fd, DN_DELETE | DN_MULTISHOT);
    CHECK_OK(unlinkat(fd, "b", 0));
    is_told(fd);
    CHECK_OK(mkdirat(fd, "c", 0700));
    none();
    watch_directory(fd, DN_MODIFY); /* added, and all of them remain */
    CHECK_OK(unlinkat(fd, "c", AT_REMOVEDIR));
    is_told(fd);
    CHECK_EQ(write(file, "x", 1), 1);
    is_told(fd);
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    none();
    CHECK_OK(raw3(SYS_fcntl, fd, F_NOTIFY, 0)); /* none any more */
    CHECK_EQ(write(file, "x", 1), 1);
    none();
    watch_directory(fd, DN_ACCESS | DN_MULTISHOT);
    CHECK_EQ(pread(file, &byte, 1, 0), 1);
    is_told(fd);
    CHECK_OK(raw3(SYS_fcntl, fd, F_NOTIFY, DN_MULTISHOT));
}

/* Of what is in the directory, and of itself. */
static void test_attributes(void)
{
    siginfo_t info;
    int seen = 0;

    watch_directory(fd, DN_ATTRIB | DN_MULTISHOT);
    watch_directory(within, DN_ATTRIB | DN_MULTISHOT);
    CHECK_OK(fchmodat(fd, "file", 0640, 0));
    is_told(fd);
    none();
    CHECK_OK(fchmodat(fd, "in", 0755, 0));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(next(&info), SIG);
        seen |= info.si_fd == fd ? 1 : info.si_fd == within ? 2 : 4;
    }
    CHECK_EQ(seen, 3);
    CHECK_OK(raw3(SYS_fcntl, fd, F_NOTIFY, 0));
    CHECK_OK(raw3(SYS_fcntl, within, F_NOTIFY, 0));
}

/* Within the directory alone; and a file that is closed is told nothing. */
static void test_renames(void)
{
    watch_directory(fd, DN_RENAME | DN_MULTISHOT);
    watch_directory(within, DN_RENAME | DN_MULTISHOT);
    CHECK_OK(renameat(fd, "file", within, "file"));
    none();
    CHECK_OK(renameat(fd, "in", fd, "other"));
    is_told(fd);
    none();
    close(fd); /* and so does its end */
    CHECK_OK(renameat(within, "file", within, "g"));
    is_told(within);
    CHECK_OK(unlinkat(within, "g", 0));
    fd = (int)CHECK_OK(open(name, O_RDONLY));
    CHECK_OK(unlinkat(fd, "other", AT_REMOVEDIR));
    none();
    close(within);
    close(fd);
    close(file);
    CHECK_OK(rmdir(name));
    none();
}

int main(void)
{
    sigemptyset(&set);
    sigaddset(&set, SIG);
    sigaddset(&set, SIGIO);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK(mkdtemp(name));
    fd = (int)CHECK_OK(open(name, O_RDONLY));
    CHECK_OK(mkdirat(fd, "in", 0700));
    within = (int)CHECK_OK(openat(fd, "in", O_RDONLY));
    file = (int)CHECK_OK(openat(fd, "file", O_RDWR | O_CREAT, 0600));
    test_events();
    test_attributes();
    test_renames();
    return 0;
}
