/* SPDX-License-Identifier: MIT */
/* Edges of names: positions of directories at the end of their range, a file without a name that
 * gets one, loses it, and never gets another. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define TOP "/tmp/name_edges"

static void check_positions(void)
{
    int fd = (int)CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));
    char entries[512];

    CHECK_EQ(lseek(fd, LONG_MAX, SEEK_SET), LONG_MAX);
    CHECK_ERR(lseek(fd, 1, SEEK_CUR), EINVAL);
    CHECK_ERR(lseek(fd, LONG_MAX, SEEK_CUR), EINVAL);
    CHECK_ERR(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK_EQ(lseek(fd, -LONG_MAX, SEEK_CUR), 0);
    CHECK_ERR(lseek(fd, LONG_MIN, SEEK_CUR), EINVAL);
    CHECK(CHECK_OK(syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0);
    CHECK_OK(close(fd));
}

static void check_first_name(void)
{
    int fd = open(".", O_RDWR | O_TMPFILE, 0600);
    char self[64];
    struct stat status;

    snprintf(self, sizeof(self), "/proc/self/fd/%d", CHECK_OK(fd) < 0 ? 0 : fd);
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 0);
    CHECK_OK(linkat(AT_FDCWD, self, AT_FDCWD, "one", AT_SYMLINK_FOLLOW));
    CHECK_ERR(linkat(AT_FDCWD, self, AT_FDCWD, "one", AT_SYMLINK_FOLLOW), EEXIST);
    CHECK_OK(linkat(AT_FDCWD, self, AT_FDCWD, "two", AT_SYMLINK_FOLLOW));
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 2);
    CHECK_OK(unlink("one"));
    CHECK_OK(unlink("two"));
    CHECK_ERR(linkat(AT_FDCWD, self, AT_FDCWD, "three", AT_SYMLINK_FOLLOW), ENOENT);
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 0);
    CHECK_OK(close(fd));
    /* A try that fails uses nothing up. */
    fd = (int)CHECK_OK(open(".", O_RDWR | O_TMPFILE, 0600));
    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    CHECK_OK(mkdir("taken", 0700));
    CHECK_ERR(linkat(AT_FDCWD, self, AT_FDCWD, "taken", AT_SYMLINK_FOLLOW), EEXIST);
    CHECK_OK(linkat(AT_FDCWD, self, AT_FDCWD, "one", AT_SYMLINK_FOLLOW));
    CHECK_OK(unlink("one"));
    CHECK_OK(rmdir("taken"));
    CHECK_OK(close(fd));
}

int main(void)
{
    CHECK_OK(mkdir(TOP, 0700));
    CHECK_OK(chdir(TOP));
    check_first_name();
    check_positions();
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
    return 0;
}
