/* SPDX-License-Identifier: MIT */
/*
 * Bind mounts, moved mounts, pivot_root: what is seen where, what may be changed there, and what
 * goes away when. In a mount name space of its own, so that Linux's stays as it is.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#define MNT_ID     0x1000 /* STATX_MNT_ID */
#define MOUNT_ROOT 0x2000 /* STATX_ATTR_MOUNT_ROOT */

static void write_file(const char *path, const char *text)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755));

    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int has_text(const char *path, const char *text)
{
    char buffer[64] = "";
    int fd = open(path, O_RDONLY);

    if (fd < 0)
        return 0;
    CHECK_OK(read(fd, buffer, sizeof(buffer) - 1));
    close(fd);
    return strcmp(buffer, text) == 0;
}

/* The line of mountinfo for that mount point; the last one is on top. */
static int mountinfo(const char *point, char *root, char *options, int *id, int *parent)
{
    static char line[4096], where[4096];
    FILE *file = fopen("/proc/self/mountinfo", "r");
    int found = 0;

    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file)) {
        int a, b;
        char r[1024], o[256];

        CHECK_EQ(sscanf(line, "%d %d %*s %1023s %4095s %255s", &a, &b, r, where, o), 5);
        if (strcmp(where, point))
            continue;
        strcpy(root, r);
        strcpy(options, o);
        *id = a;
        *parent = b;
        found++;
    }
    fclose(file);
    return found;
}

static void directories(void)
{
    struct stat one, other;
    char path[PATH_MAX];

    CHECK_OK(mkdir("a", 0755));
    CHECK_OK(mkdir("a/sub", 0755));
    CHECK_OK(mkdir("b", 0755));
    write_file("a/file", "one");
    CHECK_ERR(mount("", "b", NULL, MS_BIND, NULL), EINVAL);
    CHECK_ERR(mount("missing", "b", NULL, MS_BIND, NULL), ENOENT);
    CHECK_ERR(mount("a/file", "b", NULL, MS_BIND, NULL), ENOTDIR);
    CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    CHECK(has_text("b/file", "one"));
    CHECK_OK(stat("a/file", &one));
    CHECK_OK(stat("b/file", &other));
    CHECK(one.st_ino == other.st_ino && one.st_dev == other.st_dev);
    write_file("b/new", "two");
    CHECK(has_text("a/new", "two"));
    /* One file system, two mounts. */
    CHECK_ERR(rename("b/new", "a/moved"), EXDEV);
    CHECK_ERR(link("b/new", "a/linked"), EXDEV);
    CHECK_OK(rename("b/new", "b/sub/new"));
    CHECK(has_text("a/sub/new", "two"));
    CHECK_OK(link("b/sub/new", "b/linked"));
    CHECK_OK(symlink("file", "b/link"));
    CHECK(has_text("b/link", "one"));
    CHECK_OK(unlink("b/link"));
    CHECK_OK(unlink("b/linked"));
    /* The way out leads by where it is bound. */
    CHECK_OK(chdir("b/sub"));
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/tmp/m/b/sub"));
    CHECK_OK(stat("../../a", &one));
    CHECK_ERR(stat("../../sub", &one), ENOENT);
    CHECK(has_text("./new", "two"));
    CHECK_ERR(umount("/tmp/m/b"), EBUSY);
    CHECK_OK(chdir("../.."));
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/tmp/m"));
    CHECK_ERR(rmdir("b"), EBUSY);
    CHECK_ERR(rename("b", "c"), EBUSY);
    CHECK_OK(umount("b"));
    CHECK_ERR(umount("b"), EINVAL);
    CHECK_ERR(stat("b/file", &one), ENOENT);
    CHECK(has_text("a/file", "one"));
}

static void files(void)
{
    struct stat st;
    char target[64];
    int fd;

    write_file("f", "under");
    CHECK_ERR(mount("a", "f", NULL, MS_BIND, NULL), ENOTDIR);
    CHECK_OK(mount("a/file", "f", NULL, MS_BIND, NULL));
    CHECK(has_text("f", "one"));
    CHECK_ERR(unlink("f"), EBUSY);
    CHECK_ERR(rename("a/file", "f"), EBUSY);
    fd = (int)CHECK_OK(open("f", O_RDONLY));
    snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
    {
        char path[PATH_MAX] = "";

        CHECK_OK(readlink(target, path, sizeof(path) - 1));
        CHECK(!strcmp(path, "/tmp/m/f"));
    }
    CHECK_ERR(umount("f"), EBUSY);
    close(fd);
    fd = (int)CHECK_OK(open("f", O_PATH));
    CHECK_ERR(umount("f"), EBUSY);
    CHECK_OK(umount2("f", MNT_DETACH));
    CHECK(has_text("f", "under"));
    CHECK_OK(fstat(fd, &st));
    CHECK_EQ(st.st_size, 3);
    CHECK(has_text(target, "one"));
    close(fd);
}

