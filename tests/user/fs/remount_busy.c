/* SPDX-License-Identifier: MIT */
/* A file system with files that are open for writing, or removed and still open, stays writable. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR  "/tmp/remount_busy"
#define FILE DIR "/file"

static int remount(unsigned long flags, const char *options)
{
    return mount(NULL, DIR, NULL, MS_REMOUNT | flags, options);
}

static void check_busy(int fd)
{
    CHECK_ERR(remount(MS_RDONLY, NULL), EBUSY);
    CHECK_OK(close((int)CHECK_OK(open(FILE, O_RDWR | O_CREAT, 0600)))); /* nothing has changed */
    CHECK_OK(close(fd));
    CHECK_OK(remount(MS_RDONLY, NULL));
    CHECK_ERR(open(FILE, O_WRONLY), EROFS);
    CHECK_OK(remount(MS_RDONLY, NULL));
    CHECK_OK(remount(0, NULL));
}

int main(void)
{
    int fd;

    CHECK_OK(mkdir(DIR, 0700));
    CHECK_OK(mount("t", DIR, "tmpfs", 0, NULL));
    check_busy((int)CHECK_OK(open(FILE, O_WRONLY | O_CREAT, 0600)));
    check_busy((int)CHECK_OK(open(DIR, O_RDWR | O_TMPFILE, 0600)));
    fd = (int)CHECK_OK(open(FILE, O_RDONLY));
    CHECK_OK(unlink(FILE));
    check_busy(fd);
    CHECK_OK(mkfifo(DIR "/fifo", 0600));
    fd = (int)CHECK_OK(open(DIR "/fifo", O_RDWR)); /* writing to it changes no file */
    CHECK_OK(remount(MS_RDONLY, NULL));
    CHECK_OK(close((int)CHECK_OK(open(FILE, O_RDONLY))));
    CHECK_ERR(remount(MS_RDONLY, "size=nothing"), EINVAL);
    CHECK_ERR(remount(0, "size=nothing"), EINVAL);
    CHECK_ERR(open(FILE, O_WRONLY), EROFS); /* as it was */
    CHECK_OK(close(fd));
    CHECK_OK(umount(DIR));
    CHECK_OK(rmdir(DIR));
    return 0;
}
