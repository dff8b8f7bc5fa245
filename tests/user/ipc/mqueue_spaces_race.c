/* SPDX-License-Identifier: MIT */
/*
 * Name spaces of IPC begin and end while their queues are open, and mounts of them come and go in
 * places that all share: whatever is left of one goes with its last use.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "tests/user/lib/child.h"
#include "tests/user/lib/mqueue.h"
#include "tests/user/lib/race.h"

#define DIR    "/tmp/mqueue_spaces_race"
#define PLACES 2
#define TASKS  4

static const char *const places[PLACES] = {DIR "/0", DIR "/1"};
static const char *const queues[PLACES] = {DIR "/0/q", DIR "/1/q"};

/* Some fail, as others have mounted or unmounted there meanwhile. */
static void step(unsigned *state)
{
    unsigned place = race_number(state) % PLACES;
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    int fd = -1;

    switch (race_number(state) % 8) {
    case 0:
        CHECK_OK(unshare(CLONE_NEWIPC));
        break;
    case 1:
        mount("none", places[place], "mqueue", race_number(state) % 4 ? 0 : MS_RDONLY, NULL);
        break;
    case 2:
        umount2(places[place], race_number(state) % 2 ? MNT_DETACH : 0);
        break;
    case 3:
        chmod(queues[place], 0600 | race_number(state) % 64);
        chmod(places[place], 01777);
        break;
    case 4:
        unlink(queues[place]);
        queue_unlink("q");
        break;
    case 5:
        fd = open(queues[place], O_RDWR | O_CREAT, 0600);
        break;
    default:
        fd = queue_open("q", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
        if (fd >= 0)
            queue_send(fd, "message", 7, 0, NULL);
        break;
    }
    if (fd >= 0 && race_number(state) % 2) /* else it stays open until the end */
        CHECK_OK(close(fd));
}

static void work(unsigned task)
{
    unsigned state = task * 7919 + 1;

    while (!race_is_over()) {
        pid_t pid = (pid_t)CHECK_OK(fork());

        if (pid == 0) {
            for (int i = 0; i < 30; i++)
                step(&state);
            _exit(0);
        }
        CHECK_EQ(child_end(pid), 0);
        race_number(&state);
    }
}

int main(void)
{
    pid_t children[TASKS];

    CHECK_OK(mkdir(DIR, 0700));
    for (int i = 0; i < PLACES; i++)
        CHECK_OK(mkdir(places[i], 0700));
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &race_begin));
    for (unsigned i = 0; i < TASKS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0) {
            work(i);
            _exit(0);
        }
    }
    for (int i = 0; i < TASKS; i++)
        CHECK_EQ(child_end(children[i]), 0);
    for (int i = 0; i < PLACES; i++) {
        while (umount2(places[i], MNT_DETACH) == 0)
            ;
        unlink(queues[i]); /* made while nothing was mounted there */
        CHECK_OK(rmdir(places[i]));
    }
    CHECK_OK(rmdir(DIR));
    queue_unlink("q");
    return 0;
}
