/* SPDX-License-Identifier: MIT */
/* execveat: a program by its descriptor, or by a path from one. Its name tells which. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/copy.h"

#define COPY   "/tmp/exec-descriptor"
#define SCRIPT "/tmp/exec-descriptor-script"
#define RAN    123

/* The program is told by which name it should find itself started. Else: the errno. */
static int run(int dirfd, const char *path, int flags, const char *name)
{
    const char *const words[] = {"word", name, NULL}, *const none[] = {NULL};
    int status, pid = (int)CHECK_OK(fork());

    if (pid == 0) {
        syscall(SYS_execveat, dirfd, path, words, none, flags);
        _exit(errno);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) == RAN ? 0 : WEXITSTATUS(status);
}

static void check_refused(int fd, int dir)
{
    CHECK_EQ(run(fd, "", 0, ""), ENOENT);
    CHECK_EQ(run(dir, "", AT_EMPTY_PATH, ""), EACCES);
    CHECK_EQ(run(999, "", AT_EMPTY_PATH, ""), EBADF);
    CHECK_EQ(run(999, "name", 0, ""), EBADF);
    CHECK_EQ(run(fd, "name", 0, ""), ENOTDIR);
    CHECK_EQ(run(dir, "exec-descriptor", 1, ""), EINVAL);
    CHECK_EQ(run(AT_FDCWD, "", AT_EMPTY_PATH, ""), EACCES); /* the working directory */
    CHECK_OK(symlink(COPY, "/tmp/exec-descriptor-link"));
    CHECK_EQ(run(dir, "exec-descriptor-link", AT_SYMLINK_NOFOLLOW, ""), ELOOP);
    CHECK_OK(unlink("/tmp/exec-descriptor-link"));
}

int main(int argc, char **argv)
{
    static const char script[] = "#!" COPY " script\n";
    char name[64];
    int dir, fd;

    if (argc == 2) /* started by run */
        return strcmp((const char *)getauxval(AT_EXECFN), argv[1]) ? 99 : RAN;
    if (argc == 4) /* the same, as a script's interpreter */
        return strcmp(argv[1], "script") || strcmp(argv[2], argv[3]) ? 98 : RAN;
    program_copy(argv[0], COPY);
    program_make(SCRIPT, script, sizeof(script) - 1);
    dir = (int)CHECK_OK(open("/tmp", O_RDONLY | O_DIRECTORY));
    fd = (int)CHECK_OK(open(COPY, O_RDONLY));
    check_refused(fd, dir);

    CHECK_EQ(run(AT_FDCWD, COPY, 0, COPY), 0);
    CHECK_EQ(run(dir, COPY, 0, COPY), 0);
    snprintf(name, sizeof(name), "/dev/fd/%d/exec-descriptor", dir);
    CHECK_EQ(run(dir, "exec-descriptor", 0, name), 0);
    snprintf(name, sizeof(name), "/dev/fd/%d/exec-descriptor-script", dir);
    CHECK_EQ(run(dir, "exec-descriptor-script", 0, name), 0);
    CHECK_OK(close(dir));

    dir = (int)CHECK_OK(open(SCRIPT, O_RDONLY));
    snprintf(name, sizeof(name), "/dev/fd/%d", dir);
    CHECK_EQ(run(dir, "", AT_EMPTY_PATH, name), 0);
    CHECK_OK(fcntl(dir, F_SETFD, FD_CLOEXEC)); /* its interpreter could not read it */
    CHECK_EQ(run(dir, "", AT_EMPTY_PATH, name), ENOENT);
    CHECK_OK(close(dir));
    CHECK_OK(unlink(SCRIPT));

    CHECK_OK(unlink(COPY)); /* the descriptor is enough */
    snprintf(name, sizeof(name), "/dev/fd/%d", fd);
    CHECK_EQ(run(fd, "", AT_EMPTY_PATH, name), 0);
    CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    CHECK_EQ(run(fd, "", AT_EMPTY_PATH, name), 0);
    CHECK_OK(close(fd));
    return 0;
}
