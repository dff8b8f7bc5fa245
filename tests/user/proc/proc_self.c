/* SPDX-License-Identifier: MIT */
/* What /proc says of the process that asks: exe, cwd, arguments, stat, status. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/procfs.h"

#define DIR "/tmp/proc_self"

static char text[16384], program[256];

static void links(void)
{
    char expected[64], head[4];
    struct stat by_link, by_path;
    int fd;

    snprintf(expected, sizeof(expected), "%d", getpid());
    link_is("/proc/self", expected);
    snprintf(expected, sizeof(expected), "%d/task/%d", getpid(), getpid());
    link_is("/proc/thread-self", expected);
    snprintf(expected, sizeof(expected), "task/%d", getppid()); /* no thread of this process */
    CHECK_ERR(stat(proc_path(getpid(), expected), &by_link), ENOENT);

    CHECK_OK(stat("/proc/self/exe", &by_link));
    CHECK_OK(stat(program, &by_path));
    CHECK_EQ(by_link.st_ino, by_path.st_ino);
    CHECK_EQ(by_link.st_dev, by_path.st_dev);
    CHECK_OK(lstat("/proc/self/exe", &by_link));
    CHECK_EQ(by_link.st_mode, S_IFLNK | 0777);
    fd = (int)CHECK_OK(open("/proc/self/exe", O_RDONLY));
    CHECK_EQ(read(fd, head, 4), 4);
    CHECK(!memcmp(head, "\177ELF", 4));
    close(fd);

    link_is("/proc/self/root", "/");
    CHECK_OK(mkdir(DIR, 0755));
    CHECK_OK(chdir(DIR));
    link_is("/proc/self/cwd", DIR);
    CHECK_OK(access("/proc/self/cwd/../proc_self/.", X_OK));
    CHECK_OK(rmdir(DIR));
    link_is("/proc/self/cwd", DIR " (deleted)");
    CHECK_OK(chdir("/"));
}

/* Open, of a process that has been waited for since. */
static int comm_of_gone(void)
{
    pid_t pid = (pid_t)CHECK_OK(fork());
    int fd, status;

    if (!pid) {
        pause();
        _exit(0);
    }
    snprintf(text, sizeof(text), "/proc/%d/comm", pid);
    fd = (int)CHECK_OK(open(text, O_RDWR));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return fd;
}

static void names(void)
{
    int fd;

    CHECK_EQ(text_of("/proc/self/comm", text, sizeof(text)), 10);
    CHECK(!strcmp(text, "proc_self\n"));
    fd = (int)CHECK_OK(open("/proc/self/comm", O_RDWR));
    CHECK_EQ(write(fd, "written by the process itself", 29), 29);
    CHECK_OK(prctl(PR_GET_NAME, text));
    CHECK(!strcmp(text, "written by the "));
    close(fd);
    snprintf(text, sizeof(text), "/proc/%d/comm", getppid());
    fd = open(text, O_WRONLY);
    if (fd >= 0) { /* init's cannot be asked for */
        CHECK_ERR(write(fd, "x", 1), EINVAL);
        close(fd);
    }
    fd = comm_of_gone();
    CHECK_ERR(write(fd, "x", 1), ESRCH);
    CHECK_ERR(read(fd, text, 1), ESRCH);
    CHECK_EQ(raw3(SYS_write, fd, 8, 1), -EFAULT);
    close(fd);
    CHECK_OK(prctl(PR_SET_NAME, "a) b ( 15 chars too long"));
    text_of("/proc/self/comm", text, sizeof(text));
    CHECK(!strcmp(text, "a) b ( 15 chars\n"));
    text_of("/proc/self/stat", text, sizeof(text));
    CHECK(strstr(text, " (a) b ( 15 chars) R "));
    text_of("/proc/thread-self/status", text, sizeof(text));
    CHECK(!strncmp(text, "Name:\ta) b ( 15 chars\n", 22));
    CHECK_OK(prctl(PR_SET_NAME, "a\nUid:\\0"));
    text_of("/proc/self/status", text, sizeof(text));
    CHECK(!strncmp(text, "Name:\ta\\nUid:\\\\0\nUmask:", 23));
    CHECK_OK(prctl(PR_SET_NAME, "proc_self"));
}

