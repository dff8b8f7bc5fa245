/* SPDX-License-Identifier: MIT */
/* Reading /proc while processes come and go, grow, exec and change their descriptors. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define RESTLESS 6
#define ROUNDS   60
#define EXECS    200

static char text[1 << 20];

/* One that forks children without end, which exec, map, open, and end. */
static void restless(const char *program)
{
    static char word[] = "quick";
    char *const quick[] = {word, word, NULL}, *const none[] = {NULL};

    for (unsigned i = 0;; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            int fd = open("/proc/self/maps", O_RDONLY);
            void *area =
                mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

            if (area != MAP_FAILED)
                memset(area, 1, 65536);
            dup2(fd, 20);
            if (chdir("/tmp") == 0 && (i & 1))
                execve(program, quick, none);
            _exit(0);
        }
        if (pid > 0)
            waitpid(pid, NULL, 0);
        if (getppid() == 1)
            _exit(0);
    }
}

/* A file of a process that may be gone at any moment. */
static void look(int pid, const char *name)
{
    long got = text_read(proc_path(pid, name), text, sizeof(text));

    if (got >= 0 || got == -ENOENT || got == -ESRCH || got == -EACCES || got == -EIO ||
        (got == -EINVAL && !strcmp(name, "mounts")))
        return;
    say(2, name);
    say_number(2, got);
    CHECK(!"readable, or gone");
}

static void look_at(int pid)
{
    static const char *const files[] = {"stat",    "status", "statm",  "maps",     "cmdline",
                                        "environ", "comm",   "limits", "fdinfo/1", "mounts"};
    static const char *const links[] = {"exe", "cwd", "root", "fd/1", "fd/20"};
    char target[300];
    int fd;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        look(pid, files[i]);
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        if (readlink(proc_path(pid, links[i]), target, sizeof(target)) < 0)
            CHECK(errno == ENOENT || errno == ESRCH || errno == EACCES);
    fd = open(proc_path(pid, "fd"), O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        if (syscall(SYS_getdents64, fd, text, sizeof(text)) < 0)
            CHECK(errno == ENOENT || errno == ESRCH);
        close(fd);
    }
    fd = open(proc_path(pid, "exe"), O_RDONLY);
    if (fd >= 0) {
        CHECK_OK(read(fd, target, 4));
        close(fd);
    }
}

/* Everybody who was there all the time is seen once, in order. */
static void round_of(const pid_t *steady, int own_group)
{
    bool seen[RESTLESS] = {false};
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    int last = 0;

    CHECK(dir);
    while ((entry = readdir(dir))) {
        int pid = atoi(entry->d_name);

        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        CHECK(pid > last);
        last = pid;
        for (int i = 0; i < RESTLESS; i++)
            seen[i] |= steady[i] == pid;
        if (getpgid(pid) == own_group)
            look_at(pid);
    }
    closedir(dir);
    for (int i = 0; i < RESTLESS; i++)
        CHECK(seen[i]);
}

/* Executes itself so many times, and stops. */
static int execs_on(const char *program, int left)
{
    char number[12];
    char *const self[] = {(char *)program, number, NULL}, *const none[] = {NULL};

    snprintf(number, sizeof(number), "%d", left - 1);
    if (left > 0)
        execve(program, self, none);
    raise(SIGSTOP);
    return left;
}

static pid_t fd_reader(pid_t pid)
{
    pid_t reader = (pid_t)CHECK_OK(fork());

    while (reader == 0) {
        DIR *dir = opendir(proc_path(pid, "fd"));

        while (dir && readdir(dir))
            ;
        if (dir)
            closedir(dir);
        if (getppid() == 1)
            _exit(0);
    }
    return reader;
}

/* A process that executes programs keeps its record locks, whoever looks at its descriptors. */
static void check_locks(const char *program)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = (int)CHECK_OK(open("/tmp/locked", O_RDWR | O_CREAT, 0600));
    pid_t pid = (pid_t)CHECK_OK(fork()), readers[2];
    int status;

    if (pid == 0) {
        CHECK_OK(fcntl(fd, F_SETLK, &lock));
        raise(SIGSTOP);
        _exit(execs_on(program, EXECS));
    }
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    for (int i = 0; i < 2; i++)
        readers[i] = fd_reader(pid);
    CHECK_OK(kill(pid, SIGCONT));
    CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    CHECK_OK(fcntl(fd, F_GETLK, &lock));
    CHECK_EQ(lock.l_type, F_WRLCK);
    CHECK_EQ(lock.l_pid, pid);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kill(readers[i], SIGKILL));
        CHECK_EQ(waitpid(readers[i], NULL, 0), readers[i]);
    }
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    pid_t children[RESTLESS];
    struct timespec start, now;

    if (argc > 1 && !strcmp(argv[1], "quick"))
        return 0;
    if (argc > 1)
        return execs_on(argv[0], atoi(argv[1]));
    check_locks(argv[0]);
    for (int i = 0; i < RESTLESS; i++) {
        children[i] = (pid_t)CHECK_OK(fork());
        if (children[i] == 0)
            restless(argv[0]);
    }
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < ROUNDS; i++) {
        round_of(children, getpgrp());
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec > 5)
            break;
    }
    signal(SIGTERM, SIG_IGN);
    CHECK_OK(kill(0, SIGTERM));
    for (int i = 0; i < RESTLESS; i++)
        CHECK_EQ(waitpid(children[i], NULL, 0), children[i]);
    return 0;
}
