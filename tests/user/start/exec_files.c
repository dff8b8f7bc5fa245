/* SPDX-License-Identifier: MIT */
/* execve and descriptors: a table that others share stays with them, the new program has a copy. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

/* Lists of constant words; execve's type predates const. */
#define LIST(...) ((char *const *)(const char *const[]){__VA_ARGS__, NULL})

#define KEPT    50 /* descriptors: no flag, */
#define CLOEXEC 51 /* closed by exec, */
#define OWN     52 /* opened by the new program */

/* A fork whose child has the same descriptors, not a copy of them. */
static pid_t fork_sharing(void)
{
    return (pid_t)CHECK_OK(raw6(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0, 0));
}

/* "new": the program that sharing execs. */
static int new_program(void)
{
    struct rlimit limit;

    CHECK_EQ(fcntl(KEPT, F_GETFD), 0);
    CHECK_ERR(fcntl(CLOEXEC, F_GETFD), EBADF);
    CHECK_OK(dup2(0, OWN));
    CHECK_OK(close(KEPT));
    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    CHECK_EQ(limit.rlim_cur, 60);
    CHECK_ERR(dup2(0, 60), EBADF);
    CHECK_EQ(dup2(0, 59), 59);
    return 7;
}

/* What the child's exec and the new program close and open is theirs alone. */
static void sharing(const char *self)
{
    pid_t pid;

    CHECK_OK(dup2(0, KEPT));
    CHECK_OK(dup3(0, CLOEXEC, O_CLOEXEC));
    pid = fork_sharing();
    if (pid == 0) {
        struct rlimit limit = {60, 60};

        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
        execve(self, LIST(self, "new"), LIST("A=b"));
        _exit(127);
    }
    CHECK_EQ(child_end(pid), 7 << 8);
    CHECK_EQ(fcntl(KEPT, F_GETFD), 0);
    CHECK_EQ(fcntl(CLOEXEC, F_GETFD), FD_CLOEXEC);
    CHECK_ERR(fcntl(OWN, F_GETFD), EBADF);
    CHECK_ERR(fcntl(59, F_GETFD), EBADF);
}

/* An exec that fails leaves the sharing as it is. */
static void failing(void)
{
    pid_t pid = fork_sharing();

    if (pid == 0) {
        CHECK_ERR(execve("/no/such/program", LIST("x"), LIST("A=b")), ENOENT);
        CHECK_OK(dup2(0, OWN));
        _exit(0);
    }
    CHECK_EQ(child_end(pid), 0);
    CHECK_EQ(fcntl(OWN, F_GETFD), 0);
    CHECK_OK(close(OWN));
}

/* Record locks belong to the table: they stay behind with it. */
static int locked_program(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    CHECK_ERR(fcntl(KEPT, F_SETLK, &lock), EAGAIN);
    return 8;
}

static void locks(const char *self)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = (int)CHECK_OK(open("/tmp/exec-files", O_RDWR | O_CREAT | O_TRUNC, 0600));
    pid_t pid;

    CHECK_OK(dup2(fd, KEPT));
    CHECK_OK(close(fd));
    CHECK_OK(fcntl(KEPT, F_SETLK, &lock));
    pid = fork_sharing();
    if (pid == 0) {
        CHECK_OK(fcntl(KEPT, F_SETLK, &lock)); /* it is this one's as well */
        execve(self, LIST(self, "locked"), LIST("A=b"));
        _exit(127);
    }
    CHECK_EQ(child_end(pid), 8 << 8);
    CHECK_OK(close(KEPT));
    CHECK_OK(unlink("/tmp/exec-files"));
}

int main(int argc, char **argv)
{
    static char path[4096];
    const char *self = argv[0][0] == '/' ? argv[0] : realpath(argv[0], path);

    if (argc == 2 && strcmp(argv[1], "new") == 0)
        return new_program();
    if (argc == 2 && strcmp(argv[1], "locked") == 0)
        return locked_program();
    sharing(self);
    failing();
    locks(self);
    return 0;
}
