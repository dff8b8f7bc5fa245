/* SPDX-License-Identifier: MIT */
/* inotify under load: watches made and removed while files are made, used, renamed and deleted, and
 * while the queue itself is closed. Each watch ends once. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define SECONDS  1
#define MOST_WDS 200000

static char top[] = "/tmp/inotify-race-XXXXXX";
static time_t end;

static int is_over(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    return now.tv_sec > end;
}

static void use_files(void)
{
    static const char *const names[] = {"a", "b", "c"};

    while (!is_over()) {
        for (int i = 0; i < 3; i++) {
            int fd = open(names[i], O_CREAT | O_RDWR, 0600);

            if (fd < 0)
                continue;
            CHECK_EQ(write(fd, "x", 1), 1);
            (void)!fchmod(fd, 0640);
            (void)!rename(names[i], names[(i + 1) % 3]);
            (void)!unlink(names[(i + 1) % 3]);
            CHECK_OK(close(fd));
        }
        (void)!mkdir("d", 0700);
        (void)!rename("d", "e");
        (void)!rmdir("e");
    }
    _exit(0);
}

/* State of each number: 0 not yet seen, 1 ended. */
static char ended[MOST_WDS];

static void take_all(int queue)
{
    char bytes[4096];
    ssize_t len;

    while ((len = read(queue, bytes, sizeof(bytes))) > 0) {
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const struct inotify_event *)(bytes + at);

            at += (ssize_t)(sizeof(*event) + event->len);
            CHECK(at <= len);
            if (event->wd == -1) {
                CHECK_EQ(event->mask, IN_Q_OVERFLOW);
                continue;
            }
            CHECK(event->wd > 0);
            if (event->wd >= MOST_WDS)
                continue;
            if (!(event->mask & IN_IGNORED)) /* on Linux it may come behind the end */
                continue;
            CHECK(!ended[event->wd]);
            ended[event->wd] = 1;
        }
    }
    CHECK_EQ(errno, EAGAIN);
}

static void watch_files(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "."};

    while (!is_over()) {
        int queue = (int)CHECK_OK(inotify_init1(IN_NONBLOCK));

        memset(ended, 0, sizeof(ended));
        for (int round = 0; round < 200 && !is_over(); round++) {
            int wd = inotify_add_watch(queue, names[round % 6],
                                       round % 7 ? IN_ALL_EVENTS : IN_ALL_EVENTS | IN_ONESHOT);

            if (round % 3 == 0 && wd >= 0)
                (void)!inotify_rm_watch(queue, wd);
            if (round % 5 == 0)
                take_all(queue);
            if (round % 64 == 0)
                sched_yield();
        }
        CHECK_OK(close(queue)); /* with events in it, and watches */
    }
    _exit(0);
}

/* Two threads of control at one queue: one watches and closes, another reads, until both are gone.
 */
static void share_queue(void)
{
    while (!is_over()) {
        int queue = (int)CHECK_OK(inotify_init1(IN_NONBLOCK));
        pid_t child;

        CHECK_OK(inotify_add_watch(queue, ".", IN_ALL_EVENTS));
        child = (pid_t)CHECK_OK(fork());
        if (child == 0) {
            char bytes[512];

            for (int i = 0; i < 100; i++)
                (void)!read(queue, bytes, sizeof(bytes));
            _exit(0);
        }
        CHECK_OK(close(queue));
        CHECK_EQ(child_end(child), 0);
    }
    _exit(0);
}

int main(void)
{
    void (*const parts[])(void) = {use_files, use_files, watch_files, watch_files, share_queue};
    pid_t children[5];
    struct timespec now;

    CHECK(mkdtemp(top) != NULL);
    CHECK_OK(chdir(top));
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
    end = now.tv_sec + SECONDS;
    for (int i = 0; i < 5; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0)
            parts[i]();
    }
    for (int i = 0; i < 5; i++)
        CHECK_EQ(child_end(children[i]), 0);
    for (char name[] = "a"; *name <= 'e'; ++*name) {
        unlink(name);
        rmdir(name);
    }
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(top));
    return 0;
}
