/* SPDX-License-Identifier: MIT */
/* To run a file takes the right to run it; the right to read it is another one. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/copy.h"

#define COPY   "/tmp/exec-unreadable"
#define NOBODY 65534
#define RAN    23

/* Somebody who is not the owner: 0 when it ran, else the errno of exec. */
static int run_as_nobody(mode_t mode, bool by_descriptor)
{
    static const char *const words[] = {COPY, "ran", NULL};
    char *const *argv = (char *const *)words, *const *envp = argv + 2;
    int status, pid;

    CHECK_OK(chmod(COPY, mode));
    pid = (int)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_OK(setresgid(NOBODY, NOBODY, NOBODY));
        CHECK_OK(setresuid(NOBODY, NOBODY, NOBODY));
        if (!(mode & S_IROTH))
            CHECK_ERR(open(COPY, O_RDONLY), EACCES);
        if (by_descriptor)
            syscall(SYS_execveat, (int)CHECK_OK(open(COPY, O_PATH)), "", argv, envp, AT_EMPTY_PATH);
        else
            execve(COPY, argv, envp);
        _exit(errno);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) == RAN + 100 ? 0 : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "ran"))
        return RAN + 100;
    program_copy(argv[0], COPY);
    CHECK_EQ(run_as_nobody(0755, false), 0);
    CHECK_EQ(run_as_nobody(0111, false), 0);
    CHECK_EQ(run_as_nobody(0111, true), 0);
    CHECK_EQ(run_as_nobody(0444, false), EACCES);
    CHECK_EQ(run_as_nobody(0710, false), EACCES);
    CHECK_EQ(run_as_nobody(0666, true), EACCES);
    CHECK_OK(unlink(COPY));
    return 0;
}
