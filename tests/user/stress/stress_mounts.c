/* SPDX-License-Identifier: MIT */
/*
 * Bind mounts, moves, lazy unmounts, new and entered name spaces, chroots, path walks and readers
 * of the list of mounts, all at once in one small tree. What each call answers depends on the
 * others; what is checked is that what a walk has found stays what it is, and that all ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define BASE "/tmp/r"

static const char *const places[] = {BASE "/a",   BASE "/b",   BASE "/c",
                                     BASE "/a/d", BASE "/b/d", BASE "/c/d"};
#define PLACES (sizeof(places) / sizeof(places[0]))

static unsigned seed;

static unsigned pick(unsigned limit)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 16) % limit;
}

static const char *any(void)
{
    return places[pick(PLACES)];
}

/* Whether it works depends on the others: only impossible answers fail. */
static void may_fail(int result)
{
    CHECK(result >= 0 || (errno != EFAULT && errno != ENOSYS));
}

static void change(void)
{
    switch (pick(7)) {
    case 0:
        may_fail(mount(any(), any(), NULL, MS_BIND | (pick(2) ? MS_REC : 0), NULL));
        break;
    case 1:
        may_fail(mount(any(), any(), NULL, MS_MOVE, NULL));
        break;
    case 2:
        may_fail(mount("r", any(), "tmpfs", 0, NULL));
        break;
    case 3:
        may_fail(mount(NULL, any(), NULL, MS_REMOUNT | MS_BIND | (pick(2) ? MS_RDONLY : 0), NULL));
        break;
    case 4:
        may_fail(umount2(any(), MNT_EXPIRE));
        break;
    default:
        may_fail(umount2(any(), pick(3) ? MNT_DETACH : 0));
    }
}

static void walk(void)
{
    static const char *const names[] = {"f", "d/f", "d/../f", "d/..", "../a/f", "d", "link"};
    char path[128], cwd[512];
    struct stat one, other;
    int fd;

    snprintf(path, sizeof(path), "%s/%s", any(), names[pick(7)]);
    fd = open(path, pick(4) ? O_RDONLY : O_RDWR | O_CREAT, 0600);
    if (fd >= 0) {
        CHECK_OK(fstat(fd, &one));
        CHECK_OK(fstat(fd, &other));
        CHECK(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
        if (S_ISDIR(one.st_mode) && fchdir(fd) == 0) {
            may_fail((int)syscall(SYS_getcwd, cwd, sizeof(cwd)));
            may_fail(stat("../..", &one));
            may_fail(chdir("/"));
        }
        close(fd);
    }
    may_fail(stat(path, &one));
    snprintf(path, sizeof(path), "%s/%s", any(), pick(2) ? "d" : "x");
    may_fail(pick(2) ? mkdir(path, 0755) : pick(2) ? rmdir(path) : rename(path, any()));
}

static void list(void)
{
    char buffer[8192];
    int fd = (int)CHECK_OK(open(pick(2) ? "/proc/self/mountinfo" : "/proc/self/mounts", O_RDONLY));

    while (CHECK_OK(read(fd, buffer, sizeof(buffer))) > 0)
        ;
    close(fd);
}

/* A child in a name space of its own, which goes with it. */
static void space(void)
{
    int self_fd = (int)CHECK_OK(open("/proc/self/ns/mnt", O_RDONLY));
    pid_t child = fork();
    int status;

    CHECK(child >= 0);
    if (child == 0) {
        if (unshare(CLONE_NEWNS) != 0)
            _exit(errno == ENOMEM || errno == ENOSPC ? 0 : 1);
        for (int i = 0; i < 10; i++) {
            change();
            walk();
        }
        if (pick(2))
            may_fail(chroot(any()));
        if (pick(2))
            may_fail((int)syscall(SYS_pivot_root, BASE "/a", BASE "/a/d"));
        for (int i = 0; i < 10; i++)
            walk();
        if (pick(2) && setns(self_fd, CLONE_NEWNS) == 0)
            change();
        _exit(0);
    }
    close(self_fd);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

static void worker(unsigned number)
{
    static void (*const works[])(void) = {change, walk, walk, list, space, change, walk, space};

    seed = number * 7919 + 1;
    do
        works[number % 8]();
    while (stress_goes_on());
    _exit(0);
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("r", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(mkdir(BASE, 0755));
    CHECK_OK(mount("r", BASE, "tmpfs", 0, NULL));
    for (unsigned i = 0; i < PLACES; i++)
        CHECK_OK(mkdir(places[i], 0755));
    CHECK_OK(symlink("d/f", BASE "/a/link"));
    for (unsigned i = 0; i < 8; i++)
        if (CHECK_OK(fork()) == 0)
            worker(i);
    for (unsigned i = 0; i < 8; i++) {
        int status;

        CHECK_OK(wait(&status));
        CHECK_EQ(status, 0);
    }
    return 0;
}
