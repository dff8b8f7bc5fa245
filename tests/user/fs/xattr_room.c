/* SPDX-License-Identifier: MIT */
/* What extended attributes take counts against the size of their file system, and comes back. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PLACE "/tmp/xattr_room"

static char value[65536];

static long blocks_free(void)
{
    struct statfs st;

    CHECK_OK(statfs(PLACE, &st));
    return (long)st.f_bfree;
}

int main(void)
{
    long before;
    int count = 0;
    char name[256];

    CHECK_OK(mkdir(PLACE, 0755));
    CHECK_OK(mount("none", PLACE, "tmpfs", 0, "size=256k"));
    CHECK_OK(close((int)CHECK_OK(open(PLACE "/file", O_CREAT | O_RDWR, 0644))));
    before = blocks_free();
    CHECK_EQ(before, 64);
    CHECK_OK(setxattr(PLACE "/file", "user.a", "v", 1, 0));
    CHECK_EQ(blocks_free(), before - 1);
    CHECK_OK(setxattr(PLACE "/file", "user.a", value, sizeof(value), 0));
    CHECK_EQ(blocks_free(), before - 32); /* and its record's head: the next power of two */
    CHECK_ERR(setxattr(PLACE "/file", "user.b", value, sizeof(value), 0), ENOSPC);
    CHECK_EQ(getxattr(PLACE "/file", "user.a", value, sizeof(value)), sizeof(value));
    /* Of what is not to be found by listxattr there is nothing. */
    CHECK_OK(setxattr(PLACE "/file", "user.a", "v", 1, 0));
    for (;;) {
        snprintf(name, sizeof(name), "user.%0200d", count);
        if (setxattr(PLACE "/file", name, NULL, 0, 0) != 0)
            break;
        count++;
    }
    CHECK_EQ(errno, ENOSPC);
    CHECK(count > 200);
    CHECK(listxattr(PLACE "/file", value, sizeof(value)) > count * 206 - 1);
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "user.%0200d", i);
        CHECK_OK(removexattr(PLACE "/file", name));
    }
    CHECK_EQ(blocks_free(), before - 1);
    CHECK_OK(setxattr(PLACE "/file", "user.a", value, 40000, 0));
    CHECK_OK(unlink(PLACE "/file"));
    CHECK_EQ(blocks_free(), before);
    CHECK_OK(umount(PLACE));
    CHECK_OK(rmdir(PLACE));
    return 0;
}
