/* SPDX-License-Identifier: MIT */
/* Leaves mounts behind, also over what the system needs: they must be gone with the test. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

int main(void)
{
    static char page[4096];
    int fd;

    CHECK_OK(mount("left", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(mkdir("/tmp/a", 0700));
    CHECK_OK(mount("left", "/tmp/a", "tmpfs", MS_NOEXEC, "size=1m"));
    fd = (int)CHECK_OK(open("/tmp/a/file", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < 100; i++)
        CHECK_EQ(write(fd, page, sizeof(page)), sizeof(page));
    CHECK_OK(chdir("/tmp/a"));
    CHECK_OK(mount("left", "/bin", "tmpfs", 0, NULL));
    CHECK_OK(umount2("/proc", MNT_DETACH));
    /* Not as Linux: it comes back there when the test ends, so the place stays. */
    CHECK_ERR(rmdir("/proc"), EBUSY);
    CHECK_ERR(rename("/proc", "/gone"), EBUSY);
    CHECK_ERR(rename("/tmp/a", "/proc"), EXDEV);
    CHECK_OK(umount2("/tmp", MNT_DETACH));
    CHECK_OK(mount("left", "/tmp", "tmpfs", 0, NULL));
    return 0;
}
