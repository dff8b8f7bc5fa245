/* SPDX-License-Identifier: MIT */
/*
 * memtester_cost - instructions of one loop of each of memtester's tests
 *
 * Started as init by memory.py, on a processor whose time stamp counter counts instructions. Two
 * loops less one are a loop alone, without memtester's start and its first touch of memory. "Stuck
 * Address" runs whatever the mask says: its cost is measured by a mask that selects nothing else.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#define SIZE "256K"

/* Their numbers; -1: none but "Stuck Address". */
static const int tests[] = {-1, 0, 8, 9, 10, 11, 12, 13, 14};

static uint64_t ticks(int test, const char *loops)
{
    uint64_t began = __rdtsc();
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        char mask[20];
        int null = open("/dev/null", O_RDWR);

        dup2(null, 1);
        snprintf(mask, sizeof(mask), "%#x", test < 0 ? 1u << 30 : 1u << test);
        setenv("MEMTESTER_TEST_MASK", mask, 1);
        execl("/usr/sbin/memtester", "memtester", SIZE, loops, (char *)NULL);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        printf("bench memtester@%d failed: status %#x\n", test, (unsigned)status);
        return 0;
    }
    return __rdtsc() - began;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    mount("proc", "/proc", "proc", 0, NULL);
    for (unsigned i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        uint64_t once = ticks(tests[i], "1"), twice = ticks(tests[i], "2");

        printf("bench memtester@%d ticks=%llu\n", tests[i], (unsigned long long)(twice - once));
    }
    printf("bench end\n");
    for (;;)
        pause();
}
