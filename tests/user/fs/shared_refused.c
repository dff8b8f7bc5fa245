/* SPDX-License-Identifier: MIT */
/* Descriptors of O_PATH and numbers that name nothing are refused by the calls that take two, also
 * where another process shares the table of descriptors. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

static char stack[65536] __attribute__((aligned(16)));

static int sleep_for_ever(void *unused)
{
    (void)unused;
    while (raw0(SYS_pause))
        ;
    return 0;
}

/* Each call in both directions; the file is read and written, the other never. */
static void refuse(int other)
{
    int file = (int)CHECK_OK(open("file", O_RDWR | O_CREAT, 0600)), pipes[2];
    long long offset = 0;

    CHECK_OK(pipe(pipes));
    CHECK_EQ(raw4(SYS_sendfile, other, file, 0, 10), -EBADF);
    CHECK_EQ(raw4(SYS_sendfile, file, other, 0, 10), -EBADF);
    CHECK_EQ(raw4(SYS_sendfile, other, file, &offset, 10), -EBADF);
    CHECK_EQ(raw6(SYS_copy_file_range, file, 0, other, 0, 10, 0), -EBADF);
    CHECK_EQ(raw6(SYS_copy_file_range, other, 0, file, 0, 10, 0), -EBADF);
    CHECK_EQ(raw6(SYS_splice, pipes[0], 0, other, 0, 10, 0), -EBADF);
    CHECK_EQ(raw6(SYS_splice, other, 0, pipes[1], 0, 10, 0), -EBADF);
    CHECK_OK(close(pipes[0]));
    CHECK_OK(close(pipes[1]));
    CHECK_OK(close(file));
}

int main(void)
{
    int path = (int)CHECK_OK(open("/", O_PATH)), status;
    int pid;

    refuse(path);
    refuse(900);
    pid = (int)CHECK_OK(
        clone(sleep_for_ever, stack + sizeof(stack), CLONE_FILES | CLONE_VM | SIGCHLD, NULL));
    refuse(path);
    refuse(900);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return 0;
}
