/* SPDX-License-Identifier: MIT */
/*
 * openat2 with RESOLVE_BENEATH and RESOLVE_IN_ROOT stays below its start also while the directories
 * that it walks through are moved out of it: it finds what is inside, or EAGAIN is the answer.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define TOP "/tmp/stress_beneath"

#define RESOLVE_BENEATH 8
#define RESOLVE_IN_ROOT 16

struct how {
    uint64_t flags, mode, resolve;
};

static int *done;

static int open2(int start, const char *path, uint64_t flags, uint64_t resolve)
{
    struct how how = {flags, flags & O_CREAT ? 0600 : 0, resolve};

    return (int)raw4(SYS_openat2, start, path, &how, sizeof(how));
}

static void check_quiet(int start)
{
    int fd = open2(start, "in/deep/../../in", O_RDONLY, RESOLVE_BENEATH);

    CHECK(fd >= 0);
    close(fd);
    CHECK_EQ(open2(start, "..", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(open2(start, "in/../..", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(open2(start, "..", O_RDWR | O_CREAT, RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(open2(start, "/in", O_RDONLY, RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(open2(start, "../secret", O_RDONLY, RESOLVE_IN_ROOT), -ENOENT);
    CHECK_EQ(open2(start, "link", O_RDWR | O_CREAT, RESOLVE_BENEATH), -EXDEV);
    CHECK_EQ(open2(start, "link", O_RDONLY, RESOLVE_IN_ROOT), -ENOENT);
}

/* in/deep goes out of the start and comes back: its ".." is the top, or in. */
static void move_about(void *argument)
{
    (void)argument;
    do
        for (int i = 0; i < 50; i++) {
            CHECK_OK(rename("start/in/deep", "deep"));
            CHECK_OK(rename("deep", "start/in/deep"));
        }
    while (stress_goes_on());
    __atomic_store_n(done, 1, __ATOMIC_SEQ_CST);
}

static void check_once(int start, uint64_t resolve)
{
    /* From in/deep two steps up: start, or what is above it. */
    static const char *const paths[] = {"in/deep/../../secret", "in/deep/../secret",
                                        "in/deep/more/../../../secret", "in/../in/deep/../secret"};

    for (int i = 0; i < 4; i++) {
        int fd = open2(start, paths[i], O_RDONLY, resolve);

        CHECK(fd == -ENOENT || fd == -EAGAIN || fd == -EXDEV);
        fd = open2(start, paths[i], O_RDWR | O_CREAT | O_EXCL, resolve);
        if (fd >= 0) { /* made inside: not where the secret is */
            CHECK_OK(close(fd));
            unlink("start/secret");
            unlink("start/in/secret");
            continue;
        }
        CHECK(fd == -ENOENT || fd == -EAGAIN || fd == -EXDEV);
    }
}

int main(int argc, char **argv)
{
    int start;

    stress_begin(argc, argv);
    done = shared_new(sizeof(*done));
    CHECK_OK(mkdir(TOP, 0700));
    CHECK_OK(chdir(TOP));
    CHECK_OK(mkdir("start", 0700));
    CHECK_OK(mkdir("start/in", 0700));
    CHECK_OK(mkdir("start/in/deep", 0700));
    CHECK_OK(mkdir("start/in/deep/more", 0700));
    CHECK_OK(symlink("../secret", "start/link"));
    CHECK_OK(mknod("secret", S_IFREG | 0600, 0));
    start = (int)CHECK_OK(open("start", O_RDONLY | O_DIRECTORY));
    check_quiet(start);
    child_start(move_about, NULL);
    while (!__atomic_load_n(done, __ATOMIC_SEQ_CST)) {
        check_once(start, RESOLVE_BENEATH);
        check_once(start, RESOLVE_IN_ROOT);
    }
    children_await(1);
    unlink("start/secret"); /* made between two looks */
    unlink("start/in/secret");
    CHECK_OK(unlink("start/link"));
    CHECK_OK(rmdir("start/in/deep/more"));
    CHECK_OK(rmdir("start/in/deep"));
    CHECK_OK(rmdir("start/in"));
    CHECK_OK(rmdir("start"));
    CHECK_OK(unlink("secret"));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
    return 0;
}
