/* SPDX-License-Identifier: MIT */
/* RESOLVE_NO_XDEV of openat2: magic links of /proc are followed within /proc, and not out of it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

/* As the C library's headers do not have them. */
#define RESOLVE_NO_XDEV       1
#define RESOLVE_NO_MAGICLINKS 2

static long open_within(int dir, const char *path, uint64_t resolve)
{
    const struct {
        uint64_t flags, mode, resolve;
    } how = {.flags = O_PATH | O_CLOEXEC, .resolve = resolve};
    long fd = raw4(SYS_openat2, dir, path, &how, sizeof(how));

    if (fd >= 0)
        CHECK_OK(close((int)fd));
    return fd < 0 ? fd : 0;
}

int main(void)
{
    int proc = (int)CHECK_OK(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int inside = (int)CHECK_OK(openat(proc, "self/status", O_RDONLY | O_CLOEXEC));
    int outside = (int)CHECK_OK(open("/tmp", O_RDONLY | O_CLOEXEC));
    char link[32];

    CHECK_EQ(open_within(proc, "self/status", RESOLVE_NO_XDEV), 0);
    snprintf(link, sizeof(link), "self/fd/%d", inside);
    CHECK_EQ(open_within(proc, link, RESOLVE_NO_XDEV), 0);
    snprintf(link, sizeof(link), "self/fd/%d", outside);
    CHECK_EQ(open_within(proc, link, 0), 0);
    CHECK_EQ(open_within(proc, link, RESOLVE_NO_XDEV), -EXDEV);
    CHECK_EQ(open_within(proc, "self/cwd", RESOLVE_NO_XDEV), -EXDEV);
    CHECK_EQ(open_within(proc, "self/root/tmp", RESOLVE_NO_XDEV), -EXDEV);
    CHECK_EQ(open_within(proc, "self/exe", RESOLVE_NO_XDEV), -EXDEV);
    CHECK_EQ(open_within(proc, "self/exe", RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS), -ELOOP);
    return 0;
}
