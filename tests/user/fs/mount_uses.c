/* SPDX-License-Identifier: MIT */
/*
 * When a mount is in use, by whatever way it is reached: magic links, "." over which something
 * lies, pivot_root with one directory for both, names that are mount points as seen from a mount
 * that has been detached or from another name space.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static void make(const char *path)
{
    close((int)CHECK_OK(open(path, O_WRONLY | O_CREAT, 0600)));
}

static const char *link_of(int fd)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

/* Something of it is used, all by one reference. */
static void magic_links(const char *place)
{
    char cwd[] = "/proc/self/cwd";
    int fd;

    CHECK_OK(chdir(place));
    CHECK_ERR(umount2(cwd, 0), EBUSY);
    CHECK_ERR(umount2(".", 0), EBUSY);
    CHECK_ERR(umount2(cwd, MNT_EXPIRE), EBUSY);
    CHECK_OK(chdir("/tmp/m"));
    fd = (int)CHECK_OK(open(place, O_PATH));
    CHECK_ERR(umount2(link_of(fd), 0), EBUSY);
    CHECK_ERR(umount2(link_of(fd), MNT_EXPIRE), EBUSY);
    CHECK_ERR(umount2(place, 0), EBUSY);
    close(fd);
    fd = (int)CHECK_OK(open(place, O_RDONLY));
    CHECK_ERR(umount2(link_of(fd), 0), EBUSY);
    CHECK_OK(umount2(link_of(fd), MNT_DETACH));
    CHECK_ERR(umount2(link_of(fd), 0), EINVAL);
    CHECK_ERR(umount2(place, 0), EINVAL);
    close(fd);
}

/* What lies on "." is meant by umount2, and is where ".." of the root leads. */
static void covered(void)
{
    CHECK_OK(chdir("b"));
    CHECK_OK(mount("one", ".", "tmpfs", 0, NULL));
    make("/tmp/m/b/one");
    CHECK_ERR(access("one", F_OK), ENOENT);
    CHECK_OK(mount("two", ".", "tmpfs", 0, NULL));
    make("/tmp/m/b/two");
    CHECK_ERR(umount2(".", MNT_EXPIRE), EAGAIN);
    CHECK_OK(umount2(".", MNT_EXPIRE));
    CHECK_OK(access("/tmp/m/b/one", F_OK));
    CHECK_OK(umount2(".", 0));
    CHECK_ERR(umount2(".", 0), EINVAL);
    CHECK_OK(chdir("/tmp/m"));
    CHECK_OK(rmdir("b"));
    CHECK_OK(mkdir("b", 0755));
}

static void new_root(int bind)
{
    char path[PATH_MAX];
    long child = CHECK_OK(fork());

    if (child) {
        CHECK_EQ(child_end((int)child), 0);
        return;
    }
    CHECK_OK(unshare(CLONE_NEWNS));
    if (bind)
        CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    else
        CHECK_OK(mount("new", "b", "tmpfs", 0, NULL));
    CHECK_OK(chdir("b"));
    make("new");
    CHECK_OK(syscall(SYS_pivot_root, ".", "."));
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/"));
    CHECK_OK(access("/new", F_OK));
    CHECK_OK(access("new", F_OK));
    /* The old one lies on top. */
    CHECK_ERR(access("../new", F_OK), ENOENT);
    CHECK_OK(access("/../tmp/m/a", F_OK));
    CHECK_ERR(umount2(".", 0), EBUSY); /* others lie in it */
    CHECK_OK(umount2(".", MNT_DETACH));
    CHECK_OK(access("../new", F_OK));
    CHECK_OK(access("/../new", F_OK));
    CHECK_ERR(syscall(SYS_pivot_root, ".", "."), EBUSY);
    _exit(0);
}

/* A mount point of the caller's is one wherever its name is seen. */
static void detached_view(void)
{
    int fd;

    CHECK_OK(mkdir("a/point", 0755));
    make("a/file");
    CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    fd = (int)CHECK_OK(open("b", O_PATH));
    CHECK_OK(umount2("b", MNT_DETACH));
    CHECK_OK(mount("on", "a/point", "tmpfs", 0, NULL));
    make("a/point/on");
    CHECK_OK(mount("a/point/on", "a/file", NULL, MS_BIND, NULL));
    CHECK_ERR(unlinkat(fd, "point", AT_REMOVEDIR), EBUSY);
    CHECK_ERR(unlinkat(fd, "file", 0), EBUSY);
    CHECK_OK(access("a/point/on", F_OK));
    CHECK_OK(umount("a/file"));
    CHECK_OK(umount("a/point"));
    CHECK_OK(unlinkat(fd, "point", AT_REMOVEDIR));
    CHECK_OK(unlinkat(fd, "file", 0));
    close(fd);
}

