/* SPDX-License-Identifier: MIT */
/* Leaves mounts behind, also over what the system needs: they must be gone with the test. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

/* The place comes to be used again when the test ends. Linux, where nothing does so, lets it go:
 * there it is made anew. */
static void check_place_stays(void)
{
    if (rename("/proc", "/gone")) {
        CHECK_EQ(errno, EBUSY);
        CHECK_ERR(rmdir("/proc"), EBUSY);
        return;
    }
    CHECK_OK(rmdir("/gone"));
    CHECK_OK(mkdir("/proc", 0755));
}

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
    check_place_stays();
    CHECK_ERR(rename("/tmp/a", "/proc"), EXDEV);
    CHECK_OK(umount2("/tmp", MNT_DETACH));
    CHECK_OK(mount("left", "/tmp", "tmpfs", 0, NULL));
    return 0;
}
