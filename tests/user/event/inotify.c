/* SPDX-License-Identifier: MIT */
/* inotify: which call makes which events, in which order; watches that change and end; what is
 * merged, read in parts, lost; and what is refused. Long because one queue, and what has been read
 * of it, serves all parts. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/asleep.h"
#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define HEAD sizeof(struct inotify_event)
#define ROOM (HEAD + 256)

static char top[] = "/tmp/inotify-XXXXXX"; /* the working directory of this test */
static int queue;
static char bytes[4096];
static size_t filled, at;
static uint32_t cookie; /* of the last event */

/* The next event has this number, mask and name. */
#define EXPECT(wd, mask, name) expect(wd, mask, name, __LINE__)
static void expect(int wd, uint32_t mask, const char *name, int line)
{
    const struct inotify_event *event;

    if (at == filled) {
        at = 0;
        filled = (size_t)read(queue, bytes, sizeof(bytes));
        if (filled == (size_t)-1)
            check_equal(-errno, 1, __FILE__, line, "an event");
    }
    event = (const struct inotify_event *)(bytes + at);
    check_equal(event->mask, mask, __FILE__, line, "mask");
    check_equal(event->wd, wd, __FILE__, line, "watch");
    check_equal(event->len, name ? (long)(strlen(name) / HEAD + 1) * (long)HEAD : 0, __FILE__, line,
                "length of the name");
    if (name)
        check_equal(strcmp(event->name, name), 0, __FILE__, line, event->name);
    cookie = event->cookie;
    at += HEAD + event->len;
}

#define EXPECT_NONE() expect_none(__LINE__)
static void expect_none(int line)
{
    check_equal((long)at, (long)filled, __FILE__, line, "no further event");
    check_error(read(queue, bytes, sizeof(bytes)), EAGAIN, __FILE__, line, "no event");
}

/* Two events, each of the directory and of the file, in either order. */
static void expect_two(uint32_t one, uint32_t other)
{
    const struct inotify_event *event = (const struct inotify_event *)bytes;

    CHECK_EQ(at, filled);
    at = filled = (size_t)CHECK_OK(read(queue, bytes, sizeof(bytes)));
    CHECK_EQ(filled, 2 * (HEAD + 16) + 2 * HEAD);
    CHECK(event->mask == one || event->mask == other);
    event = (const struct inotify_event *)(bytes + filled - HEAD);
    CHECK(event->mask == one || event->mask == other);
    CHECK(event->mask != ((const struct inotify_event *)bytes)->mask);
}

static int watch(const char *path, uint32_t mask)
{
    return (int)CHECK_OK(inotify_add_watch(queue, path, mask));
}

static void unwatch(int wd)
{
    CHECK_OK(inotify_rm_watch(queue, wd));
    EXPECT(wd, IN_IGNORED, NULL);
}

static void make(const char *path)
{
    CHECK_OK(close((int)CHECK_OK(open(path, O_CREAT | O_WRONLY, 0600))));
}

