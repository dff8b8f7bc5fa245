/* SPDX-License-Identifier: MIT */
/* Names on a file system that is mounted read-only: when EROFS comes before other errors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR   "/tmp/readonly_order"
#define OTHER "/tmp/readonly_other"

static void create(const char *path)
{
    CHECK_OK(close((int)CHECK_OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600))));
}

/* What is there does not matter to calls that take names away. */
static void check_removing(void)
{
    CHECK_ERR(unlink("none"), EROFS);
    CHECK_ERR(unlink("none/"), EROFS);
    CHECK_ERR(unlink("file"), EROFS);
    CHECK_ERR(unlink("file/"), EROFS);
    CHECK_ERR(unlink("dir"), EROFS);
    CHECK_ERR(unlink("dir/."), EISDIR);
    CHECK_ERR(rmdir("none"), EROFS);
    CHECK_ERR(rmdir("file"), EROFS);
    CHECK_ERR(rmdir("dir"), EROFS);
    CHECK_ERR(rmdir("dir/."), EINVAL);
    CHECK_ERR(rmdir("dir/.."), ENOTEMPTY);
    CHECK_ERR(rename("none", "new"), EROFS);
    CHECK_ERR(rename("file", "same"), EROFS);
    CHECK_ERR(rename("file", "dir"), EROFS);
    CHECK_ERR(rename("dir", "dir/new"), EROFS);
    CHECK_ERR(rename(".", "new"), EBUSY);
    CHECK_ERR(rename("file", OTHER), EXDEV);
}

/* A name that is there is said before. */
static void check_making(void)
{
    CHECK_ERR(mkdir("dir", 0700), EEXIST);
    CHECK_ERR(mkdir("new", 0700), EROFS);
    CHECK_ERR(mkdir("none/new", 0700), ENOENT);
    CHECK_ERR(link("file", "same"), EEXIST);
    CHECK_ERR(link("file", "new"), EROFS);
    CHECK_ERR(link(OTHER, "new"), EROFS);
    CHECK_ERR(symlink("text", "file"), EEXIST);
    CHECK_ERR(symlink("text", "new"), EROFS);
    CHECK_ERR(mkfifo("file", 0600), EEXIST);
    CHECK_ERR(mkfifo("new", 0600), EROFS);
}

int main(void)
{
    create(OTHER);
    CHECK_OK(mkdir(DIR, 0700));
    CHECK_OK(mount("t", DIR, "tmpfs", 0, NULL));
    CHECK_OK(chdir(DIR));
    create("file");
    CHECK_OK(link("file", "same"));
    CHECK_OK(mkdir("dir", 0700));
    CHECK_OK(mount(NULL, DIR, NULL, MS_REMOUNT | MS_RDONLY, NULL));
    check_removing();
    check_making();
    CHECK_OK(chdir("/"));
    CHECK_OK(umount(DIR));
    CHECK_OK(rmdir(DIR));
    CHECK_OK(unlink(OTHER));
    return 0;
}
