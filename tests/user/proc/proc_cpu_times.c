/* SPDX-License-Identifier: MIT */
/* Processor time in /proc/stat: a program that computes adds to it, on its processor and in all. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ENOUGH 5 /* ticks of a hundredth of a second */

static char text[32768];

/* User and nice time of the line that begins so in what was read last. */
static unsigned long read_before(const char *line)
{
    char *at = strstr(text, line);
    unsigned long user;

    CHECK(at != NULL);
    at += strlen(line);
    user = strtoul(at, &at, 10);
    return user + strtoul(at, &at, 10);
}

static unsigned long used(const char *line)
{
    int fd = (int)CHECK_OK(open("/proc/stat", O_RDONLY));
    size_t length = 0;
    ssize_t n;

    while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)n;
    close(fd);
    text[length] = '\0';
    return read_before(line);
}

/* Each processor has times of its own: together they are those of all. */
static void check_sum(void)
{
    unsigned long all = used("cpu "), sum = 0;
    char line[] = "cpu0 ";

    for (; line[3] <= '9' && strstr(text, line); line[3]++)
        sum += read_before(line);
    if (!strstr(text, "cpu10 "))
        CHECK(sum <= all + ENOUGH && all <= sum + ENOUGH + 10);
}

int main(void)
{
    struct timespec now = {0, 0};
    unsigned long all, one;
    char line[32];
    unsigned cpu = 0;
    cpu_set_t set;

    CHECK_OK(sched_getaffinity(0, sizeof(set), &set));
    while (!CPU_ISSET(cpu, &set)) /* a container may not have the first */
        cpu++;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
    snprintf(line, sizeof(line), "cpu%u ", cpu);
    all = used("cpu ");
    one = used(line);
    while (now.tv_sec == 0 && now.tv_nsec < 200000000)
        CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    /* What the process has used is there after the next tick: bounded by more of the same. */
    while (now.tv_sec < 5 && used(line) < one + ENOUGH)
        CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    CHECK(used(line) >= one + ENOUGH);
    CHECK(used("cpu ") >= all + ENOUGH - 1); /* each number is rounded down by itself */
    check_sum();
    return 0;
}
