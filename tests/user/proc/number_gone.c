/* SPDX-License-Identifier: MIT */
/* The number of a process that has ended and been waited for leads to no process, whatever is made
 * in its place. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define ROUNDS 20

static pid_t sleeper(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    while (pid == 0)
        pause();
    return pid;
}

static void end(pid_t pid)
{
    int status;

    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
}

int main(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        pid_t gone = sleeper(), other;

        end(gone);
        other = sleeper();
        CHECK(other != gone);
        CHECK_ERR(kill(gone, 0), ESRCH);
        CHECK_ERR(kill(-gone, 0), ESRCH);
        CHECK_ERR(getpgid(gone), ESRCH);
        CHECK_ERR(getpriority(PRIO_PROCESS, (id_t)gone), ESRCH);
        end(other);
    }
    return 0;
}
