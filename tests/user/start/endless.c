/* SPDX-License-Identifier: MIT */
/*
 * endless HOW - never ends: only the plan's limit can end it
 *
 * `user` never enters the kernel, so that only the timer interrupt can stop it; `calls` is nearly
 * always in the kernel; `faults` takes a page fault each time round; the others sleep.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define PAGE 4096

static void spin_in_user(void)
{
    volatile unsigned long rounds = 0;

    for (;;)
        rounds++;
}

static void spin_in_calls(void)
{
    for (;;)
        raw0(SYS_getppid);
}

static void spin_in_faults(void)
{
    volatile char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED);
    for (;;) {
        *p = 1;
        CHECK_OK(madvise((void *)p, PAGE, MADV_DONTNEED));
    }
}

static void sleep_forever(void)
{
    const struct timespec day = {.tv_sec = 86400};

    for (;;)
        nanosleep(&day, NULL);
}

/* An empty pipe whose writing end is open: the read waits for a writer that is the reader. */
static void read_empty_pipe(void)
{
    int ends[2];
    char byte;

    CHECK_OK(pipe(ends));
    CHECK_OK(read(ends[0], &byte, 1));
}

static void block_all_and_spin(void)
{
    sigset_t all;

    sigfillset(&all);
    CHECK_EQ(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
    spin_in_user();
}

int main(int argc, char **argv)
{
    CHECK_EQ(argc, 2);
    if (strcmp(argv[1], "user") == 0)
        spin_in_user();
    if (strcmp(argv[1], "calls") == 0)
        spin_in_calls();
    if (strcmp(argv[1], "faults") == 0)
        spin_in_faults();
    if (strcmp(argv[1], "sleep") == 0)
        sleep_forever();
    if (strcmp(argv[1], "pipe") == 0)
        read_empty_pipe();
    if (strcmp(argv[1], "blocked") == 0)
        block_all_and_spin();
    return 1;
}
