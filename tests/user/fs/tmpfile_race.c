/* SPDX-License-Identifier: MIT */
/* A file of O_TMPFILE gets its first name while another task takes that name away and asks for one
 * more: the file whose only name is gone gets no other. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define STACK  65536
#define ROUNDS 500
#define FIRST  "/tmp/tmpfile_race.1"
#define SECOND "/tmp/tmpfile_race.2"

static volatile int file = -1;
static volatile unsigned round_begun, round_done;

static long link_file(const char *name)
{
    return raw6(SYS_linkat, file, "", AT_FDCWD, name, AT_EMPTY_PATH, 0);
}

/* It may not see the name before it is there, but from then on it is at once. */
static int take_away(void *argument)
{
    (void)argument;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        long err;

        while (round_begun != i)
            raw0(SYS_sched_yield);
        while ((err = raw1(SYS_unlink, FIRST)) == -ENOENT)
            ;
        if (err || link_file(SECOND) != -ENOENT)
            return 1;
        round_done = i;
    }
    return 0;
}

/* Left as it is for the wait at the end: it may end between its last round and a look at that. */
static bool has_ended(int pid)
{
    siginfo_t info = {0};

    CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT));
    return info.si_pid != 0;
}

int main(void)
{
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct stat info;
    int pid, status;

    CHECK(stack != MAP_FAILED);
    pid = (int)CHECK_OK(clone(take_away, stack + STACK, CLONE_VM | CLONE_FILES | SIGCHLD, NULL));
    for (unsigned i = 1; i <= ROUNDS; i++) {
        file = (int)CHECK_OK(open("/tmp", O_TMPFILE | O_RDWR, 0600));
        round_begun = i;
        CHECK_EQ(link_file(FIRST), 0);
        while (round_done != i && !has_ended(pid))
            sched_yield();
        CHECK_EQ(round_done, i);
        CHECK_OK(fstat(file, &info));
        CHECK_EQ(info.st_nlink, 0);
        CHECK_EQ(link_file(SECOND), -ENOENT);
        CHECK_OK(close(file));
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    return 0;
}
