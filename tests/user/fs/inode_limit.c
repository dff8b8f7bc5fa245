/* SPDX-License-Identifier: MIT */
/*
 * A tmpfs has as many inodes as its option says, names of one file included: all that a program can
 * put into it is counted, whatever it is, and given back when it goes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR   "/tmp/inode_limit"
#define LIMIT 20

static long free_inodes(void)
{
    struct statfs fs;

    CHECK_OK(statfs(".", &fs));
    CHECK_EQ(fs.f_files, LIMIT);
    return (long)fs.f_ffree;
}

static long make_node(const char *name)
{
    return mknod(name, S_IFREG | 0600, 0);
}

static long make_fifo(const char *name)
{
    return mkfifo(name, 0600);
}

static long make_directory(const char *name)
{
    return mkdir(name, 0700);
}

static long make_symlink(const char *name)
{
    return symlink("somewhere", name);
}

static long make_link(const char *name)
{
    return link("target", name);
}

static long make_by_open(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    return fd < 0 ? -1 : close(fd);
}

/* Until it fails, and back. The file system has `there` inodes in use already. */
static void check_limit(long (*make)(const char *name), int there, bool directories)
{
    char name[16];

    CHECK_EQ(free_inodes(), LIMIT - there);
    for (int i = there; i < LIMIT; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        CHECK_OK(make(name));
    }
    CHECK_EQ(free_inodes(), 0);
    CHECK_ERR(make("more"), ENOSPC);
    CHECK_ERR(mkdir("more", 0700), ENOSPC);
    CHECK_ERR(open(".", O_RDWR | O_TMPFILE, 0600), ENOSPC);
    /* What is there already can be renamed, and replaced. */
    CHECK_OK(rename("n19", "other"));
    CHECK_OK(rename("other", "n18"));
    for (int i = there; i < LIMIT - 1; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        CHECK_OK(directories ? rmdir(name) : unlink(name));
    }
    if (unlink("other")) /* two names of one file stay two */
        CHECK_EQ(errno, ENOENT);
    CHECK_EQ(free_inodes(), LIMIT - there);
}

/* A file lives on without names, and counts as long. */
static void check_open_file(void)
{
    int fd = (int)CHECK_OK(open("held", O_RDWR | O_CREAT, 0600)), tmp;
    char self[64];

    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(unlink("held"));
    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(close(fd));
    CHECK_EQ(free_inodes(), LIMIT - 1);
    tmp = (int)CHECK_OK(open(".", O_RDWR | O_TMPFILE, 0600));
    CHECK_EQ(free_inodes(), LIMIT - 2);
    snprintf(self, sizeof(self), "/proc/self/fd/%d", tmp);
    CHECK_OK(linkat(AT_FDCWD, self, AT_FDCWD, "first", AT_SYMLINK_FOLLOW));
    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(linkat(AT_FDCWD, self, AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
    CHECK_EQ(free_inodes(), LIMIT - 3);
    CHECK_ERR(linkat(AT_FDCWD, self, AT_FDCWD, "second", AT_SYMLINK_FOLLOW), EEXIST);
    CHECK_EQ(free_inodes(), LIMIT - 3);
    CHECK_OK(unlink("first"));
    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(unlink("second"));
    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(close(tmp));
    CHECK_EQ(free_inodes(), LIMIT - 1);
}

/* Another name that replaces a name: each has been counted once. */
static void check_replaced_names(void)
{
    CHECK_OK(make_node("a"));
    CHECK_OK(link("a", "b"));
    CHECK_OK(make_node("c"));
    CHECK_EQ(free_inodes(), LIMIT - 4);
    CHECK_OK(rename("c", "b")); /* one name of two goes */
    CHECK_EQ(free_inodes(), LIMIT - 3);
    CHECK_OK(rename("b", "a")); /* a whole file goes */
    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(unlink("a"));
    CHECK_EQ(free_inodes(), LIMIT - 1);
    CHECK_ERR(mkdir("none/x", 0700), ENOENT);
    CHECK_OK(mkdir("d", 0700));
    CHECK_ERR(mkdir("d", 0700), EEXIST);
    CHECK_ERR(symlink("x", "d"), EEXIST);
    CHECK_EQ(free_inodes(), LIMIT - 2);
    CHECK_OK(rmdir("d"));
}

static void check_default(void)
{
    struct statfs fs;

    CHECK_OK(mount("t", DIR, "tmpfs", 0, NULL));
    CHECK_OK(statfs(DIR, &fs));
    CHECK(fs.f_files > 0 && fs.f_ffree > 0 && fs.f_files > fs.f_ffree);
    CHECK_OK(umount(DIR));
    CHECK_OK(mount("t", DIR, "tmpfs", 0, "nr_inodes=0"));
    CHECK_OK(statfs(DIR, &fs));
    CHECK_EQ(fs.f_files, 0);
    CHECK_EQ(fs.f_ffree, 0);
    CHECK_OK(umount(DIR));
}

int main(void)
{
    CHECK_OK(mkdir(DIR, 0700));
    check_default();
    CHECK_OK(mount("t", DIR, "tmpfs", 0, "nr_inodes=20"));
    CHECK_OK(chdir(DIR));
    check_limit(make_node, 1, false);
    check_limit(make_by_open, 1, false);
    check_limit(make_fifo, 1, false);
    check_limit(make_symlink, 1, false);
    check_limit(make_directory, 1, true);
    CHECK_OK(make_node("target"));
    check_limit(make_link, 2, false);
    CHECK_OK(unlink("target"));
    check_open_file();
    check_replaced_names();
    CHECK_OK(mount("t", DIR, "tmpfs", MS_REMOUNT, "nr_inodes=1"));
    CHECK_ERR(make_node("more"), ENOSPC);
    CHECK_OK(mount("t", DIR, "tmpfs", MS_REMOUNT, "nr_inodes=3"));
    CHECK_OK(make_node("more"));
    CHECK_ERR(mount("t", DIR, "tmpfs", MS_REMOUNT, "nr_inodes=1"), EINVAL);
    CHECK_OK(chdir("/"));
    CHECK_OK(umount(DIR));
    CHECK_OK(rmdir(DIR));
    return 0;
}
