/* SPDX-License-Identifier: MIT */
/*
 * More than a thousand threads at once, and processes of many threads that end, execute, stop and
 * fork at the same time.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/user/lib/check.h"
#include "tests/user/lib/child.h"

#define CROWD 1200
#define STACK 16384

static pthread_barrier_t barrier;

static void *meet(void *argument)
{
    pthread_barrier_wait(&barrier);
    return argument;
}

/* Returns how many there were. */
static void crowd_meets(void)
{
    static pthread_t threads[CROWD];
    pthread_attr_t attr;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attr, STACK), 0);
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, CROWD + 1), 0);
    for (long i = 0; i < CROWD; i++)
        CHECK_EQ(pthread_create(&threads[i], &attr, meet, (void *)i), 0);
    pthread_barrier_wait(&barrier);
    for (long i = 0; i < CROWD; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void *sleep_long(void *argument)
{
    pause();
    return argument;
}

/* A signal ends all of them, stopped or not. */
static void crowd_is_killed(void)
{
    pthread_attr_t attr;
    pthread_t thread;

    CHECK_EQ(pthread_attr_init(&attr), 0);
    CHECK_EQ(pthread_attr_setstacksize(&attr, STACK), 0);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQ(pthread_create(&thread, &attr, sleep_long, NULL), 0);
    if (fork() == 0) {
        kill(getppid(), SIGSTOP);
        usleep(2000);
        kill(getppid(), SIGCONT);
        kill(getppid(), SIGKILL);
        _exit(0);
    }
    pause();
}

static char path[256];
static int seconds_left;

static void *act(void *argument)
{
    unsigned seed = (unsigned)gettid() * 2654435761u ^ (unsigned)time(NULL);
    static char name[] = "thread_crowd", end[] = "end";
    char *args[] = {name, end, NULL};
    pthread_t thread;
    pid_t pid;

    (void)argument;
    for (;;) {
        switch (rand_r(&seed) % 64) {
        case 0:
            _exit(0);
        case 1:
            execv(path, args);
            break;
        case 2:
            kill(getpid(), SIGTERM);
            break;
        case 3:
        case 4:
            pid = fork();
            if (pid == 0)
                _exit(0);
            if (pid > 0)
                waitpid(pid, NULL, 0);
            break;
        case 5:
            return NULL;
        default:
            if (pthread_create(&thread, NULL, rand_r(&seed) % 4 ? sleep_long : act, NULL) == 0)
                pthread_detach(thread);
        }
    }
}

static void turmoil(void)
{
    pthread_t thread;

    for (int i = 0; i < 4; i++)
        if (pthread_create(&thread, NULL, act, NULL) == 0)
            pthread_detach(thread);
    pthread_exit(NULL);
}

static void rounds_of_turmoil(void)
{
    struct timespec now, begin;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        pid_t pid = (pid_t)CHECK_OK(fork());
        int status;

        if (pid == 0)
            turmoil();
        kill(pid, SIGSTOP);
        kill(pid, SIGCONT);
        status = child_end(pid);
        if (status)
            CHECK_EQ(status, SIGTERM);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - begin.tv_sec < seconds_left);
}

int main(int argc, char **argv)
{
    if (argc == 2 && *argv[1] == 'e')
        return 0;
    seconds_left = argc == 2 ? atoi(argv[1]) : 2;
    CHECK_OK(readlink("/proc/self/exe", path, sizeof(path) - 1));
    crowd_meets();
    for (int i = 0; i < 3; i++)
        CHECK_EQ(child_status(crowd_is_killed), SIGKILL);
    rounds_of_turmoil();
    return 0;
}
