/* SPDX-License-Identifier: MIT */
/* mount and umount2 that must fail, and how. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR "/tmp/mount_errors"

static void as_somebody(void)
{
    CHECK_OK(setuid(1234));
    CHECK_ERR(mount("t", DIR, "tmpfs", 0, NULL), EPERM);
    CHECK_ERR(mount("t", DIR "/none", "tmpfs", 0, NULL), ENOENT);
    CHECK_ERR(umount(DIR), EPERM);
    CHECK_ERR(umount2(DIR, 0x100), EINVAL);
    CHECK_ERR(mount("t", DIR, NULL, MS_REMOUNT, NULL), EPERM);
}

int main(void)
{
    pid_t pid;
    int end;

    CHECK_OK(mkdir(DIR, 0755));
    CHECK_OK(mount("t", DIR, "tmpfs", 0, NULL));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        as_somebody();
        _exit(0);
    }
    CHECK_EQ(waitpid(pid, &end, 0), pid);
    CHECK_EQ(end, 0);

    CHECK_OK(mkdir(DIR "/dir", 0755));
    CHECK_OK(close((int)CHECK_OK(open(DIR "/file", O_CREAT | O_WRONLY, 0644))));
    CHECK_OK(symlink("/", DIR "/link"));
    CHECK_ERR(mount("t", DIR "/none", "tmpfs", 0, NULL), ENOENT);
    CHECK_ERR(mount("t", DIR "/file/x", "tmpfs", 0, NULL), ENOTDIR);
    CHECK_ERR(mount("t", DIR "/file", "tmpfs", 0, NULL), ENOTDIR);
    CHECK_ERR(mount("t", DIR "/dir", "nonesuchfs", 0, NULL), ENODEV);
    CHECK_ERR(mount("t", DIR "/dir", NULL, 0, NULL), EINVAL);
    CHECK_ERR(mount("t", DIR "/dir", NULL, MS_REMOUNT, NULL), EINVAL);
    CHECK_ERR(mount("t", (char *)16, "tmpfs", 0, NULL), EFAULT);
    CHECK_ERR(mount("t", DIR "/dir", (char *)16, 0, NULL), EFAULT);
    CHECK_ERR(mount((char *)16, DIR "/dir", "tmpfs", 0, NULL), EFAULT);

    CHECK_ERR(umount(DIR "/dir"), EINVAL);
    CHECK_ERR(umount(DIR "/file"), EINVAL);
    CHECK_ERR(umount(DIR "/none"), ENOENT);
    CHECK_ERR(umount2(DIR, 0x100), EINVAL);
    CHECK_ERR(umount2(DIR "/link", UMOUNT_NOFOLLOW), EINVAL);
    CHECK_ERR(umount((char *)16), EFAULT);
    /* A directory that is gone cannot be mounted on. */
    CHECK_OK(chdir(DIR "/dir"));
    CHECK_OK(rmdir(DIR "/dir"));
    CHECK_ERR(mount("t", ".", "tmpfs", 0, NULL), ENOENT);
    CHECK_OK(chdir("/"));
    CHECK_OK(umount(DIR));
    CHECK_OK(rmdir(DIR));
    return 0;
}
