/* SPDX-License-Identifier: MIT */
/* /dev/shm with a small limit: an ordinary user writes no more than that, and root none behind. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR    "/dev/shm"
#define FILE   DIR "/limit"
#define PAGE   4096
#define ROOM   16 /* pages */
#define NOBODY 65534

static const char page[PAGE];

/* Linux's test environment has none. */
static void make_small(void)
{
    if (mount(NULL, DIR, NULL, MS_REMOUNT, "size=64k") == 0)
        return;
    mkdir(DIR, 0755);
    CHECK_OK(mount("shm", DIR, "tmpfs", 0, "size=64k"));
}

static void fill(void)
{
    int fd = (int)CHECK_OK(open(FILE, O_WRONLY | O_CREAT | O_EXCL, 0600)), npages = 0;

    while (npages <= ROOM && write(fd, page, PAGE) == PAGE)
        npages++;
    CHECK(npages > 0 && npages <= ROOM);
    CHECK_ERR(write(fd, page, PAGE), ENOSPC);
    CHECK_OK(unlink(FILE));
}

int main(void)
{
    int child, status;

    make_small();
    child = (int)CHECK_OK(fork());
    if (!child) {
        CHECK_OK(setgid(NOBODY));
        CHECK_OK(setuid(NOBODY));
        fill();
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    fill();
    CHECK_OK(mount(NULL, DIR, NULL, MS_REMOUNT, "size=50%"));
    return 0;
}
