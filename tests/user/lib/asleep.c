/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tests/user/lib/asleep.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static int stat_open(pid_t pid)
{
    char path[40], *at = path + sizeof(path) - sizeof("/stat");

    memcpy(at, "/stat", sizeof("/stat"));
    for (; pid; pid /= 10)
        *--at = (char)('0' + pid % 10);
    at -= strlen("/proc/");
    memcpy(at, "/proc/", strlen("/proc/"));
    return open(at, O_RDONLY | O_CLOEXEC);
}

/* The letter behind the name, which may hold anything. */
static char state_of(int fd)
{
    char text[512], *end;
    ssize_t n = CHECK_OK(read(fd, text, sizeof(text) - 1));

    text[n] = '\0';
    end = strrchr(text, ')');
    CHECK(end != NULL);
    return end[2];
}

void asleep_await(pid_t pid)
{
    for (;;) {
        int fd = stat_open(pid);
        char state;

        if (fd < 0 && access("/proc/self/stat", F_OK) != 0) {
            usleep(100000);
            return;
        }
        CHECK_OK(fd);
        state = state_of(fd);
        CHECK_OK(close(fd));
        if (state == 'S')
            return;
        CHECK(state != 'Z');
        usleep(1000);
    }
}
