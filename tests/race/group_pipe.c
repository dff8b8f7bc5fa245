/* SPDX-License-Identifier: MIT */
/*
 * A pipe and a FIFO: written, read, resized, spliced, opened and closed from all sides.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/race/race.h"

#define BLOCK 70000

static int ends[2], null_fd;
static char block[BLOCK];

static const char *begin(void)
{
    signal(SIGPIPE, SIG_IGN);
    CHECK_OK(pipe2(ends, O_NONBLOCK));
    CHECK_OK(mkfifo("fifo", 0600));
    null_fd = (int)CHECK_OK(open("/dev/null", O_WRONLY));
    return NULL;
}

/* Emptied, it takes a page and gives it back. */
static void end(void)
{
    while (read(ends[0], block, BLOCK) > 0)
        ;
    if (write(ends[1], block, RACE_PAGE) != (ssize_t)RACE_PAGE ||
        read(ends[0], block, BLOCK) != (ssize_t)RACE_PAGE)
        race_wrong("a page does not go through, errno", errno);
    close(ends[0]);
    close(ends[1]);
    unlink("fifo");
}

static void do_write(struct race_worker *worker)
{
    raw3(SYS_write, ends[1], block, 1 + race_random(worker, BLOCK));
}

static void do_read(struct race_worker *worker)
{
    char bytes[8192];
    struct iovec parts[2] = {{bytes, 1 + race_random(worker, 4096)}, {bytes + 4096, 4096}};

    raw3(SYS_readv, ends[0], parts, 2);
}

static void do_size(struct race_worker *worker)
{
    raw3(SYS_fcntl, ends[1], F_SETPIPE_SZ, (long)(RACE_PAGE << race_random(worker, 7)));
    raw3(SYS_fcntl, ends[0], F_GETPIPE_SZ, 0);
}

static void do_poll(struct race_worker *worker)
{
    struct pollfd list[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = ends[1], .events = POLLOUT}};
    int waiting;

    raw3(SYS_poll, list, 1 + race_random(worker, 2), race_random(worker, 2));
    raw3(SYS_ioctl, ends[0], FIONREAD, &waiting);
}

static void do_splice(struct race_worker *worker)
{
    raw_call(SYS_splice, ends[0], 0, null_fd, 0, 1 + race_random(worker, BLOCK), SPLICE_F_NONBLOCK);
}

static void do_fifo(struct race_worker *worker)
{
    static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR};
    long fd = raw3(SYS_open, "fifo", modes[race_random(worker, 3)] | O_NONBLOCK | O_CLOEXEC, 0);

    raw3(SYS_write, fd, "text", 4);
    raw3(SYS_read, fd, block, 100);
    raw1(SYS_close, fd);
}

static void do_reopen(struct race_worker *worker)
{
    char path[64];
    long fd;

    race_proc_path(path, race_shared->pids[race_random(worker, RACE_WORKERS)],
                   race_random(worker, 2) ? "fd/3" : "fd/4");
    fd = raw3(SYS_open, path, (race_random(worker, 2) ? O_RDONLY : O_WRONLY) | O_NONBLOCK, 0);
    raw3(SYS_read, fd, block, 100);
    raw1(SYS_close, fd);
}

/* A child blocks in a pipe of its own until the other end goes. */
static void do_block(struct race_worker *worker)
{
    int own[2];
    long pid;

    if (raw2(SYS_pipe2, own, O_CLOEXEC) != 0)
        return;
    pid = race_fork(0);
    if (pid == 0) {
        raw1(SYS_close, own[1]);
        raw3(SYS_read, own[0], block, 10);
        race_exit(0);
    }
    if (race_random(worker, 2))
        raw3(SYS_write, own[1], "x", 1);
    raw1(SYS_close, own[1]);
    raw1(SYS_close, own[0]);
    if (pid > 0)
        race_wait(pid);
}

static const struct race_op ops[] = {
    {"write", do_write},   {"read", do_read},     {"size", do_size},
    {"poll", do_poll},     {"splice", do_splice}, {"fifo", do_fifo},
    {"reopen", do_reopen}, {"block", do_block},   {NULL, NULL}};

const struct race_group race_pipe = {"pipe", 0, begin, end, ops};
