/* SPDX-License-Identifier: MIT */
/* A program that is no regular file is refused at once: opening it must not wait, nor do anything
 * that opening a device does. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"

#define TOP "/tmp/fifo_exec"

static void check_refused(const char *path, int err)
{
    char *argv[] = {(char *)(uintptr_t)path, NULL}, *envp[] = {NULL};
    int fd;

    CHECK_ERR(execve(path, argv, envp), err);
    CHECK_ERR(syscall(SYS_execveat, AT_FDCWD, path, argv, envp, 0), err);
    fd = (int)CHECK_OK(open(path, O_PATH));
    CHECK_ERR(syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH), err);
    CHECK_OK(close(fd));
}

/* Named in the first line of a script. */
static void check_interpreter(const char *path)
{
    char line[64];
    int fd = (int)CHECK_OK(open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755));

    snprintf(line, sizeof(line), "#!%s\n", path);
    CHECK_EQ(write(fd, line, strlen(line)), strlen(line));
    CHECK_OK(close(fd));
    check_refused("script", EACCES);
    CHECK_OK(unlink("script"));
}

/* Where an ordinary user runs this there is one kind of file less. */
static bool make_device(const char *name, unsigned device)
{
    if (mknod(name, S_IFCHR | 0755, device) == 0)
        return true;
    CHECK_EQ(errno, EPERM);
    return false;
}

static void check_devices(void)
{
    if (make_device("device", makedev(5, 2))) { /* opening it would make a terminal */
        check_refused("device", EACCES);
        check_interpreter(TOP "/device");
        CHECK_OK(unlink("device"));
    }
    if (make_device("nothing", makedev(250, 77))) {
        check_refused("nothing", EACCES);
        CHECK_OK(unlink("nothing"));
    }
}

int main(void)
{
    CHECK_OK(mkdir(TOP, 0700));
    CHECK_OK(chdir(TOP));
    CHECK_OK(mkfifo("fifo", 0755));
    CHECK_OK(symlink("fifo", "link"));
    CHECK_OK(symlink("loop", "loop"));
    CHECK_OK(mkdir("directory", 0755));
    CHECK_OK(mknod("socket", S_IFSOCK | 0755, 0));
    check_refused("fifo", EACCES);
    check_refused("link", EACCES);
    check_refused("directory", EACCES);
    check_refused("socket", EACCES);
    check_devices();
    check_interpreter(TOP "/fifo");
    check_interpreter(TOP "/link");
    check_interpreter(TOP "/directory");
    CHECK_ERR(execl("loop", "loop", NULL), ELOOP);
    CHECK_OK(unlink("fifo"));
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("loop"));
    CHECK_OK(rmdir("directory"));
    CHECK_OK(unlink("socket"));
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(TOP));
    return 0;
}
