/* SPDX-License-Identifier: MIT */
/* /proc/PID/fd of processes that replace their table of descriptors all the time: by close_range,
 * and by exec. Each listing ends, and what it shows are descriptors. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define STACK    65536
#define REPLACES 4
#define READERS  3
#define LISTINGS 40
#define NFDS     800

static char stacks[REPLACES][STACK] __attribute__((aligned(16)));

static int sharer(void *unused)
{
    (void)unused;
    raw1(SYS_exit, 0);
    return 0;
}

/* A child shares the table, so that the parent's close_range has to copy it; one of the two then
 * drops the old one. */
static void replace_for_ever(char *stack)
{
    for (;;) {
        int pid = clone(sharer, stack + STACK, CLONE_FILES | SIGCHLD, NULL);

        CHECK(pid > 0);
        raw3(SYS_close_range, 900, 1000, 2 /* CLOSE_RANGE_UNSHARE */);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
}

static void list_fds(int pid)
{
    char path[32] = "/proc/", *p = path + 6, digits[12];
    int n = 0;
    struct dirent *entry;
    DIR *dir;

    for (int left = pid; left; left /= 10)
        digits[n++] = (char)('0' + left % 10);
    while (n)
        *p++ = digits[--n];
    strcpy(p, "/fd");
    dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL)
        CHECK(entry->d_name[0] == '.' || (entry->d_name[0] >= '0' && entry->d_name[0] <= '9'));
    closedir(dir);
}

int main(void)
{
    int pids[REPLACES], readers[READERS], status;

    for (int i = 0; i < NFDS; i++) /* so that copying and closing take a while */
        CHECK_OK(dup2(0, 100 + i));
    for (int i = 0; i < REPLACES; i++) {
        pids[i] = (int)CHECK_OK(fork());
        if (!pids[i])
            replace_for_ever(stacks[i]);
    }
    for (int r = 0; r < READERS; r++) {
        readers[r] = (int)CHECK_OK(fork());
        for (int i = 0; !readers[r] && i < LISTINGS; i++)
            list_fds(pids[(r + i) % REPLACES]);
        if (!readers[r])
            _exit(0);
    }
    for (int r = 0; r < READERS; r++) {
        CHECK_EQ(waitpid(readers[r], &status, 0), readers[r]);
        CHECK_EQ(status, 0);
    }
    for (int i = 0; i < REPLACES; i++) {
        CHECK_OK(kill(pids[i], SIGKILL));
        CHECK_EQ(waitpid(pids[i], &status, 0), pids[i]);
        CHECK_EQ(status, SIGKILL);
    }
    return 0;
}