static void check_file(void)
{
    int dir, file, fd;
    char data[4];

    dir = watch(".", IN_ALL_EVENTS);
    fd = (int)CHECK_OK(open("f", O_CREAT | O_RDWR, 0600));
    EXPECT(dir, IN_CREATE, "f");
    EXPECT(dir, IN_OPEN, "f");
    file = watch("f", IN_ALL_EVENTS);
    CHECK_EQ(write(fd, "abcd", 4), 4);
    EXPECT(dir, IN_MODIFY, "f"); /* the directory first */
    EXPECT(file, IN_MODIFY, NULL);
    CHECK_EQ(write(fd, "", 0), 0);
    CHECK_EQ(pread(fd, data, 4, 0), 4);
    EXPECT(dir, IN_ACCESS, "f");
    EXPECT(file, IN_ACCESS, NULL);
    CHECK_EQ(pread(fd, data, 4, 4), 0); /* nothing read */
    EXPECT_NONE();
    CHECK_OK(ftruncate(fd, 1));
    EXPECT(dir, IN_MODIFY, "f");
    EXPECT(file, IN_MODIFY, NULL);
    CHECK_OK(fchmod(fd, 0640));
    EXPECT(dir, IN_ATTRIB, "f");
    EXPECT(file, IN_ATTRIB, NULL);
    CHECK_OK(chown("f", (uid_t)-1, getegid()));
    EXPECT(dir, IN_ATTRIB, "f");
    EXPECT(file, IN_ATTRIB, NULL);
    CHECK_OK(utimensat(AT_FDCWD, "f", NULL, 0));
    EXPECT(dir, IN_ATTRIB, "f");
    EXPECT(file, IN_ATTRIB, NULL);
    CHECK_OK(utimensat(AT_FDCWD, "f", (struct timespec[2]){{1, 1}, {0, UTIME_OMIT}}, 0));
    EXPECT(dir, IN_ACCESS, "f");
    EXPECT(file, IN_ACCESS, NULL);
    CHECK_OK(truncate("f", 0));
    EXPECT(dir, IN_MODIFY, "f");
    EXPECT(file, IN_MODIFY, NULL);
    CHECK_OK(close(fd));
    EXPECT(dir, IN_CLOSE_WRITE, "f");
    EXPECT(file, IN_CLOSE_WRITE, NULL);
    fd = (int)CHECK_OK(open("f", O_RDONLY));
    CHECK_OK(close((int)CHECK_OK(dup(fd)))); /* not the last */
    CHECK_OK(close(fd));
    EXPECT(dir, IN_OPEN, "f");
    EXPECT(file, IN_OPEN, NULL);
    EXPECT(dir, IN_CLOSE_NOWRITE, "f");
    EXPECT(file, IN_CLOSE_NOWRITE, NULL);
    fd = (int)CHECK_OK(open("f", O_WRONLY | O_TRUNC));
    /* Linux before 6.7 tells of the truncation first. */
    expect_two(IN_MODIFY, IN_OPEN);
    CHECK_OK(close(fd));
    EXPECT(dir, IN_CLOSE_WRITE, "f");
    EXPECT(file, IN_CLOSE_WRITE, NULL);
    CHECK_OK(unlink("f"));
    EXPECT(file, IN_ATTRIB, NULL); /* its link count */
    EXPECT(file, IN_DELETE_SELF, NULL);
    EXPECT(file, IN_IGNORED, NULL);
    EXPECT(dir, IN_DELETE, "f");
    EXPECT_NONE();
    CHECK_ERR(inotify_rm_watch(queue, file), EINVAL);
    unwatch(dir);
}

