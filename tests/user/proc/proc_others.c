/* SPDX-License-Identifier: MIT */
/* /proc about other processes: their states, their end, and who may look. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

/* Fields 22 and 52. */
#define START_TIME 20
#define EXIT_CODE  50

static char text[65536];

static pid_t sleeper(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0)
        for (;;)
            pause();
    return pid;
}

static void state_becomes(pid_t pid, char state)
{
    for (int i = 0; i < 5000; i++) {
        text_of(proc_path(pid, "stat"), text, sizeof(text));
        if (stat_state(text) == state)
            return;
        usleep(1000);
    }
    CHECK(!"the state was reached");
}

static long now_ticks(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_BOOTTIME, &now));
    return now.tv_sec * 100 + now.tv_nsec / 10000000;
}

static void states(void)
{
    long began = now_ticks();
    pid_t pid = sleeper();
    int end;

    state_becomes(pid, 'S');
    CHECK(stat_field(text, START_TIME) >= began && stat_field(text, START_TIME) <= now_ticks());
    CHECK_EQ(stat_field(text, 2), getpid());
    CHECK_OK(kill(pid, SIGSTOP));
    state_becomes(pid, 'T');
    text_of(proc_path(pid, "status"), text, sizeof(text));
    CHECK(line_is(text, "State:", "T (stopped)"));
    CHECK_OK(kill(pid, SIGCONT));
    state_becomes(pid, 'S');
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &end, 0), pid);
}

static unsigned entries(int fd)
{
    DIR *dir = fdopendir(fd);
    unsigned count = 0;

    CHECK(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

/* Files of a process that were opened before it went tell that there is none. */
static const char *const texts[] = {"stat", "statm", "status", "limits", "comm", "cmdline"};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* Ended, not waited for: it has a name, but nothing else any more. */
static void zombie(void)
{
    pid_t pid = sleeper();
    struct stat st;
    int end, maps, dir, fds[TEXTS];

    maps = (int)CHECK_OK(open(proc_path(pid, "maps"), O_RDONLY));
    dir = (int)CHECK_OK(open(proc_path(pid, "."), O_RDONLY | O_DIRECTORY));
    for (unsigned i = 0; i < TEXTS; i++)
        fds[i] = (int)CHECK_OK(openat(dir, texts[i], O_RDONLY));
    CHECK(read(maps, text, 100) > 0);
    CHECK_OK(kill(pid, SIGKILL));
    state_becomes(pid, 'Z');
    CHECK_EQ(stat_field(text, 21), 0); /* vsize */
    CHECK_EQ(stat_field(text, EXIT_CODE), SIGKILL);
    CHECK(strstr(text, "(proc_others) Z "));
    CHECK_EQ(lseek(maps, 0, SEEK_SET), 0);
    CHECK_EQ(read(maps, text, 100), 0);
    text_of(proc_path(pid, "status"), text, sizeof(text));
    CHECK(line_is(text, "State:", "Z (zombie)"));
    CHECK(!line_value(text, "VmSize:"));
    CHECK_EQ(text_of(proc_path(pid, "cmdline"), text, sizeof(text)), 0);
    text_of(proc_path(pid, "statm"), text, sizeof(text));
    CHECK(!strcmp(text, "0 0 0 0 0 0 0\n"));
    CHECK_ERR(readlink(proc_path(pid, "exe"), text, 10), ENOENT);
    CHECK_ERR(readlink(proc_path(pid, "cwd"), text, 10), ENOENT);
    CHECK_ERR(readlink(proc_path(pid, "fd/1"), text, 10), ENOENT);
    CHECK_OK(stat(proc_path(pid, "."), &st));
    CHECK_EQ(waitpid(pid, &end, 0), pid);

    /* Gone for good. */
    CHECK_ERR(stat(proc_path(pid, "."), &st), ENOENT);
    for (unsigned i = 0; i < TEXTS; i++)
        CHECK_ERR(read(fds[i], text, 100), ESRCH);
    CHECK_EQ(openat(dir, "stat", O_RDONLY), -1);
    CHECK(errno == ENOENT || errno == ESRCH);
    CHECK_ERR(syscall(SYS_getdents64, dir, text, sizeof(text)), ENOENT);
    for (unsigned i = 0; i < TEXTS; i++)
        close(fds[i]);
    close(maps);
    close(dir);
}

/* As somebody else: what everybody may know, and what not. */
static void stranger(pid_t pid)
{
    struct stat st;

    CHECK_OK(setgid(1234));
    CHECK_OK(setuid(1234));
    text_of(proc_path(pid, "stat"), text, sizeof(text));
    CHECK_EQ(stat_field(text, 24), 1); /* where its code lies is not told */
    CHECK_EQ(stat_field(text, 26), 0);
    CHECK_EQ(stat_field(text, EXIT_CODE), 0);
    CHECK(text_of(proc_path(pid, "cmdline"), text, sizeof(text)) > 0);
    text_of(proc_path(pid, "status"), text, sizeof(text));
    text_of(proc_path(pid, "statm"), text, sizeof(text));
    text_of(proc_path(pid, "limits"), text, sizeof(text));
    text_of(proc_path(pid, "mounts"), text, sizeof(text));
    CHECK_ERR(open(proc_path(pid, "environ"), O_RDONLY), EACCES);
    CHECK_ERR(open(proc_path(pid, "maps"), O_RDONLY), EACCES);
    CHECK_ERR(open(proc_path(pid, "fd"), O_RDONLY), EACCES);
    CHECK_ERR(lstat(proc_path(pid, "fd/1"), &st), EACCES);
    CHECK_ERR(readlink(proc_path(pid, "exe"), text, 10), EACCES);
    CHECK_ERR(readlink(proc_path(pid, "cwd"), text, 10), EACCES);
    CHECK_ERR(open(proc_path(pid, "root/tmp"), O_RDONLY), EACCES);
    CHECK_OK(lstat(proc_path(pid, "exe"), &st));
    CHECK_OK(stat(proc_path(pid, "."), &st));
    CHECK_EQ(st.st_uid, 0);
    CHECK_EQ(st.st_mode, S_IFDIR | 0555);
    CHECK_OK(stat("/proc/self/", &st));
    CHECK_EQ(st.st_uid, 1234);
    CHECK_EQ(st.st_gid, 1234);
}

static void rights(void)
{
    pid_t pid = sleeper(), other = (pid_t)CHECK_OK(fork());
    int end, fd;

    if (other == 0) {
        stranger(pid);
        _exit(0);
    }
    CHECK_EQ(waitpid(other, &end, 0), other);
    CHECK_EQ(end, 0);
    /* Root may all of it. */
    CHECK_OK(readlink(proc_path(pid, "exe"), text, 10));
    fd = (int)CHECK_OK(open(proc_path(pid, "environ"), O_RDONLY));
    CHECK(read(fd, text, 10) > 0);
    close(fd);
    fd = (int)CHECK_OK(open(proc_path(pid, "fd"), O_RDONLY | O_DIRECTORY));
    CHECK(entries(fd) >= 5);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &end, 0), pid);
}

int main(void)
{
    states();
    zombie();
    rights();
    return 0;
}
