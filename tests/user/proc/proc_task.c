/* SPDX-License-Identifier: MIT */
/* /proc/PID/task: the threads of a process as directories, each with its own state, name, signals
 * and times; threads that end; a leader that ends before the others. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"
#include "tests/user/lib/procfs.h"

#define THREADS 3
#define BURN_NS 60000000L /* six ticks of /proc */

static pthread_t threads[THREADS];
static pthread_barrier_t barrier;
static int tids[THREADS];
static int ends[2];

static const char *task_path(int pid, int tid, const char *name)
{
    static char paths[4][80];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof(paths[0]), "/proc/%d/task/%d/%s", pid, tid, name);
    return path;
}

static void burn(void)
{
    struct timespec time;

    do
        CHECK_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
    while (!time.tv_sec && time.tv_nsec < BURN_NS);
}

/* Each blocks another signal; the first uses the processor. Then they wait in a read. */
static void *thread_main(void *argument)
{
    long index = (long)argument;
    char name[] = "thread 0", byte;
    sigset_t set;

    tids[index] = gettid();
    name[7] = (char)('0' + index);
    CHECK_OK(prctl(PR_SET_NAME, name));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1 + (int)index);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    if (index == 0)
        burn();
    pthread_barrier_wait(&barrier);
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    if (byte == 'n') { /* what has become of the name */
        CHECK_OK(prctl(PR_GET_NAME, name));
        CHECK_EQ(strcmp(name, "renamed"), 0);
    }
    return argument;
}

static void await_state(const char *path, char state)
{
    char text[512];

    do {
        usleep(1000);
        text_of(path, text, sizeof(text));
    } while (stat_state(text) != state);
}

static void begin(void)
{
    CHECK_OK(pipe(ends));
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS + 1), 0);
    for (long i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, thread_main, (void *)i), 0);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        await_state(task_path(getpid(), tids[i], "stat"), 'S');
}

/* How often the name is in the directory; *count: how many names of digits there are. */
static int listed(const char *path, int number, int *count)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int found = 0;

    CHECK(dir != NULL);
    *count = 0;
    while ((entry = readdir(dir)) != NULL) {
        *count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
        found += atoi(entry->d_name) == number;
    }
    CHECK_OK(closedir(dir));
    return found;
}

static void directory_lists_them(void)
{
    struct stat status;
    int count, fd;

    CHECK_EQ(listed("/proc/self/task", getpid(), &count), 1);
    CHECK_EQ(count, THREADS + 1);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(listed("/proc/self/task", tids[i], &count), 1);
    CHECK_OK(stat("/proc/self/task", &status));
    CHECK_EQ(status.st_nlink, 2 + THREADS + 1);
    fd = (int)CHECK_OK(open("/proc/self/task", O_RDONLY));
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_nlink, 2 + THREADS + 1);
    CHECK_OK(close(fd));
    CHECK_ERR(access("/proc/self/task/1", F_OK), ENOENT);
    CHECK_ERR(access("/proc/self/task/0", F_OK), ENOENT);
    CHECK_ERR(access("/proc/1/task/2", F_OK), ENOENT);
}

/* Found by its number, though not listed. */
static void number_of_a_thread_is_found(void)
{
    char text[4096];
    int count;

    CHECK_EQ(listed("/proc", getpid(), &count), 1);
    CHECK_EQ(listed("/proc", tids[0], &count), 0);
    text_of(proc_path(tids[0], "status"), text, sizeof(text));
    CHECK_EQ(line_number(text, "Tgid:"), getpid());
    CHECK_EQ(line_number(text, "Pid:"), tids[0]);
    CHECK_EQ(listed(proc_path(tids[0], "task"), getpid(), &count), 1);
    CHECK_EQ(count, THREADS + 1);
}

static void each_has_its_own(void)
{
    char text[4096];
    struct stat one, other;
    long ticks[2];

    CHECK_EQ(raw3(SYS_tgkill, getpid(), tids[1], SIGUSR1 + 1), 0); /* SIGSEGV is between them */
    for (int i = 0; i < THREADS; i++) {
        char name[] = "thread 0";

        name[7] = (char)('0' + i);
        text_of(task_path(getpid(), tids[i], "status"), text, sizeof(text));
        CHECK(line_is(text, "Name:", "thread"));
        CHECK_EQ(line_number(text, "Tgid:"), getpid());
        CHECK_EQ(line_number(text, "Pid:"), tids[i]);
        CHECK_EQ(line_number(text, "PPid:"), getppid());
        CHECK_EQ(line_number(text, "Threads:"), THREADS + 1);
        CHECK_EQ(strtoul(line_value(text, "SigBlk:"), NULL, 16), 1ul << (SIGUSR1 + i - 1));
        CHECK_EQ(strtoul(line_value(text, "SigPnd:"), NULL, 16), i == 1 ? 1ul << SIGUSR1 : 0);
        text_of(task_path(getpid(), tids[i], "stat"), text, sizeof(text));
        CHECK_EQ(atoi(text), tids[i]);
        CHECK(strstr(text, name) != NULL);
        CHECK_EQ(stat_field(text, 20 - 2), THREADS + 1);
        CHECK_EQ(stat_field(text, 38 - 2), -1);
        if (i < 2)
            ticks[i] = stat_field(text, 14 - 2) + stat_field(text, 15 - 2);
        text_of(task_path(getpid(), tids[i], "comm"), text, sizeof(text));
        CHECK_EQ(strncmp(text, name, 8), 0);
    }
    CHECK(ticks[0] >= BURN_NS / 10000000 - 1);
    CHECK(ticks[1] < ticks[0]);
    text_of("/proc/self/stat", text, sizeof(text));
    CHECK(stat_field(text, 14 - 2) + stat_field(text, 15 - 2) >= ticks[0]);
    CHECK_EQ(stat_field(text, 38 - 2), SIGCHLD);
    CHECK_OK(stat(task_path(getpid(), tids[0], "stat"), &one));
    CHECK_OK(stat("/proc/self/stat", &other));
    CHECK(one.st_ino != other.st_ino);
    CHECK_ERR(access(task_path(getpid(), tids[0], "task"), F_OK), ENOENT);
    CHECK_OK(access(task_path(getpid(), tids[0], "fd/0"), F_OK));
    CHECK_OK(access(task_path(getpid(), tids[0], "maps"), R_OK));
}