/* Long because each call follows from the names that the one before has left. */
static void check_names(void)
{
    int dir = watch(".", IN_ALL_EVENTS), sub, file, other;
    uint32_t first;

    CHECK_OK(mkdir("d", 0700));
    EXPECT(dir, IN_CREATE | IN_ISDIR, "d");
    CHECK_OK(symlink("nowhere", "l"));
    EXPECT(dir, IN_CREATE, "l");
    CHECK_OK(mkfifo("p", 0600));
    EXPECT(dir, IN_CREATE, "p");
    CHECK_OK(unlink("p"));
    EXPECT(dir, IN_DELETE, "p");
    sub = watch("d", IN_ALL_EVENTS);
    CHECK_ERR(inotify_add_watch(queue, "l", IN_ALL_EVENTS), ENOENT);
    file = watch("l", IN_ALL_EVENTS | IN_DONT_FOLLOW);
    /* From one directory to another: two events of one cookie, and one for the file itself. */
    CHECK_OK(rename("l", "d/m"));
    EXPECT(dir, IN_MOVED_FROM, "l");
    first = cookie;
    CHECK(first != 0);
    EXPECT(sub, IN_MOVED_TO, "m");
    CHECK_EQ(cookie, first);
    EXPECT(file, IN_MOVE_SELF, NULL);
    CHECK_EQ(cookie, 0);
    make("d/n");
    EXPECT(sub, IN_CREATE, "n");
    EXPECT(sub, IN_OPEN, "n");
    EXPECT(sub, IN_CLOSE_WRITE, "n");
    other = watch("d/n", IN_ALL_EVENTS);
    CHECK_OK(rename("d/m", "d/n")); /* over another */
    EXPECT(sub, IN_MOVED_FROM, "m");
    CHECK(cookie != first);
    EXPECT(sub, IN_MOVED_TO, "n");
    EXPECT(other, IN_ATTRIB, NULL);
    EXPECT(file, IN_MOVE_SELF, NULL);
    EXPECT(other, IN_DELETE_SELF, NULL);
    EXPECT(other, IN_IGNORED, NULL);
    CHECK_OK(rename("d/n", "d/n")); /* nothing */
    make("x");
    EXPECT(dir, IN_CREATE, "x");
    EXPECT(dir, IN_OPEN, "x");
    EXPECT(dir, IN_CLOSE_WRITE, "x");
    other = watch("x", IN_ATTRIB);
    CHECK_OK(link("x", "y"));
    EXPECT(other, IN_ATTRIB, NULL);
    EXPECT(dir, IN_CREATE, "y");
    CHECK_OK(unlink("y"));
    EXPECT(other, IN_ATTRIB, NULL);
    EXPECT(dir, IN_DELETE, "y");
    CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "d", 2)); /* they swap */
    EXPECT(dir, IN_MOVED_FROM, "x");
    EXPECT(dir, IN_MOVED_TO, "d");
    EXPECT(dir, IN_MOVED_FROM | IN_ISDIR, "d");
    EXPECT(dir, IN_MOVED_TO | IN_ISDIR, "x");
    EXPECT(sub, IN_MOVE_SELF, NULL); /* never with ISDIR */
    CHECK_OK(unlink("x/n"));
    EXPECT(file, IN_ATTRIB, NULL);
    EXPECT(file, IN_DELETE_SELF, NULL);
    EXPECT(file, IN_IGNORED, NULL);
    EXPECT(sub, IN_DELETE, "n");
    CHECK_OK(rmdir("x"));
    EXPECT(sub, IN_DELETE_SELF, NULL);
    EXPECT(sub, IN_IGNORED, NULL);
    EXPECT(dir, IN_DELETE | IN_ISDIR, "x");
    CHECK_OK(unlink("d"));
    EXPECT(other, IN_ATTRIB, NULL);
    EXPECT(other, IN_IGNORED, NULL);
    EXPECT(dir, IN_DELETE, "d");
    EXPECT_NONE();
    unwatch(dir);
}

static void check_directory(void)
{
    int dir, sub, fd;
    char entries[512];

    CHECK_OK(mkdir("d", 0700));
    dir = watch(".", IN_ALL_EVENTS);
    sub = watch("d", IN_ALL_EVENTS | IN_ONLYDIR);
    fd = (int)CHECK_OK(open("d", O_RDONLY | O_DIRECTORY));
    EXPECT(dir, IN_OPEN | IN_ISDIR, "d");
    EXPECT(sub, IN_OPEN | IN_ISDIR, NULL);
    CHECK(syscall(SYS_getdents64, fd, entries, sizeof(entries)) > 0);
    EXPECT(dir, IN_ACCESS | IN_ISDIR, "d");
    EXPECT(sub, IN_ACCESS | IN_ISDIR, NULL);
    CHECK_OK(fchmod(fd, 0750));
    EXPECT(dir, IN_ATTRIB | IN_ISDIR, "d");
    EXPECT(sub, IN_ATTRIB | IN_ISDIR, NULL);
    CHECK_OK(rmdir("d")); /* open: it lives on */
    EXPECT(dir, IN_DELETE | IN_ISDIR, "d");
    CHECK_OK(close(fd));
    EXPECT(dir, IN_CLOSE_NOWRITE | IN_ISDIR, "d");
    EXPECT(sub, IN_CLOSE_NOWRITE | IN_ISDIR, NULL);
    EXPECT(sub, IN_DELETE_SELF, NULL);
    EXPECT(sub, IN_IGNORED, NULL);
    EXPECT_NONE();
    unwatch(dir);
}

