/* SPDX-License-Identifier: MIT */
/*
 * Very many mounts: listed in pieces, and taken away in parts, each at a cost of its own. The
 * number is the argument.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PARTS 4

static char name[256];

static double now(void)
{
    struct timespec time;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &time));
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* How many lines the list of mounts has with that name in it; and how long it is. */
static long list(size_t *out_size)
{
    static char buffer[65536 + 1];
    size_t used = 0;
    long found = 0, n;
    int fd = (int)CHECK_OK(open("/proc/self/mounts", O_RDONLY));

    *out_size = 0;
    while ((n = CHECK_OK(read(fd, buffer + used, sizeof(buffer) - 1 - used))) > 0) {
        char *line = buffer, *end;

        *out_size += (size_t)n;
        used += (size_t)n;
        buffer[used] = '\0';
        for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
            *end = '\0';
            found += strstr(line, name) != NULL;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
    }
    CHECK_EQ(used, 0);
    close(fd);
    return found;
}

int main(int argc, char **argv)
{
    long count = argc > 1 ? atol(argv[1]) : 8000, each = count / PARTS;
    double start, first = 0, last = 0;
    size_t size;

    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("m", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(chdir("/tmp"));
    memset(name, 'n', 255);
    CHECK_OK(mkdir(name, 0755));
    CHECK_OK(mkdir("what", 0755));
    for (long part = 0; part < PARTS; part++) {
        char path[300], inner[350];

        snprintf(path, sizeof(path), "%s/%ld", name, part);
        CHECK_OK(mkdir(path, 0755));
        CHECK_OK(mount("part", path, "tmpfs", 0, NULL));
        for (long i = 0; i < each - 1; i++) {
            snprintf(inner, sizeof(inner), "%s/%ld", path, i);
            CHECK_OK(mkdir(inner, 0755));
            CHECK_OK(mount("what", inner, NULL, MS_BIND, NULL));
        }
    }
    CHECK_EQ(list(&size), each * PARTS);
    CHECK(size > (size_t)count * 255);
    /* Each part goes at once, the oldest first. It costs what is in it, not what is left. */
    for (long part = 0; part < PARTS; part++) {
        char path[300];

        snprintf(path, sizeof(path), "%s/%ld", name, part);
        start = now();
        CHECK_OK(umount2(path, MNT_DETACH));
        last = now() - start;
        if (part == 0)
            first = last;
        CHECK_OK(rmdir(path));
    }
    if (argc > 2)
        printf("first %f last %f size %zu\n", first, last, size);
    CHECK(first < last * 20 + 0.5);
    CHECK_EQ(list(&size), 0);
    return 0;
}