static void write_text(const char *path, const char *text, long result)
{
    int fd = (int)CHECK_OK(open(path, O_WRONLY));

    CHECK_EQ(raw3(SYS_write, fd, text, strlen(text)), result);
    CHECK_OK(close(fd));
}

static void names_can_be_written(void)
{
    char text[64];

    for (int i = 0; i < THREADS; i++)
        write_text(task_path(getpid(), tids[i], "comm"), "renamed", 7);
    text_of("/proc/self/comm", text, sizeof(text));
    CHECK(strncmp(text, "renamed", 7) != 0);
}

static void others_may_not(void)
{
    write_text(task_path(getppid(), tids[0], "comm"), "other", -EINVAL);
}

static void ended_are_gone(void)
{
    int fd = (int)CHECK_OK(open(task_path(getpid(), tids[0], "stat"), O_RDONLY)), count;
    int dir = (int)CHECK_OK(open(task_path(getpid(), tids[1], ""), O_RDONLY | O_DIRECTORY));
    char byte;

    CHECK_EQ(write(ends[1], "nnn", THREADS), THREADS);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    do /* joined is not quite gone */
        listed("/proc/self/task", 0, &count);
    while (count > 1);
    CHECK_ERR(read(fd, &byte, 1), ESRCH);
    CHECK_ERR(openat(dir, "stat", O_RDONLY), ENOENT);
    CHECK_ERR(access(task_path(getpid(), tids[0], ""), F_OK), ENOENT);
    CHECK_ERR(access(proc_path(tids[0], ""), F_OK), ENOENT);
    CHECK_OK(close(fd));
    CHECK_OK(close(dir));
}

static void *self_link(void *argument)
{
    char expected[64];

    snprintf(expected, sizeof(expected), "%d/task/%d", getpid(), gettid());
    link_is("/proc/thread-self", expected);
    return argument;
}

static void *outlive(void *argument)
{
    char byte;

    CHECK_OK(write(ends[1], &(int){gettid()}, sizeof(int)));
    CHECK_EQ(read(((int *)argument)[0], &byte, 1), 1);
    _exit(0);
}

/* It stays as a zombie among the living. */
static void leader_ends_first(void)
{
    int other[2], tid, count;
    pthread_t thread;
    char text[4096];
    pid_t pid;

    CHECK_OK(pipe(ends));
    CHECK_OK(pipe(other));
    pid = (pid_t)CHECK_OK(fork());
    if (pid == 0) {
        CHECK_EQ(pthread_create(&thread, NULL, outlive, other), 0);
        raw1(SYS_exit, 0);
    }
    CHECK_EQ(read(ends[0], &tid, sizeof(tid)), sizeof(tid));
    await_state(task_path(pid, pid, "stat"), 'Z');
    await_state(task_path(pid, tid, "stat"), 'S');
    CHECK_EQ(listed(proc_path(pid, "task"), pid, &count), 1);
    CHECK_EQ(count, 2);
    text_of(task_path(pid, tid, "status"), text, sizeof(text));
    CHECK_EQ(line_number(text, "Threads:"), 2);
    CHECK(line_value(text, "VmSize:") != NULL);
    CHECK_OK(access(task_path(pid, tid, "fd/0"), F_OK));
    CHECK(access(task_path(pid, pid, "fd/0"), F_OK) != 0);
    CHECK_EQ(write(other[1], "x", 1), 1);
    CHECK_EQ(child_end(pid), 0);
}

int main(void)
{
    pthread_t thread;

    begin();
    directory_lists_them();
    number_of_a_thread_is_found();
    each_has_its_own();
    names_can_be_written();
    CHECK_EQ(child_status(others_may_not), 0);
    ended_are_gone();
    CHECK_EQ(pthread_create(&thread, NULL, self_link, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    leader_ends_first();
    return 0;
}
