/* SPDX-License-Identifier: MIT */
/*
 * A call finds what has the name at the moment when it acts. While another process exchanges and
 * replaces names, unlink, rmdir and rename of a name that is there all the time succeed, and what
 * they take away is what had that name.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define DIR    "/tmp/names_race"
#define RUN_MS 150

#define EXCHANGE 2 /* RENAME_EXCHANGE, which not every C library has */

static long now_ms(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void make(const char *name)
{
    CHECK_OK(close((int)CHECK_OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600))));
}

/* The other process: it goes on until it is killed. */
static void exchange_on(void)
{
    for (;;)
        raw6(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", EXCHANGE, 0);
}

static void replace_on(void)
{
    for (;;) {
        make("new");
        CHECK_OK(rename("new", "a"));
    }
}

static int beside(void (*other)(void))
{
    int child = (int)CHECK_OK(fork());

    if (!child)
        other();
    return child;
}

static void end(int child)
{
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(waitpid(child, NULL, 0), child);
}

static void only_b_is_left(void)
{
    CHECK_ERR(access("a", F_OK), ENOENT);
    CHECK_OK(access("b", F_OK));
}

/* Without "a" nothing can be exchanged: what is there then stays. */
static void check_exchanged(void)
{
    long until = now_ms() + RUN_MS;
    int child;

    make("a");
    make("b");
    child = beside(exchange_on);
    do {
        CHECK_OK(unlink("a"));
        only_b_is_left();
        make("a");
        CHECK_OK(rename("a", "c"));
        only_b_is_left();
        CHECK_OK(rename("c", "a"));
        CHECK_OK(rename("a", "b"));
        only_b_is_left();
        make("a");
    } while (now_ms() < until);
    end(child);
    CHECK_OK(unlink("a"));
    CHECK_OK(unlink("b"));
}

static void check_exchanged_directories(void)
{
    long until = now_ms() + RUN_MS;
    int child;

    CHECK_OK(mkdir("a", 0700));
    CHECK_OK(mkdir("b", 0700));
    child = beside(exchange_on);
    do {
        CHECK_OK(rmdir("a"));
        only_b_is_left();
        CHECK_OK(mkdir("a", 0700));
    } while (now_ms() < until);
    end(child);
    CHECK_OK(rmdir("a"));
    CHECK_OK(rmdir("b"));
}

/* Once "a" is there, it is another file now and then, but never missing. */
static void check_replaced(void)
{
    long until = now_ms() + RUN_MS;
    int child = beside(replace_on);

    do {
        while (access("a", F_OK) != 0)
            ;
        CHECK_OK(unlink("a"));
        while (access("a", F_OK) != 0)
            ;
        CHECK_OK(rename("a", "c"));
    } while (now_ms() < until);
    end(child);
    unlink("new");
    unlink("a");
    CHECK_OK(unlink("c"));
}

int main(void)
{
    CHECK_OK(mkdir(DIR, 0700));
    CHECK_OK(chdir(DIR));
    check_exchanged();
    check_exchanged_directories();
    check_replaced();
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(DIR));
    return 0;
}
