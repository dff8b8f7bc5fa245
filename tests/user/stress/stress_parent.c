/* SPDX-License-Identifier: MIT */
/*
 * A file moves from directory to directory while the one it was in is removed and made anew: its
 * parent must live as long as anything is in it or looks into it.
 */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/stress.h"

#define TOP     "/tmp/stress_parent"
#define WORKERS 5

static int *running; /* shared by all */

static bool goes_on(void)
{
    bool more = stress_goes_on();

    if (!more)
        __atomic_store_n(running, 0, __ATOMIC_SEQ_CST);
    return __atomic_load_n(running, __ATOMIC_SEQ_CST);
}

static void into_b(void)
{
    mkdir("b", 0700);
    rename("a/f", "b/f");
}

/* Out of b at once, so that b goes while the rename into it is not over yet. */
static void out_of_b(void)
{
    rename("b/f", "c/f");
    rmdir("b");
    rename("c/f", "a/f");
}

static void look_into_b(void)
{
    struct stat status;
    char where[256];
    int here = (int)CHECK_OK(chdir("b") == 0);

    stat("f", &status);
    if (here) {
        if (!getcwd(where, sizeof(where)))
            CHECK_EQ(errno, ENOENT);
        CHECK_OK(chdir(TOP));
    }
    stat("b/f", &status);
}

static void work(void *argument)
{
    static void (*const steps[])(void) = {into_b, out_of_b, look_into_b};
    void (*step)(void) = steps[(uintptr_t)argument % 3];

    do
        for (int i = 0; i < 100; i++)
            step();
    while (goes_on());
}

/* The file is in one of the three, and nothing else is there. */
static void check_one_is_left(void)
{
    static const char *const names[] = {"a/f", "b/f", "c/f"};
    int found = 0;

    for (int i = 0; i < 3; i++)
        found += unlink(names[i]) == 0;
    CHECK_EQ(found, 1);
    CHECK_OK(rmdir("a"));
    if (rmdir("b"))
        CHECK_EQ(errno, ENOENT);
    CHECK_OK(rmdir("c"));
}

int main(int argc, char **argv)
{
    stress_begin(argc, argv);
    running = shared_new(sizeof(*running));
    *running = 1;
    CHECK_OK(mkdir(TOP, 0700));
    CHECK_OK(chdir(TOP));
    CHECK_OK(mkdir("a", 0700));
    CHECK_OK(mkdir("c", 0700));
    CHECK_OK(mknod("a/f", S_IFREG | 0600, 0));
    for (uintptr_t i = 0; i < WORKERS; i++)
        child_start(work, (void *)i);
    children_await(WORKERS);
    check_one_is_left();
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
    return 0;
}
