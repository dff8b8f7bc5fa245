/* SPDX-License-Identifier: MIT */
/*
 * Fills /tmp as an ordinary user, with what the argument says, and leaves it there: the tests that
 * follow must go on as if it was not. With "clean" it removes all of it.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define TOP "/tmp/fill_tmp"

static char long_text[4000], page[65536];

/* One more of them; false when there is no room. */
static bool make(const char *kind, long number)
{
    char name[251];
    long result = -1;

    snprintf(name, sizeof(name), !strcmp(kind, "file") ? "%s%0245ld" : "%s%ld", kind, number);
    if (!strcmp(kind, "file"))
        result = mknod(name, S_IFREG | 0600, 0); /* empty, with a name as long as they come */
    else if (!strcmp(kind, "symlink"))
        result = symlink(long_text, name);
    else if (!strcmp(kind, "link"))
        result = link("target", name);
    else
        CHECK(!"a kind that is known");
    if (result)
        CHECK(errno == ENOSPC);
    return result == 0;
}

static void fill_bytes(void)
{
    int fd = (int)CHECK_OK(open("bytes", O_WRONLY | O_CREAT, 0600));
    long got;

    while ((got = write(fd, page, sizeof(page))) > 0)
        ;
    CHECK_EQ(got, -1);
    CHECK_EQ(errno, ENOSPC);
    CHECK_OK(close(fd));
}

/* A page here and a page there: what finds them takes memory, too. */
static void fill_sparse(void)
{
    int fd = (int)CHECK_OK(open("sparse", O_WRONLY | O_CREAT, 0600));
    long got, at = 0;

    while ((got = pwrite(fd, "x", 1, at)) == 1)
        at += 1L << 30;
    CHECK_EQ(got, -1);
    CHECK(errno == ENOSPC);
    CHECK_OK(close(fd));
}

static void clean(void)
{
    struct dirent *entry;
    DIR *dir;

    CHECK_OK(chdir(TOP));
    dir = opendir(".");
    CHECK(dir);
    while ((entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            CHECK_OK(unlink(entry->d_name));
    CHECK_OK(closedir(dir));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
}

int main(int argc, char **argv)
{
    long number = 0;

    CHECK_EQ(argc, 2);
    if (!strcmp(argv[1], "clean")) {
        clean();
        return 0;
    }
    CHECK_OK(mkdir(TOP, 0777));
    CHECK_OK(chmod(TOP, 0777));
    CHECK_OK(setgid(1000));
    CHECK_OK(setuid(1000));
    CHECK_OK(chdir(TOP));
    memset(long_text, 't', sizeof(long_text) - 1);
    if (!strcmp(argv[1], "bytes")) {
        fill_bytes();
    } else if (!strcmp(argv[1], "sparse")) {
        fill_sparse();
    } else {
        if (!strcmp(argv[1], "link"))
            CHECK_OK(mknod("target", S_IFREG | 0600, 0));
        while (make(argv[1], number))
            number++;
        CHECK(number > 100);
    }
    return 0;
}