/* Files without a name that are still open. */
static void check_unlinked(void)
{
    int dir = watch(".", IN_MODIFY | IN_CLOSE | IN_EXCL_UNLINK), all, file, fd;

    fd = (int)CHECK_OK(open("u", O_CREAT | O_RDWR, 0600));
    file = watch("u", IN_DELETE_SELF | IN_ATTRIB);
    CHECK_EQ(write(fd, "a", 1), 1);
    EXPECT(dir, IN_MODIFY, "u");
    CHECK_OK(unlink("u"));
    EXPECT(file, IN_ATTRIB, NULL);
    CHECK_EQ(write(fd, "b", 1), 1);
    EXPECT_NONE();
    all = watch(".", IN_MODIFY); /* the same watch without EXCL_UNLINK */
    CHECK_EQ(all, dir);
    CHECK_EQ(write(fd, "c", 1), 1);
    EXPECT(dir, IN_MODIFY, "u");
    CHECK_OK(close(fd));
    EXPECT(file, IN_DELETE_SELF, NULL);
    EXPECT(file, IN_IGNORED, NULL);
    EXPECT_NONE();
    unwatch(dir);
}

static void check_masks(void)
{
    int dir, file, again;

    make("f");
    dir = watch(".", IN_OPEN | IN_ONESHOT);
    make("f");
    EXPECT(dir, IN_OPEN, "f");
    EXPECT(dir, IN_IGNORED, NULL);
    make("f");
    EXPECT_NONE();
    file = watch("f", IN_OPEN);
    CHECK(file > dir); /* numbers are not used again at once */
    CHECK_EQ(watch("f", IN_CLOSE), file);
    make("f");
    EXPECT(file, IN_CLOSE_WRITE, NULL);
    CHECK_EQ(watch("f", IN_OPEN | IN_MASK_ADD), file);
    make("f");
    EXPECT(file, IN_OPEN, NULL);
    EXPECT(file, IN_CLOSE_WRITE, NULL);
    CHECK_ERR(inotify_add_watch(queue, "f", IN_OPEN | IN_MASK_CREATE), EEXIST);
    CHECK_ERR(inotify_add_watch(queue, "f", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD), EINVAL);
    CHECK_ERR(inotify_add_watch(queue, "f", IN_OPEN | IN_ONLYDIR), ENOTDIR);
    CHECK_ERR(inotify_add_watch(queue, "f", 0), EINVAL);
    CHECK_ERR(inotify_add_watch(queue, "f", 0x1000), EINVAL);
    CHECK_ERR(inotify_add_watch(-1, "f", IN_OPEN), EBADF);
    CHECK_ERR(inotify_add_watch(0, "f", IN_OPEN), EINVAL);
    CHECK_ERR(inotify_add_watch(queue, "", IN_OPEN), ENOENT);
    CHECK_EQ(raw3(SYS_inotify_add_watch, queue, 8, IN_OPEN), -EFAULT);
    CHECK_ERR(inotify_rm_watch(queue, file + 100), EINVAL);
    CHECK_ERR(inotify_rm_watch(0, 1), EINVAL);
    CHECK_ERR(inotify_rm_watch(-1, 1), EBADF);
    CHECK_ERR(inotify_init1(IN_NONBLOCK | 1), EINVAL);
    unwatch(file);
    again = watch("f", IN_OPEN | IN_MASK_CREATE);
    unwatch(again);
    if (geteuid()) {
        CHECK_OK(chmod("f", 0200));
        CHECK_ERR(inotify_add_watch(queue, "f", IN_OPEN), EACCES);
    }
    CHECK_OK(unlink("f"));
}

static int pending(void)
{
    int nbytes = -1;

    CHECK_OK(ioctl(queue, FIONREAD, &nbytes));
    return nbytes;
}

