/* SPDX-License-Identifier: MIT */
/* Renames far down in a tree that is deeper than any path is long: no cycle is made, and what makes
 * none is done. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DEPTH    1200 /* more than the kernel climbs at once, and few inodes of a small machine */
#define TOP      "/tmp/rename_deep"
#define EXCHANGE 2 /* RENAME_EXCHANGE, which not every C library has */

static long exchange_names(int one_dir, const char *one, int other_dir, const char *other)
{
    return raw6(SYS_renameat2, one_dir, one, other_dir, other, EXCHANGE, 0);
}

static void make_deep(void)
{
    for (int i = 0; i < DEPTH; i++) {
        CHECK_OK(mkdir("d", 0700));
        CHECK_OK(chdir("d"));
    }
}

/* The working directory is the lowest one. */
static void rename_down_here(int top)
{
    CHECK_OK(mkdir("a", 0700));
    CHECK_OK(mkdir("b", 0700));
    CHECK_OK(rename("a", "c"));
    CHECK_OK(rename("c", "b/c"));
    CHECK_OK(renameat(AT_FDCWD, "b/c", top, "up"));
    CHECK_OK(renameat(top, "up", AT_FDCWD, "b/down"));
    CHECK_OK(mkdirat(top, "up", 0700));
    CHECK_EQ(exchange_names(top, "up", AT_FDCWD, "b/down"), 0);
    CHECK_OK(unlinkat(top, "up", AT_REMOVEDIR));
}

/* The first of the directories, and all that lies in it, would lie in itself. */
static void refuse_cycles(int top)
{
    CHECK_ERR(renameat(top, "d", AT_FDCWD, "b/d"), EINVAL);
    CHECK_ERR(renameat(AT_FDCWD, "b", top, "d"), ENOTEMPTY);
    CHECK_EQ(exchange_names(top, "d", AT_FDCWD, "b/down"), -EINVAL);
    CHECK_EQ(exchange_names(AT_FDCWD, "b/down", top, "d"), -EINVAL);
    CHECK_ERR(rename("../d", "b/d"), EINVAL);
}

static void remove_deep(void)
{
    CHECK_OK(rmdir("b/down"));
    CHECK_OK(rmdir("b"));
    for (int i = 0; i < DEPTH; i++) {
        CHECK_OK(chdir(".."));
        CHECK_OK(rmdir("d"));
    }
}

int main(void)
{
    int top;

    CHECK_OK(mkdir(TOP, 0700));
    top = (int)CHECK_OK(open(TOP, O_RDONLY | O_DIRECTORY));
    CHECK_OK(fchdir(top));
    make_deep();
    rename_down_here(top);
    refuse_cycles(top);
    remove_deep();
    CHECK_OK(rmdir(TOP));
    return 0;
}
