/* SPDX-License-Identifier: MIT */
/* /proc/PID/fd and fdinfo: what descriptors lead to, and opening it again. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define NAME "/tmp/proc_fd"

static char text[4096];

static const char *fd_path(int fd)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static void link_mode(int fd, unsigned mode)
{
    struct stat st;

    CHECK_OK(lstat(fd_path(fd), &st));
    CHECK_EQ(st.st_mode, S_IFLNK | mode);
    CHECK_EQ(st.st_size, 64);
}

static void links(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600)), again, dir, place;
    char expected[64], buffer[8];
    struct stat st;
    int ends[2];

    link_is(fd_path(fd), NAME);
    link_mode(fd, 0700);
    CHECK_EQ(write(fd, "content", 7), 7);
    again = (int)CHECK_OK(open(fd_path(fd), O_RDONLY)); /* a description of its own, at 0 */
    link_mode(again, 0500);
    CHECK_EQ(read(again, buffer, 7), 7);
    CHECK(!memcmp(buffer, "content", 7));
    CHECK_ERR(write(again, "x", 1), EBADF);
    close(again);
    CHECK_OK(unlink(NAME));
    link_is(fd_path(fd), NAME " (deleted)");
    again = (int)CHECK_OK(open(fd_path(fd), O_WRONLY | O_TRUNC));
    link_mode(again, 0300);
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 0);
    CHECK_OK(stat(fd_path(fd), &st));
    CHECK_EQ(st.st_nlink, 0);
    close(again);
    close(fd);
    CHECK_ERR(readlink(fd_path(fd), text, sizeof(text)), ENOENT);
    CHECK_ERR(open(fd_path(fd), O_RDONLY), ENOENT);

    dir = (int)CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY));
    link_is(fd_path(dir), "/tmp");
    CHECK_OK(chdir(fd_path(dir)));
    link_is("/proc/self/cwd", "/tmp");
    CHECK_OK(chdir("/"));
    close(dir);
    place = (int)CHECK_OK(open("/tmp", O_PATH));
    link_is(fd_path(place), "/tmp");
    link_mode(place, 0);
    close(place);

    CHECK_OK(pipe(ends));
    CHECK_OK(fstat(ends[0], &st));
    snprintf(expected, sizeof(expected), "pipe:[%lu]", (unsigned long)st.st_ino);
    link_is(fd_path(ends[0]), expected);
    link_is(fd_path(ends[1]), expected);
    link_mode(ends[0], 0500);
    link_mode(ends[1], 0300);
    close(ends[0]);
    close(ends[1]);
}

/* A pipe opened anew is the same pipe, whichever end led there. */
static void pipes(void)
{
    struct pollfd poll_fd = {.events = POLLIN};
    int ends[2], writer, reader;
    struct stat st;
    char byte;

    CHECK_OK(pipe(ends));
    writer = (int)CHECK_OK(open(fd_path(ends[0]), O_WRONLY));
    CHECK_OK(fstat(writer, &st));
    snprintf(text, sizeof(text), "pipe:[%lu]", (unsigned long)st.st_ino);
    link_is(fd_path(writer), text);
    CHECK_EQ(write(writer, "a", 1), 1);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(byte, 'a');
    close(ends[1]);
    poll_fd.fd = ends[0];
    CHECK_EQ(poll(&poll_fd, 1, 0), 0); /* there still is a writer */
    reader = (int)CHECK_OK(open(fd_path(writer), O_RDONLY | O_NONBLOCK));
    CHECK_ERR(read(reader, &byte, 1), EAGAIN);
    close(ends[0]);
    CHECK_EQ(write(writer, "b", 1), 1);
    close(writer);
    CHECK_EQ(read(reader, &byte, 1), 1);
    CHECK_EQ(byte, 'b');
    CHECK_EQ(read(reader, &byte, 1), 0);
    close(reader);
}

static void information(void)
{
    int fd = (int)CHECK_OK(open(NAME, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    char path[64];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
    CHECK_EQ(write(fd, "12345", 5), 5);
    CHECK_OK(fstat(fd, &st));
    text_of(path, text, sizeof(text));
    CHECK_EQ(line_number(text, "pos:"), 5);
    CHECK(line_is(text, "flags:", "02102002"));
    CHECK_EQ(line_number(text, "ino:"), st.st_ino);
    CHECK_OK(fcntl(fd, F_SETFD, 0));
    CHECK_OK(fcntl(fd, F_SETFL, O_NONBLOCK));
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    text_of(path, text, sizeof(text));
    CHECK_EQ(line_number(text, "pos:"), 3);
    CHECK(line_is(text, "flags:", "0104002"));
    close(fd);
    CHECK_ERR(open(path, O_RDONLY), ENOENT);
    CHECK_OK(unlink(NAME));
}

/* Which numbers below 200 the directory lists, but for that by which it is read. */
static unsigned list(const char *path, bool seen[200])
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    unsigned count = 0;
    int last = -1;

    CHECK(dir);
    memset(seen, 0, 200);
    while ((entry = readdir(dir))) {
        int number = atoi(entry->d_name);

        if (entry->d_name[0] == '.' || (number == dirfd(dir) && !strcmp(path, "/proc/self/fd")))
            continue;
        CHECK(number > last && number < 200);
        last = number;
        seen[number] = true;
        count++;
    }
    closedir(dir);
    return count;
}

static void listing(void)
{
    bool seen[200];
    int fds[3], end;
    pid_t pid;

    close(0);
    fds[0] = (int)CHECK_OK(open("/", O_PATH));
    fds[1] = (int)CHECK_OK(dup2(1, 150));
    fds[2] = (int)CHECK_OK(dup2(1, 77));
    CHECK_EQ(list("/proc/self/fd", seen), 5);
    CHECK(seen[0] && seen[1] && seen[2] && seen[77] && seen[150]);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        close(77);
        pause();
    }
    while (list(proc_path(pid, "fd"), seen) != 4)
        usleep(1000);
    CHECK(seen[150] && !seen[77]);
    CHECK_EQ(list(proc_path(pid, "fdinfo"), seen), 4);
    link_is(proc_path(pid, "fd/0"), "/");
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &end, 0), pid);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void standard(void)
{
    int ends[2], out;
    char byte;

    CHECK_OK(pipe(ends));
    CHECK_OK(dup2(ends[0], 0));
    link_is("/dev/fd", "/proc/self/fd");
    link_is("/dev/stdin", "/proc/self/fd/0");
    out = (int)CHECK_OK(open("/dev/fd/0", O_WRONLY));
    CHECK_EQ(write(out, "z", 1), 1);
    close(out);
    out = (int)CHECK_OK(open("/dev/stdin", O_RDONLY));
    CHECK_EQ(read(out, &byte, 1), 1);
    CHECK_EQ(byte, 'z');
    CHECK_ERR(open("/dev/fd/199", O_RDONLY), ENOENT);
    CHECK_ERR(open("/dev/fd/00", O_RDONLY), ENOENT);
}

int main(void)
{
    links();
    pipes();
    information();
    listing();
    standard();
    return 0;
}