static void stat_fields(void)
{
    struct timespec now;
    unsigned words = 1;
    int local;

    clock_gettime(CLOCK_BOOTTIME, &now);
    text_of("/proc/self/stat", text, sizeof(text));
    CHECK_EQ(strtol(text, NULL, 10), getpid());
    CHECK_EQ(stat_state(text), 'R');
    CHECK_EQ(stat_field(text, 2), getppid());
    CHECK_EQ(stat_field(text, 3), getpgrp());
    CHECK_EQ(stat_field(text, 4), getsid(0));
    CHECK_EQ(stat_field(text, 16), 20); /* priority */
    CHECK_EQ(stat_field(text, 17), 0);  /* nice */
    CHECK_EQ(stat_field(text, 18), 1);  /* threads */
    CHECK(stat_field(text, 20) <= (now.tv_sec + 1) * 100);
    CHECK(stat_field(text, 20) >= (now.tv_sec - 60) * 100);
    CHECK(stat_field(text, 21) > 65536); /* vsize */
    CHECK(stat_field(text, 22) >= 0);    /* rss; Linux counts it late */
    CHECK((uintptr_t)stat_field(text, 24) <= (uintptr_t)stat_fields);
    CHECK((uintptr_t)stat_field(text, 25) > (uintptr_t)stat_fields);
    CHECK((uintptr_t)stat_field(text, 26) > (uintptr_t)&local);
    CHECK_EQ(stat_field(text, 36), SIGCHLD); /* exit_signal */
    for (const char *at = strrchr(text, ')'); *at; at++)
        words += *at == ' ';
    CHECK_EQ(words, 51); /* the state and what follows, 50 words, one blank in front of each */
    CHECK_EQ(text[strlen(text) - 1], '\n');
}

static long ticks_now(void)
{
    struct timespec now;

    CHECK_OK(clock_gettime(CLOCK_BOOTTIME, &now));
    return now.tv_sec * 100 + now.tv_nsec / 10000000;
}

/* A child began when it was made. */
static void start_time(void)
{
    const struct timespec moment = {.tv_nsec = 50000000};
    long before, after, start;
    char path[64];
    int child, status;

    CHECK_OK(nanosleep(&moment, NULL));
    before = ticks_now();
    child = (int)CHECK_OK(fork());
    while (!child)
        pause();
    after = ticks_now();
    CHECK_OK(nanosleep(&moment, NULL));
    snprintf(path, sizeof(path), "/proc/%d/stat", child);
    text_of(path, text, sizeof(text));
    start = stat_field(text, 20);
    CHECK(start >= before - 1 && start <= after + 1);
    CHECK_OK(kill(child, SIGKILL));
    CHECK_EQ(waitpid(child, &status, 0), child);
}

static void ignore(int number)
{
    (void)number;
}

static uint64_t down(uint64_t at)
{
    return at & ~4095UL;
}

static uint64_t up(uint64_t at)
{
    return down(at + 4095);
}

static void status(void)
{
    char expected[128], numbers[1024];
    uint64_t code;
    sigset_t set;

    umask(0712);
    /* A shell ignores some for what it starts with &. */
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, ignore);
    CHECK_OK(raise(SIGUSR1)); /* to the thread */
    CHECK_OK(kill(getpid(), SIGUSR2));
    text_of("/proc/self/status", text, sizeof(text));
    CHECK(line_is(text, "Umask:", "0712"));
    CHECK(line_is(text, "State:", "R (running)"));
    CHECK_EQ(line_number(text, "Tgid:"), getpid());
    CHECK_EQ(line_number(text, "Pid:"), getpid());
    CHECK_EQ(line_number(text, "PPid:"), getppid());
    CHECK_EQ(line_number(text, "TracerPid:"), 0);
    snprintf(expected, sizeof(expected), "%d\t%d\t%d\t%d", getuid(), geteuid(), geteuid(),
             geteuid());
    CHECK(line_is(text, "Uid:", expected));
    CHECK(line_is(text, "Gid:", "0\t0\t0\t0"));
    CHECK(line_number(text, "FDSize:") >= 64);
    CHECK(line_value(text, "Groups:"));
    CHECK(line_number(text, "VmSize:") >= line_number(text, "VmRSS:"));
    CHECK(line_number(text, "VmRSS:") > 8);
    CHECK(line_number(text, "VmData:") > 0);
    text_of("/proc/self/stat", numbers, sizeof(numbers));
    code = up((uint64_t)stat_field(numbers, 25)) - down((uint64_t)stat_field(numbers, 24));
    CHECK(code > 0);
    CHECK_EQ(line_number(text, "VmExe:"), code >> 10);
    CHECK_EQ(line_number(text, "Threads:"), 1);
    CHECK(line_is(text, "SigPnd:", "0000000000000200"));
    CHECK(line_is(text, "ShdPnd:", "0000000000000800"));
    CHECK(line_is(text, "SigBlk:", "0000000000000a00"));
    /* glibc starts programs with its own two signals, 32 and 33, ignored now and then. */
    CHECK_EQ(strtoull(line_value(text, "SigIgn:"), NULL, 16) & ~(3ULL << 31), 1);
    CHECK(line_is(text, "SigCgt:", "0000000000004000"));
    CHECK(line_is(text, "NoNewPrivs:", "0"));
    CHECK_OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    text_of("/proc/self/status", text, sizeof(text));
    CHECK(line_is(text, "NoNewPrivs:", "1"));
}