/* A tree of mounts, with and without what lies in it. */
static void recursive(void)
{
    struct stat st;

    CHECK_OK(mount("in", "a/sub", "tmpfs", 0, NULL));
    write_file("a/sub/deep", "deep");
    CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    CHECK_ERR(stat("b/sub/deep", &st), ENOENT);
    CHECK_OK(umount("b"));
    CHECK_OK(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
    CHECK(has_text("b/sub/deep", "deep"));
    CHECK_ERR(umount("b"), EBUSY);
    CHECK_OK(umount("a/sub"));
    CHECK(has_text("b/sub/deep", "deep"));
    CHECK_OK(umount2("b", MNT_DETACH));
    CHECK_ERR(stat("b/sub/deep", &st), ENOENT);
    /* The first mount may go while another one is used. */
    CHECK_OK(mount("in", "a/sub", "tmpfs", 0, NULL));
    CHECK_OK(mkdir("a/sub/x", 0755));
    write_file("a/sub/x/deep", "deep");
    CHECK_OK(mount("a/sub/x", "b", NULL, MS_BIND, NULL));
    CHECK_OK(chdir("b"));
    CHECK_OK(umount("/tmp/m/a/sub"));
    CHECK(has_text("deep", "deep"));
    CHECK_OK(chdir("/tmp/m"));
    CHECK(has_text("b/deep", "deep"));
    CHECK_OK(umount("b"));
    /* Unbindable. */
    CHECK_OK(mount("in", "a/sub", "tmpfs", 0, NULL));
    CHECK_OK(mount(NULL, "a/sub", NULL, MS_UNBINDABLE, NULL));
    CHECK_ERR(mount("a/sub", "b", NULL, MS_BIND, NULL), EINVAL);
    CHECK_OK(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
    CHECK_OK(umount("b"));
    CHECK_OK(mount(NULL, "a/sub", NULL, MS_PRIVATE, NULL));
    CHECK_OK(mount("a/sub", "b", NULL, MS_BIND, NULL));
    CHECK_OK(umount("b"));
    CHECK_OK(umount("a/sub"));
    CHECK_ERR(mount(NULL, "a/sub", NULL, MS_PRIVATE, NULL), EINVAL);
    CHECK_ERR(mount(NULL, "a", NULL, MS_PRIVATE | MS_UNBINDABLE, NULL), EINVAL);
}

/* Long because what one mount refuses is asked of the same tree as what the other one allows. */
static void flags(void)
{
    struct statvfs vfs;
    struct stat st;
    struct timespec times[2] = {{1, 0}, {1, 0}};
    int fd;

    CHECK_OK(mknod("a/dev", S_IFCHR | 0666, makedev(1, 3)));
    CHECK_OK(symlink("file", "a/link"));
    CHECK_OK(mount("a", "b", NULL, MS_BIND, NULL));
    fd = (int)CHECK_OK(open("b/file", O_WRONLY));
    CHECK_ERR(mount(NULL, "b", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
    close(fd);
    /* A writer by way of the other one does not matter. */
    fd = (int)CHECK_OK(open("a/file", O_WRONLY));
    CHECK_OK(mount(NULL, "b", NULL,
                   MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC | MS_NODEV | MS_NOSYMFOLLOW |
                       MS_NOSUID | MS_NOATIME,
                   NULL));
    close(fd);
    CHECK_OK(statvfs("b", &vfs));
    CHECK_EQ(vfs.f_flag & (ST_RDONLY | ST_NOEXEC | ST_NODEV | ST_NOSUID | ST_NOATIME),
             ST_RDONLY | ST_NOEXEC | ST_NODEV | ST_NOSUID | ST_NOATIME);
    CHECK_OK(statvfs("a", &vfs));
    CHECK_EQ(vfs.f_flag & (ST_RDONLY | ST_NOEXEC | ST_NODEV | ST_NOSUID | ST_NOATIME), 0);
    CHECK_ERR(open("b/file", O_WRONLY), EROFS);
    CHECK_ERR(open("b/file", O_RDONLY | O_TRUNC), EROFS);
    CHECK_ERR(open("b/created", O_WRONLY | O_CREAT, 0600), EROFS);
    CHECK_ERR(open("b", O_WRONLY | O_TMPFILE, 0600), EROFS);
    CHECK_ERR(mkdir("b/dir", 0700), EROFS);
    CHECK_ERR(mknod("b/node", S_IFIFO | 0600, 0), EROFS);
    CHECK_ERR(symlink("x", "b/sym"), EROFS);
    CHECK_ERR(unlink("b/file"), EROFS);
    CHECK_ERR(rename("b/file", "b/other"), EROFS);
    CHECK_ERR(link("b/file", "b/other"), EROFS);
    CHECK_ERR(chmod("b/file", 0600), EROFS);
    CHECK_ERR(chown("b/file", 0, 0), EROFS);
    CHECK_ERR(truncate("b/file", 0), EROFS);
    CHECK_ERR(utimensat(AT_FDCWD, "b/file", times, 0), EROFS);
    CHECK_ERR(access("b/file", W_OK), EROFS);
    fd = (int)CHECK_OK(open("b/file", O_RDONLY));
    CHECK_ERR(fchmod(fd, 0600), EROFS);
    CHECK_ERR(futimens(fd, times), EROFS);
    close(fd);
    CHECK_ERR(access("b/file", X_OK), EACCES);
    CHECK_ERR(execl("b/file", "file", NULL), EACCES);
    CHECK_ERR(open("b/dev", O_RDWR), EACCES);
    CHECK_ERR(open("b/link", O_RDONLY), ELOOP);
    /* Access times are those of the mount that is read by. */
    CHECK_OK(utimensat(AT_FDCWD, "a/file", times, 0));
    CHECK(has_text("b/file", "one"));
    CHECK_OK(stat("a/file", &st));
    CHECK_EQ(st.st_atime, 1);
    CHECK(has_text("a/file", "one"));
    CHECK_OK(stat("a/file", &st));
    CHECK(st.st_atime != 1);
    /* The other one has its own. */
    close((int)CHECK_OK(open("a/file", O_WRONLY)));
    close((int)CHECK_OK(open("a/dev", O_RDWR)));
    CHECK(has_text("a/link", "one"));
    CHECK_OK(chmod("a/file", 0700));
    /* Bound again, it has them still. */
    CHECK_OK(mkdir("c", 0755));
    CHECK_OK(mount("b", "c", NULL, MS_BIND, NULL));
    CHECK_ERR(open("c/file", O_WRONLY), EROFS);
    CHECK_OK(mount(NULL, "c", NULL, MS_BIND | MS_REMOUNT, NULL));
    close((int)CHECK_OK(open("c/file", O_WRONLY)));
    CHECK_ERR(open("b/file", O_WRONLY), EROFS);
    CHECK_OK(umount("c"));
    CHECK_OK(umount("b"));
    CHECK_ERR(mount(NULL, "b", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), EINVAL);
    /* The first mount alone, while another one may be written to. */
    CHECK_OK(mount("x", "b", "tmpfs", 0, NULL));
    CHECK_OK(mount("b", "c", NULL, MS_BIND, NULL));
    CHECK_OK(mount(NULL, "b", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
    CHECK_ERR(mkdir("b/x", 0700), EROFS);
    CHECK_OK(mkdir("c/x", 0700));
    CHECK_OK(umount("c"));
    CHECK_OK(umount("b"));
}

static void names(void)
{
    char root[1024], options[256];
    int id, parent, other;
    uint64_t
        sx[32]; /* struct statx: the attributes are the second word, the mount the nineteenth */

    CHECK_OK(mount("a/sub", "b", NULL, MS_BIND, NULL));
    CHECK_EQ(mountinfo("/tmp/m/b", root, options, &id, &parent), 1);
    CHECK(!strcmp(root, "/a/sub"));
    CHECK(!strncmp(options, "rw", 2));
    CHECK_EQ(mountinfo("/tmp/m", root, options, &other, &(int){0}), 1);
    CHECK(!strcmp(root, "/"));
    CHECK_EQ(parent, other);
    CHECK_OK(syscall(SYS_statx, AT_FDCWD, "b", 0, MNT_ID, sx));
    CHECK_EQ(sx[0] & MNT_ID, MNT_ID);
    CHECK_EQ(sx[18], id);
    CHECK_EQ(sx[1] & MOUNT_ROOT, MOUNT_ROOT);
    CHECK_OK(syscall(SYS_statx, AT_FDCWD, "a/sub", 0, MNT_ID, sx));
    CHECK_EQ(sx[18], other);
    CHECK_EQ(sx[1] & MOUNT_ROOT, 0);
    CHECK_OK(umount("b"));
}

static void moved(void)
{
    char path[PATH_MAX];
    int fd;

    CHECK_ERR(mount("a", "b", NULL, MS_MOVE, NULL), EINVAL);
    CHECK_OK(mount("x", "b", "tmpfs", 0, NULL));
    write_file("b/it", "it");
    CHECK_OK(mkdir("b/in", 0755));
    CHECK_OK(mount("y", "b/in", "tmpfs", 0, NULL));
    CHECK_ERR(mount("b", "b/in", NULL, MS_MOVE, NULL), ELOOP);
    CHECK_ERR(mount("b", "f", NULL, MS_MOVE, NULL), EINVAL);
    fd = (int)CHECK_OK(open("b/in", O_RDONLY));
    CHECK_OK(mount("b", "c", NULL, MS_MOVE, NULL));
    CHECK(has_text("c/it", "it"));
    CHECK_EQ(access("b/it", F_OK), -1);
    CHECK_OK(fchdir(fd));
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/tmp/m/c/in"));
    CHECK(has_text("../it", "it"));
    CHECK_OK(chdir("/tmp/m"));
    close(fd);
    CHECK_OK(umount("c/in"));
    CHECK_OK(umount("c"));
}

static void expired(void)
{
    CHECK_OK(mount("x", "b", "tmpfs", 0, NULL));
    CHECK_ERR(umount2("b", MNT_EXPIRE | MNT_DETACH), EINVAL);
    CHECK_ERR(umount2("b", MNT_EXPIRE), EAGAIN);
    CHECK_EQ(access("b/x", F_OK), -1);
    CHECK_OK(chdir("b"));
    CHECK_ERR(umount2("/tmp/m/b", MNT_EXPIRE), EBUSY);
    CHECK_OK(chdir(".."));
    CHECK_ERR(umount2("b", MNT_EXPIRE), EAGAIN);
    CHECK_OK(umount2("b", MNT_EXPIRE));
    CHECK_ERR(umount("b"), EINVAL);
    CHECK_OK(symlink("b", "sym"));
    CHECK_OK(mount("x", "b", "tmpfs", 0, NULL));
    CHECK_ERR(umount2("sym", UMOUNT_NOFOLLOW), EINVAL);
    CHECK_OK(umount2("sym", 0));
}

/* What was moved out of the bound directory is not reached, nor left, by it. */
static void outside(void)
{
    char path[PATH_MAX];

    CHECK_OK(mkdir("a/sub/inner", 0755));
    CHECK_OK(mount("a/sub", "b", NULL, MS_BIND, NULL));
    CHECK_OK(chdir("b/inner"));
    CHECK_OK(rename("/tmp/m/a/sub/inner", "/tmp/m/a/inner"));
    CHECK_ERR(chdir(".."), ENOENT);
    CHECK_OK(syscall(SYS_getcwd, path, sizeof(path)));
    CHECK(!strncmp(path, "(unreachable)", 13));
    CHECK_OK(chdir("/tmp/m"));
    CHECK_OK(rmdir("a/inner"));
    CHECK_OK(umount("b"));
}

static void pivoted(void)
{
    char path[PATH_MAX];

    CHECK_OK(mount("new", "b", "tmpfs", 0, NULL));
    CHECK_OK(mkdir("b/old", 0755));
    write_file("b/here", "new");
    CHECK_ERR(syscall(SYS_pivot_root, "/", "/"), EBUSY);
    CHECK_ERR(syscall(SYS_pivot_root, "a", "a"), EINVAL);
    CHECK_ERR(syscall(SYS_pivot_root, "b", "a"), EINVAL);
    CHECK_OK(mount("a", "c", NULL, MS_BIND, NULL));
    CHECK_ERR(syscall(SYS_pivot_root, "b", "c"), EINVAL);
    CHECK_OK(umount("c"));
    CHECK_OK(syscall(SYS_pivot_root, "b", "b/old"));
    CHECK(has_text("/here", "new"));
    CHECK(has_text("/old/tmp/m/a/file", "one"));
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/old/tmp/m"));
    CHECK_OK(chdir("/"));
    CHECK_OK(umount2("/old", MNT_DETACH));
    CHECK_EQ(access("/old/tmp", F_OK), -1);
    CHECK_OK(chdir("/.."));
    CHECK(has_text("here", "new"));
}

int main(void)
{
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("m", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(mkdir("/tmp/m", 0755));
    CHECK_OK(mount("m", "/tmp/m", "tmpfs", 0, NULL));
    CHECK_OK(chdir("/tmp/m"));
    directories();
    files();
    recursive();
    flags();
    names();
    moved();
    expired();
    outside();
    pivoted();
    return 0;
}
