/* SPDX-License-Identifier: MIT */
/* Descriptors closed, or replaced, while another task with the same table is in a call on them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"

static volatile long *answers; /* of the other task */
static int ends[2];

/* A child with this process's own table of descriptors, but memory of its own. */
static int start(void)
{
    return (int)CHECK_OK(raw6(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0, 0));
}

static void finish(int pid)
{
    int status;

    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static long failure(long got)
{
    return got < 0 ? -errno : got;
}

/* A reader goes on with the file that it began with; its next call finds no descriptor. */
static void check_reader(int replace)
{
    char c = 0;
    int pid;

    CHECK_OK(pipe(ends));
    pid = start();
    if (pid == 0) {
        answers[0] = failure(read(ends[0], &c, 1));
        answers[1] = c;
        answers[2] = failure(read(ends[0], &c, 1));
        _exit(0);
    }
    asleep_await(pid);
    if (replace)
        CHECK_EQ(dup2(open("/dev/null", O_RDONLY), ends[0]), ends[0]);
    else
        CHECK_OK(close(ends[0]));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    finish(pid);
    CHECK_EQ(answers[0], 1);
    CHECK_EQ(answers[1], 'x');
    CHECK_EQ(answers[2], replace ? 0 : -EBADF);
    for (int fd = 3; fd < 10; fd++)
        close(fd);
}

/* The writing end closed under a writer that waits for room: what it writes arrives, then the end.
 */
static void check_writer(void)
{
    static char block[65536], got[65536];
    size_t total = 0;
    ssize_t n;
    int pid;

    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], block, sizeof(block)), sizeof(block));
    pid = start();
    if (pid == 0) {
        answers[0] = failure(write(ends[1], block, sizeof(block)));
        answers[1] = failure(write(ends[1], block, 1));
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(close(ends[1]));
    while ((n = CHECK_OK(read(ends[0], got, sizeof(got)))) > 0)
        total += (size_t)n;
    finish(pid);
    CHECK_EQ(total, 2 * sizeof(block));
    CHECK_EQ(answers[0], sizeof(block));
    CHECK_EQ(answers[1], -EBADF);
    CHECK_OK(close(ends[0]));
}

/* The last other end goes while a task waits: end of file, or a broken pipe. */
static void check_other_end(void)
{
    static char block[65536];
    char c;
    int pid;

    CHECK_OK(pipe(ends));
    pid = start();
    if (pid == 0) {
        answers[0] = failure(read(ends[0], &c, 1));
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(close(ends[1]));
    finish(pid);
    CHECK_EQ(answers[0], 0);
    CHECK_OK(close(ends[0]));
    CHECK_OK(pipe(ends));
    CHECK_EQ(write(ends[1], block, sizeof(block)), sizeof(block));
    pid = start();
    if (pid == 0) {
        signal(SIGPIPE, SIG_IGN);
        answers[0] = failure(write(ends[1], "x", 1));
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(close(ends[0]));
    finish(pid);
    CHECK_EQ(answers[0], -EPIPE);
    CHECK_OK(close(ends[1]));
}

static void check_poller(int with_select)
{
    int pid;

    CHECK_OK(pipe(ends));
    pid = start();
    if (pid == 0) {
        struct pollfd p = {.fd = ends[0], .events = POLLIN};
        fd_set set;
        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        answers[0] = with_select ? failure(select(ends[0] + 1, &set, NULL, NULL, NULL))
                                 : failure(poll(&p, 1, -1));
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(close(ends[0]));
    CHECK_EQ(write(ends[1], "x", 1), 1);
    finish(pid);
    CHECK_EQ(answers[0], 1);
    CHECK_OK(close(ends[1]));
}

/* A record lock that comes after its descriptor has gone must not stay. */
static void check_lock(void)
{
    struct flock l = {.l_type = F_WRLCK};
    int fd = (int)CHECK_OK(open("/tmp/closed_under", O_RDWR | O_CREAT, 0600));
    int ready[2], go[2], holder, pid;
    char c;

    CHECK_OK(pipe(ready));
    CHECK_OK(pipe(go));
    holder = (int)CHECK_OK(fork());
    if (holder == 0) {
        CHECK_OK(fcntl(fd, F_SETLK, &l));
        CHECK_EQ(write(ready[1], "x", 1), 1);
        CHECK_EQ(read(go[0], &c, 1), 1);
        _exit(0);
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    pid = start();
    if (pid == 0) {
        answers[0] = failure(fcntl(fd, F_SETLKW, &l));
        _exit(0);
    }
    asleep_await(pid);
    CHECK_OK(close(fd));
    CHECK_EQ(write(go[1], "x", 1), 1);
    finish(pid);
    finish(holder);
    CHECK_EQ(answers[0], -EBADF);
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        fd = (int)CHECK_OK(open("/tmp/closed_under", O_RDWR));
        CHECK_OK(fcntl(fd, F_SETLK, &l)); /* free */
        _exit(0);
    }
    finish(pid);
    CHECK_OK(unlink("/tmp/closed_under"));
}

/* Many at a time: two tasks open, use and close the same numbers. */
static void check_race(void)
{
    int pid = start();

    for (int i = 0; i < 2000; i++) {
        int fd = open("/dev/zero", O_RDWR);
        char c;
        struct pollfd p = {.fd = 3, .events = POLLIN};

        read(3, &c, 1);
        dup2(3, 4);
        poll(&p, 1, 0);
        close(3);
        close(4);
        close(fd);
    }
    if (pid == 0)
        _exit(0);
    finish(pid);
}

int main(void)
{
    answers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(answers != MAP_FAILED);
    check_reader(0);
    check_reader(1);
    check_writer();
    check_other_end();
    check_poller(0);
    check_poller(1);
    check_lock();
    check_race();
    return 0;
}