static void foreign_view(void)
{
    char path[64], inner[96];
    long child;

    CHECK_OK(mkdir("a/own", 0755));
    CHECK_OK(mkdir("a/its", 0755));
    CHECK_OK(mkdir("a/moves", 0755));
    CHECK_OK(mkdir("a/empty", 0755));
    make("a/file");
    make("a/other");
    make("a/new");
    CHECK_OK(mount("own", "a/own", "tmpfs", 0, NULL));
    child = CHECK_OK(fork());
    if (child == 0) {
        CHECK_OK(unshare(CLONE_NEWNS));
        CHECK_OK(umount("a/own"));
        CHECK_OK(mount("its", "a/its", "tmpfs", 0, NULL));
        CHECK_OK(mount("its", "a/its", "tmpfs", 0, NULL));
        CHECK_OK(mount("moves", "a/moves", "tmpfs", 0, NULL));
        CHECK_OK(mount("a/file", "a/other", NULL, MS_BIND, NULL));
        make("a/moves/it");
        make("a/its/its");
        pause();
    }
    snprintf(path, sizeof(path), "/proc/%ld/root/tmp/m/a/its", child);
    snprintf(inner, sizeof(inner), "%s/its", path);
    while (access(inner, F_OK) != 0)
        usleep(1000);
    /* Seen by way of the other name space, what counts is still the caller's. */
    snprintf(inner, sizeof(inner), "/proc/%ld/root/tmp/m/a/own", child);
    CHECK_ERR(rmdir(inner), EBUSY);
    CHECK_OK(rmdir(path));
    CHECK_ERR(access("a/its", F_OK), ENOENT);
    /* Renamed, a name keeps what lies on it elsewhere; replaced, it loses that. */
    CHECK_OK(rename("a/moves", "a/moved"));
    snprintf(inner, sizeof(inner), "/proc/%ld/root/tmp/m/a/moved/it", child);
    CHECK_OK(access(inner, F_OK));
    CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "a/moved", AT_FDCWD, "a/empty", 2)); /* EXCHANGE */
    snprintf(inner, sizeof(inner), "/proc/%ld/root/tmp/m/a/empty/it", child);
    CHECK_OK(access(inner, F_OK));
    CHECK_OK(rename("a/moved", "a/empty"));
    CHECK_ERR(access(inner, F_OK), ENOENT);
    CHECK_OK(rename("a/new", "a/other"));
    CHECK_ERR(rename("a/own", "a/else"), EBUSY);
    CHECK_ERR(rename("a/empty", "a/own"), EBUSY);
    CHECK_ERR(syscall(SYS_renameat2, AT_FDCWD, "a/empty", AT_FDCWD, "a/own", 2), EBUSY);
    CHECK_OK(rmdir("a/empty"));
    CHECK_OK(unlink("a/other"));
    CHECK_OK(unlink("a/file"));
    CHECK_OK(kill((int)child, SIGKILL));
    CHECK_OK(waitpid((int)child, NULL, 0));
    CHECK_OK(umount("a/own"));
    CHECK_OK(rmdir("a/own"));
}

/* The way up, from as many mounts on one place as there may be (on Linux, as many as one likes). */
static void stacked(void)
{
    struct stat one, other;
    int count = 0;

    CHECK_OK(mkdir("d", 0755));
    while (count < 1050 && mount("d", "d", "tmpfs", 0, NULL) == 0)
        count++;
    CHECK(count > 900 && (count == 1050 || errno == ENOSPC));
    CHECK_OK(chdir("d"));
    CHECK_OK(stat("..", &one));
    CHECK_OK(stat("/tmp/m", &other));
    CHECK(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    CHECK_OK(chdir("/tmp/m"));
    while (count--)
        CHECK_OK(umount("d"));
    CHECK_ERR(umount("d"), EINVAL);
}

/* The way up from a bound directory, deep in a tree, and one that has been moved out of it. */
static void deep(void)
{
    CHECK_OK(mkdir("a/sub", 0755));
    CHECK_OK(chdir("a/sub"));
    for (int i = 0; i < 3000; i++) {
        CHECK_OK(mkdir("x", 0755));
        CHECK_OK(chdir("x"));
    }
    CHECK_OK(chdir("/tmp/m"));
    CHECK_OK(mount("a/sub", "d", NULL, MS_BIND, NULL));
    CHECK_OK(chdir("d"));
    for (int i = 0; i < 3000; i++)
        CHECK_OK(chdir("x"));
    CHECK_ERR(chdir("x"), ENOENT);
    for (int i = 0; i < 1000; i++)
        CHECK_OK(chdir(".."));
    CHECK_OK(rename("/tmp/m/a/sub/x", "/tmp/m/a/x"));
    CHECK_ERR(chdir(".."), ENOENT);
    CHECK_OK(rename("/tmp/m/a/x", "/tmp/m/a/sub/x"));
    for (int i = 0; i < 2001; i++)
        CHECK_OK(chdir(".."));
    CHECK_OK(access("a/sub", F_OK));
    CHECK_OK(umount("d"));
}

int main(void)
{
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("m", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(mkdir("/tmp/m", 0755));
    CHECK_OK(mount("m", "/tmp/m", "tmpfs", 0, NULL));
    CHECK_OK(chdir("/tmp/m"));
    CHECK_OK(mkdir("a", 0755));
    CHECK_OK(mkdir("b", 0755));
    CHECK_OK(mount("b", "b", "tmpfs", 0, NULL));
    magic_links("b");
    CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    magic_links("b");
    covered();
    new_root(0);
    new_root(1);
    detached_view();
    foreign_view();
    stacked();
    deep();
    return 0;
}