static void check_reads(void)
{
    struct pollfd ready = {.fd = queue, .events = POLLIN};
    int epoll = (int)CHECK_OK(epoll_create1(0)), dir, pipe_fd[2], file;
    struct epoll_event event = {.events = EPOLLIN};
    char room[ROOM];

    dir = watch(".", IN_OPEN | IN_CREATE);
    CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, queue, &event));
    CHECK_EQ(poll(&ready, 1, 0), 0);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
    make("f");
    make("f");
    make("f");
    CHECK_EQ(poll(&ready, 1, 0), 1);
    CHECK_EQ(ready.revents, POLLIN);
    CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 1);
    /* CREATE, then OPEN for three times: equal ones behind each other are one. */
    CHECK_EQ(pending(), 2 * (HEAD + 16));
    CHECK_ERR(read(queue, room, HEAD), EINVAL);
    CHECK_ERR(read(queue, room, 0), EINVAL);
    CHECK_EQ(read(queue, room, HEAD + 16 + 10), HEAD + 16);
    CHECK_EQ(pending(), HEAD + 16);
    CHECK_EQ(raw3(SYS_read, queue, 8, 100), -EFAULT); /* and the event is lost */
    CHECK_EQ(pending(), 0);
    CHECK_ERR(write(queue, "x", 1), EBADF);
    /* A name of 15 and one of 16 bytes, with their NUL. */
    make("123456789012345");
    CHECK_EQ(pending(), 2 * (HEAD + 16));
    EXPECT(dir, IN_CREATE, "123456789012345");
    EXPECT(dir, IN_OPEN, "123456789012345");
    make("1234567890123456");
    EXPECT(dir, IN_CREATE, "1234567890123456");
    EXPECT(dir, IN_OPEN, "1234567890123456");
    CHECK_OK(unlink("123456789012345"));
    CHECK_OK(unlink("1234567890123456"));
    unwatch(dir);
    CHECK_OK(close(epoll));

    /* What has no name can be watched, too. */
    CHECK_OK(pipe(pipe_fd));
    snprintf(room, sizeof(room), "/proc/self/fd/%d", pipe_fd[0]);
    file = watch(room, IN_MODIFY | IN_ACCESS);
    CHECK_EQ(write(pipe_fd[1], "ab", 2), 2);
    EXPECT(file, IN_MODIFY, NULL);
    CHECK_EQ(read(pipe_fd[0], room, 2), 2);
    EXPECT(file, IN_ACCESS, NULL);
    CHECK_OK(close(pipe_fd[0]));
    CHECK_OK(close(pipe_fd[1]));
    inotify_rm_watch(queue, file);
    while (read(queue, bytes, sizeof(bytes)) > 0)
        ;
    CHECK_OK(unlink("f"));
}

static void read_one(void)
{
    char room[ROOM];
    int flags = (int)CHECK_OK(fcntl(queue, F_GETFL));

    CHECK_OK(fcntl(queue, F_SETFL, flags & ~O_NONBLOCK));
    CHECK_EQ(read(queue, room, sizeof(room)), HEAD + 16);
}

static void check_waiting(void)
{
    int dir = watch(".", IN_CREATE), flags;
    pid_t child = (pid_t)CHECK_OK(fork());

    if (child == 0) {
        read_one();
        _exit(0);
    }
    asleep_await(child);
    make("f");
    CHECK_EQ(child_end(child), 0);
    flags = (int)CHECK_OK(fcntl(queue, F_GETFL));
    CHECK_OK(fcntl(queue, F_SETFL, flags | O_NONBLOCK));
    unwatch(dir);
    CHECK_OK(unlink("f"));
}

static void check_overflow(void)
{
    int a, b, most = 16384, count = 0, last = 0;
    FILE *limit = fopen("/proc/sys/fs/inotify/max_queued_events", "r");

    if (limit) {
        CHECK_EQ(fscanf(limit, "%d", &most), 1);
        fclose(limit);
    }
    make("a");
    make("b");
    a = watch("a", IN_ATTRIB);
    b = watch("b", IN_ATTRIB);
    for (int i = 0; i < most / 2 + 10; i++) {
        CHECK_OK(chmod("a", 0600));
        CHECK_OK(chmod("b", 0600));
    }
    while ((filled = (size_t)read(queue, bytes, sizeof(bytes))) != (size_t)-1) {
        for (at = 0; at < filled; at += HEAD, count++) {
            const struct inotify_event *event = (const struct inotify_event *)(bytes + at);

            last = event->wd;
            CHECK_EQ(event->mask, last == -1 ? IN_Q_OVERFLOW : IN_ATTRIB);
        }
    }
    at = filled = 0;
    CHECK_EQ(count, most + 1);
    CHECK_EQ(last, -1);
    CHECK_OK(chmod("a", 0600)); /* there is room again */
    EXPECT(a, IN_ATTRIB, NULL);
    unwatch(a);
    unwatch(b);
    CHECK_OK(unlink("a"));
    CHECK_OK(unlink("b"));
}

