/* SPDX-License-Identifier: MIT */
/*
 * Mount name spaces: what is mounted in one is not seen in another; unshare, clone, clone3, setns,
 * /proc/PID/ns/mnt and /proc/PID/mounts, and what is left when the last process goes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

static char outer_link[64];

static void space_link(const char *pid, char *text)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
    memset(text, 0, 64);
    CHECK_OK(readlink(path, text, 63));
}

static int mounts_have(const char *pid, const char *source)
{
    char path[64], line[1024];
    int found = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%s/mounts", pid);
    file = fopen(path, "r");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file))
        found += !strncmp(line, source, strlen(source)) && line[strlen(source)] == ' ';
    fclose(file);
    return found;
}

static void make(const char *path)
{
    close((int)CHECK_OK(open(path, O_WRONLY | O_CREAT, 0600)));
}

/* In a child that has a name space of its own; it says so, and waits. */
static void child_body(int ready, int go)
{
    char text[64], path[PATH_MAX], byte = 0;

    space_link("self", text);
    CHECK(strcmp(text, outer_link) != 0);
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/tmp/s/dir"));
    CHECK_OK(access("../outer", F_OK));
    CHECK_OK(mount("inner", "/tmp/s/dir", "tmpfs", 0, NULL));
    make("/tmp/s/dir/inner");
    CHECK_EQ(access("inner", F_OK), -1); /* the working directory lies under it */
    CHECK_OK(access("../dir/inner", F_OK));
    CHECK_EQ(mounts_have("self", "inner"), 1);
    CHECK_EQ(write(ready, &byte, 1), 1);
    CHECK_EQ(read(go, &byte, 1), 1);
    CHECK_EQ(access("/tmp/s/dir/later", F_OK), -1);
    CHECK_EQ(mounts_have("self", "later"), 0);
}

static void enter_and_return(const char *pid, int self_fd)
{
    char path[64], text[64];
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
    fd = (int)CHECK_OK(open(path, O_RDONLY));
    CHECK_ERR(setns(fd, CLONE_NEWUTS), EINVAL);
    CHECK_OK(setns(fd, CLONE_NEWNS));
    close(fd);
    CHECK(getcwd(path, sizeof(path)) && !strcmp(path, "/"));
    CHECK_OK(access("/tmp/s/dir/inner", F_OK));
    CHECK_EQ(mounts_have("self", "inner"), 1);
    CHECK_OK(umount("/tmp/s/dir"));
    CHECK_OK(mount("inner", "/tmp/s/dir", "tmpfs", 0, NULL));
    make("/tmp/s/dir/inner");
    space_link("self", text);
    CHECK(strcmp(text, outer_link) != 0);
    CHECK_OK(setns(self_fd, 0));
    space_link("self", text);
    CHECK(strcmp(text, outer_link) == 0);
    CHECK_EQ(access("/tmp/s/dir/inner", F_OK), -1);
    CHECK_OK(chdir("/tmp/s"));
}

static void between(long (*start)(void))
{
    int ready[2], go[2], self_fd;
    char pid[16], path[128], byte = 0;
    long child;

    CHECK_OK(pipe(ready));
    CHECK_OK(pipe(go));
    CHECK_OK(chdir("/tmp/s/dir"));
    child = CHECK_OK(start());
    if (child == 0) {
        child_body(ready[1], go[0]);
        _exit(0);
    }
    CHECK_OK(chdir("/tmp/s"));
    CHECK_EQ(read(ready[0], &byte, 1), 1);
    snprintf(pid, sizeof(pid), "%ld", child);
    CHECK_EQ(access("dir/inner", F_OK), -1);
    CHECK_EQ(mounts_have("self", "inner"), 0);
    CHECK_EQ(mounts_have(pid, "inner"), 1);
    /* What is in the other one can be looked at, and not changed from here. */
    snprintf(path, sizeof(path), "/proc/%s/root/tmp/s/dir/inner", pid);
    CHECK_OK(access(path, F_OK));
    snprintf(path, sizeof(path), "/proc/%s/root/tmp/s/dir", pid);
    CHECK_ERR(umount2(path, MNT_DETACH), EINVAL);
    CHECK_ERR(mount("x", path, "tmpfs", 0, NULL), EINVAL);
    CHECK_ERR(mount(path, "/tmp/s/dir", NULL, MS_BIND, NULL), EINVAL);
    self_fd = (int)CHECK_OK(open("/proc/self/ns/mnt", O_RDONLY));
    enter_and_return(pid, self_fd);
    close(self_fd);
    CHECK_OK(mount("later", "/tmp/s/dir", "tmpfs", 0, NULL));
    make("/tmp/s/dir/later");
    CHECK_EQ(write(go[1], &byte, 1), 1);
    CHECK_EQ(child_end((int)child), 0);
    CHECK_OK(umount("/tmp/s/dir"));
    for (int i = 0; i < 2; i++) {
        close(ready[i]);
        close(go[i]);
    }
}