static void sizes_and_limits(void)
{
    struct rlimit limit = {99, 123};
    long numbers[7];
    char *at = text;

    text_of("/proc/self/statm", text, sizeof(text));
    for (int i = 0; i < 7; i++)
        numbers[i] = strtol(at, &at, 10);
    CHECK_EQ(*at, '\n');
    CHECK(numbers[0] >= numbers[1]);
    CHECK(numbers[1] > 2);
    CHECK(numbers[3] > 0);
    CHECK(numbers[5] > 0);

    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    text_of("/proc/self/limits", text, sizeof(text));
    CHECK(!strncmp(text,
                   "Limit                     Soft Limit           Hard Limit           Units  "
                   "   \n",
                   79));
    CHECK(strstr(text,
                 "\nMax open files            99                   123                  files  "
                 "   \n"));
    CHECK(strstr(text, "\nMax cpu time              unlimited            unlimited            "
                       "seconds   \n"));
}

/* Runs this program again; the second word says which part. */
static void again(char *const argv[], char *const envp[])
{
    int end;
    pid_t pid = (pid_t)CHECK_OK(fork());

    if (pid == 0) {
        execve("/proc/self/exe", argv, envp);
        _exit(99);
    }
    CHECK_EQ(waitpid(pid, &end, 0), pid);
    CHECK_EQ(end, 0);
}

/* In the child: argv is {"x", "arguments", "", "last"}, the environment A=1, B=. */
static void arguments(char **argv)
{
    static const char expected[] = "x\0arguments\0\0last", environment[] = "A=1\0B=";
    char byte[2];
    int fd;

    CHECK_EQ(text_of("/proc/self/cmdline", text, sizeof(text)), sizeof(expected));
    CHECK(!memcmp(text, expected, sizeof(expected)));
    CHECK_EQ(text_of("/proc/self/environ", text, sizeof(text)), sizeof(environment));
    CHECK(!memcmp(text, environment, sizeof(environment)));
    /* Byte by byte it is the same text. */
    fd = (int)CHECK_OK(open("/proc/self/cmdline", O_RDONLY));
    for (size_t i = 0; i < sizeof(expected); i++) {
        CHECK_EQ(read(fd, byte, 1), 1);
        CHECK_EQ(byte[0], expected[i]);
    }
    CHECK_EQ(read(fd, byte, 1), 0);
    CHECK_EQ(pread(fd, byte, 2, 2), 2);
    CHECK(!memcmp(byte, "ar", 2));
    CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
    CHECK_EQ(read(fd, byte, 1), 1);
    CHECK_EQ(byte[0], 'r');
    /* A title written over the arguments ends at its own NUL, wherever that is. */
    argv[3][4] = '!';
    CHECK_EQ(text_of("/proc/self/cmdline", text, sizeof(text)), 2);
    CHECK(!memcmp(text, "x", 2));
    memset(argv[0], 't', sizeof(expected) + 1);
    CHECK_EQ(text_of("/proc/self/cmdline", text, sizeof(text)), sizeof(expected) + 4);
    CHECK(!memcmp(text + sizeof(expected), "t=1", 4));
}

static void executables(void)
{
    static char x[] = "x", one[] = "arguments", two[] = "", three[] = "last", a[] = "A=1",
                b[] = "B=", gone[] = "deleted";
    char *const argv[] = {x, one, two, three, NULL}, *const envp[] = {a, b, NULL};
    char *const deleted[] = {x, gone, NULL}, *const none[] = {NULL};
    char buffer[4096];
    int from, to, end;
    ssize_t got;
    pid_t pid;

    again(argv, envp);
    from = (int)CHECK_OK(open("/proc/self/exe", O_RDONLY));
    to = (int)CHECK_OK(open("/tmp/proc_copy", O_WRONLY | O_CREAT | O_EXCL, 0755));
    while ((got = read(from, buffer, sizeof(buffer))) > 0)
        CHECK_EQ(write(to, buffer, (size_t)got), got);
    close(from);
    close(to);
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        execve("/tmp/proc_copy", deleted, none);
        _exit(98);
    }
    CHECK_EQ(waitpid(pid, &end, 0), pid);
    CHECK_EQ(end, 0);
}

int main(int argc, char **argv)
{
    struct stat st;

    if (argc > 1 && !strcmp(argv[1], "arguments")) {
        arguments(argv);
        return 0;
    }
    if (argc > 1) {
        CHECK_OK(unlink("/tmp/proc_copy"));
        link_is("/proc/self/exe", "/tmp/proc_copy (deleted)");
        CHECK_OK(stat("/proc/self/exe", &st));
        CHECK_EQ(st.st_nlink, 0);
        return 0;
    }
    CHECK(strlen(argv[0]) < sizeof(program));
    strcpy(program, argv[0]);
    links();
    executables();
    names();
    stat_fields();
    start_time();
    status();
    sizes_and_limits();
    /* As a shell opens what it writes to: there is nothing to cut off. */
    CHECK_OK(close((int)CHECK_OK(open("/proc/self/comm", O_WRONLY | O_CREAT | O_TRUNC, 0666))));
    CHECK_OK(truncate("/proc/version", 0));
    return 0;
}