/* 128 by default; a host may allow more than there are descriptors. */
static void check_limits(void)
{
    char text[32] = "";
    int fds[1100], count = 0;
    int fd = (int)CHECK_OK(open("/proc/sys/fs/inotify/max_user_instances", O_RDONLY));

    CHECK(read(fd, text, sizeof(text) - 1) > 0);
    CHECK_OK(close(fd));
    if (atol(text) >= 1000)
        return;
    while (count < 1100 && (fds[count] = inotify_init1(0)) >= 0)
        count++;
    CHECK(count < 1100);
    CHECK_EQ(errno, EMFILE);
    while (count > 0)
        close(fds[--count]);
}

static void check_info(void)
{
    int dir = watch(".", IN_OPEN);
    char path[64], text[512], want[64];
    ssize_t len;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", queue);
    fd = (int)CHECK_OK(open(path, O_RDONLY));
    len = CHECK_OK(read(fd, text, sizeof(text) - 1));
    text[len] = '\0';
    snprintf(want, sizeof(want), "inotify wd:%x ino:", (unsigned)dir);
    CHECK(strstr(text, want) != NULL);
    CHECK(strstr(text, " mask:20 ignored_mask:0 ") != NULL || strstr(text, " mask:8000020 "));
    CHECK_OK(close(fd));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", queue);
    len = CHECK_OK(readlink(path, text, sizeof(text) - 1));
    text[len] = '\0';
    CHECK_EQ(strcmp(text, "anon_inode:inotify"), 0);
    CHECK_EQ(fcntl(queue, F_GETFL), O_RDONLY | O_NONBLOCK);
    unwatch(dir);
}

/* Watches keep no file system from being unmounted, and are told. In any order of the two files,
 * and nothing where the test may not mount. */
static void check_unmount(void)
{
    int dir, file;
    uint32_t masks = 0;

    CHECK_OK(mkdir("m", 0700));
    if (mount("none", "m", "tmpfs", 0, NULL) != 0) {
        CHECK_OK(rmdir("m"));
        return;
    }
    make("m/f");
    dir = watch("m", IN_DELETE);
    file = watch("m/f", IN_DELETE_SELF);
    CHECK_OK(umount("m"));
    filled = (size_t)CHECK_OK(read(queue, bytes, sizeof(bytes)));
    CHECK_EQ(filled, 4 * HEAD);
    for (at = 0; at < filled; at += 2 * HEAD) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);

        CHECK(event->wd == dir || event->wd == file);
        CHECK_EQ(event->mask, event->wd == dir ? IN_UNMOUNT | IN_ISDIR : IN_UNMOUNT);
        CHECK_EQ(event[1].wd, event->wd);
        CHECK_EQ(event[1].mask, IN_IGNORED);
        masks |= event->wd == dir ? 1 : 2;
    }
    CHECK_EQ(masks, 3);
    CHECK_ERR(inotify_rm_watch(queue, dir), EINVAL);
    CHECK_OK(rmdir("m"));
}

int main(void)
{
    CHECK(mkdtemp(top) != NULL);
    CHECK_OK(chdir(top));
    queue = (int)CHECK_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    CHECK_EQ(fcntl(queue, F_GETFD), FD_CLOEXEC);
    check_file();
    check_names();
    check_directory();
    check_unlinked();
    check_masks();
    check_reads();
    check_waiting();
    check_overflow();
    check_limits();
    check_info();
    check_unmount();
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(top));
    return 0;
}