static long start_unshare(void)
{
    long child = fork();

    if (child == 0)
        CHECK_OK(unshare(CLONE_NEWNS));
    return child;
}

static long start_clone(void)
{
    return syscall(SYS_clone, SIGCHLD | CLONE_NEWNS, 0, 0, 0, 0);
}

static long start_clone3(void)
{
    uint64_t args[8] = {[0] = CLONE_NEWNS, [4] = SIGCHLD}; /* flags, exit_signal */

    return syscall(435, args, sizeof(args));
}

/* A descriptor keeps it when its process has gone. */
static void kept(void)
{
    char path[64];
    long child = CHECK_OK(start_unshare());
    int fd, self_fd, ready[2];

    CHECK_OK(pipe(ready));
    if (child == 0) {
        CHECK_OK(mount("kept", "/tmp/s/dir", "tmpfs", 0, NULL));
        make("/tmp/s/dir/kept");
        pause();
    }
    snprintf(path, sizeof(path), "/proc/%ld/root/tmp/s/dir/kept", child);
    while (access(path, F_OK) != 0)
        usleep(1000);
    snprintf(path, sizeof(path), "/proc/%ld/ns/mnt", child);
    fd = (int)CHECK_OK(open(path, O_RDONLY));
    self_fd = (int)CHECK_OK(open("/proc/self/ns/mnt", O_RDONLY));
    CHECK_OK(kill((int)child, SIGKILL));
    CHECK_OK(waitpid((int)child, NULL, 0));
    CHECK_OK(setns(fd, CLONE_NEWNS));
    CHECK_OK(access("/tmp/s/dir/kept", F_OK));
    CHECK_OK(setns(self_fd, CLONE_NEWNS));
    CHECK_OK(chdir("/tmp/s"));
    close(fd);
    close(self_fd);
    close(ready[0]);
    close(ready[1]);
}

/* A name that is a mount point in another name space alone can go; what lies there goes, too. */
static void removed(void)
{
    char path[64];
    long child;

    CHECK_OK(mkdir("/tmp/s/gone", 0755));
    child = CHECK_OK(start_unshare());
    if (child == 0) {
        CHECK_OK(mount("gone", "/tmp/s/gone", "tmpfs", 0, NULL));
        make("/tmp/s/gone/x");
        CHECK_ERR(rmdir("/tmp/s/gone"), EBUSY);
        pause();
    }
    snprintf(path, sizeof(path), "/proc/%ld/root/tmp/s/gone/x", child);
    while (access(path, F_OK) != 0)
        usleep(1000);
    CHECK_OK(rmdir("/tmp/s/gone"));
    CHECK_EQ(access(path, F_OK), -1);
    CHECK_OK(kill((int)child, SIGKILL));
    CHECK_OK(waitpid((int)child, NULL, 0));
}

int main(void)
{
    CHECK_OK(unshare(CLONE_NEWNS));
    CHECK_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    CHECK_OK(mount("tmp", "/tmp", "tmpfs", 0, NULL));
    CHECK_OK(mkdir("/tmp/s", 0755));
    CHECK_OK(mkdir("/tmp/s/dir", 0755));
    make("/tmp/s/outer");
    space_link("self", outer_link);
    CHECK_ERR(syscall(SYS_clone, SIGCHLD | CLONE_NEWNS | CLONE_FS, 0, 0, 0, 0), EINVAL);
    between(start_unshare);
    between(start_clone);
    between(start_clone3);
    kept();
    removed();
    return 0;
}
